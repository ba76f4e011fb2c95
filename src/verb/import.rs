//! `daybook import`: brings history in, shows how far it is, and reports what it met.

pub mod postgres_es;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use commands::{Bus, Way};
use event_store::SystemClock;
use serde_json::json;

use crate::{
    app,
    database::Place,
    import::{self, memory, olist},
    lifecycle::Lifecycle,
    output,
};

/// What to import.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The folder of the CSV files, plain or zstd-compressed.
    pub dir: PathBuf,
    /// The folder for temporary files, about three times the size of the uncompressed input; the system's by default.
    #[arg(long)]
    pub spill: Option<PathBuf>,
    /// Give every organization a metric that follows the revenue of its orders, with a goal for each month.
    #[arg(long)]
    pub revenue: bool,
}

/// Imports the Olist files.
pub async fn olist(place: &Place, args: &Args, format: output::Format) -> Result<()> {
    let started = Instant::now();
    let database = place.open().await?;
    let server = database.dev.as_ref().map(|dev| dev.pid);
    let postgres = database
        .embedded
        .as_ref()
        .map(crate::embedded::EmbeddedPostgres::pid);
    let postgres = postgres.or_else(|| database.dev.as_ref().and_then(|dev| dev.postgres_pid));
    let store = database.connect(place.config.log.partitions).await?;
    let lifecycle = Lifecycle::default();
    store.start(&lifecycle.tasks, &lifecycle.cancelled);
    let engine = app::engine(&store).await?;
    // The read models follow while the import goes on.
    engine.run(&lifecycle.tasks, &lifecycle.cancelled);
    let watch = std::sync::Arc::new(memory::Watch::new(postgres, server));
    let (watching, cancelled) = (watch.clone(), lifecycle.cancelled.clone());
    lifecycle
        .tasks
        .spawn(async move { watching.run(cancelled).await });

    let imported = run(args, &store, &engine, started).await;
    let peaks = watch.peaks();
    lifecycle.stop(std::time::Duration::from_secs(30)).await;
    database.close(Some(store)).await?;
    let (written, report, prepared_seconds, written_seconds) = imported?;

    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "rates are for reading")]
    let rate = |n: u64| {
        if seconds > 0.0 {
            (n as f64 / seconds).round()
        } else {
            0.0
        }
    };
    let summary = json!({
        "written": written, "source": report, "seconds": seconds,
        "preparedAfterSeconds": prepared_seconds, "writtenAfterSeconds": written_seconds,
        "commandsPerSecond": rate(written.lines), "eventsPerSecond": rate(written.events), "peakMemoryBytes": peaks,
    });
    match format {
        output::Format::Json | output::Format::Ndjson => output::json(&summary),
        output::Format::Table => output::data(&serde_json::to_string_pretty(&summary)?),
    }
    anyhow::ensure!(
        written.refused.is_empty(),
        "{} lines were refused; the report above says which and why",
        written.refused.values().sum::<u64>()
    );
    Ok(())
}

type Imported = (import::Written, olist::Report, f64, f64);

async fn run(
    args: &Args,
    store: &event_store::Store,
    engine: &projections::Engine,
    started: Instant,
) -> Result<Imported> {
    let spill = tempfile::Builder::new()
        .prefix("daybook-import-")
        .tempdir_in(args.spill.clone().unwrap_or_else(std::env::temp_dir))
        .context("cannot create a folder for temporary files; choose one with --spill")?;
    let options = olist::Options {
        source: args.dir.clone(),
        spill: spill.path().to_owned(),
        memory: olist::DEFAULT_MEMORY,
        revenue: args.revenue,
    };
    let mut prepared = tokio::task::spawn_blocking(move || {
        let reading = output::Progress::new("reading", 0);
        let prepared = olist::prepare(&options, &mut |progress| {
            reading.of(progress.bytes_total);
            reading.at(progress.bytes_read);
        });
        reading.done();
        prepared
    })
    .await??;
    let prepared_seconds = started.elapsed().as_secs_f64();
    let report = prepared.report().clone();
    let bus = Bus::new(
        store.clone(),
        std::sync::Arc::new(SystemClock),
        None,
        Way::Direct,
    );
    let progress = output::Progress::new("importing", prepared.total_lines());
    let written = import::execute(&bus, "olist", prepared.lines(), &|done| progress.at(done));
    progress.done();
    let written = written?;
    let written_seconds = started.elapsed().as_secs_f64();
    output::say("bringing the read models up to date");
    engine.catch_up().await?;
    Ok((written, report, prepared_seconds, written_seconds))
}
