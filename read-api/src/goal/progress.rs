//! The history of the progress of goals, a page of each goal's at once. Never one statement per goal.

use std::collections::HashMap;

use async_graphql::{SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::decimal;
use crate::{
    failure::Failure,
    page::{Cursors, Direction, Ordering, Page, Paging, Place},
    scalar::{BigInt, Decimal},
    serial::Serial,
    session::Snapshot,
};

const ORDERING: Ordering = Ordering {
    name: "progress of goals by number",
    key: "p.number",
    is_time: false,
    // A place has a UUID for equal keys: a goal's numbers are never equal.
    id: "'00000000-0000-0000-0000-000000000000'::uuid",
    direction: Direction::Asc,
};

#[derive(Clone, FromRow, Debug)]
pub(crate) struct ProgressRow {
    goal_id: Uuid,
    number: i32,
    actual: i64,
    baseline: Option<i64>,
    target: Option<i64>,
    share: Option<String>,
    expected: Option<String>,
    metric_id: Option<Uuid>,
    observation_number: Option<i64>,
    event_id: Option<Uuid>,
    note: Option<String>,
    recorded_at: DateTime<Utc>,
}

/// A value that a goal had come to.
#[derive(SimpleObject, Debug)]
pub(crate) struct GoalProgress {
    /// Its number within the goal, from 1.
    number: i32,
    /// The value, in the goal's unit.
    actual: Decimal,
    /// Where the goal began, as it was agreed on then.
    baseline: Option<Decimal>,
    /// What was to be reached, as it was agreed on then.
    target: Option<Decimal>,
    /// The share of the way from the baseline to the target, cut after four places: 1 is the target.
    share: Option<Decimal>,
    /// The share of the goal's span that was over, 0 to 1.
    expected_share: Option<Decimal>,
    /// The metric that it was computed from; `null`: somebody said so.
    metric_id: Option<Uuid>,
    /// The number of the newest observation that it takes in.
    observation_number: Option<BigInt>,
    /// The event that it follows from.
    event_id: Option<Uuid>,
    /// In words.
    note: Option<String>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
}

/// How much there is.
#[derive(SimpleObject, Debug)]
pub(crate) struct GoalProgressTotal {
    /// How often progress was recorded, on all pages together.
    total_count: i32,
}

/// The page that the arguments ask for.
pub(super) fn page(paging: &Paging, cursors: &Cursors) -> Result<Page, Failure> {
    Page::new(paging, ORDERING, cursors)
}

/// The rows of that page of each of these goals, and one row more.
pub(super) async fn read(
    snapshot: &Snapshot,
    goals: &[Uuid],
    page: &Page,
) -> Result<HashMap<Uuid, Vec<ProgressRow>>, Failure> {
    let mut query = snapshot.query(
        "select p.goal_id, p.number, p.actual, p.baseline, p.target, \
         trim_scale(trunc((p.actual - p.baseline)::numeric / nullif(p.target - p.baseline, 0), 4))::text as share, \
         trim_scale(trunc(least(1, greatest(0, extract(epoch from p.recorded_at - p.starts_at) \
           / nullif(extract(epoch from p.due_at - p.starts_at), 0))), 4))::text as expected, \
         p.metric_id, p.observation_number, p.event_id, p.note, p.recorded_at from unnest(",
    );
    query.push_bind(goals.to_vec()).push(
        ") as k (goal_id) cross join lateral (select * from goal_progress p where p.goal_id = k.goal_id",
    );
    page.push(&mut query);
    query.push(") p");
    let rows: Vec<ProgressRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let mut found: HashMap<Uuid, Vec<ProgressRow>> = HashMap::new();
    for row in rows {
        found.entry(row.goal_id).or_default().push(row);
    }
    Ok(found)
}

/// The page of one goal.
pub(super) fn connection(
    page: &Page,
    cursors: &Cursors,
    rows: Vec<ProgressRow>,
    total_count: i32,
) -> Result<Connection<String, Serial<GoalProgress>, GoalProgressTotal>, Failure> {
    let (rows, more) = page.cut(rows);
    let nodes = rows.into_iter().map(|row| {
        let place = Place {
            key: row.number.into(),
            id: Uuid::nil(),
        };
        Ok((place, GoalProgress::try_from(row)?))
    });
    let nodes = nodes.collect::<Result<Vec<_>, Failure>>()?;
    page.connection(cursors, nodes, more, GoalProgressTotal { total_count })
}

impl TryFrom<ProgressRow> for GoalProgress {
    type Error = Failure;

    fn try_from(row: ProgressRow) -> Result<Self, Failure> {
        Ok(Self {
            number: row.number,
            actual: decimal(row.actual)?,
            baseline: row.baseline.map(decimal).transpose()?,
            target: row.target.map(decimal).transpose()?,
            share: row.share.map(Decimal),
            expected_share: row.expected.map(Decimal),
            metric_id: row.metric_id,
            observation_number: row.observation_number.map(Into::into),
            event_id: row.event_id,
            note: row.note,
            recorded_at: row.recorded_at,
        })
    }
}
