//! The list of goals. Never reads more than a page and one row.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};

use super::{
    Goal, batch,
    filter::{GoalField, GoalFilter},
    row::{GoalRow, select},
};
use crate::{
    failure::Failure,
    filter::{self, Clause},
    page::{Direction, Ordering, Page, Paging, Place},
    serial::Serial,
    session::Snapshot,
};

/// 9999-12-31 in microseconds: where goals without a due date stand.
const NEVER: i64 = 253_402_214_400_000_000;

/// By what goals are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum GoalSortField {
    /// When they were drafted.
    DraftedAt,
    /// When they are due; those without a due date come behind the year 9999.
    DueAt,
}

/// How goals are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct GoalSort {
    /// By what.
    field: GoalSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for GoalSort {
    fn default() -> Self {
        Self {
            field: GoalSortField::DraftedAt,
            direction: Direction::Desc,
        }
    }
}

impl GoalSort {
    fn ordering(self) -> Ordering {
        let (name, key) = match self.field {
            GoalSortField::DraftedAt => ("goals by draftedAt", "g.drafted_at"),
            GoalSortField::DueAt => (
                "goals by dueAt",
                "coalesce(g.due_at, timestamptz '9999-12-31 00:00:00+00')",
            ),
        };
        Ordering {
            name,
            key,
            is_time: true,
            id: "g.goal_id",
            direction: self.direction,
        }
    }

    fn place(self, row: &GoalRow) -> Place {
        let due = || row.due_at.as_ref().map(DateTime::<Utc>::timestamp_micros);
        Place {
            key: match self.field {
                GoalSortField::DraftedAt => row.drafted_at.timestamp_micros(),
                GoalSortField::DueAt => due().unwrap_or(NEVER),
            },
            id: row.goal_id,
        }
    }
}

/// One page.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    filter: Option<GoalFilter>,
    order: GoalSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<Goal>, GoalTotal>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = select(&snapshot);
    filter::push(&mut query, &clause, &GoalField::column);
    page.push(&mut query);
    let rows: Vec<GoalRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let places: Vec<_> = rows.iter().map(|row| order.place(row)).collect();
    let goals = batch::goals(Arc::clone(&snapshot), rows);
    let nodes = places.into_iter().zip(goals).collect();
    let total = GoalTotal {
        snapshot: Arc::clone(&snapshot),
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// How many there are; read only when it is selected.
pub(crate) struct GoalTotal {
    snapshot: Arc<Snapshot>,
    clause: Clause<GoalField>,
}

#[Object]
impl GoalTotal {
    /// How many goals there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl GoalTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = self.snapshot.query("select count(*) from goal g where ");
        filter::push(&mut query, &self.clause, &GoalField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
