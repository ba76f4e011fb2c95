//! What the observations of a metric come to, over all of a time or in buckets of it. Every number is computed in SQL and
//! exact, but for averages, which are rounded to six places. Never reads an observation into memory.

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::Aggregation;
use crate::{
    failure::Failure,
    filter::{
        Clause,
        input::{RangeFilter, group},
    },
    page::Direction,
    scalar::{BigInt, Decimal},
    session::Snapshot,
    stats::{Ask, Input, Measure, Rows, Span, whole},
};

/// By what buckets can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(name = "MetricStatsSortField")]
pub(crate) enum MetricMeasure {
    /// The bucket's start.
    Key,
    /// What the observations come to by the metric's own aggregation.
    Value,
    /// How many they are.
    Observations,
    /// All of them added.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// The last one.
    Last,
}

/// Stored values are whole millionths. Multiplied, not divided: a product of numerics keeps every digit.
const SUM: &str = "trim_scale(coalesce(sum(o.value), 0) * 0.000001)";
const AVERAGE: &str = "trim_scale(round(sum(o.value) * 0.000001 / nullif(count(o.value), 0), 6))";
const LAST: &str = "trim_scale((array_agg(o.value order by o.observed_at desc, o.number desc) \
     filter (where o.value is not null))[1] * 0.000001)";
/// The metric's own aggregation, `$4`. A bucket without a last value has that of the time before: before the bucket, or before
/// the time that is asked about, `$3`.
const VALUE: &str = "case $4 when 'sum' then trim_scale(coalesce(sum(o.value), 0) * 0.000001) \
     when 'average' then trim_scale(round(sum(o.value) * 0.000001 / nullif(count(o.value), 0), 6)) \
     else trim_scale(coalesce((array_agg(o.value order by o.observed_at desc, o.number desc) \
       filter (where o.value is not null))[1], (select m.value from metric_observation m where m.metric_id = $2 \
       and m.observed_at < greatest(min(o.begins), $3) order by m.observed_at desc, m.number desc limit 1)) * 0.000001) end";

impl Measure for MetricMeasure {
    const ALL: &'static [Self] = &[
        Self::Value,
        Self::Observations,
        Self::Sum,
        Self::Average,
        Self::Minimum,
        Self::Maximum,
        Self::Last,
    ];

    fn definition(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Key => ("key", None),
            Self::Value => ("value", Some(VALUE)),
            Self::Observations => ("observations", Some("count(o.value)")),
            Self::Sum => ("sum", Some(SUM)),
            Self::Average => ("average", Some(AVERAGE)),
            Self::Minimum => ("minimum", Some("trim_scale(min(o.value) * 0.000001)")),
            Self::Maximum => ("maximum", Some("trim_scale(max(o.value) * 0.000001)")),
            Self::Last => ("last", Some(LAST)),
        }
    }
}

/// What measures are made of.
const INPUTS: &[Input] = &[
    ("number", "m.number", "null"),
    ("observed_at", "m.observed_at", "null"),
    ("value", "m.value", "null"),
    ("begins", "null::timestamptz", "x.start at time zone $1"),
];

/// How buckets are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct MetricStatsSort {
    /// By what.
    field: MetricMeasure,
    /// Up or down; buckets without a value come last.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl From<MetricStatsSort> for (MetricMeasure, Direction) {
    fn from(sort: MetricStatsSort) -> Self {
        (sort.field, sort.direction)
    }
}

/// What must hold of a bucket. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct MetricStatsHaving {
    /// What the observations come to by the metric's own aggregation.
    value: Option<RangeFilter<Decimal>>,
    /// How many they are.
    observations: Option<RangeFilter<BigInt>>,
    /// All of them added.
    sum: Option<RangeFilter<Decimal>>,
    /// Their mean.
    average: Option<RangeFilter<Decimal>>,
    /// The smallest.
    minimum: Option<RangeFilter<Decimal>>,
    /// The largest.
    maximum: Option<RangeFilter<Decimal>>,
    /// The last one.
    last: Option<RangeFilter<Decimal>>,
    /// All of these.
    and: Option<Vec<MetricStatsHaving>>,
    /// At least one of these.
    or: Option<Vec<MetricStatsHaving>>,
    /// Not this.
    not: Option<Box<MetricStatsHaving>>,
}

