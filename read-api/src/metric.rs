//! Metrics for reading: the root fields and the object. Never decides what may happen to a metric.

mod list;
mod observation;
mod stats;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use self::{
    list::{MetricFilter, MetricSort, MetricTotal},
    observation::{MetricObservation, ObservationFilter, ObservationSort, ObservationTotal},
    stats::{MetricStats, MetricStatsHaving, MetricStatsSort},
};
use crate::{
    bucket::Bucket,
    failure::Failure,
    page::{self, Paging},
    scalar::{BigInt, Decimal, Kind, global_id, uuid_of},
    serial::Serial,
    session::{Root, Snapshot},
    stats::{Ask, Span, cost},
};

/// The permission's context.
const CONTEXT: &str = "metric";

/// What every reading of metrics begins with: all of [`Metric`]'s columns.
const SELECT: &str = "select m.metric_id, m.name, m.unit, m.aggregation, m.description, m.feed, m.monthly_growth, m.monthly_zone, \
     m.observation_count, m.correction_count, m.latest_number, m.latest_at, m.latest_value, m.defined_at, m.waived, m.version, m.position, \
     m.updated_at from metric m where ";

/// The query root's fields about metrics.
#[derive(Clone, Default)]
pub(crate) struct MetricQuery(pub(crate) Root);

#[Object]
impl MetricQuery {
    /// One metric. `null`: there is none. Needs `metric:read`.
    async fn metric(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id, or the UUID.")] id: ID,
    ) -> Result<Option<Metric>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        Ok(by_ids(&snapshot, &[uuid_of(Kind::Metric, &id)?])
            .await?
            .pop())
    }

    /// Metrics, a page at a time. Needs `metric:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn metrics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<MetricFilter>,
        #[graphql(desc = "The newest first, if not given.")] order_by: Option<MetricSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Serial<Metric>, MetricTotal>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(list::page(snapshot, filter, order_by.unwrap_or_default(), &paging).await?)
    }

    /// The observations of a metric as they were corrected, a page at a time; none of a metric that does not exist. Needs
    /// `metric:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn metric_observations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The metric's global id, or its UUID.")] id: ID,
        #[graphql(desc = "Only these.")] filter: Option<ObservationFilter>,
        #[graphql(desc = "The latest first, if not given.")] order_by: Option<ObservationSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Serial<MetricObservation>, ObservationTotal>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        let metric = uuid_of(Kind::Metric, &id)?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        let order = order_by.unwrap_or_default();
        Ok(observation::page(snapshot, metric, filter, order, &paging).await?)
    }

    /// What the observations of a metric come to, over all of the time or in buckets of it. `null`: there is no such metric.
    /// Needs `metric:read`.
    #[graphql(complexity = "cost(first) * child_complexity / 10 + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn metric_stats(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The metric's global id, or its UUID.")] id: ID,
        #[graphql(desc = "Only what was observed at this time or later.")] from: Option<
            DateTime<Utc>,
        >,
        #[graphql(desc = "Only what was observed before this time.")] until: Option<DateTime<Utc>>,
        #[graphql(
            desc = "In buckets of the time of observation. Gaps are filled from `from` to `until`, or else from the first \
                    observation to the last."
        )]
        bucket: Option<Bucket>,
        #[graphql(desc = "Only buckets of which this holds.")] having: Option<MetricStatsHaving>,
        #[graphql(desc = "By these, the first first; equal ones by their time.")] order_by: Option<
            Vec<MetricStatsSort>,
        >,
        #[graphql(
            desc = "Only so many buckets, 1 to 10000. If not given: all of them, and an error if there are more than 1000."
        )]
        first: Option<i32>,
    ) -> Result<Option<Vec<Serial<MetricStats>>>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        let having = having.map(MetricStatsHaving::clause).transpose()?;
        let order = order_by.into_iter().flatten().map(Into::into).collect();
        let ask = Ask::new(ctx, bucket, having, order, first)?;
        let metric = by_ids(&snapshot, &[uuid_of(Kind::Metric, &id)?])
            .await?
            .pop();
        let Some(metric) = metric else {
            return Ok(None);
        };
        let aggregation = metric.aggregated()?;
        let span = Span { from, until };
        let rows = stats::read(&snapshot, metric.metric_id, aggregation, span, &ask).await?;
        Ok(Some(rows.into_iter().map(Serial).collect()))
    }
}

/// The metrics with these ids, in any order; unknown ids are left out. One statement whatever their number.
pub(crate) async fn by_ids(snapshot: &Arc<Snapshot>, ids: &[Uuid]) -> Result<Vec<Metric>, Failure> {
    snapshot.allow(CONTEXT)?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query
        .push("m.metric_id = any(")
        .push_bind(ids.to_vec())
        .push(")");
    Ok(query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}

/// How several observations become one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(
    name = "MetricAggregation",
    remote = "event_schemas::metric::Aggregation"
)]
pub(crate) enum Aggregation {
    /// They are added.
    Sum,
    /// The last one counts.
    Last,
    /// Their mean counts.
    Average,
}

