//! The statements on the tables of metrics: one per table and batch, to load what it finds and to write what it leaves.
//! Never folds an event.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::{Correction, Key, Latest, Monthly, Observation, ObservationKey, Row};
use crate::array;

/// The rows of these metrics that are there.
pub(super) async fn load(
    keys: &BTreeSet<Key>,
    connection: &mut PgConnection,
) -> Result<BTreeMap<Key, Row>, sqlx::Error> {
    let rows = sqlx::query!(
        "select m.tenant_id, m.metric_id, m.name, m.unit, m.aggregation, m.description, m.feed, m.monthly_growth, m.monthly_zone,
                m.observation_count, m.correction_count, m.latest_number, m.latest_at, m.latest_value, m.defined_at, m.waived, m.version,
                m.position, m.updated_at
         from unnest($1::uuid[], $2::uuid[]) as k (tenant_id, metric_id)
         join metric m on m.tenant_id = k.tenant_id and m.metric_id = k.metric_id",
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    let found = rows.into_iter().map(|row| {
        let latest = match (row.latest_at, row.latest_number, row.latest_value) {
            (Some(at), Some(number), Some(value)) => Some(Latest { at, number, value }),
            _ => None,
        };
        let found = Row {
            name: row.name,
            unit: row.unit,
            aggregation: row.aggregation,
            description: row.description,
            feed: row.feed,
            monthly: row
                .monthly_growth
                .zip(row.monthly_zone)
                .map(|(growth, zone)| Monthly { growth, zone }),
            observation_count: row.observation_count,
            correction_count: row.correction_count,
            latest,
            defined_at: row.defined_at,
            waived: row.waived,
            version: row.version,
            position: row.position,
            updated_at: row.updated_at,
        };
        ((row.tenant_id, row.metric_id), found)
    });
    Ok(found.collect())
}

/// The rows of these observations that are there.
pub(super) async fn load_observations(
    keys: &BTreeSet<ObservationKey>,
    connection: &mut PgConnection,
) -> Result<BTreeMap<ObservationKey, Observation>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query!(
        "select o.tenant_id, o.metric_id, o.number, o.observed_at, o.value, o.source, o.corrections
         from unnest($1::uuid[], $2::uuid[], $3::int[]) as k (tenant_id, metric_id, number)
         join metric_observation o
           on o.tenant_id = k.tenant_id and o.metric_id = k.metric_id and o.number = k.number",
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.2).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    let found = rows.into_iter().map(|row| {
        let found = Observation {
            observed_at: row.observed_at,
            value: row.value,
            source: row.source,
            corrections: row.corrections,
        };
        ((row.tenant_id, row.metric_id, row.number), found)
    });
    Ok(found.collect())
}

/// Writes all rows.
pub(super) async fn save(
    rows: &BTreeMap<Key, Row>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let latest = |row: &Row| row.latest;
    sqlx::query_file!(
        "sql/metric_upsert.sql",
        &rows.keys().map(|key| key.0).collect::<Vec<_>>(),
        &rows.keys().map(|key| key.1).collect::<Vec<_>>(),
        &rows
            .values()
            .map(|row| row.name.as_str())
            .collect::<Vec<_>>() as &[&str],
        &rows
            .values()
            .map(|row| row.unit.as_str())
            .collect::<Vec<_>>() as &[&str],
        &rows
            .values()
            .map(|row| row.aggregation.as_str())
            .collect::<Vec<_>>() as &[&str],
        &rows
            .values()
            .map(|row| row.description.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &rows
            .values()
            .map(|row| row.feed.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &rows
            .values()
            .map(|row| row.monthly.as_ref().map(|goal| goal.growth))
            .collect::<Vec<_>>() as &[Option<i64>],
        &rows
            .values()
            .map(|row| row.monthly.as_ref().map(|goal| goal.zone.as_str()))
            .collect::<Vec<_>>() as &[Option<&str>],
        &rows
            .values()
            .map(|row| row.observation_count)
            .collect::<Vec<_>>(),
        &rows
            .values()
            .map(|row| row.correction_count)
            .collect::<Vec<_>>(),
        &rows
            .values()
            .map(|row| latest(row).map(|latest| latest.number))
            .collect::<Vec<_>>() as &[Option<i32>],
        &rows
            .values()
            .map(|row| latest(row).map(|latest| latest.at))
            .collect::<Vec<_>>() as &[Option<_>],
        &rows
            .values()
            .map(|row| latest(row).map(|latest| latest.value))
            .collect::<Vec<_>>() as &[Option<i64>],
        &rows.values().map(|row| row.defined_at).collect::<Vec<_>>(),
        &rows
            .values()
            .map(|row| array::literal(&row.waived))
            .collect::<Vec<_>>(),
        &rows.values().map(|row| row.version).collect::<Vec<_>>(),
        &rows.values().map(|row| row.position).collect::<Vec<_>>(),
        &rows.values().map(|row| row.updated_at).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what was observed or corrected.
pub(super) async fn save_observations(
    rows: &BTreeMap<ObservationKey, Observation>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "sql/metric_observation_upsert.sql",
        &rows.keys().map(|key| key.0).collect::<Vec<_>>(),
        &rows.keys().map(|key| key.1).collect::<Vec<_>>(),
        &rows.keys().map(|key| key.2).collect::<Vec<_>>(),
        &rows.values().map(|row| row.observed_at).collect::<Vec<_>>(),
        &rows.values().map(|row| row.value).collect::<Vec<_>>(),
        &rows
            .values()
            .map(|row| row.source.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &rows.values().map(|row| row.corrections).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the history of what was corrected.
pub(super) async fn insert_corrections(
    rows: &[Correction],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into metric_correction
           (tenant_id, metric_id, number, correction, old_value, new_value, reason, corrected_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::bigint[], $6::bigint[], $7::text[],
                              $8::timestamptz[])",
        &rows.iter().map(|row| row.key.0).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.key.1).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.key.2).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.place).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.old_value).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.new_value).collect::<Vec<_>>(),
        &rows
            .iter()
            .map(|row| row.reason.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &rows.iter().map(|row| row.corrected_at).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}
