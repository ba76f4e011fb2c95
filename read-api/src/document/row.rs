//! Rows of `document`. Never reads what is in other tables, and a text only for those that ask for it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{failure::Failure, session::Snapshot};

/// All of [`DocumentRow`]'s columns of `document d`.
macro_rules! columns {
    () => {
        "d.document_id, d.status, d.title, d.language, d.kind, d.tags, d.source, d.revision, d.note, d.reason, d.added_at, \
         d.revised_at, d.retired_at, d.waived, d.version, d.position, d.updated_at"
    };
}
pub(super) use columns;

/// What every reading of documents begins with.
pub(super) const SELECT: &str = concat!("select ", columns!(), " from document d where ");

/// One document, without its text.
#[derive(Clone, FromRow, Debug)]
pub(super) struct DocumentRow {
    pub(super) document_id: Uuid,
    pub(super) status: String,
    pub(super) title: String,
    pub(super) language: String,
    pub(super) kind: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) source: Option<String>,
    pub(super) revision: i32,
    pub(super) note: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) added_at: DateTime<Utc>,
    pub(super) revised_at: Option<DateTime<Utc>>,
    pub(super) retired_at: Option<DateTime<Utc>>,
    pub(super) waived: Vec<String>,
    pub(super) version: i32,
    pub(super) position: i64,
    pub(super) updated_at: DateTime<Utc>,
}

/// The documents of these ids, in any order.
pub(super) async fn by_ids(snapshot: &Snapshot, ids: &[Uuid]) -> Result<Vec<DocumentRow>, Failure> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query
        .push("d.document_id = any(")
        .push_bind(ids.to_vec())
        .push(")");
    Ok(query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}

/// The texts of these documents.
pub(super) async fn bodies(
    snapshot: &Snapshot,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, Failure> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "select d.document_id, d.body from document d where d.document_id = any($1)",
    )
    .bind(ids.to_vec())
    .fetch_all(&mut *snapshot.statement().await)
    .await?;
    Ok(rows.into_iter().collect())
}
