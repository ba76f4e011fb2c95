//! The statements on the tables of goals: one per table and batch, to load what it finds and to write what it leaves. Never
//! folds an event.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use event_schemas::{
    decimal::Decimal,
    goal::{GoalAggregation, GoalStatus, GoalTerms, MetricLink},
};
use sqlx::PgConnection;

use super::{
    Key, Past,
    row::{Progress, Row},
};
use crate::array;

/// The rows of these goals that are there.
pub(super) async fn load(
    keys: &BTreeSet<Key>,
    connection: &mut PgConnection,
) -> Result<BTreeMap<Key, Row>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/goal_load.sql",
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let metric = match (row.metric_id, row.aggregation) {
                (Some(metric_id), Some(name)) => Some(MetricLink {
                    metric_id,
                    aggregation: GoalAggregation::parse(&name)
                        .ok_or_else(|| corrupt("aggregation"))?,
                }),
                _ => None,
            };
            let terms = GoalTerms {
                title: row.title,
                description: row.description,
                owner_id: row.owner_id,
                unit: row.unit,
                baseline: decimal(row.baseline, "baseline")?,
                target: decimal(row.target, "target")?,
                starts_at: row.starts_at,
                due_at: row.due_at,
            };
            let found = Row {
                status: GoalStatus::parse(&row.status).ok_or_else(|| corrupt("status"))?,
                terms,
                metric,
                actual: decimal(row.actual, "actual")?.zip(row.progressed_at),
                progress_count: row.progress_count,
                adjustment_count: row.adjustment_count,
                drafted_at: row.drafted_at,
                activated_at: row.activated_at,
                closed_at: row.closed_at,
                note: row.note,
                waived: row.waived,
                version: row.version,
                position: row.position,
                updated_at: row.updated_at,
                first_position: row.first_position,
            };
            Ok(((row.tenant_id, row.goal_id), found))
        })
        .collect()
}

fn decimal(micros: Option<i64>, column: &str) -> Result<Option<Decimal>, sqlx::Error> {
    micros
        .map(|micros| Decimal::from_micros(micros).ok_or_else(|| corrupt(column)))
        .transpose()
}

/// A value that this projection never writes.
fn corrupt(column: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: format!("goal.{column}"),
        source: "the stored value is none that this projection writes".into(),
    }
}

/// Writes all rows, and what they were before.
pub(super) async fn save(
    rows: &BTreeMap<Key, Row>,
    past: &[Past],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let past = past
        .iter()
        .map(|(key, row, until)| (key, row, Some(*until)));
    let present = rows.iter().map(|(key, row)| (key, row, None));
    let versions: Vec<(&Key, &Row, Option<i64>)> = past.chain(present).collect();
    let rows = || versions.iter().map(|(_, row, _)| *row);
    let texts = |field: fn(&Row) -> Option<&str>| rows().map(field).collect::<Vec<_>>();
    let numbers = |field: fn(&Row) -> Option<Decimal>| {
        rows()
            .map(|row| field(row).map(Decimal::micros))
            .collect::<Vec<_>>()
    };
    let times = |field: fn(&Row) -> Option<DateTime<Utc>>| rows().map(field).collect::<Vec<_>>();
    let counts = |field: fn(&Row) -> i32| rows().map(field).collect::<Vec<_>>();
    sqlx::query_file!(
        "sql/goal_upsert.sql",
        &versions.iter().map(|(key, ..)| key.0).collect::<Vec<_>>(),
        &versions.iter().map(|(key, ..)| key.1).collect::<Vec<_>>(),
        &texts(|row| Some(&row.terms.title)) as &[Option<&str>],
        &texts(|row| row.terms.description.as_deref()) as &[Option<&str>],
        &texts(|row| row.terms.owner_id.as_deref()) as &[Option<&str>],
        &texts(|row| Some(row.status.as_str())) as &[Option<&str>],
        &texts(|row| row.terms.unit.as_deref()) as &[Option<&str>],
        &numbers(|row| row.terms.baseline) as &[Option<i64>],
        &numbers(|row| row.terms.target) as &[Option<i64>],
        &times(|row| row.terms.starts_at) as &[Option<_>],
        &times(|row| row.terms.due_at) as &[Option<_>],
        &rows()
            .map(|row| row.metric.map(|metric| metric.metric_id))
            .collect::<Vec<_>>() as &[Option<uuid::Uuid>],
        &texts(|row| row.metric.map(|metric| metric.aggregation.as_str())) as &[Option<&str>],
        &numbers(|row| row.actual.map(|(actual, _)| actual)) as &[Option<i64>],
        &times(|row| row.actual.map(|(_, at)| at)) as &[Option<_>],
        &counts(|row| row.progress_count),
        &counts(|row| row.adjustment_count),
        &rows().map(|row| row.drafted_at).collect::<Vec<_>>(),
        &times(|row| row.activated_at) as &[Option<_>],
        &times(|row| row.closed_at) as &[Option<_>],
        &texts(|row| row.note.as_deref()) as &[Option<&str>],
        &rows()
            .map(|row| array::literal(&row.waived))
            .collect::<Vec<_>>(),
        &counts(|row| row.version),
        &rows().map(|row| row.position).collect::<Vec<_>>(),
        &rows().map(|row| row.updated_at).collect::<Vec<_>>(),
        &rows().map(|row| row.first_position).collect::<Vec<_>>(),
        &versions
            .iter()
            .map(|(.., until)| *until)
            .collect::<Vec<_>>() as &[Option<i64>]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the history of progress.
pub(super) async fn insert_progress(
    rows: &[Progress],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let numbers = |field: fn(&Progress) -> Option<Decimal>| {
        rows.iter()
            .map(|row| field(row).map(Decimal::micros))
            .collect::<Vec<_>>()
    };
    let times =
        |field: fn(&Progress) -> Option<DateTime<Utc>>| rows.iter().map(field).collect::<Vec<_>>();
    sqlx::query_file!(
        "sql/goal_progress_insert.sql",
        &rows.iter().map(|row| row.key.0).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.key.1).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.number).collect::<Vec<_>>(),
        &rows
            .iter()
            .map(|row| row.actual.micros())
            .collect::<Vec<_>>(),
        &numbers(|row| row.baseline) as &[Option<i64>],
        &numbers(|row| row.target) as &[Option<i64>],
        &times(|row| row.starts_at) as &[Option<_>],
        &times(|row| row.due_at) as &[Option<_>],
        &rows
            .iter()
            .map(|row| row.source.map(|source| source.metric_id))
            .collect::<Vec<_>>() as &[Option<uuid::Uuid>],
        &rows
            .iter()
            .map(|row| row.source?.observation_number.map(i64::from))
            .collect::<Vec<_>>() as &[Option<i64>],
        &rows
            .iter()
            .map(|row| row.source?.event_id)
            .collect::<Vec<_>>() as &[Option<uuid::Uuid>],
        &rows
            .iter()
            .map(|row| row.note.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &rows.iter().map(|row| row.recorded_at).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.position).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}
