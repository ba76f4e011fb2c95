//! The statements on the state of the policy. Never folds an event.

use std::collections::{BTreeMap, BTreeSet};

use event_schemas::TimeZone;
use sqlx::PgConnection;

use super::{Key, Metric, Number, month::Month};

/// These metrics, as far as their months have goals.
pub(super) async fn load(
    keys: &BTreeSet<Key>,
    connection: &mut PgConnection,
) -> Result<BTreeMap<Key, Metric>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select m.tenant_id, m.metric_id, m.name, m.unit, m.growth_percent, m.time_zone, m.month, m.total::text as "total!"
           from unnest($1::uuid[], $2::uuid[]) k(tenant_id, metric_id)
           join monthly_metric m on m.tenant_id = k.tenant_id and m.metric_id = k.metric_id"#,
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let metric = Metric {
            name: row.name,
            unit: row.unit,
            growth_percent: row.growth_percent,
            time_zone: TimeZone::try_new(&row.time_zone)
                .ok_or_else(|| sqlx::Error::Decode("a time zone that is not known".into()))?,
            month: row.month.map(Month::with),
            total: total(&row.total)?,
            observations: BTreeMap::new(),
            unsaved: BTreeSet::new(),
            outdated: false,
            changed: false,
        };
        found.insert((row.tenant_id, row.metric_id), metric);
    }
    Ok(found)
}

fn total(digits: &str) -> Result<i128, sqlx::Error> {
    digits
        .parse()
        .map_err(|error: std::num::ParseIntError| sqlx::Error::Decode(error.into()))
}

/// Gives the metrics those of these observations that are of their newest months.
pub(super) async fn load_observations(
    numbers: &BTreeSet<Number>,
    metrics: &mut BTreeMap<Key, Metric>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if numbers.is_empty() || metrics.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "select o.tenant_id, o.metric_id, o.number, o.value
         from unnest($1::uuid[], $2::uuid[], $3::int[]) k(tenant_id, metric_id, number)
         join monthly_observation o on o.tenant_id = k.tenant_id and o.metric_id = k.metric_id and o.number = k.number",
        &numbers.iter().map(|key| key.0).collect::<Vec<_>>(),
        &numbers.iter().map(|key| key.1).collect::<Vec<_>>(),
        &numbers.iter().map(|key| key.2).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        if let Some(metric) = metrics.get_mut(&(row.tenant_id, row.metric_id)) {
            metric.observations.insert(row.number, row.value);
        }
    }
    Ok(())
}

/// Writes what has changed.
pub(super) async fn save(
    metrics: &BTreeMap<Key, Metric>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(&Key, &Metric)> = metrics.iter().filter(|(_, one)| one.changed).collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "sql/monthly_metric_upsert.sql",
        &rows.iter().map(|(key, _)| key.0).collect::<Vec<_>>(),
        &rows.iter().map(|(key, _)| key.1).collect::<Vec<_>>(),
        &rows
            .iter()
            .map(|(_, one)| one.name.as_str())
            .collect::<Vec<_>>() as &[&str],
        &rows
            .iter()
            .map(|(_, one)| one.unit.as_str())
            .collect::<Vec<_>>() as &[&str],
        &rows
            .iter()
            .map(|(_, one)| one.growth_percent)
            .collect::<Vec<_>>(),
        &rows
            .iter()
            .map(|(_, one)| one.time_zone.as_str())
            .collect::<Vec<_>>() as &[&str],
        &rows
            .iter()
            .map(|(_, one)| one.month.map(Month::first_day))
            .collect::<Vec<_>>() as &[Option<_>],
        &rows
            .iter()
            .map(|(_, one)| one.total.to_string())
            .collect::<Vec<_>>()
    )
    .execute(&mut *connection)
    .await?;
    remove(&rows, connection).await?;
    save_observations(&rows, connection).await
}

/// Removes the observations of months that have passed.
async fn remove(
    rows: &[(&Key, &Metric)],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let outdated = rows.iter().filter(|(_, one)| one.outdated);
    let keys: Vec<Key> = outdated.map(|(key, _)| **key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from monthly_observation o using unnest($1::uuid[], $2::uuid[]) k(tenant_id, metric_id)
         where o.tenant_id = k.tenant_id and o.metric_id = k.metric_id",
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn save_observations(
    rows: &[(&Key, &Metric)],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let unsaved = rows.iter().flat_map(|(key, one)| {
        let values = one.unsaved.iter();
        values.filter_map(|number| Some((**key, *number, *one.observations.get(number)?)))
    });
    let rows: Vec<(Key, i32, i64)> = unsaved.collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into monthly_observation (tenant_id, metric_id, number, value)
         select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::bigint[])
         on conflict (tenant_id, metric_id, number) do update set value = excluded.value",
        &rows.iter().map(|(key, ..)| key.0).collect::<Vec<_>>(),
        &rows.iter().map(|(key, ..)| key.1).collect::<Vec<_>>(),
        &rows
            .iter()
            .map(|(_, number, _)| *number)
            .collect::<Vec<_>>(),
        &rows.iter().map(|(.., value)| *value).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}
