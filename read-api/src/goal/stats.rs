//! Counts of goals in groups, how many of them were achieved, and how far the active ones are. Never reads a goal into
//! memory.

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::NaiveDate;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    GoalStatus,
    filter::{GoalField, GoalFilter},
};
use crate::{
    failure::Failure,
    filter::{self, Clause},
    page::Direction,
    scalar::{BigInt, Decimal},
    session::Snapshot,
};

/// The most groups that are given unasked.
const UNASKED: i32 = 1_000;
/// The most groups that can be asked for.
const MOST: i32 = 10_000;

/// What makes a group. Times are of the due date, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum GoalGroup {
    /// The year in which they are due.
    DueYear,
    /// The month in which they are due.
    DueMonth,
    /// Where the goals stand.
    Status,
    /// In what they are measured.
    Unit,
    /// Who sees to them.
    Owner,
    /// From which metric their progress follows.
    Metric,
}

impl GoalGroup {
    /// In the order of the columns.
    const ALL: [Self; 6] = [
        Self::DueYear,
        Self::DueMonth,
        Self::Status,
        Self::Unit,
        Self::Owner,
        Self::Metric,
    ];

    /// The group's key: its SQL, its type and its name.
    fn key(self) -> [&'static str; 3] {
        match self {
            Self::DueYear => [
                "extract(year from g.due_at at time zone 'UTC')::int",
                "int",
                "due_year",
            ],
            Self::DueMonth => [
                "date_trunc('month', g.due_at at time zone 'UTC')::date",
                "date",
                "due_month",
            ],
            Self::Status => ["g.status", "text", "status"],
            Self::Unit => ["g.unit", "text", "unit"],
            Self::Owner => ["g.owner_id", "text", "owner"],
            Self::Metric => ["g.metric_id", "uuid", "metric"],
        }
    }
}

/// By what groups can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum GoalStatsSortField {
    /// The groups' keys.
    Key,
    /// The number of goals.
    Goals,
    /// The number of achieved goals.
    Achieved,
    /// The share of ended goals that were achieved; groups without an ended goal come last.
    AchievementRate,
    /// The mean share that active goals have reached; groups without progress come last.
    AverageShare,
}

/// How groups are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct GoalStatsSort {
    /// By what; equal ones by their keys.
    field: GoalStatsSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

/// The counts of one group. A key is `null` if it was not asked for, and for goals that have no such thing.
#[derive(SimpleObject, Debug)]
pub(crate) struct GoalStats {
    /// The year in which they are due (UTC).
    due_year: Option<i32>,
    /// The month in which they are due (UTC), such as `2026-03`.
    due_month: Option<String>,
    /// Where the goals stand.
    status: Option<GoalStatus>,
    /// In what they are measured.
    unit: Option<String>,
    /// Who sees to them.
    owner_id: Option<String>,
    /// From which metric their progress follows.
    metric_id: Option<Uuid>,
    /// How many goals there are.
    goals: BigInt,
    /// How many of them are drafts.
    drafts: BigInt,
    /// How many of them are active.
    active: BigInt,
    /// How many of the active ones are due already.
    overdue: BigInt,
    /// How many of the active ones have come less far than their time, by now.
    behind: BigInt,
    /// How many of them were achieved.
    achieved: BigInt,
    /// How many of them were missed.
    missed: BigInt,
    /// How many of them were abandoned.
    abandoned: BigInt,
    /// Achieved goals per goal that was achieved or missed, 0 to 1, rounded to four places.
    achievement_rate: Option<Decimal>,
    /// The mean share of the way to the target that the active goals with progress have come, rounded to four places.
    average_share: Option<Decimal>,
}

/// One group as it is read. Decimals come as text.
#[derive(FromRow, Debug)]
struct Row {
    due_year: Option<i32>,
    due_month: Option<NaiveDate>,
    status: Option<String>,
    unit: Option<String>,
    owner: Option<String>,
    metric: Option<Uuid>,
    goals: i64,
    drafts: i64,
    active: i64,
    overdue: i64,
    behind: i64,
    achieved: i64,
    missed: i64,
    abandoned: i64,
    rate: Option<String>,
    share: Option<String>,
}

const ACHIEVED: &str = "count(*) filter (where g.status = 'achieved')";
const RATE: &str = "round(count(*) filter (where g.status = 'achieved')::numeric \
     / nullif(count(*) filter (where g.status in ('achieved', 'missed')), 0), 4)";
const SHARE: &str = "round(avg(s.share) filter (where g.status = 'active'), 4)";
/// What a moment means for an active goal.
const FROM: &str = "from goal g cross join lateral (select \
     (g.actual - g.baseline)::numeric / nullif(g.target - g.baseline, 0) as share, \
     least(1, greatest(0, extract(epoch from now() - g.starts_at) / nullif(extract(epoch from g.due_at - g.starts_at), 0))) \
       as expected) s where ";

