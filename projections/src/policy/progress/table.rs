//! The statements on the state of the policy. Never folds an event.

use std::collections::{BTreeMap, BTreeSet};

use event_schemas::goal::{GoalAggregation, MetricLink};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Key, Number,
    goal::{Goal, Seen, Sum},
};

/// These goals, and those that follow these metrics.
pub(super) async fn load(
    goals: &BTreeSet<Key>,
    metrics: &BTreeSet<Key>,
    connection: &mut PgConnection,
) -> Result<BTreeMap<Key, Goal>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"with wanted as (
             select g.tenant_id, g.goal_id from unnest($1::uuid[], $2::uuid[]) k(tenant_id, goal_id)
             join progress_goal g on g.tenant_id = k.tenant_id and g.goal_id = k.goal_id
             union
             select g.tenant_id, g.goal_id from unnest($3::uuid[], $4::uuid[]) k(tenant_id, metric_id)
             join progress_goal g on g.tenant_id = k.tenant_id and g.metric_id = k.metric_id)
           select g.tenant_id, g.goal_id, g.active, g.metric_id, g.aggregation, g.baseline, g.target, g.starts_at, g.due_at,
                  g.count, g.total::text as "total!", g.last_at, g.last_number, g.last_value, g.least, g.most, g.told, g.closing
           from wanted w join progress_goal g on g.tenant_id = w.tenant_id and g.goal_id = w.goal_id"#,
        &goals.iter().map(|key| key.0).collect::<Vec<_>>(),
        &goals.iter().map(|key| key.1).collect::<Vec<_>>(),
        &metrics.iter().map(|key| key.0).collect::<Vec<_>>(),
        &metrics.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let link = row
            .metric_id
            .zip(row.aggregation)
            .and_then(|(metric_id, name)| {
                Some(MetricLink {
                    metric_id,
                    aggregation: GoalAggregation::parse(&name)?,
                })
            });
        let goal = Goal {
            active: row.active,
            link,
            baseline: row.baseline,
            target: row.target,
            starts_at: row.starts_at,
            due_at: row.due_at,
            sum: Sum {
                count: row.count,
                total: total(&row.total)?,
                last: last(row.last_at, row.last_number, row.last_value),
                least: row.least,
                most: row.most,
            },
            told: row.told,
            closing: row.closing,
        };
        found.insert((row.tenant_id, row.goal_id), goal);
    }
    Ok(found)
}

/// These observations, as far as they are there.
pub(super) async fn load_observations(
    numbers: &BTreeSet<Number>,
    connection: &mut PgConnection,
) -> Result<BTreeMap<Number, Seen>, sqlx::Error> {
    if numbers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query!(
        "select o.tenant_id, o.metric_id, o.number, o.observed_at, o.value
         from unnest($1::uuid[], $2::uuid[], $3::int[]) k(tenant_id, metric_id, number)
         join progress_observation o on o.tenant_id = k.tenant_id and o.metric_id = k.metric_id and o.number = k.number",
        &numbers.iter().map(|key| key.0).collect::<Vec<_>>(),
        &numbers.iter().map(|key| key.1).collect::<Vec<_>>(),
        &numbers.iter().map(|key| key.2).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    let found = rows.into_iter().map(|row| {
        let seen = Seen {
            number: row.number,
            at: row.observed_at,
            value: row.value,
        };
        ((row.tenant_id, row.metric_id, row.number), seen)
    });
    Ok(found.collect())
}

/// What the observations of a goal's span have come to.
pub(super) async fn sum(
    tenant: Uuid,
    goal: &Goal,
    connection: &mut PgConnection,
) -> Result<Sum, sqlx::Error> {
    let (Some(link), Some(starts_at), Some(due_at)) = (goal.link, goal.starts_at, goal.due_at)
    else {
        return Ok(Sum::default());
    };
    let row = sqlx::query!(
        r#"with counted as materialized (
             select number, observed_at, value from progress_observation
             where tenant_id = $1 and metric_id = $2 and observed_at >= $3 and observed_at < $4)
           select (select count(*) from counted) as "count!",
                  (select coalesce(sum(value), 0)::text from counted) as "total!",
                  (select min(value) from counted) as least, (select max(value) from counted) as most,
                  l.observed_at as "last_at?", l.number as "last_number?", l.value as "last_value?"
           from (select) one
           left join lateral (
             select observed_at, number, value from counted order by observed_at desc, number desc limit 1) l on true"#,
        tenant,
        link.metric_id,
        starts_at,
        due_at
    )
    .fetch_one(connection)
    .await?;
    Ok(Sum {
        count: row.count,
        total: total(&row.total)?,
        last: last(row.last_at, row.last_number, row.last_value),
        least: row.least,
        most: row.most,
    })
}

