//! The audit trail: one row per event of every stream, with who caused it, from where and why. Never holds a personal field of a
//! payload, and never needs to know what an event means.

mod entry;
mod text;
pub mod word;

use event_schemas::{
    CONTEXTS, Event, RecordedEvent, customer::CustomerEvent, document::DocumentEvent,
    goal::GoalEvent, lead::LeadEvent, metric::MetricEvent, order::OrderEvent,
    organization::OrganizationEvent,
};
use sqlx::PgConnection;

use self::entry::Entry;
use crate::{ApplyError, Known, Projection};

/// The audit trail.
#[derive(Clone, Copy, Debug)]
pub struct Audit;

/// Every type of every context.
static KNOWN: [Known; CONTEXTS.len()] = [
    known::<OrganizationEvent>("organization"),
    known::<CustomerEvent>("customer"),
    known::<OrderEvent>("order"),
    known::<LeadEvent>("lead"),
    known::<MetricEvent>("metric"),
    known::<GoalEvent>("goal"),
    known::<DocumentEvent>("document"),
];

const fn known<E: Event>(context: &'static str) -> Known {
    Known {
        context,
        types: E::TYPES,
    }
}

#[async_trait::async_trait]
impl Projection for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/audit.sql")
    }

    fn known(&self) -> &'static [Known] {
        &KNOWN
    }

    fn reads_others(&self) -> bool {
        true
    }

    fn needs_metadata(&self) -> bool {
        true
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let entries: Vec<Entry<'_>> = events.iter().map(|event| Entry::of(event)).collect();
        insert(&entries, connection).await?;
        Ok(())
    }
}

async fn insert(entries: &[Entry<'_>], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let texts = |field: fn(&Entry<'_>) -> Option<String>| -> Vec<Option<String>> {
        entries.iter().map(field).collect()
    };
    sqlx::query_file!(
        "sql/audit_insert.sql",
        &all(entries, |e| e.event.tenant.0),
        &all(entries, |e| e.event.event_id),
        &all(entries, |e| e.event.position),
        &all(entries, |e| e.event.stream.context().to_owned()),
        &all(entries, |e| e.event.event_type.clone()),
        &all(entries, |e| e.event.stream.as_str().to_owned()),
        &all(entries, |e| e.event.version),
        &texts(|e| e.cause.actor.kind.clone()) as &[Option<String>],
        &texts(|e| e.cause.actor.id.clone()) as &[Option<String>],
        &texts(|e| e.cause.actor.on_behalf_of.clone()) as &[Option<String>],
        &texts(|e| e.cause.source.clone()) as &[Option<String>],
        &texts(|e| e.cause.trace_id().map(str::to_owned)) as &[Option<String>],
        &texts(|e| e.cause.ip_hash.clone()) as &[Option<String>],
        &texts(|e| e.cause.legal_basis.clone()) as &[Option<String>],
        &all(entries, |e| e.cause.command_id) as &[Option<uuid::Uuid>],
        &all(entries, |e| e.cause.causation_id) as &[Option<uuid::Uuid>],
        &all(entries, |e| e.cause.correlation_id) as &[Option<uuid::Uuid>],
        &all(entries, |e| e.event.occurred_at),
        &all(entries, |e| e.event.recorded_at),
        &all(entries, |e| e.words.clone())
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn all<T>(entries: &[Entry<'_>], field: fn(&Entry<'_>) -> T) -> Vec<T> {
    entries.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_is_known() {
        assert_eq!(KNOWN.map(|known| known.context), CONTEXTS);
    }
}
