//! A row of the goals and what a moment means for it: the share that is reached, and the one that time has come to. Both are
//! computed in SQL, exactly. Never reads what belongs to a goal.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{failure::Failure, session::Snapshot};

/// What every reading of goals begins with, before and after the moment `m.at`. An open goal is seen at that moment, a closed one
/// when it was closed. Shares are cut, not rounded: only what has reached its target is 1.
const SELECT: &str = "select g.goal_id, g.title, g.description, g.owner_id, g.status, g.unit, g.baseline, g.target, \
     g.starts_at, g.due_at, g.metric_id, g.aggregation, g.actual, g.progressed_at, g.progress_count, g.adjustment_count, \
     g.drafted_at, g.activated_at, g.closed_at, g.note, g.waived, g.version, g.position, g.updated_at, s.seen_at, \
     trim_scale(s.share)::text as share, trim_scale(s.expected)::text as expected, \
     trim_scale(s.share - s.expected)::text as ahead, trim_scale(s.expected_then)::text as expected_then, \
     trim_scale(s.share - s.expected_then)::text as ahead_then, \
     coalesce(case when g.target < g.baseline then g.actual <= g.target else g.actual >= g.target end, false) as reached, \
     (g.status = 'active' and g.due_at <= m.at) as overdue from goal g cross join ";
const WHERE: &str = " cross join lateral (select \
     coalesce(g.closed_at, m.at) as seen_at, \
     trunc((g.actual - g.baseline)::numeric / nullif(g.target - g.baseline, 0), 4) as share, \
     trunc(least(1, greatest(0, extract(epoch from coalesce(g.closed_at, m.at) - g.starts_at) \
       / nullif(extract(epoch from g.due_at - g.starts_at), 0))), 4) as expected, \
     trunc(least(1, greatest(0, extract(epoch from g.progressed_at - g.starts_at) \
       / nullif(extract(epoch from g.due_at - g.starts_at), 0))), 4) as expected_then) s where ";

/// A statement that reads goals; it ends where their condition begins.
pub(super) fn select(snapshot: &Snapshot) -> QueryBuilder<Postgres> {
    let mut query = snapshot.query(SELECT);
    push_moment(&mut query, snapshot);
    query.push(WHERE);
    query
}

/// The moment that goals are seen at, as `m.at`: the snapshot's, or the earlier one that was asked for.
fn push_moment(query: &mut QueryBuilder<Postgres>, snapshot: &Snapshot) {
    query.push("(select coalesce(");
    query.push_bind(snapshot.past().map(|past| past.time));
    query.push("::timestamptz, now()) as at) m");
}

/// A goal, as the read models know it. Values are in millionths, shares are text.
#[derive(Clone, FromRow, Debug)]
pub(crate) struct GoalRow {
    pub(super) goal_id: Uuid,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) owner_id: Option<String>,
    pub(super) status: String,
    pub(super) unit: Option<String>,
    pub(super) baseline: Option<i64>,
    pub(super) target: Option<i64>,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) metric_id: Option<Uuid>,
    pub(super) aggregation: Option<String>,
    pub(super) actual: Option<i64>,
    pub(super) progressed_at: Option<DateTime<Utc>>,
    pub(super) progress_count: i32,
    pub(super) adjustment_count: i32,
    pub(super) drafted_at: DateTime<Utc>,
    pub(super) activated_at: Option<DateTime<Utc>>,
    pub(super) closed_at: Option<DateTime<Utc>>,
    pub(super) note: Option<String>,
    pub(super) waived: Vec<String>,
    pub(super) version: i32,
    pub(super) position: i64,
    pub(super) updated_at: DateTime<Utc>,
    /// The moment that the goal is seen at.
    pub(super) seen_at: DateTime<Utc>,
    pub(super) share: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) ahead: Option<String>,
    /// The same at the last progress.
    pub(super) expected_then: Option<String>,
    pub(super) ahead_then: Option<String>,
    pub(super) reached: bool,
    pub(super) overdue: bool,
}

/// The goals with these ids, in any order; unknown ids are left out.
pub(super) async fn by_ids(snapshot: &Snapshot, ids: &[Uuid]) -> Result<Vec<GoalRow>, Failure> {
    let mut query = select(snapshot);
    query
        .push("g.goal_id = any(")
        .push_bind(ids.to_vec())
        .push(")");
    Ok(query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}
