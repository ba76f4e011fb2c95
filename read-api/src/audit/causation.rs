//! What led to an entry and what it led to: the chain upwards, the tree downwards, both bounded. Never follows a command, for it
//! leaves no entry but its events.

use async_graphql::SimpleObject;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    AuditEntry,
    row::{AuditRow, SELECT, columns},
};
use crate::{failure::Failure, session::Snapshot};

/// How far one may go at most.
const DEEPEST: i32 = 16;
/// How many effects there are at most.
const MOST: i64 = 100;

/// An entry with its causes and effects.
#[derive(SimpleObject, Debug)]
pub(crate) struct Causation {
    /// The entry itself.
    entry: AuditEntry,
    /// The event that caused it, the one that caused that, and so on. An entry that was caused by its command alone has none.
    causes: Vec<AuditEntry>,
    /// What it caused, directly or not: the nearest first, at most 100.
    effects: Vec<AuditEffect>,
    /// Whether there are more effects than shown, within the depth that was asked for.
    more_effects: bool,
}

/// Something that an entry caused.
#[derive(SimpleObject, Debug)]
pub(crate) struct AuditEffect {
    /// How many steps away: 1 for what it caused directly.
    depth: i32,
    /// What it is.
    entry: AuditEntry,
}

/// How many entries may come back: what it costs.
pub(super) fn cost(up: i32, down: i32) -> usize {
    let effects = if down > 0 { MOST } else { 0 };
    usize::try_from(i64::from(up.clamp(0, DEEPEST)) + effects + 1).unwrap_or(1)
}

#[derive(FromRow)]
struct Step {
    depth: i32,
    #[sqlx(flatten)]
    row: AuditRow,
}

/// An entry, its causes and its effects: three statements whatever they are.
pub(super) async fn read(
    snapshot: &Snapshot,
    entry: Uuid,
    up: i32,
    down: i32,
) -> Result<Option<Causation>, Failure> {
    for (name, depth) in [("up", up), ("down", down)] {
        if !(0..=DEEPEST).contains(&depth) {
            return Err(Failure::input(format!(
                "{name} must be from 0 to {DEEPEST}; ask again from the last entry for more"
            )));
        }
    }
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push("a.entry_id = ").push_bind(entry);
    let found: Option<AuditRow> = query
        .build_query_as()
        .fetch_optional(&mut *snapshot.statement().await)
        .await?;
    let Some(row) = found else { return Ok(None) };
    let causes = if up > 0 && row.causation_id != row.command_id {
        steps(snapshot, UP, entry, up, i64::from(up)).await?
    } else {
        Vec::new()
    };
    let mut effects = if down > 0 {
        steps(snapshot, DOWN, entry, down, MOST + 1).await?
    } else {
        Vec::new()
    };
    let most = usize::try_from(MOST).unwrap_or(0);
    let more_effects = effects.len() > most;
    effects.truncate(most);
    Ok(Some(Causation {
        entry: AuditEntry(row),
        causes: causes
            .into_iter()
            .map(|step| AuditEntry(step.row))
            .collect(),
        effects: effects
            .into_iter()
            .map(|step| AuditEffect {
                depth: step.depth,
                entry: AuditEntry(step.row),
            })
            .collect(),
        more_effects,
    }))
}

/// The chain upwards. Each step is found by its id.
const UP: &str = concat!(
    "with recursive step as ( \
       select a.causation_id as next, 0 as depth, null::uuid as entry_id from audit a \
       where a.entry_id = $1 and a.causation_id is distinct from a.command_id \
       union all \
       select case when a.causation_id is distinct from a.command_id then a.causation_id end, s.depth + 1, a.entry_id \
       from step s join audit a on a.entry_id = s.next where s.depth < $2), \
     nearest as (select depth, entry_id from step where depth > 0 limit $3) \
     select n.depth, ",
    columns!(),
    " from nearest n join audit a on a.entry_id = n.entry_id order by n.depth"
);

/// The tree downwards, breadth first. A limit ends the recursion before it has gone through all of it.
const DOWN: &str = concat!(
    "with recursive step as ( \
       select $1::uuid as entry_id, 0 as depth \
       union all \
       select a.entry_id, s.depth + 1 from step s \
       join audit a on a.causation_id = s.entry_id and a.causation_id <> a.command_id where s.depth < $2), \
     nearest as (select depth, entry_id from step where depth > 0 limit $3) \
     select n.depth, ",
    columns!(),
    " from nearest n join audit a on a.entry_id = n.entry_id order by n.depth, a.position, a.entry_id"
);

async fn steps(
    snapshot: &Snapshot,
    statement: &'static str,
    entry: Uuid,
    depth: i32,
    most: i64,
) -> Result<Vec<Step>, Failure> {
    Ok(sqlx::query_as(statement)
        .bind(entry)
        .bind(depth)
        .bind(most)
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}
