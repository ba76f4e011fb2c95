//! Which way appends took, per day: what the servers add, and what the operator reads. Never says anything of a tenant.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgPool;

use crate::{Error, Store};

/// What a server counted since it last said so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathCount {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// `numbered`, `checked`, or the `queue` in front of both.
    pub path: &'static str,
    /// Why commands went that way; empty where that was not counted.
    pub reason: &'static str,
    /// Commands.
    pub commands: i64,
    /// Their events.
    pub events: i64,
    /// Calls of an append function; of the queue, what it handed over at once.
    pub batches: i64,
    /// Time that the commands waited in the queue, together, in microseconds.
    pub waited_us: i64,
}

/// A day's appends of one path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathStat {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// `numbered`, `checked`, or the `queue` in front of both.
    pub path: String,
    /// Why commands went that way; empty where that was not counted.
    pub reason: String,
    /// Commands.
    pub commands: i64,
    /// Their events.
    pub events: i64,
    /// Calls of an append function; of the queue, what it handed over at once.
    pub batches: i64,
    /// Time that the commands waited in the queue, together, in microseconds.
    pub waited_us: i64,
}

/// The figures from the day `from` on, newest day first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn paths(store: &Store, from: NaiveDate) -> Result<Vec<PathStat>, Error> {
    let mut tx = store.operator_tx().await?;
    let rows = sqlx::query_as!(
        PathStat,
        "select day, path, reason, commands, events, batches, waited_us from log.path_stat where day >= $1
         order by day desc, path, commands desc, reason",
        from
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows)
}

/// Adds to the figures.
pub(crate) async fn count(pool: &PgPool, counts: &[PathCount]) -> Result<(), Error> {
    let each = || counts.iter();
    sqlx::query!(
        "select log.count_paths($1, $2, $3, $4, $5, $6, $7)",
        &each().map(|c| c.day).collect::<Vec<_>>(),
        &each().map(|c| c.path.to_owned()).collect::<Vec<_>>(),
        &each().map(|c| c.reason.to_owned()).collect::<Vec<_>>(),
        &each().map(|c| c.commands).collect::<Vec<_>>(),
        &each().map(|c| c.events).collect::<Vec<_>>(),
        &each().map(|c| c.batches).collect::<Vec<_>>(),
        &each().map(|c| c.waited_us).collect::<Vec<_>>()
    )
    .execute(pool)
    .await?;
    Ok(())
}
