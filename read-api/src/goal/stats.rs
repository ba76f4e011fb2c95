//! Counts of goals in groups, how many of them were achieved, and how far the active ones are. Never reads a goal into
//! memory.

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    GoalStatus,
    filter::{GoalField, GoalFilter},
};
use crate::{
    failure::Failure,
    filter::{
        self, Clause,
        input::{RangeFilter, group},
    },
    page::Direction,
    scalar::{BigInt, Decimal},
    session::Snapshot,
    stats::{Ask, Input, Key, Measure, Rows, Span, whole},
};

/// What makes a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum GoalGroup {
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
    /// In the order of the keys.
    const ALL: [Self; 4] = [Self::Status, Self::Unit, Self::Owner, Self::Metric];

    fn key(self) -> Key {
        match self {
            Self::Status => ("status", "g.status"),
            Self::Unit => ("unit", "g.unit"),
            Self::Owner => ("owner", "g.owner_id"),
            Self::Metric => ("metric", "g.metric_id"),
        }
    }
}

/// By what groups of goals can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(name = "GoalStatsSortField")]
pub(crate) enum GoalMeasure {
    /// The groups' keys, the bucket's start first.
    Key,
    /// The number of goals.
    Goals,
    /// The number of drafts.
    Drafts,
    /// The number of active goals.
    Active,
    /// The number of active goals that are due.
    Overdue,
    /// The number of active goals that have come less far than their time.
    Behind,
    /// The number of achieved goals.
    Achieved,
    /// The number of missed goals.
    Missed,
    /// The number of abandoned goals.
    Abandoned,
    /// The share of ended goals that were achieved.
    AchievementRate,
    /// The mean share that active goals have reached.
    AverageShare,
}

impl Measure for GoalMeasure {
    const ALL: &'static [Self] = &[
        Self::Goals,
        Self::Drafts,
        Self::Active,
        Self::Overdue,
        Self::Behind,
        Self::Achieved,
        Self::Missed,
        Self::Abandoned,
        Self::AchievementRate,
        Self::AverageShare,
    ];

    fn definition(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Key => ("key", None),
            Self::Goals => ("goals", Some("count(o.status_now)")),
            Self::Drafts => (
                "drafts",
                Some("count(*) filter (where o.status_now = 'draft')"),
            ),
            Self::Active => (
                "active",
                Some("count(*) filter (where o.status_now = 'active')"),
            ),
            Self::Overdue => ("overdue", Some("count(*) filter (where o.is_overdue)")),
            Self::Behind => ("behind", Some("count(*) filter (where o.is_behind)")),
            Self::Achieved => (
                "achieved",
                Some("count(*) filter (where o.status_now = 'achieved')"),
            ),
            Self::Missed => (
                "missed",
                Some("count(*) filter (where o.status_now = 'missed')"),
            ),
            Self::Abandoned => (
                "abandoned",
                Some("count(*) filter (where o.status_now = 'abandoned')"),
            ),
            Self::AchievementRate => (
                "achievementRate",
                Some(
                    "trim_scale(round(count(*) filter (where o.status_now = 'achieved')::numeric \
                     / nullif(count(*) filter (where o.status_now in ('achieved', 'missed')), 0), 4))",
                ),
            ),
            Self::AverageShare => ("averageShare", Some("trim_scale(round(avg(o.share), 4))")),
        }
    }
}

/// What measures are made of, at the moment `$2`.
const INPUTS: &[Input] = &[
    ("status_now", "g.status", "null"),
    (
        "share",
        "case when g.status = 'active' then (g.actual - g.baseline)::numeric / nullif(g.target - g.baseline, 0) end",
        "null",
    ),
    (
        "is_overdue",
        "(g.status = 'active' and g.due_at <= coalesce($2, now()))",
        "false",
    ),
    (
        "is_behind",
        "(g.status = 'active' and coalesce((g.actual - g.baseline)::numeric / nullif(g.target - g.baseline, 0), 0) \
          < least(1, greatest(0, extract(epoch from coalesce($2, now()) - g.starts_at) \
            / nullif(extract(epoch from g.due_at - g.starts_at), 0))))",
        "false",
    ),
];

/// How groups of goals are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct GoalStatsSort {
    /// By what.
    field: GoalMeasure,
    /// Up or down; groups without a value come last.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl From<GoalStatsSort> for (GoalMeasure, Direction) {
    fn from(sort: GoalStatsSort) -> Self {
        (sort.field, sort.direction)
    }
}