fn last(
    at: Option<chrono::DateTime<chrono::Utc>>,
    number: Option<i32>,
    value: Option<i64>,
) -> Option<Seen> {
    Some(Seen {
        at: at?,
        number: number?,
        value: value?,
    })
}

fn total(digits: &str) -> Result<i128, sqlx::Error> {
    digits
        .parse()
        .map_err(|error: std::num::ParseIntError| sqlx::Error::Decode(error.into()))
}

/// Writes goals.
pub(super) async fn save(
    rows: &[(Key, &Goal)],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let goals = || rows.iter().map(|(_, goal)| *goal);
    sqlx::query_file!(
        "sql/progress_goal_upsert.sql",
        &rows.iter().map(|(key, _)| key.0).collect::<Vec<_>>(),
        &rows.iter().map(|(key, _)| key.1).collect::<Vec<_>>(),
        &goals().map(|goal| goal.active).collect::<Vec<_>>(),
        &goals()
            .map(|goal| goal.link.map(|link| link.metric_id))
            .collect::<Vec<_>>() as &[Option<Uuid>],
        &goals()
            .map(|goal| goal.link.map(|link| link.aggregation.as_str()))
            .collect::<Vec<_>>() as &[Option<&str>],
        &goals().map(|goal| goal.baseline).collect::<Vec<_>>() as &[Option<i64>],
        &goals().map(|goal| goal.target).collect::<Vec<_>>() as &[Option<i64>],
        &goals().map(|goal| goal.starts_at).collect::<Vec<_>>() as &[Option<_>],
        &goals().map(|goal| goal.due_at).collect::<Vec<_>>() as &[Option<_>],
        &goals().map(|goal| goal.sum.count).collect::<Vec<_>>(),
        &goals()
            .map(|goal| goal.sum.total.to_string())
            .collect::<Vec<_>>(),
        &goals()
            .map(|goal| goal.sum.last.map(|last| last.at))
            .collect::<Vec<_>>() as &[Option<_>],
        &goals()
            .map(|goal| goal.sum.last.map(|last| last.number))
            .collect::<Vec<_>>() as &[Option<i32>],
        &goals()
            .map(|goal| goal.sum.last.map(|last| last.value))
            .collect::<Vec<_>>() as &[Option<i64>],
        &goals().map(|goal| goal.sum.least).collect::<Vec<_>>() as &[Option<i64>],
        &goals().map(|goal| goal.sum.most).collect::<Vec<_>>() as &[Option<i64>],
        &goals().map(|goal| goal.told).collect::<Vec<_>>() as &[Option<i64>],
        &goals().map(|goal| goal.closing).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes observations.
pub(super) async fn save_observations(
    rows: &[(Number, Seen)],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into progress_observation (tenant_id, metric_id, number, observed_at, value)
         select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[], $5::bigint[])
         on conflict (tenant_id, metric_id, number) do update set value = excluded.value",
        &rows.iter().map(|(key, _)| key.0).collect::<Vec<_>>(),
        &rows.iter().map(|(key, _)| key.1).collect::<Vec<_>>(),
        &rows.iter().map(|(key, _)| key.2).collect::<Vec<_>>(),
        &rows.iter().map(|(_, seen)| seen.at).collect::<Vec<_>>(),
        &rows.iter().map(|(_, seen)| seen.value).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes goals that are closed.
pub(super) async fn remove(keys: &[Key], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from progress_goal g using unnest($1::uuid[], $2::uuid[]) k(tenant_id, goal_id)
         where g.tenant_id = k.tenant_id and g.goal_id = k.goal_id",
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}
