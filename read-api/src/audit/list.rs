//! The list of the audit trail. Never reads more than a page and one row.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, Object, Result, connection::Connection};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    AuditEntry,
    filter::{AuditField, AuditFilter, only_text},
    row::{AuditRow, SELECT},
};
use crate::{
    failure::Failure,
    filter::{self, Clause},
    page::{Direction, Ordering, Page, Paging, Place},
    serial::Serial,
    session::Snapshot,
};

/// By what entries are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum AuditSortField {
    /// The order in which they were written down.
    Position,
}

/// How entries are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct AuditSort {
    /// By what.
    field: AuditSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for AuditSort {
    fn default() -> Self {
        Self {
            field: AuditSortField::Position,
            direction: Direction::Desc,
        }
    }
}

impl AuditSort {
    fn ordering(self) -> Ordering {
        match self.field {
            AuditSortField::Position => Ordering {
                name: "audit by position",
                key: "a.position",
                is_time: false,
                id: "a.entry_id",
                direction: self.direction,
            },
        }
    }
}

/// One page.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    filter: Option<AuditFilter>,
    order: AuditSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<AuditEntry>, AuditTotal>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    let (newest, beyond, rows) = page.reach();
    push(&mut query, &clause, newest, beyond, rows);
    page.push(&mut query);
    let rows: Vec<AuditRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let nodes = rows
        .into_iter()
        .map(|row| (place(&row), AuditEntry(row)))
        .collect();
    let total = AuditTotal {
        snapshot: Arc::clone(&snapshot),
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

pub(super) fn place(row: &AuditRow) -> Place {
    Place {
        key: row.position,
        id: row.entry_id,
    }
}

/// Appends the condition, for so many rows beyond a place. A text alone finds no more of them than that.
pub(super) fn push(
    query: &mut QueryBuilder<Postgres>,
    clause: &Clause<AuditField>,
    newest: bool,
    beyond: Option<Place>,
    rows: i64,
) {
    let Some(text) = only_text(clause) else {
        filter::push(query, clause, &AuditField::column);
        return;
    };
    let end = if newest {
        Place {
            key: i64::MAX,
            id: Uuid::max(),
        }
    } else {
        Place {
            key: -1,
            id: Uuid::nil(),
        }
    };
    let beyond = beyond.unwrap_or(end);
    query
        .push("a.entry_id in (select audit_matching((select log.current_tenant()), ")
        .push_bind(text.to_owned())
        .push(", ")
        .push_bind(newest)
        .push(", ")
        .push_bind(beyond.key)
        .push(", ")
        .push_bind(beyond.id)
        .push(", ")
        .push_bind(rows)
        .push("))");
}

/// How many there are; read only when it is selected.
pub(crate) struct AuditTotal {
    snapshot: Arc<Snapshot>,
    clause: Clause<AuditField>,
}

#[Object]
impl AuditTotal {
    /// How many entries there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl AuditTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = QueryBuilder::<Postgres>::new("select count(*) from audit a where ");
        filter::push(&mut query, &self.clause, &AuditField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
