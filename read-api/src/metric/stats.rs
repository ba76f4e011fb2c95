//! What the observations of a metric come to, over all of a time or in buckets of it. Every number is computed in SQL and
//! exact, but for averages, which are rounded to six places. Never reads an observation into memory.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Aggregation, decimal};
use crate::{
    bucket::Bucket,
    failure::Failure,
    scalar::{BigInt, Decimal},
    session::Snapshot,
};

/// The most buckets.
const MOST: usize = 10_000;
/// The sums of a group. Multiplied, not divided: a product of numerics keeps every digit.
const SUMS: &str = "count(o.number) as observations, trim_scale(sum(o.value) * 0.000001)::text as sum, \
     trim_scale(round(sum(o.value) * 0.000001 / nullif(count(o.number), 0), 6))::text as average, \
     trim_scale(min(o.value) * 0.000001)::text as minimum, trim_scale(max(o.value) * 0.000001)::text as maximum, \
     (array_agg(o.value order by o.observed_at desc, o.number desc) filter (where o.number is not null))[1] as last";

/// Which observations of which metric.
pub(super) struct Range {
    pub(super) metric: Uuid,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
}

/// What some observations of a metric come to.
#[derive(SimpleObject, Debug)]
pub(crate) struct MetricStats {
    /// When the bucket begins; `null` without buckets.
    start: Option<DateTime<Utc>>,
    /// When the bucket has ended and the next one begins; `null` without buckets.
    end: Option<DateTime<Utc>>,
    /// What they come to by the metric's own aggregation. Without observations: 0 for a sum, `null` for an average, and for a
    /// last value the last one before.
    value: Option<Decimal>,
    /// How many they are.
    observations: BigInt,
    /// All of them added.
    sum: Decimal,
    /// Their mean, rounded to six places.
    average: Option<Decimal>,
    /// The smallest.
    minimum: Option<Decimal>,
    /// The largest.
    maximum: Option<Decimal>,
    /// The last one.
    last: Option<Decimal>,
}

#[derive(FromRow, Debug)]
struct Row {
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    observations: i64,
    sum: Option<String>,
    average: Option<String>,
    minimum: Option<String>,
    maximum: Option<String>,
    last: Option<i64>,
}

/// The rows, in the order of time.
pub(super) async fn read(
    snapshot: &Snapshot,
    aggregation: Aggregation,
    range: &Range,
    bucket: Option<&Bucket>,
) -> Result<Vec<MetricStats>, Failure> {
    if let Some(bucket) = bucket {
        bucket.check(snapshot).await?;
    }
    let rows: Vec<Row> = statement(range, bucket)
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    if rows.len() > MOST {
        return Err(Failure::input(format!(
            "there are more than {MOST} buckets; ask for larger ones, or for less time"
        )));
    }
    let is_last = aggregation == Aggregation::Last;
    let mut last = None;
    if is_last && rows.first().is_some_and(|row| row.last.is_none()) {
        last = before(snapshot, range).await?;
    }
    let mut stats = Vec::with_capacity(rows.len());
    for row in rows {
        last = row.last.or(last);
        let sum = Decimal(row.sum.unwrap_or_else(|| "0".to_owned()));
        let average = row.average.map(Decimal);
        stats.push(MetricStats {
            start: row.start,
            end: row.end,
            value: match aggregation {
                Aggregation::Sum => Some(sum.clone()),
                Aggregation::Last => last.map(decimal).transpose()?,
                Aggregation::Average => average.clone(),
            },
            observations: row.observations.into(),
            sum,
            average,
            minimum: row.minimum.map(Decimal),
            maximum: row.maximum.map(Decimal),
            last: row.last.map(decimal).transpose()?,
        });
    }
    Ok(stats)
}

/// The last value before the range, for buckets that begin without one.
async fn before(snapshot: &Snapshot, range: &Range) -> Result<Option<i64>, Failure> {
    let Some(from) = range.from else {
        return Ok(None);
    };
    Ok(sqlx::query_scalar!(
        "select value from metric_observation where metric_id = $1 and observed_at < $2
         order by observed_at desc, number desc limit 1",
        range.metric,
        from
    )
    .fetch_optional(&mut *snapshot.statement().await)
    .await?)
}

fn statement(range: &Range, bucket: Option<&Bucket>) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "with o as materialized (select number, observed_at, value from metric_observation where metric_id = ",
    );
    query.push_bind(range.metric);
    if let Some(from) = range.from {
        query.push(" and observed_at >= ").push_bind(from);
    }
    if let Some(until) = range.until {
        query.push(" and observed_at < ").push_bind(until);
    }
    query.push(")");
    let Some(bucket) = bucket else {
        query.push(format_args!(
            " select null::timestamptz as start, null::timestamptz as \"end\", {SUMS} from o"
        ));
        return query;
    };
    let (unit, interval) = (bucket.size.unit(), bucket.size.interval());
    // The start of the bucket that a moment is in.
    let start = |query: &mut QueryBuilder<Postgres>, moment: &str| {
        query.push(format_args!("date_trunc('{unit}', {moment}, "));
        query.push_bind(bucket.time_zone.clone()).push(")");
    };
    query.push(", b as (select ");
    if bucket.fill {
        query.push("generate_series(");
        query.push(format_args!("date_trunc('{unit}', coalesce("));
        query.push_bind(range.from);
        query.push("::timestamptz, min(o.observed_at)), ");
        query.push_bind(bucket.time_zone.clone()).push("), ");
        query.push("coalesce(");
        query.push_bind(range.until);
        query.push(format_args!(
            "::timestamptz - interval '1 microsecond', max(o.observed_at)), interval '{interval}', "
        ));
        query.push_bind(bucket.time_zone.clone());
        query.push(") as start from o");
    } else {
        start(&mut query, "o.observed_at");
        query.push(" as start from o group by 1 order by 1");
    }
    query
        .push(" limit ")
        .push_bind(i64::try_from(MOST).unwrap_or(i64::MAX) + 1);
    query.push(format_args!(
        ") select b.start, date_add(b.start, interval '{interval}', "
    ));
    query.push_bind(bucket.time_zone.clone());
    query.push(format_args!(") as \"end\", {SUMS} from b left join o on "));
    start(&mut query, "o.observed_at");
    query.push(" = b.start group by b.start order by b.start");
    query
}