impl Aggregation {
    /// The aggregation as it is stored.
    fn as_str(self) -> &'static str {
        event_schemas::metric::Aggregation::from(self).as_str()
    }
}

/// What measures by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(name = "MetricFeed", remote = "event_schemas::metric::Feed")]
pub(crate) enum Feed {
    /// Every order that is placed is an observation of what its goods are worth.
    OrderRevenue,
}

/// Each month has a goal: what the last month with observations came to, and so much more.
#[derive(SimpleObject, Debug)]
pub(crate) struct MonthlyGoal {
    /// How much more, in per cent.
    growth_percent: Decimal,
    /// Where the months begin and end: the name of an IANA time zone.
    time_zone: String,
}

/// A metric, as the read models know it.
#[derive(Clone, FromRow, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the columns' names")]
pub(crate) struct Metric {
    metric_id: Uuid,
    name: String,
    unit: String,
    aggregation: String,
    description: Option<String>,
    feed: Option<String>,
    monthly_growth: Option<i64>,
    monthly_zone: Option<String>,
    observation_count: i32,
    correction_count: i32,
    latest_number: Option<i32>,
    latest_at: Option<DateTime<Utc>>,
    latest_value: Option<i64>,
    defined_at: DateTime<Utc>,
    waived: Vec<String>,
    version: i32,
    position: i64,
    updated_at: DateTime<Utc>,
}

impl Metric {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.metric_id
    }

    fn aggregated(&self) -> Result<Aggregation, Failure> {
        event_schemas::metric::Aggregation::parse(&self.aggregation)
            .map(Aggregation::from)
            .ok_or_else(|| {
                Failure::corrupt("metric", "aggregation", &self.metric_id, &self.aggregation)
            })
    }
}

/// A metric: something that is measured again and again.
#[Object]
impl Metric {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::Metric, self.metric_id)
    }

    /// The UUID that commands take.
    async fn metric_id(&self) -> Uuid {
        self.metric_id
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.name
    }

    /// In what it is measured.
    async fn unit(&self) -> &str {
        &self.unit
    }

    /// How several observations become one number.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn aggregation(&self) -> Result<Aggregation> {
        Ok(self.aggregated()?)
    }

    /// In words.
    async fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What measures it, if nobody else does.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn feed(&self) -> Result<Option<Feed>> {
        let feed = self.feed.as_deref().map(|feed| {
            event_schemas::metric::Feed::parse(feed)
                .map(Feed::from)
                .ok_or_else(|| Failure::corrupt("metric", "feed", &self.metric_id, feed))
        });
        Ok(feed.transpose()?)
    }

    /// Which goal each month has, if it has one.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn monthly_goal(&self) -> Result<Option<MonthlyGoal>> {
        let goal = self.monthly_growth.zip(self.monthly_zone.clone());
        let goal = goal.map(|(growth, time_zone)| {
            decimal(growth).map(|growth_percent| MonthlyGoal {
                growth_percent,
                time_zone,
            })
        });
        Ok(goal.transpose()?)
    }

    /// How many observations there are.
    async fn observation_count(&self) -> i32 {
        self.observation_count
    }

    /// How often one was corrected.
    async fn correction_count(&self) -> i32 {
        self.correction_count
    }

    /// The number of the latest observation, by its own time.
    async fn latest_number(&self) -> Option<i32> {
        self.latest_number
    }

    /// When the latest observation was made.
    async fn latest_at(&self) -> Option<DateTime<Utc>> {
        self.latest_at
    }

    /// What was observed latest, as corrected.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn latest_value(&self) -> Result<Option<Decimal>> {
        Ok(self.latest_value.map(decimal).transpose()?)
    }

    /// When it was defined.
    async fn defined_at(&self) -> DateTime<Utc> {
        self.defined_at
    }

    /// The codes of the rules that an import skipped.
    async fn waived(&self) -> &[String] {
        &self.waived
    }

    /// When its newest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    /// How many events it has had: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        self.version
    }

    /// The organization's position of its newest event.
    async fn position(&self) -> BigInt {
        self.position.into()
    }
}

/// A stored number of millionths as clients see it.
fn decimal(micros: i64) -> Result<Decimal, Failure> {
    event_schemas::decimal::Decimal::from_micros(micros)
        .map(|number| Decimal(number.to_string()))
        .ok_or_else(|| Failure::corrupt("metric", "value", &micros, "out of range"))
}