/// How many groups the argument may bring, for the cost.
pub(super) fn cost(first: Option<i32>) -> usize {
    usize::try_from(first.unwrap_or(UNASKED).clamp(1, MOST)).unwrap_or(1)
}

/// The counts.
pub(super) async fn read(
    snapshot: &Snapshot,
    filter: Option<GoalFilter>,
    groups: &[GoalGroup],
    order: Option<GoalStatsSort>,
    first: Option<i32>,
) -> Result<Vec<GoalStats>, Failure> {
    if first.is_some_and(|first| !(1..=MOST).contains(&first)) {
        return Err(Failure::input(format!("first must be from 1 to {MOST}")));
    }
    let clause = filter.unwrap_or_default().checked()?;
    let mut query = statement(&clause, groups, order, first.unwrap_or(UNASKED + 1));
    let rows: Vec<Row> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    if first.is_none() && rows.len() > cost(None) {
        return Err(Failure::input(format!(
            "there are more than {UNASKED} groups; ask for the first so many (at most {MOST}), or filter more"
        )));
    }
    rows.into_iter().map(GoalStats::try_from).collect()
}

fn statement(
    clause: &Clause<GoalField>,
    groups: &[GoalGroup],
    order: Option<GoalStatsSort>,
    limit: i32,
) -> QueryBuilder<Postgres> {
    let mut keys = Vec::new();
    let mut query = QueryBuilder::new("select ");
    for (number, group) in (1..).zip(GoalGroup::ALL) {
        let [sql, ty, name] = group.key();
        if groups.contains(&group) {
            keys.push(number.to_string());
            query.push(format_args!("{sql} as {name}, "));
        } else {
            query.push(format_args!("null::{ty} as {name}, "));
        }
    }
    query.push(format_args!(
        "count(*) as goals, count(*) filter (where g.status = 'draft') as drafts, \
         count(*) filter (where g.status = 'active') as active, \
         count(*) filter (where g.status = 'active' and g.due_at <= now()) as overdue, \
         count(*) filter (where g.status = 'active' and coalesce(s.share, 0) < s.expected) as behind, \
         {ACHIEVED} as achieved, count(*) filter (where g.status = 'missed') as missed, \
         count(*) filter (where g.status = 'abandoned') as abandoned, \
         trim_scale({RATE})::text as rate, trim_scale({SHARE})::text as share {FROM}"
    ));
    filter::push(&mut query, clause, &GoalField::column);
    // No goal at all is no group, as everywhere.
    let by = if keys.is_empty() {
        "()".to_owned()
    } else {
        keys.join(", ")
    };
    query.push(format_args!(" group by {by} having count(*) > 0"));
    let (field, direction) = order.map_or((GoalStatsSortField::Key, Direction::Asc), |order| {
        (order.field, order.direction)
    });
    let direction = if direction == Direction::Desc {
        "desc"
    } else {
        "asc"
    };
    let first = match field {
        GoalStatsSortField::Key => None,
        GoalStatsSortField::Goals => Some("count(*)"),
        GoalStatsSortField::Achieved => Some(ACHIEVED),
        GoalStatsSortField::AchievementRate => Some(RATE),
        GoalStatsSortField::AverageShare => Some(SHARE),
    };
    let own = if field == GoalStatsSortField::Key {
        direction
    } else {
        "asc"
    };
    let terms = first
        .map(|sql| format!("{sql} {direction} nulls last"))
        .into_iter()
        .chain(keys.iter().map(|key| format!("{key} {own}")))
        .collect::<Vec<_>>();
    if !terms.is_empty() {
        query.push(format_args!(" order by {}", terms.join(", ")));
    }
    query.push(" limit ").push_bind(i64::from(limit));
    query
}

impl TryFrom<Row> for GoalStats {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let status = row
            .status
            .as_deref()
            .map(|status| GoalStatus::stored(status, &Uuid::nil()))
            .transpose()?;
        Ok(Self {
            due_year: row.due_year,
            due_month: row.due_month.map(|month| month.format("%Y-%m").to_string()),
            status,
            unit: row.unit,
            owner_id: row.owner,
            metric_id: row.metric,
            goals: row.goals.into(),
            drafts: row.drafts.into(),
            active: row.active.into(),
            overdue: row.overdue.into(),
            behind: row.behind.into(),
            achieved: row.achieved.into(),
            missed: row.missed.into(),
            abandoned: row.abandoned.into(),
            achievement_rate: row.rate.map(Decimal),
            average_share: row.share.map(Decimal),
        })
    }
}
