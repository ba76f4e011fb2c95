//! One event as an entry of the trail: what its envelope says, and the words to find it by. Reads leniently, for streams of other
//! programs say less, and a trail that lacks an event is worse than one that does not know who caused it.

use event_schemas::RecordedEvent;
use serde::Deserialize;
use uuid::Uuid;

use super::{text, word};

/// What the metadata says. Words of kinds that are new stay what they are.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cause {
    pub(super) command_id: Option<Uuid>,
    pub(super) correlation_id: Option<Uuid>,
    pub(super) causation_id: Option<Uuid>,
    pub(super) actor: Actor,
    pub(super) source: Option<String>,
    traceparent: Option<String>,
    pub(super) legal_basis: Option<String>,
    pub(super) ip_hash: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Actor {
    pub(super) kind: Option<String>,
    pub(super) id: Option<String>,
    pub(super) on_behalf_of: Option<String>,
}

impl Cause {
    /// The trace's id: 32 hexadecimal digits.
    pub(super) fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref()?.split('-').nth(1)
    }
}

/// A row of `audit`.
pub(super) struct Entry<'e> {
    pub(super) event: &'e RecordedEvent,
    pub(super) cause: Cause,
    pub(super) words: String,
}

impl<'e> Entry<'e> {
    pub(super) fn of(event: &'e RecordedEvent) -> Self {
        let cause: Cause = serde_json::from_slice(&event.metadata).unwrap_or_default();
        Self {
            words: words(event, &cause),
            event,
            cause,
        }
    }
}

fn words(event: &RecordedEvent, cause: &Cause) -> String {
    let mut words = String::with_capacity(256);
    word::push_type(&event.event_type, &mut words);
    text::push(event.stream.context(), &mut words);
    match event.stream.uuid() {
        Some(id) => text::push(&word::id(id), &mut words),
        None => text::push(event.stream.as_str(), &mut words),
    }
    let Actor {
        kind,
        id,
        on_behalf_of,
    } = &cause.actor;
    for said in [kind, id, on_behalf_of, &cause.source, &cause.legal_basis]
        .into_iter()
        .flatten()
    {
        text::push(said, &mut words);
    }
    text::push_payload(event, &mut words);
    words
}
