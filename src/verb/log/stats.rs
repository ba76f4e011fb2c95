//! `daybook log stats`: how much of the log belongs to whom, how it grows, and which way appends took. Measures nothing
//! itself.

use anyhow::Result;
use chrono::TimeDelta;
use clap::{Args as ClapArgs, ValueEnum};
use event_store::{
    Clock, Store, SystemClock,
    stats::{self, By, PathStat, Question, Stats},
};
use serde_json::{Value, json};

use crate::{database::Place, output};

/// What events are grouped by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Grouping {
    /// Their tenant.
    #[default]
    Tenant,
    /// Their type.
    Type,
    /// Their partition.
    Partition,
}

/// What to measure.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// What events are grouped by.
    #[arg(long, value_enum, default_value_t)]
    pub by: Grouping,
    /// At most so many groups are shown, the largest first.
    #[arg(long, default_value_t = 20)]
    pub top: usize,
    /// Estimate from evenly spaced samples instead of reading every event.
    #[arg(long)]
    pub fast: bool,
    /// Show the appends of so many days, today's among them.
    #[arg(long, default_value_t = 7)]
    pub days: u16,
}

/// Measures the log.
pub async fn run(place: &Place, args: &Args, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let measured = measure(&store, args).await;
    database.close(Some(store)).await?;
    let (stats, paths) = measured?;
    let name = match args.by {
        Grouping::Tenant => "tenant",
        Grouping::Type => "type",
        Grouping::Partition => "partition",
    };
    print(args, name, &stats, &paths, format);
    Ok(())
}

async fn measure(store: &Store, args: &Args) -> Result<(Stats, Vec<PathStat>)> {
    let now = SystemClock.now();
    let question = Question {
        by: match args.by {
            Grouping::Tenant => By::Tenant,
            Grouping::Type => By::Type,
            Grouping::Partition => By::Partition,
        },
        top: args.top,
        sampled: args.fast,
        now,
    };
    let bar = output::Progress::new("measuring", 0);
    let stats = stats::stats(store, question, &|done, all| {
        bar.of(all);
        bar.at(done);
    })
    .await;
    bar.done();
    let from = now - TimeDelta::days(i64::from(args.days) - 1);
    Ok((stats?, stats::paths(store, from.date_naive()).await?))
}

fn print(args: &Args, name: &str, stats: &Stats, paths: &[PathStat], format: output::Format) {
    let groups: Vec<Value> = stats
        .largest
        .iter()
        .map(|group| {
            let size = group.size;
            json!({ name: group.name, "events": size.events, "bytes": size.bytes, "share": share(size.bytes, stats.total.bytes),
                "lastHour": size.last_hour, "lastDay": size.last_day })
        })
        .collect();
    let appends = appends(paths);
    let summary = json!({ "estimated": args.fast, "eventsRead": stats.read, "total": stats.total, "diskBytes": stats.disk_bytes,
        "groups": stats.groups, "by": name });
    match format {
        output::Format::Json => {
            output::json(&json!({ "summary": summary, "largest": groups, "appends": appends }));
        }
        output::Format::Ndjson => {
            output::json(&summary);
            output::rows(format, &[], &groups);
            output::rows(format, &[], &appends);
        }
        output::Format::Table => {
            output::rows(
                format,
                &[name, "events", "bytes", "share", "lastHour", "lastDay"],
                &groups,
            );
            output::data(&sentence(args, name, stats));
            if appends.is_empty() {
                output::data(&format!("no appends were counted in {} days", args.days));
                return;
            }
            output::rows(
                format,
                &[
                    "day",
                    "path",
                    "commands",
                    "events",
                    "batches",
                    "commandsPerBatch",
                    "waitMs",
                    "reasons",
                ],
                &appends,
            );
        }
    }
}

/// A row per day and path, with the commands by reason; `paths` come in that order.
fn appends(paths: &[PathStat]) -> Vec<Value> {
    let days = paths.chunk_by(|a, b| (a.day, &a.path) == (b.day, &b.path));
    days.filter_map(|all| {
        let first = all.first()?;
        let sum = |number: fn(&PathStat) -> i64| -> i64 { all.iter().map(number).sum() };
        let (commands, batches) = (sum(|p| p.commands), sum(|p| p.batches));
        let reasons: serde_json::Map<_, _> = all
            .iter()
            .filter(|p| p.commands > 0 && !p.reason.is_empty())
            .map(|p| (p.reason.clone(), p.commands.into()))
            .collect();
        Some(json!({ "day": first.day, "path": first.path, "commands": commands, "events": sum(|p| p.events), "batches": batches,
            "commandsPerBatch": tenths(commands, batches),
            "waitMs": tenths(sum(|p| p.waited_us), commands.saturating_mul(1_000)), "reasons": reasons }))
    })
    .collect()
}

fn sentence(args: &Args, name: &str, stats: &Stats) -> String {
    let how = if args.fast {
        format!("estimated from {} events", stats.read)
    } else {
        "counted".to_owned()
    };
    let total = stats.total;
    format!(
        "in all, {how}: {} events, {} bytes, {} bytes on disk with indexes; {} in the last hour, {} in the last day; \
         {} by {name}, {} of them shown",
        total.events,
        total.bytes,
        stats.disk_bytes,
        total.last_hour,
        total.last_day,
        stats.groups,
        stats.largest.len()
    )
}

/// A part in percent, with one decimal.
#[expect(clippy::cast_precision_loss, reason = "shares are for reading")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 * 1000.0 / whole as f64).round() / 10.0
}

/// A quotient with one decimal; none of nothing.
#[expect(clippy::cast_precision_loss, reason = "means are for reading")]
fn tenths(sum: i64, count: i64) -> Option<f64> {
    (count > 0).then(|| (sum as f64 * 10.0 / count as f64).round() / 10.0)
}
