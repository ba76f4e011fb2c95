//! The read models of leads, and of what they were before. Owns the fold over a batch; the rows are in `row`, their statements in `table`. Never decides
//! whether something may happen to a lead.

mod row;
mod table;

use std::collections::{BTreeMap, btree_map::Entry};

use event_schemas::{Event, RecordedEvent, lead::LeadEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use self::row::Row;
use crate::{
    ApplyError, Projection,
    projection::{Known, aggregate, decode},
};

/// Leads.
#[derive(Clone, Copy, Debug)]
pub struct Lead;

/// Tenant and lead.
type Key = (Uuid, Uuid);

/// How a lead stood before a position.
type Past = (Key, Row, i64);

#[async_trait::async_trait]
impl Projection for Lead {
    fn name(&self) -> &'static str {
        "lead"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/lead.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "lead",
            types: LeadEvent::TYPES,
        }]
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let mut keys = Vec::with_capacity(events.len());
        for event in events {
            keys.push((event.tenant.0, aggregate(event)?));
        }
        let mut rows = table::load(&keys, connection).await?;
        let mut past = Vec::new();
        for (key, event) in keys.iter().zip(events) {
            if let Some(row) = rows.get(key) {
                past.push((*key, row.clone(), event.position));
            }
            fold(&mut rows, *key, event)?;
        }
        table::save(&rows, &past, connection).await?;
        Ok(())
    }
}

fn fold(
    rows: &mut BTreeMap<Key, Row>,
    key: Key,
    recorded: &RecordedEvent,
) -> Result<(), ApplyError> {
    match (rows.entry(key), decode(recorded)?) {
        (Entry::Vacant(free), LeadEvent::LeadCaptured(captured)) => {
            free.insert(Row::captured(recorded, captured));
            Ok(())
        }
        (Entry::Occupied(_), LeadEvent::LeadCaptured(_)) => {
            Err(ApplyError::event(recorded, "the lead is captured already"))
        }
        (Entry::Vacant(_), _) => Err(ApplyError::event(recorded, "the lead is not captured")),
        (Entry::Occupied(mut row), event) => {
            row.get_mut().fold(recorded, event);
            Ok(())
        }
    }
}
