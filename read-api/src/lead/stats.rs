//! Counts of leads in groups: the pipeline, and the conversion with its median. Never reads a lead into memory.

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::NaiveDate;
use sqlx::{FromRow, Postgres, QueryBuilder};

use super::{
    LeadStatus,
    filter::{LeadField, LeadFilter},
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

/// What makes a group. Times are of the first contact, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum LeadGroup {
    /// The year.
    Year,
    /// The month.
    Month,
    /// The day.
    Day,
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
    /// In the order of the columns.
    const ALL: [Self; 9] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Status,
        Self::Origin,
        Self::Segment,
        Self::DevelopmentRep,
        Self::SalesRep,
        Self::LossReason,
    ];

    /// The group's key: its SQL, its type and its name.
    fn key(self) -> [&'static str; 3] {
        match self {
            Self::Year => [
                "extract(year from l.captured_at at time zone 'UTC')::int",
                "int",
                "year",
            ],
            Self::Month => [
                "date_trunc('month', l.captured_at at time zone 'UTC')::date",
                "date",
                "month",
            ],
            Self::Day => ["(l.captured_at at time zone 'UTC')::date", "date", "day"],
            Self::Status => ["l.status", "text", "status"],
            Self::Origin => ["l.origin", "text", "origin"],
            Self::Segment => ["l.business_segment", "text", "segment"],
            Self::DevelopmentRep => ["l.development_rep_id", "text", "development_rep"],
            Self::SalesRep => ["l.sales_rep_id", "text", "sales_rep"],
            Self::LossReason => ["l.loss_reason", "text", "loss_reason"],
        }
    }
}

/// By what groups can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum LeadStatsSortField {
    /// The groups' keys.
    Key,
    /// The number of leads.
    Leads,
    /// The number of deals.
    Won,
    /// The share of leads that became deals.
    ConversionRate,
    /// The median of the days to the deal; groups without a deal come last.
    MedianDaysToWin,
}

/// How groups are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct LeadStatsSort {
    /// By what; equal ones by their keys.
    field: LeadStatsSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

/// The counts of one group. A key is `null` if it was not asked for, and for leads that have no such thing.
#[derive(SimpleObject, Debug)]
pub(crate) struct LeadStats {
    /// The year of the first contact (UTC).
    year: Option<i32>,
    /// The month of the first contact (UTC), such as `2017-11`.
    month: Option<String>,
    /// The day of the first contact (UTC), such as `2017-11-24`.
    day: Option<String>,
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
    /// Deals per lead, 0 to 1, rounded to four places.
    conversion_rate: Decimal,
    /// The median of the calendar days (UTC) from the first contact to the deal; `null` where no deal has a date.
    median_days_to_win: Option<Decimal>,
}

/// One group as it is read. Decimals come as text.
#[derive(FromRow, Debug)]
struct Row {
    year: Option<i32>,
    month: Option<NaiveDate>,
    day: Option<NaiveDate>,
    status: Option<String>,
    origin: Option<String>,
    segment: Option<String>,
    development_rep: Option<String>,
    sales_rep: Option<String>,
    loss_reason: Option<String>,
    leads: i64,
    open: i64,
    won: i64,
    lost: i64,
    rate: String,
    median: Option<String>,
}

const WON: &str = "count(*) filter (where l.status = 'won')";
const RATE: &str =
    "round(count(*) filter (where l.status = 'won')::numeric / greatest(count(*), 1), 4)";
/// Exact: half days at most, for the middle of two whole numbers. Only a deal has a time at which it was won.
const MEDIAN: &str = "percentile_cont(0.5) within group (order by \
     (l.won_at at time zone 'UTC')::date - (l.captured_at at time zone 'UTC')::date)::numeric";

/// How many groups the argument may bring, for the cost.
pub(super) fn cost(first: Option<i32>) -> usize {
    usize::try_from(first.unwrap_or(UNASKED).clamp(1, MOST)).unwrap_or(1)
}

/// The counts.
pub(super) async fn read(
    snapshot: &Snapshot,
    filter: Option<LeadFilter>,
    groups: &[LeadGroup],
    order: Option<LeadStatsSort>,
    first: Option<i32>,
) -> Result<Vec<LeadStats>, Failure> {
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
    rows.into_iter().map(LeadStats::try_from).collect()
}

fn statement(
    clause: &Clause<LeadField>,
    groups: &[LeadGroup],
    order: Option<LeadStatsSort>,
    limit: i32,
) -> QueryBuilder<Postgres> {
    let mut keys = Vec::new();
    let mut query = QueryBuilder::new("select ");
    for (number, group) in (1..).zip(LeadGroup::ALL) {
        let [sql, ty, name] = group.key();
        if groups.contains(&group) {
            keys.push(number.to_string());
            query.push(format_args!("{sql} as {name}, "));
        } else {
            query.push(format_args!("null::{ty} as {name}, "));
        }
    }
    query.push(format_args!(
        "count(*) as leads, count(*) filter (where l.status in ('captured', 'qualified')) as open, {WON} as won, \
         count(*) filter (where l.status = 'lost') as lost, {RATE}::text as rate, trim_scale({MEDIAN})::text as median \
         from lead l where "
    ));
    filter::push(&mut query, clause, &LeadField::column);
    // No lead at all is no group, as everywhere.
    let by = if keys.is_empty() {
        "()".to_owned()
    } else {
        keys.join(", ")
    };
    query.push(format_args!(" group by {by} having count(*) > 0"));
    let (field, direction) = order.map_or((LeadStatsSortField::Key, Direction::Asc), |order| {
        (order.field, order.direction)
    });
    let direction = if direction == Direction::Desc {
        "desc"
    } else {
        "asc"
    };
    let first = match field {
        LeadStatsSortField::Key => None,
        LeadStatsSortField::Leads => Some("count(*)"),
        LeadStatsSortField::Won => Some(WON),
        LeadStatsSortField::ConversionRate => Some(RATE),
        LeadStatsSortField::MedianDaysToWin => Some(MEDIAN),
    };
    let own = if field == LeadStatsSortField::Key {
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

impl TryFrom<Row> for LeadStats {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let status = row
            .status
            .as_deref()
            .map(|status| LeadStatus::stored(status, &uuid::Uuid::nil()))
            .transpose()?;
        Ok(Self {
            year: row.year,
            month: row.month.map(|month| month.format("%Y-%m").to_string()),
            day: row.day.map(|day| day.format("%Y-%m-%d").to_string()),
            status,
            origin: row.origin,
            business_segment: row.segment,
            development_rep_id: row.development_rep,
            sales_rep_id: row.sales_rep,
            loss_reason: row.loss_reason,
            leads: row.leads.into(),
            open: row.open.into(),
            won: row.won.into(),
            lost: row.lost.into(),
            conversion_rate: Decimal(row.rate),
            median_days_to_win: row.median.map(Decimal),
        })
    }
}
