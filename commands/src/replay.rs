//! Answers a repeated command with its first result. The ids of a keyed command's events follow from its key, so they
//! are found in the stream again.

use event_store::{Loaded, Store};
use uuid::Uuid;

use crate::{Accepted, AcceptedEvent, Request};

/// The id of the `number`-th event (from 1) of a keyed command.
pub(crate) fn event_id(command_id: Uuid, number: u32) -> Uuid {
    Uuid::new_v5(&command_id, &number.to_be_bytes())
}

/// The first result of the command, if its events are in the loaded stream.
pub(crate) fn answer(
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
