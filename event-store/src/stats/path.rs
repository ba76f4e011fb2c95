//! Which way appends took, per day: what the servers add, and what the operator reads. Never says anything of a tenant.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgPool;

use crate::{
    Error, Store,
    paths::{Count, Path},
};

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

/// Adds what a server counted to the figures of a day.
pub(crate) async fn count(
    pool: &PgPool,
    day: NaiveDate,
    counts: &BTreeMap<(Path, &'static str), Count>,
) -> Result<(), Error> {
    let each = |number: fn(&Count) -> u64| -> Vec<i64> {
        let numbers = counts.values().map(number);
        numbers
            .map(|n| i64::try_from(n).unwrap_or(i64::MAX))
            .collect()
    };
    let waited = |count: &Count| u64::try_from(count.waited.as_micros()).unwrap_or(u64::MAX);
    sqlx::query!(
        "select log.count_paths($1, $2, $3, $4, $5, $6, $7)",
        &vec![day; counts.len()],
        &counts
            .keys()
            .map(|(path, _)| path.name().to_owned())
            .collect::<Vec<_>>(),
        &counts
            .keys()
            .map(|(_, reason)| (*reason).to_owned())
            .collect::<Vec<_>>(),
        &each(|count| count.commands),
        &each(|count| count.events),
        &each(|count| count.batches),
        &each(waited)
    )
    .execute(pool)
    .await?;
    Ok(())
}
