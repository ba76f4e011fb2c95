//! The list of leads. Never reads more than a page and one row.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, Object, Result, connection::Connection};

use super::{
    Lead,
    filter::{LeadField, LeadFilter},
    row::{LeadRow, SELECT},
};
use crate::{
    failure::Failure,
    filter::{self, Clause},
    page::{Direction, Ordering, Page, Paging, Place},
    serial::Serial,
    session::Snapshot,
};

/// By what leads are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum LeadSortField {
    /// When the first contact was made.
    CapturedAt,
}

/// How leads are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct LeadSort {
    /// By what.
    field: LeadSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for LeadSort {
    fn default() -> Self {
        Self {
            field: LeadSortField::CapturedAt,
            direction: Direction::Desc,
        }
    }
}

impl LeadSort {
    fn ordering(self) -> Ordering {
        match self.field {
            LeadSortField::CapturedAt => Ordering {
                name: "leads by capturedAt",
                key: "l.captured_at",
                is_time: true,
                id: "l.lead_id",
                direction: self.direction,
            },
        }
    }
}

/// One page.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    filter: Option<LeadFilter>,
    order: LeadSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<Lead>, LeadTotal>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = snapshot.query(SELECT);
    filter::push(&mut query, &clause, &LeadField::column);
    page.push(&mut query);
    let rows: Vec<LeadRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let place = |row: &LeadRow| Place {
        key: row.captured_at.timestamp_micros(),
        id: row.lead_id,
    };
    let nodes = rows
        .into_iter()
        .map(|row| (place(&row), Lead(row)))
        .collect();
    let total = LeadTotal {
        snapshot: Arc::clone(&snapshot),
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// How many there are; read only when it is selected.
pub(crate) struct LeadTotal {
    snapshot: Arc<Snapshot>,
    clause: Clause<LeadField>,
}

#[Object]
impl LeadTotal {
    /// How many leads there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl LeadTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = self.snapshot.query("select count(*) from lead l where ");
        filter::push(&mut query, &self.clause, &LeadField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
