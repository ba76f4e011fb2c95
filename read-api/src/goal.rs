//! Goals for reading: the root fields and the object. Never decides what may happen to a goal.

mod batch;
mod filter;
mod list;
mod progress;
mod row;
mod stats;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::{
    batch::Batch,
    filter::GoalFilter,
    list::{GoalSort, GoalTotal},
    progress::{GoalProgress, GoalProgressTotal},
    row::GoalRow,
    stats::{GoalGroup, GoalStats, GoalStatsHaving, GoalStatsSort},
};
use crate::{
    as_of::AsOf,
    bucket::Bucket,
    failure::Failure,
    metric::Metric,
    page::{self, Paging},
    scalar::{BigInt, Decimal, Kind, global_id, uuid_of},
    serial::Serial,
    session::{Root, Snapshot},
    stats::{Ask, cost},
};

/// The permission's context.
const CONTEXT: &str = "goal";

/// The query root's fields about goals.
#[derive(Clone, Default)]
pub(crate) struct GoalQuery(pub(crate) Root);

#[Object]
impl GoalQuery {
    /// One goal. `null`: there is none. Needs `goal:read`.
    async fn goal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id, or the UUID.")] id: ID,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Option<Goal>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        Ok(by_ids(&snapshot, &[uuid_of(Kind::Goal, &id)?]).await?.pop())
    }

    /// Goals, a page at a time. Needs `goal:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn goals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<GoalFilter>,
        #[graphql(desc = "The newest first, if not given.")] order_by: Option<GoalSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Connection<String, Serial<Goal>, GoalTotal>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(list::page(snapshot, filter, order_by.unwrap_or_default(), &paging).await?)
    }

    /// Counts of goals in groups; without `groupBy` and `bucket` all of them together. Needs `goal:read`.
    #[graphql(complexity = "cost(first) * child_complexity / 10 + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn goals_stats(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<GoalFilter>,
        #[graphql(desc = "What makes a group.")] group_by: Option<Vec<GoalGroup>>,
        #[graphql(
            desc = "In buckets of the due date; goals without one are in a bucket without a start. Gaps are filled for every \
                    combination of the other keys, over the time that the filter's `dueAt` allows, or else from the first due \
                    date to the last."
        )]
        bucket: Option<Bucket>,
        #[graphql(desc = "Only groups of which this holds.")] having: Option<GoalStatsHaving>,
        #[graphql(desc = "By these, the first first; equal ones by their keys.")] order_by: Option<
            Vec<GoalStatsSort>,
        >,
        #[graphql(
            desc = "Only so many groups, 1 to 10000. If not given: all of them, and an error if there are more than 1000."
        )]
        first: Option<i32>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Vec<Serial<GoalStats>>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let having = having.map(GoalStatsHaving::clause).transpose()?;
        let order = order_by.into_iter().flatten().map(Into::into).collect();
        let ask = Ask::new(ctx, bucket, having, order, first)?;
        let rows = stats::read(&snapshot, filter, &group_by.unwrap_or_default(), &ask).await?;
        Ok(rows.into_iter().map(Serial).collect())
    }
}

/// The goals with these ids, in any order; unknown ids are left out. One statement whatever their number.
pub(crate) async fn by_ids(snapshot: &Arc<Snapshot>, ids: &[Uuid]) -> Result<Vec<Goal>, Failure> {
    snapshot.allow(CONTEXT)?;
    let rows = row::by_ids(snapshot, ids).await?;
    Ok(batch::goals(Arc::clone(snapshot), rows))
}

/// Where a goal stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "event_schemas::goal::GoalStatus")]
pub(crate) enum GoalStatus {
    /// It is being agreed on.
    Draft,
    /// It is meant, and its progress counts.
    Active,
    /// Its target was reached.
    Achieved,
    /// Its span ended before.
    Missed,
    /// Nobody wants it any more.
    Abandoned,
}

impl GoalStatus {
    /// The status as it is stored.
    fn as_str(self) -> &'static str {
        event_schemas::goal::GoalStatus::from(self).as_str()
    }

    /// The status that is stored with this goal.
    fn stored(name: &str, goal: &Uuid) -> Result<Self, Failure> {
        event_schemas::goal::GoalStatus::parse(name)
            .map(Self::from)
            .ok_or_else(|| Failure::corrupt("goal", "status", goal, name))
    }
}

/// How the observations within a goal's span become its actual value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(
    name = "GoalMetricAggregation",
    remote = "event_schemas::goal::GoalAggregation"
)]
pub(crate) enum Aggregation {
    /// They are added.
    Sum,
    /// The last one counts.
    Last,
    /// Their mean counts.
    Average,
    /// The smallest counts.
    Minimum,
    /// The largest counts.
    Maximum,
}

/// How far a goal has come, held against its time.
#[derive(SimpleObject, Debug)]
pub(crate) struct GoalPace {
    /// At which moment.
    at: DateTime<Utc>,
    /// The share of the span that is over, 0 to 1, cut after four places.
    expected_share: Decimal,
    /// By how much the share that is reached is above that; below it: negative. `null`: no progress was recorded.
    ahead: Option<Decimal>,
}

/// A goal, as the read models know it.
#[derive(Clone)]
pub(crate) struct Goal {
    row: GoalRow,
    /// The goals that were read together: what belongs to them is read together too.
    batch: Arc<Batch>,
}

