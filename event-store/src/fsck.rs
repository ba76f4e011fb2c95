//! Proves the log: every number, hash and checkpoint of it, in bounded memory and short transactions. Never repairs
//! anything, and never stops at the first thing it finds.
//!
//! # How it sees one picture while writers are at work
//!
//! The heads of all partitions are taken first, in one statement, and only what is below them is proved. What is
//! below a head never changes any more.
//!
//! # Why its memory is bounded
//!
//! Every proof walks an index in its own order, so that all a row has to be compared with is the row before it:
//! partitions by offset, tenants by position, streams by version. A walk holds one page, which is limited in rows and
//! in bytes. Beside it there are the heads, one per partition, and the findings that were asked to be kept.

mod claim;
mod command;
mod content;
mod head;
mod snapshot;
mod stream;
mod tenant;

use std::{collections::BTreeMap, fmt::Display};

use chrono::{DateTime, SecondsFormat, Utc};
use event_schemas::TenantId;
use serde::Serialize;

use crate::{Error, OperatorTx, Store};
use head::Heads;

/// Rows of a page whose rows are small.
const PAGE: i64 = 5_000;

/// What to prove, and how much of what is found to keep.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Only this tenant's events, commands, snapshots and unique values; everything if none is given.
    pub tenant: Option<TenantId>,
    /// How many findings the report keeps one by one; all are counted.
    pub keep: usize,
}

/// Something that is not as it was written, or as it must be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The table, such as `log.event`.
    pub table: &'static str,
    /// The column that is wrong, or `row` where a whole row is missing or too many.
    pub column: &'static str,
    /// The row: the columns of a key with their values.
    pub key: String,
    /// What stands there.
    pub found: String,
    /// What must stand there.
    pub expected: String,
}

/// What was proved. Units: rows, but for `partitions`, `tenants` and `streams`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Proved {
    /// Partitions with their counters.
    pub partitions: u64,
    /// Events: their offsets, times and hashes.
    pub events: u64,
    /// Tenants: their positions.
    pub tenants: u64,
    /// Streams: their versions.
    pub streams: u64,
    /// Remembered commands.
    pub commands: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Unique values that are taken.
    pub claims: u64,
    /// Checkpoints of projections and of the guard.
    pub checkpoints: u64,
}

/// What became of the proof.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was looked at.
    pub proved: Proved,
    /// How many findings there are by `table.column`, those not kept included.
    pub counts: BTreeMap<String, u64>,
    /// The first of them.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    keep: usize,
}

impl Report {
    /// Whether everything that was looked at is as it must be.
    pub fn is_sound(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many findings there are, those not kept included.
    pub fn found(&self) -> u64 {
        self.counts.values().sum()
    }

    fn find(
        &mut self,
        table: &'static str,
        column: &'static str,
        key: impl FnOnce() -> String,
        found: &dyn Display,
        expected: &dyn Display,
    ) {
        *self.counts.entry(format!("{table}.{column}")).or_default() += 1;
        if self.findings.len() < self.keep {
            self.findings.push(Finding {
                table,
                column,
                key: key(),
                found: found.to_string(),
                expected: expected.to_string(),
            });
        }
    }
}

/// Proves the log within `scope`. `progress` is told after every page how many steps are done, and how many there are.
///
/// # Errors
/// Only where the database cannot be asked: what is wrong in the log is in the report.
pub async fn fsck(
    store: &Store,
    scope: Scope,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Report, Error> {
    let mut report = Report {
        keep: scope.keep,
        ..Report::default()
    };
    let heads = Heads::take(store, scope.tenant.is_none(), &mut report).await?;
    let events = match scope.tenant {
        Some(tenant) => u64::try_from(store.operator_tx().await?.newest_position(tenant).await?),
        None => u64::try_from(heads.all().iter().map(|head| head.next_offset).sum::<i64>()),
    };
    // Three walks see every event.
    let mut walk = Walk {
        store,
        heads: &heads,
        tenant: scope.tenant,
        report,
        progress,
        steps: 0,
        total: 3 * events.unwrap_or(0),
    };
    content::prove(&mut walk).await?;
    tenant::prove(&mut walk).await?;
    stream::prove(&mut walk).await?;
    command::prove(&mut walk).await?;
    snapshot::prove(&mut walk).await?;
    claim::prove(&mut walk).await?;
    Ok(walk.report)
}

/// What the walks share.
struct Walk<'a> {
    store: &'a Store,
    heads: &'a Heads,
    tenant: Option<TenantId>,
    report: Report,
    progress: &'a (dyn Fn(u64, u64) + Send + Sync),
    steps: u64,
    total: u64,
}

impl Walk<'_> {
    /// A short transaction for one page. A walk lives from its index's order: whatever the statistics say, sorting a
    /// whole tenant for every page would be quadratic.
    async fn tx(&self) -> Result<OperatorTx, Error> {
        let mut tx = self.store.operator_tx().await?;
        sqlx::raw_sql("set local enable_sort = off; set local enable_incremental_sort = off")
            .execute(tx.connection())
            .await?;
        Ok(tx)
    }

    fn step(&mut self, rows: usize) {
        self.steps += u64::try_from(rows).unwrap_or(0);
        (self.progress)(self.steps, self.total.max(self.steps));
    }
}

/// How a row of `log.event` is named.
fn event(partition: i16, offset: i64) -> String {
    format!("partition {partition}, offset {offset}")
}

/// How a time is shown.
fn moment(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(
        || "not a time".to_owned(),
        |time| time.to_rfc3339_opts(SecondsFormat::Micros, true),
    )
}
