//! The statements on `document`: one to load what a batch finds, one to write what it leaves. Never folds an event, and never
//! loads a text.

use std::collections::BTreeMap;

use event_schemas::document::DocumentStatus;
use sqlx::PgConnection;

use super::{Key, row::Row};
use crate::array;

/// The rows of these documents that are there, without their texts.
pub(super) async fn load(
    keys: &[Key],
    connection: &mut PgConnection,
) -> Result<BTreeMap<Key, Row>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/document_load.sql",
        &keys.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
        &keys.iter().map(|(_, id)| *id).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let found = Row {
                status: DocumentStatus::parse(&row.status).ok_or_else(corrupt)?,
                title: row.title,
                body: None,
                language: row.language,
                kind: row.kind,
                tags: row.tags,
                source: row.source,
                revision: row.revision,
                note: row.note,
                reason: row.reason,
                added_at: row.added_at,
                revised_at: row.revised_at,
                retired_at: row.retired_at,
                waived: row.waived,
                version: row.version,
                position: row.position,
                updated_at: row.updated_at,
            };
            Ok(((row.tenant_id, row.document_id), found))
        })
        .collect()
}

/// A value that this projection never writes.
fn corrupt() -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: "document.status".to_owned(),
        source: "the stored value is none that this projection writes".into(),
    }
}

/// Writes all rows.
pub(super) async fn save(
    rows: &BTreeMap<Key, Row>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let texts = |field: fn(&Row) -> &str| rows.values().map(field).collect::<Vec<_>>();
    let all = |field: fn(&Row) -> Option<&String>| {
        rows.values()
            .map(|row| field(row).map(String::as_str))
            .collect::<Vec<_>>()
    };
    let times = |field: fn(&Row) -> Option<chrono::DateTime<chrono::Utc>>| {
        rows.values().map(field).collect::<Vec<_>>()
    };
    let lists = |field: fn(&Row) -> &[String]| {
        rows.values()
            .map(|row| array::literal(field(row)))
            .collect::<Vec<_>>()
    };
    sqlx::query_file!(
        "sql/document_upsert.sql",
        &rows.keys().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
        &rows.keys().map(|(_, id)| *id).collect::<Vec<_>>(),
        &texts(|row| row.status.as_str()) as &[&str],
        &texts(|row| &row.title) as &[&str],
        &texts(|row| row.body.as_deref().unwrap_or_default()) as &[&str],
        &texts(|row| &row.language) as &[&str],
        &all(|row| row.kind.as_ref()) as &[Option<&str>],
        &lists(|row| &row.tags),
        &all(|row| row.source.as_ref()) as &[Option<&str>],
        &rows.values().map(|row| row.revision).collect::<Vec<_>>(),
        &all(|row| row.note.as_ref()) as &[Option<&str>],
        &all(|row| row.reason.as_ref()) as &[Option<&str>],
        &rows.values().map(|row| row.added_at).collect::<Vec<_>>(),
        &times(|row| row.revised_at) as &[Option<_>],
        &times(|row| row.retired_at) as &[Option<_>],
        &lists(|row| &row.waived),
        &rows.values().map(|row| row.version).collect::<Vec<_>>(),
        &rows.values().map(|row| row.position).collect::<Vec<_>>(),
        &rows.values().map(|row| row.updated_at).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}
