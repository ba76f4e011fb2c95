//! The read models of goals: the list and the history of progress. Owns the fold over a batch; the rows are in `row`, their
//! statements in `table`. Never decides whether something may happen to a goal.

mod row;
mod table;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use event_schemas::{Event, RecordedEvent, goal::GoalEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use self::row::{Progress, Row};
use crate::{
    ApplyError, Projection,
    projection::{Known, aggregate, decode},
};

/// Goals.
#[derive(Clone, Copy, Debug)]
pub struct Goal;

/// Tenant and goal.
type Key = (Uuid, Uuid);

/// How a goal stood before a position.
type Past = (Key, Row, i64);

#[async_trait::async_trait]
impl Projection for Goal {
    fn name(&self) -> &'static str {
        "goal"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/goal.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "goal",
            types: GoalEvent::TYPES,
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
        let mut rows =
            table::load(&keys.iter().copied().collect::<BTreeSet<_>>(), connection).await?;
        let (mut past, mut progress) = (Vec::new(), Vec::new());
        for (key, event) in keys.iter().zip(events) {
            if let Some(row) = rows.get(key) {
                past.push((*key, row.clone(), event.position));
            }
            progress.extend(fold(&mut rows, *key, event)?);
        }
        table::save(&rows, &past, connection).await?;
        table::insert_progress(&progress, connection).await?;
        Ok(())
    }
}

/// Takes in an event. What is told is progress, which has a row of its own.
fn fold(
    rows: &mut BTreeMap<Key, Row>,
    key: Key,
    recorded: &RecordedEvent,
) -> Result<Option<Progress>, ApplyError> {
    match (rows.entry(key), decode(recorded)?) {
        (Entry::Vacant(free), GoalEvent::GoalDrafted(drafted)) => {
            free.insert(Row::drafted(recorded, drafted));
            Ok(None)
        }
        (Entry::Occupied(_), GoalEvent::GoalDrafted(_)) => {
            Err(ApplyError::event(recorded, "the goal is drafted already"))
        }
        (Entry::Vacant(_), _) => Err(ApplyError::event(recorded, "the goal is not drafted")),
        (Entry::Occupied(mut row), event) => row.get_mut().fold(key, recorded, event),
    }
}
