//! The list of documents. Never reads more than a page and one row.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, Object, Result, connection::Connection};
use sqlx::{Postgres, QueryBuilder};

use super::{
    Document, batch,
    filter::{DocumentField, DocumentFilter},
    row::{DocumentRow, SELECT},
};
use crate::{
    failure::Failure,
    filter::{self, Clause},
    page::{Direction, Ordering, Page, Paging, Place},
    serial::Serial,
    session::Snapshot,
};

/// By what documents are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum DocumentSortField {
    /// When they were added.
    AddedAt,
}

/// How documents are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct DocumentSort {
    /// By what.
    field: DocumentSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for DocumentSort {
    fn default() -> Self {
        Self {
            field: DocumentSortField::AddedAt,
            direction: Direction::Desc,
        }
    }
}

impl DocumentSort {
    fn ordering(self) -> Ordering {
        match self.field {
            DocumentSortField::AddedAt => Ordering {
                name: "documents by addedAt",
                key: "d.added_at",
                is_time: true,
                id: "d.document_id",
                direction: self.direction,
            },
        }
    }
}

/// One page.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    filter: Option<DocumentFilter>,
    order: DocumentSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<Document>, DocumentTotal>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    filter::push(&mut query, &clause, &DocumentField::column);
    page.push(&mut query);
    let rows: Vec<DocumentRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let place = |row: &DocumentRow| Place {
        key: row.added_at.timestamp_micros(),
        id: row.document_id,
    };
    let places: Vec<Place> = rows.iter().map(place).collect();
    let documents = batch::documents(Arc::clone(&snapshot), rows);
    let nodes = places.into_iter().zip(documents).collect();
    let total = DocumentTotal {
        snapshot: Arc::clone(&snapshot),
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// How many there are; read only when it is selected.
pub(crate) struct DocumentTotal {
    snapshot: Arc<Snapshot>,
    clause: Clause<DocumentField>,
}

#[Object]
impl DocumentTotal {
    /// How many documents there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl DocumentTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = QueryBuilder::<Postgres>::new("select count(*) from document d where ");
        filter::push(&mut query, &self.clause, &DocumentField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