impl Goal {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.row.goal_id
    }
}

/// A goal: what is to be reached by when, and how far it has come.
#[Object]
#[expect(
    clippy::unused_async,
    reason = "the engine wants resolvers to be async"
)]
impl Goal {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::Goal, self.row.goal_id)
    }

    /// The UUID that commands take.
    async fn goal_id(&self) -> Uuid {
        self.row.goal_id
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// In words.
    async fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }

    /// The id of who sees to it.
    async fn owner_id(&self) -> Option<&str> {
        self.row.owner_id.as_deref()
    }

    /// Where it stands.
    async fn status(&self) -> Result<GoalStatus> {
        Ok(GoalStatus::stored(&self.row.status, &self.row.goal_id)?)
    }

    /// In what it is measured.
    async fn unit(&self) -> Option<&str> {
        self.row.unit.as_deref()
    }

    /// Where it begins: a target below it is a goal to decrease something.
    async fn baseline(&self) -> Result<Option<Decimal>> {
        Ok(self.row.baseline.map(decimal).transpose()?)
    }

    /// What is to be reached.
    async fn target(&self) -> Result<Option<Decimal>> {
        Ok(self.row.target.map(decimal).transpose()?)
    }

    /// When its span begins.
    async fn starts_at(&self) -> Option<DateTime<Utc>> {
        self.row.starts_at
    }

    /// When its span has ended.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.row.due_at
    }

    /// The UUID of the metric that its progress follows from.
    async fn metric_id(&self) -> Option<Uuid> {
        self.row.metric_id
    }

    /// The metric that its progress follows from. `null`: none is linked, or none of that id is defined. Needs
    /// `metric:read`.
    #[graphql(complexity = "child_complexity + 1")]
    async fn metric(&self) -> Result<Option<Metric>> {
        match self.row.metric_id {
            Some(id) => Ok(self.batch.metric(id).await?),
            None => Ok(None),
        }
    }

    /// How the metric's observations within the span become the actual value.
    async fn aggregation(&self) -> Result<Option<Aggregation>> {
        let name = self.row.aggregation.as_deref();
        Ok(name
            .map(|name| {
                event_schemas::goal::GoalAggregation::parse(name)
                    .map(Aggregation::from)
                    .ok_or_else(|| Failure::corrupt("goal", "aggregation", &self.row.goal_id, name))
            })
            .transpose()?)
    }

    /// What was recorded last.
    async fn actual(&self) -> Result<Option<Decimal>> {
        Ok(self.row.actual.map(decimal).transpose()?)
    }

    /// The share of the way from the baseline to the target that it has come: negative on the wrong side, above 1 beyond
    /// the target. Cut after four places: 1 is the target.
    async fn share(&self) -> Option<Decimal> {
        self.row.share.clone().map(Decimal)
    }

    /// Whether what was recorded last is as far as the target.
    async fn reached(&self) -> bool {
        self.row.reached
    }

    /// Whether it is active although its due date has come.
    async fn overdue(&self) -> bool {
        self.row.overdue
    }

    /// How it stands against its time: now, or, of a closed goal, when it was closed. `null`: it was never activated.
    async fn pace(&self) -> Option<GoalPace> {
        self.row.activated_at?;
        Some(GoalPace {
            at: self.row.seen_at,
            expected_share: Decimal(self.row.expected.clone()?),
            ahead: self.row.ahead.clone().map(Decimal),
        })
    }

    /// How it stood against its time when progress was recorded last.
    async fn pace_at_progress(&self) -> Option<GoalPace> {
        Some(GoalPace {
            at: self.row.progressed_at?,
            expected_share: Decimal(self.row.expected_then.clone()?),
            ahead: self.row.ahead_then.clone().map(Decimal),
        })
    }

    /// The values that it has come to, the first one first; `last` gives the newest.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    async fn progress(
        &self,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Serial<GoalProgress>, GoalProgressTotal>> {
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        let (goal, count) = (self.row.goal_id, self.row.progress_count);
        Ok(self.batch.progress(goal, count, paging).await?)
    }

    /// How often something else was agreed on.
    async fn adjustment_count(&self) -> i32 {
        self.row.adjustment_count
    }

    /// When it was drafted.
    async fn drafted_at(&self) -> DateTime<Utc> {
        self.row.drafted_at
    }

    /// When it was activated.
    async fn activated_at(&self) -> Option<DateTime<Utc>> {
        self.row.activated_at
    }

    /// When progress was recorded last.
    async fn progressed_at(&self) -> Option<DateTime<Utc>> {
        self.row.progressed_at
    }

    /// When it was achieved, missed or abandoned.
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.row.closed_at
    }

    /// What was noted when it was closed.
    async fn note(&self) -> Option<&str> {
        self.row.note.as_deref()
    }

    /// The codes of the rules that an import skipped.
    async fn waived(&self) -> &[String] {
        &self.row.waived
    }

    /// When its newest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// How many events it has had: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// The organization's position of its newest event.
    async fn position(&self) -> BigInt {
        self.row.position.into()
    }
}

/// A stored number of millionths as clients see it.
fn decimal(micros: i64) -> Result<Decimal, Failure> {
    event_schemas::decimal::Decimal::from_micros(micros)
        .map(|number| Decimal(number.to_string()))
        .ok_or_else(|| Failure::corrupt("goal", "value", &micros, "out of range"))
}