/// What must hold of a group of goals. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct GoalStatsHaving {
    /// The number of goals.
    goals: Option<RangeFilter<BigInt>>,
    /// The number of drafts.
    drafts: Option<RangeFilter<BigInt>>,
    /// The number of active goals.
    active: Option<RangeFilter<BigInt>>,
    /// The number of active goals that are due.
    overdue: Option<RangeFilter<BigInt>>,
    /// The number of active goals that have come less far than their time.
    behind: Option<RangeFilter<BigInt>>,
    /// The number of achieved goals.
    achieved: Option<RangeFilter<BigInt>>,
    /// The number of missed goals.
    missed: Option<RangeFilter<BigInt>>,
    /// The number of abandoned goals.
    abandoned: Option<RangeFilter<BigInt>>,
    /// The share of ended goals that were achieved.
    achievement_rate: Option<RangeFilter<Decimal>>,
    /// The mean share that active goals have reached.
    average_share: Option<RangeFilter<Decimal>>,
    /// All of these.
    and: Option<Vec<GoalStatsHaving>>,
    /// At least one of these.
    or: Option<Vec<GoalStatsHaving>>,
    /// Not this.
    not: Option<Box<GoalStatsHaving>>,
}

impl GoalStatsHaving {
    /// The conditions.
    pub(crate) fn clause(self) -> Result<Clause<GoalMeasure>, Failure> {
        use GoalMeasure as M;
        let own = [
            self.goals.map(|test| test.clause(M::Goals)),
            self.drafts.map(|test| test.clause(M::Drafts)),
            self.active.map(|test| test.clause(M::Active)),
            self.overdue.map(|test| test.clause(M::Overdue)),
            self.behind.map(|test| test.clause(M::Behind)),
            self.achieved.map(|test| test.clause(M::Achieved)),
            self.missed.map(|test| test.clause(M::Missed)),
            self.abandoned.map(|test| test.clause(M::Abandoned)),
            self.achievement_rate
                .map(|test| test.clause(M::AchievementRate)),
            self.average_share.map(|test| test.clause(M::AverageShare)),
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

/// The counts of one group. A key is `null` if it was not asked for, and for goals that have no such thing.
#[derive(SimpleObject, Debug)]
pub(crate) struct GoalStats {
    /// When the bucket begins; `null` without buckets, and for goals without a due date.
    start: Option<DateTime<Utc>>,
    /// When the bucket has ended and the next one begins; `null` without buckets, and for goals without a due date.
    end: Option<DateTime<Utc>>,
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

/// One group as it is read. Numbers come as text, and only those that are selected.
#[derive(FromRow, Debug)]
#[sqlx(rename_all = "camelCase")]
struct Row {
    #[sqlx(default)]
    start: Option<DateTime<Utc>>,
    #[sqlx(default)]
    end: Option<DateTime<Utc>>,
    #[sqlx(default)]
    status: Option<String>,
    #[sqlx(default)]
    unit: Option<String>,
    #[sqlx(default)]
    owner: Option<String>,
    #[sqlx(default)]
    metric: Option<Uuid>,
    #[sqlx(default)]
    goals: Option<String>,
    #[sqlx(default)]
    drafts: Option<String>,
    #[sqlx(default)]
    active: Option<String>,
    #[sqlx(default)]
    overdue: Option<String>,
    #[sqlx(default)]
    behind: Option<String>,
    #[sqlx(default)]
    achieved: Option<String>,
    #[sqlx(default)]
    missed: Option<String>,
    #[sqlx(default)]
    abandoned: Option<String>,
    #[sqlx(default)]
    achievement_rate: Option<String>,
    #[sqlx(default)]
    average_share: Option<String>,
}

/// The counts.
pub(super) async fn read(
    snapshot: &Snapshot,
    filter: Option<GoalFilter>,
    groups: &[GoalGroup],
    ask: &Ask<GoalMeasure>,
) -> Result<Vec<GoalStats>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let keys: Vec<Key> = GoalGroup::ALL
        .into_iter()
        .filter(|group| groups.contains(group))
        .map(GoalGroup::key)
        .collect();
    let statement = ask.statement(&Rows {
        parameters: &|query| {
            let moment = snapshot.past().map(|past| past.time);
            query.push(", ").push_bind(moment).push("::timestamptz");
        },
        time: "g.due_at at time zone $1",
        keys: &keys,
        inputs: INPUTS,
        from: "goal g",
        condition: &|query| filter::push(query, &clause, &GoalField::column),
        past: snapshot.past(),
        one: None,
        span: Span::of(&clause, GoalField::DueAt),
        is_never_empty: false,
    });
    let rows: Vec<Row> = ask.read(snapshot, statement).await?;
    rows.into_iter().map(GoalStats::try_from).collect()
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
            start: row.start,
            end: row.end,
            status,
            unit: row.unit,
            owner_id: row.owner,
            metric_id: row.metric,
            goals: whole("goals", row.goals.as_deref())?,
            drafts: whole("drafts", row.drafts.as_deref())?,
            active: whole("active", row.active.as_deref())?,
            overdue: whole("overdue", row.overdue.as_deref())?,
            behind: whole("behind", row.behind.as_deref())?,
            achieved: whole("achieved", row.achieved.as_deref())?,
            missed: whole("missed", row.missed.as_deref())?,
            abandoned: whole("abandoned", row.abandoned.as_deref())?,
            achievement_rate: row.achievement_rate.map(Decimal),
            average_share: row.average_share.map(Decimal),
        })
    }
}
