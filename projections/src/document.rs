//! The read model of documents, with what full text finds them by. Owns the fold over a batch; the rows are in `row`, their
//! statements in `table`. Never decides whether something may happen to a document.

mod row;
mod table;

use std::collections::{BTreeMap, btree_map::Entry};

use event_schemas::{Event, RecordedEvent, document::DocumentEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use self::row::Row;
use crate::{
    ApplyError, Projection,
    projection::{Known, aggregate, decode},
};

/// Documents.
#[derive(Clone, Copy, Debug)]
pub struct Document;

/// Tenant and document.
type Key = (Uuid, Uuid);

#[async_trait::async_trait]
impl Projection for Document {
    fn name(&self) -> &'static str {
        "document"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/document.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "document",
            types: DocumentEvent::TYPES,
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
        for (key, event) in keys.iter().zip(events) {
            fold(&mut rows, *key, event)?;
        }
        table::save(&rows, connection).await?;
        Ok(())
    }
}

fn fold(
    rows: &mut BTreeMap<Key, Row>,
    key: Key,
    recorded: &RecordedEvent,
) -> Result<(), ApplyError> {
    match (rows.entry(key), decode(recorded)?) {
        (Entry::Vacant(free), DocumentEvent::DocumentAdded(added)) => {
            free.insert(Row::added(recorded, added));
            Ok(())
        }
        (Entry::Occupied(_), DocumentEvent::DocumentAdded(_)) => {
            Err(ApplyError::event(recorded, "the document is added already"))
        }
        (Entry::Vacant(_), _) => Err(ApplyError::event(recorded, "the document is not added")),
        (Entry::Occupied(mut row), event) => {
            row.get_mut().fold(recorded, event);
            Ok(())
        }
    }
}
