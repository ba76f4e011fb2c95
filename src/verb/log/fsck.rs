//! `daybook log fsck`: prints what the store proved of the log, and what it found. Proves nothing itself.

use anyhow::{Result, ensure};
use clap::Args as ClapArgs;
use event_schemas::TenantId;
use event_store::fsck::{self, Proved, Report, Scope};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{database::Place, output, verb::Unsound};

const COLUMNS: [&str; 5] = ["table", "column", "key", "found", "expected"];

/// What to prove.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// Only this tenant's events, commands, snapshots and unique values.
    #[arg(long)]
    pub tenant: Option<Uuid>,
    /// At most so many findings are shown; all are counted.
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

/// Proves the log; fails with [`Unsound`] if it is not as it must be.
pub async fn run(place: &Place, args: &Args, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let scope = Scope {
        tenant: args.tenant.map(TenantId),
        keep: args.limit,
    };
    let bar = output::Progress::new("proving", 0);
    let report = fsck::fsck(&store, scope, &|done, all| {
        bar.of(all);
        bar.at(done);
    })
    .await;
    bar.done();
    database.close(Some(store)).await?;
    let report = report?;
    if let Some(tenant) = args.tenant {
        ensure!(
            report.proved.tenants > 0 || !report.is_sound(),
            "the log knows no tenant {tenant}; `daybook tenant list` shows those it has"
        );
    }
    print(&report, format);
    if report.is_sound() {
        return Ok(());
    }
    let (found, shown) = (report.found(), report.findings.len());
    Err(Unsound(format!(
        "the log is not sound: {found} findings, {shown} of them shown; stop the writers, keep a copy of the database, and \
         restore from a backup that is sound"
    ))
    .into())
}

fn print(report: &Report, format: output::Format) {
    let findings: Vec<Value> = report.findings.iter().map(|f| json!(f)).collect();
    match format {
        output::Format::Json => output::json(&json!({
            "sound": report.is_sound(), "proved": report.proved, "found": report.found(), "counts": report.counts,
            "findings": findings,
        })),
        output::Format::Ndjson => output::rows(format, &COLUMNS, &findings),
        output::Format::Table => {
            if !findings.is_empty() {
                output::rows(format, &COLUMNS, &findings);
                for (column, count) in &report.counts {
                    output::data(&format!("{column}: {count}"));
                }
            }
            output::data(&proved(&report.proved));
        }
    }
}

fn proved(proved: &Proved) -> String {
    let Proved {
        partitions,
        events,
        tenants,
        streams,
        commands,
        snapshots,
        claims,
        checkpoints,
    } = proved;
    format!(
        "proved: {events} events, {tenants} tenants, {streams} streams, {partitions} partitions, {commands} commands, \
         {snapshots} snapshots, {claims} unique values, {checkpoints} checkpoints"
    )
}
