//! Counts of leads in groups: the pipeline, and the conversion with its median. Never reads a lead into memory.

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{
    LeadStatus,
    filter::{LeadField, LeadFilter},
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
pub(crate) enum LeadGroup {
    /// Where the lead stands: the pipeline.
    Status,
    /// Where the contact came from: the conversion.
    Origin,
    /// The line of business.
    Segment,
    /// Who qualifies it.
    DevelopmentRep,
    /// Who is to close the deal.
    SalesRep,
    /// Why it was lost.
    LossReason,
}

impl LeadGroup {
    /// In the order of the keys.
    const ALL: [Self; 6] = [
        Self::Status,
        Self::Origin,
        Self::Segment,
        Self::DevelopmentRep,
        Self::SalesRep,
        Self::LossReason,
    ];

    fn key(self) -> Key {
        match self {
            Self::Status => ("status", "l.status"),
            Self::Origin => ("origin", "l.origin"),
            Self::Segment => ("segment", "l.business_segment"),
            Self::DevelopmentRep => ("development_rep", "l.development_rep_id"),
            Self::SalesRep => ("sales_rep", "l.sales_rep_id"),
            Self::LossReason => ("loss_reason", "l.loss_reason"),
        }
    }
}

/// By what groups of leads can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(name = "LeadStatsSortField")]
pub(crate) enum LeadMeasure {
    /// The groups' keys, the bucket's start first.
    Key,
    /// The number of leads.
    Leads,
    /// The number of leads that are neither won nor lost.
    Open,
    /// The number of deals.
    Won,
    /// The number of leads that are lost.
    Lost,
    /// The share of leads that became deals.
    ConversionRate,
    /// The median of the days to the deal.
    MedianDaysToWin,
}

impl Measure for LeadMeasure {
    const ALL: &'static [Self] = &[
        Self::Leads,
        Self::Open,
        Self::Won,
        Self::Lost,
        Self::ConversionRate,
        Self::MedianDaysToWin,
    ];

    fn definition(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Key => ("key", None),
            Self::Leads => ("leads", Some("count(o.status_now)")),
            Self::Open => (
                "open",
                Some("count(*) filter (where o.status_now in ('captured', 'qualified'))"),
            ),
            Self::Won => ("won", Some("count(*) filter (where o.status_now = 'won')")),
            Self::Lost => (
                "lost",
                Some("count(*) filter (where o.status_now = 'lost')"),
            ),
            Self::ConversionRate => (
                "conversionRate",
                Some(
                    "round(count(*) filter (where o.status_now = 'won')::numeric / nullif(count(o.status_now), 0), 4)",
                ),
            ),
            // Exact: half days at most, for the middle of two whole numbers.
            Self::MedianDaysToWin => (
                "medianDaysToWin",
                Some("trim_scale((percentile_cont(0.5) within group (order by o.days))::numeric)"),
            ),
        }
    }
}

/// What measures are made of. Only a deal has a time at which it was won.
const INPUTS: &[Input] = &[
    ("status_now", "l.status", "null"),
    (
        "days",
        "(l.won_at at time zone $1)::date - (l.captured_at at time zone $1)::date",
        "null",
    ),
];

/// How groups of leads are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct LeadStatsSort {
    /// By what.
    field: LeadMeasure,
    /// Up or down; groups without a value come last.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl From<LeadStatsSort> for (LeadMeasure, Direction) {
    fn from(sort: LeadStatsSort) -> Self {
        (sort.field, sort.direction)
    }
}

/// What must hold of a group of leads. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct LeadStatsHaving {
    /// The number of leads.
    leads: Option<RangeFilter<BigInt>>,
    /// The number of leads that are neither won nor lost.
    open: Option<RangeFilter<BigInt>>,
    /// The number of deals.
    won: Option<RangeFilter<BigInt>>,
    /// The number of leads that are lost.
    lost: Option<RangeFilter<BigInt>>,
    /// The share of leads that became deals.
    conversion_rate: Option<RangeFilter<Decimal>>,
    /// The median of the days to the deal.
    median_days_to_win: Option<RangeFilter<Decimal>>,
    /// All of these.
    and: Option<Vec<LeadStatsHaving>>,
    /// At least one of these.
    or: Option<Vec<LeadStatsHaving>>,
    /// Not this.
    not: Option<Box<LeadStatsHaving>>,
}