impl MetricStatsHaving {
    /// The conditions.
    pub(crate) fn clause(self) -> Result<Clause<MetricMeasure>, Failure> {
        use MetricMeasure as M;
        let own = [
            self.value.map(|test| test.clause(M::Value)),
            self.observations.map(|test| test.clause(M::Observations)),
            self.sum.map(|test| test.clause(M::Sum)),
            self.average.map(|test| test.clause(M::Average)),
            self.minimum.map(|test| test.clause(M::Minimum)),
            self.maximum.map(|test| test.clause(M::Maximum)),
            self.last.map(|test| test.clause(M::Last)),
        ];
        let own = own.into_iter().flatten().collect::<Result<_, _>>()?;
        group(
            own,
            self.and,
            self.or,
            self.not.map(|not| *not),
            Self::clause,
        )
    }
}

/// What some observations of a metric come to.
#[derive(SimpleObject, Debug)]
pub(crate) struct MetricStats {
    /// When the bucket begins; `null` without buckets.
    start: Option<DateTime<Utc>>,
    /// When the bucket has ended and the next one begins; `null` without buckets.
    end: Option<DateTime<Utc>>,
    /// What the observations come to by the metric's own aggregation. Without observations: 0 for a sum, `null` for an average, and for a
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

/// One bucket as it is read. Numbers come as text, and only those that are selected.
#[derive(FromRow, Debug)]
struct Row {
    #[sqlx(default)]
    start: Option<DateTime<Utc>>,
    #[sqlx(default)]
    end: Option<DateTime<Utc>>,
    #[sqlx(default)]
    value: Option<String>,
    #[sqlx(default)]
    observations: Option<String>,
    #[sqlx(default)]
    sum: Option<String>,
    #[sqlx(default)]
    average: Option<String>,
    #[sqlx(default)]
    minimum: Option<String>,
    #[sqlx(default)]
    maximum: Option<String>,
    #[sqlx(default)]
    last: Option<String>,
}

/// The buckets, or all observations of the time together.
pub(super) async fn read(
    snapshot: &Snapshot,
    metric: Uuid,
    aggregation: Aggregation,
    span: Span,
    ask: &Ask<MetricMeasure>,
) -> Result<Vec<MetricStats>, Failure> {
    let statement = ask.statement(&Rows {
        parameters: &|query| {
            query.push(", ").push_bind(metric).push("::uuid, ");
            query.push_bind(span.from).push("::timestamptz, ");
            query.push_bind(aggregation.as_str()).push("::text");
        },
        time: "m.observed_at at time zone $1",
        keys: &[],
        inputs: INPUTS,
        from: "metric_observation m",
        condition: &|query| {
            query.push("m.metric_id = $2");
            if span.from.is_some() {
                query.push(" and m.observed_at >= $3");
            }
            if let Some(until) = span.until {
                query.push(" and m.observed_at < ").push_bind(until);
            }
        },
        past: snapshot.past(),
        one: None,
        span,
        is_never_empty: true,
    });
    let rows: Vec<Row> = ask.read(snapshot, statement).await?;
    let stats = rows.into_iter().map(|row| {
        Ok(MetricStats {
            start: row.start,
            end: row.end,
            value: row.value.map(Decimal),
            observations: whole("observations", row.observations.as_deref())?,
            sum: Decimal(row.sum.unwrap_or_else(|| "0".to_owned())),
            average: row.average.map(Decimal),
            minimum: row.minimum.map(Decimal),
            maximum: row.maximum.map(Decimal),
            last: row.last.map(Decimal),
        })
    });
    stats.collect()
}
