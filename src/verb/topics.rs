//! `daybook topics`: what is on Kafka, what must be, and whether it is the log.

use anyhow::{Context, Result, ensure};
use clap::Args;
use event_store::Store;
use projections::kafka::{
    Settings,
    topic::{Admin, Change, Plan},
    verify::{Report, Subject},
};
use serde_json::json;

use super::Unsound;
use crate::{
    database::{Database, Place},
    output,
};

/// What to prove.
#[derive(Args, Debug)]
pub struct Verify {
    /// The topic; without it, that of all events.
    #[arg(long, value_name = "NAME")]
    pub topic: Option<String>,
    /// Only this partition.
    #[arg(long)]
    pub partition: Option<u16>,
    /// Prove the topic alone, without the log: in order, nothing twice, and of all events none missing.
    #[arg(long)]
    pub alone: bool,
}

/// Says what `apply` would do.
pub async fn plan(place: &Place, format: output::Format) -> Result<()> {
    let (_, plan) = planned(place).await?;
    show(&plan, format);
    Ok(())
}

/// Does it.
pub async fn apply(place: &Place, format: output::Format) -> Result<()> {
    let (admin, plan) = planned(place).await?;
    let applied = admin.apply(plan.clone()).await;
    show(&plan, format);
    applied?;
    output::say("the topics are as they must be");
    Ok(())
}

/// Proves a topic.
pub async fn verify(place: &Place, args: &Verify, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let kafka = kafka(place, &database)?;
    let mut subject = Subject::find(&kafka, args.topic.as_deref())?;
    let store = database.connect(place.config.log.partitions).await?;
    let proved = prove(&mut subject, &store, args).await;
    database.close(Some(store)).await?;
    let reports = proved?;
    let rows: Vec<_> = reports
        .iter()
        .map(|report| {
            json!({ "partition": report.partition, "records": report.records, "nextOffset": report.next_offset,
                "head": report.head, "behind": report.behind, "faults": report.faulty })
        })
        .collect();
    output::rows(
        format,
        &[
            "partition",
            "records",
            "nextOffset",
            "head",
            "behind",
            "faults",
        ],
        &rows,
    );
    for report in &reports {
        for fault in &report.faults {
            output::say(&format!("partition {}: {fault}", report.partition));
        }
    }
    let faulty: u64 = reports.iter().map(|report| report.faulty).sum();
    if faulty > 0 {
        return Err(Unsound(format!(
            "{} is not the log: {faulty} faults; the first of each partition are above",
            subject.topic()
        ))
        .into());
    }
    let behind: i64 = reports.iter().filter_map(|report| report.behind).sum();
    output::say(&match behind {
        0 if subject.has_states() => "every stream is there as it stands".to_owned(),
        0 => "every event is there once, in order".to_owned(),
        behind => format!("what is there is right; {behind} events are not published yet"),
    });
    Ok(())
}

async fn prove(subject: &mut Subject<'_>, store: &Store, args: &Verify) -> Result<Vec<Report>> {
    let all = 0..store.partitions();
    if let Some(partition) = args.partition {
        ensure!(
            all.contains(&partition),
            "there is no partition {partition}; the log has {} of them, from 0 on",
            store.partitions()
        );
    }
    let mut reports = Vec::new();
    for partition in all.filter(|partition| args.partition.is_none_or(|only| only == *partition)) {
        let store = (!args.alone).then_some(store);
        reports.push(subject.verify(store, partition).await?);
    }
    Ok(reports)
}

async fn planned(place: &Place) -> Result<(Admin, Plan)> {
    let database = place.open().await?;
    let kafka = kafka(place, &database)?;
    let store = database.connect(place.config.log.partitions).await?;
    let partitions = store.partitions();
    database.close(Some(store)).await?;
    let admin = Admin::try_new(&kafka, partitions)?;
    let plan = admin.plan().await?;
    Ok((admin, plan))
}

fn show(plan: &Plan, format: output::Format) {
    let rows: Vec<_> = plan
        .changes
        .iter()
        .map(|change| {
            let topic = match change {
                Change::Create(topic) => &topic.name,
                Change::Set { topic, .. } => topic,
            };
            json!({ "topic": topic, "change": change.to_string() })
        })
        .chain(
            plan.refused
                .iter()
                .map(|why| json!({ "topic": null, "change": why })),
        )
        .collect();
    output::rows(format, &["topic", "change"], &rows);
}

/// The configured Kafka, or that of a running `daybook dev`.
fn kafka(place: &Place, database: &Database) -> Result<Settings> {
    if let Some(settings) = place.config.kafka_settings()? {
        return Ok(settings);
    }
    let dev = database.dev.as_ref();
    let brokers = dev
        .and_then(|dev| dev.kafka_brokers.as_deref())
        .context("no Kafka is configured: set kafka.brokers, or KAFKA_BROKERS")?;
    // One broker of its own.
    place.config.kafka_at(brokers, 1)
}