impl LeadStatsHaving {
    /// The conditions.
    pub(crate) fn clause(self) -> Result<Clause<LeadMeasure>, Failure> {
        use LeadMeasure as M;
        let own = [
            self.leads.map(|test| test.clause(M::Leads)),
            self.open.map(|test| test.clause(M::Open)),
            self.won.map(|test| test.clause(M::Won)),
            self.lost.map(|test| test.clause(M::Lost)),
            self.conversion_rate
                .map(|test| test.clause(M::ConversionRate)),
            self.median_days_to_win
                .map(|test| test.clause(M::MedianDaysToWin)),
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

/// The counts of one group. A key is `null` if it was not asked for, and for leads that have no such thing.
#[derive(SimpleObject, Debug)]
pub(crate) struct LeadStats {
    /// When the bucket begins; `null` without buckets.
    start: Option<DateTime<Utc>>,
    /// When the bucket has ended and the next one begins; `null` without buckets.
    end: Option<DateTime<Utc>>,
    /// Where the leads stand.
    status: Option<LeadStatus>,
    /// Where the contact came from.
    origin: Option<String>,
    /// The line of business.
    business_segment: Option<String>,
    /// Who qualifies them.
    development_rep_id: Option<String>,
    /// Who is to close the deal.
    sales_rep_id: Option<String>,
    /// Why they were lost.
    loss_reason: Option<String>,
    /// How many leads were captured.
    leads: BigInt,
    /// How many of them are open: neither won nor lost.
    open: BigInt,
    /// How many of them are deals.
    won: BigInt,
    /// How many of them are lost.
    lost: BigInt,
    /// Deals per lead, 0 to 1, rounded to four places; `null` without a lead.
    conversion_rate: Option<Decimal>,
    /// The median of the calendar days from the first contact to the deal, in the bucket's time zone, or else in UTC; `null`
    /// where no deal has a date.
    median_days_to_win: Option<Decimal>,
}

/// One group as it is read. Numbers come as text, and only those that are selected.
#[derive(FromRow, Debug)]
struct Row {
    #[sqlx(default)]
    start: Option<DateTime<Utc>>,
    #[sqlx(default)]
    end: Option<DateTime<Utc>>,
    #[sqlx(default)]
    status: Option<String>,
    #[sqlx(default)]
    origin: Option<String>,
    #[sqlx(default)]
    segment: Option<String>,
    #[sqlx(default)]
    development_rep: Option<String>,
    #[sqlx(default)]
    sales_rep: Option<String>,
    #[sqlx(default)]
    loss_reason: Option<String>,
    #[sqlx(default)]
    leads: Option<String>,
    #[sqlx(default)]
    open: Option<String>,
    #[sqlx(default)]
    won: Option<String>,
    #[sqlx(default)]
    lost: Option<String>,
    #[sqlx(default, rename = "conversionRate")]
    conversion_rate: Option<String>,
    #[sqlx(default, rename = "medianDaysToWin")]
    median_days_to_win: Option<String>,
}

/// The counts.
pub(super) async fn read(
    snapshot: &Snapshot,
    filter: Option<LeadFilter>,
    groups: &[LeadGroup],
    ask: &Ask<LeadMeasure>,
) -> Result<Vec<LeadStats>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let keys: Vec<Key> = LeadGroup::ALL
        .into_iter()
        .filter(|group| groups.contains(group))
        .map(LeadGroup::key)
        .collect();
    let statement = ask.statement(&Rows {
        parameters: &|_| {},
        time: "l.captured_at at time zone $1",
        keys: &keys,
        inputs: INPUTS,
        from: "lead l",
        condition: &|query| filter::push(query, &clause, &LeadField::column),
        past: snapshot.past(),
        one: None,
        span: Span::of(&clause, LeadField::CapturedAt),
        is_never_empty: false,
    });
    let rows: Vec<Row> = ask.read(snapshot, statement).await?;
    rows.into_iter().map(LeadStats::try_from).collect()
}

impl TryFrom<Row> for LeadStats {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let status = row
            .status
            .as_deref()
            .map(|status| LeadStatus::stored(status, &uuid::Uuid::nil()))
            .transpose()?;
        Ok(Self {
            start: row.start,
            end: row.end,
            status,
            origin: row.origin,
            business_segment: row.segment,
            development_rep_id: row.development_rep,
            sales_rep_id: row.sales_rep,
            loss_reason: row.loss_reason,
            leads: whole("leads", row.leads.as_deref())?,
            open: whole("open", row.open.as_deref())?,
            won: whole("won", row.won.as_deref())?,
            lost: whole("lost", row.lost.as_deref())?,
            conversion_rate: row.conversion_rate.map(Decimal),
            median_days_to_win: row.median_days_to_win.map(Decimal),
        })
    }
}
