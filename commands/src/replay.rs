//! Answers a repeated command with its first result. What a key is remembered with says where in its stream the events are;
//! those of an import are found by their ids, which follow from the row that they come from.

use event_store::{Loaded, Remembered, Store, StoredEvent};
use uuid::Uuid;

use crate::{Accepted, AcceptedEvent, Request};

/// The id of the `number`-th event (from 1) of an imported row.
pub(crate) fn event_id(command_id: Uuid, number: u32) -> Uuid {
    Uuid::new_v5(&command_id, &number.to_be_bytes())
}

/// The first result of an imported row, if its events are in the loaded stream.
pub(crate) fn imported(
    store: &Store,
    request: &Request,
    loaded: &Loaded,
    command_id: Uuid,
) -> Option<Accepted> {
    let mut events = Vec::new();
    let mut wanted = event_id(command_id, 1);
    for stored in &loaded.events {
        if stored.event_id == wanted {
            events.push(stored);
            wanted = event_id(
                command_id,
                u32::try_from(events.len())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1),
            );
        }
    }
    answer(store, request, &events)
}

/// The first result of a remembered command, if its events are in the loaded stream. A key that was forgotten and used again
/// stands for its newer use.
pub(crate) fn remembered(
    store: &Store,
    request: &Request,
    loaded: &Loaded,
    remembered: &Remembered,
) -> Option<Accepted> {
    let first = remembered.first_version;
    let versions = first..first.saturating_add(remembered.events);
    let events: Vec<_> = loaded
        .events
        .iter()
        .filter(|stored| versions.contains(&stored.version))
        .collect();
    (events.len() == versions.len()).then(|| answer(store, request, &events))?
}

fn answer(store: &Store, request: &Request, events: &[&StoredEvent]) -> Option<Accepted> {
    let last = *events.last()?;
    Some(Accepted {
        stream_id: request.stream().0,
        version: last.version,
        position: Some(last.position),
        token: Some(store.issue_token(request.tenant, last.position, last.offset)),
        events: events
            .iter()
            .map(|event| AcceptedEvent {
                id: event.event_id,
                event_type: event.event_type.clone(),
                version: event.version,
                position: Some(event.position),
            })
            .collect(),
        replayed: true,
        dry_run: false,
        extra: serde_json::Map::new(),
    })
}
