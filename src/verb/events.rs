//! `daybook events`: a tenant's log, as it is and as it comes.

use anyhow::Result;
use event_schemas::{RecordedEvent, TenantId};
use event_store::{Store, read::MAX_PAGE};
use serde_json::{Value, json, value::RawValue};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{cli::Events, database::Place, lifecycle::Lifecycle, output};

const COLUMNS: [&str; 6] = [
    "position",
    "recordedAt",
    "stream",
    "version",
    "type",
    "payload",
];

/// What is asked of the log.
pub async fn run(place: &Place, events: Events, format: output::Format) -> Result<()> {
    match events {
        Events::List {
            tenant,
            after,
            limit,
        } => list(place, tenant, after, limit, format).await,
        Events::Tail { tenant, after } => tail(place, tenant, after, format).await,
    }
}

/// A tenant's events after a position, page by page.
pub async fn list(
    place: &Place,
    tenant: Uuid,
    after: i64,
    limit: Option<i64>,
    format: output::Format,
) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let printed = print(
        &store,
        TenantId(tenant),
        after,
        limit.unwrap_or(i64::MAX),
        format,
    )
    .await;
    database.close(Some(store)).await?;
    printed
}

async fn print(
    store: &Store,
    tenant: TenantId,
    mut after: i64,
    mut left: i64,
    format: output::Format,
) -> Result<()> {
    let mut kept = Vec::new();
    while left > 0 {
        let page = store
            .operator_tx()
            .await?
            .read_tenant(tenant, after.saturating_add(1), left.min(MAX_PAGE))
            .await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        left -= i64::try_from(page.len())?;
        match format {
            output::Format::Ndjson => page.iter().for_each(|event| output::json(&row(event))),
            output::Format::Json | output::Format::Table => kept.extend(page.iter().map(row)),
        }
    }
    match format {
        output::Format::Ndjson => {}
        output::Format::Json | output::Format::Table => output::rows(format, &COLUMNS, &kept),
    }
    Ok(())
}

/// A tenant's events as they come, until interrupted. Always a line each.
pub async fn tail(
    place: &Place,
    tenant: Uuid,
    after: Option<i64>,
    format: output::Format,
) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let lifecycle = Lifecycle {
        tasks: TaskTracker::new(),
        cancelled: CancellationToken::new(),
    };
    lifecycle.on_signals()?;
    store.start(&lifecycle.tasks, &lifecycle.cancelled);
    let followed = follow(
        &store,
        TenantId(tenant),
        after,
        format,
        &lifecycle.cancelled,
    )
    .await;
    lifecycle.stop(std::time::Duration::from_secs(5)).await;
    database.close(Some(store)).await?;
    followed
}

async fn follow(
    store: &Store,
    tenant: TenantId,
    after: Option<i64>,
    format: output::Format,
    cancelled: &CancellationToken,
) -> Result<()> {
    let mut heads = store.heads().subscribe();
    let mut after = match after {
        Some(after) => after,
        None => store.operator_tx().await?.newest_position(tenant).await?,
    };
    while !cancelled.is_cancelled() {
        heads.borrow_and_update();
        let page = store
            .operator_tx()
            .await?
            .read_tenant(tenant, after.saturating_add(1), MAX_PAGE)
            .await?;
        for event in &page {
            after = event.position;
            match format {
                output::Format::Table => output::data(&format!(
                    "{} {} {} v{} {} {}",
                    event.position,
                    event.recorded_at.to_rfc3339(),
                    event.stream,
                    event.version,
                    event.event_type,
                    String::from_utf8_lossy(&event.payload)
                )),
                output::Format::Json | output::Format::Ndjson => output::json(&row(event)),
            }
        }
        if page.is_empty() {
            tokio::select! {
                changed = heads.changed() => changed?,
                () = cancelled.cancelled() => {}
            }
        }
    }
    Ok(())
}

fn row(event: &RecordedEvent) -> Value {
    let parse = |bytes: &[u8]| serde_json::from_slice::<Box<RawValue>>(bytes).ok();
    json!({
        "tenant": event.tenant.0, "position": event.position, "partition": event.partition, "offset": event.offset,
        "stream": event.stream, "version": event.version, "id": event.event_id, "type": event.event_type,
        "schemaVersion": event.schema_version, "payload": parse(&event.payload), "metadata": parse(&event.metadata),
        "contentHash": hex::encode(&event.content_hash), "occurredAt": event.occurred_at, "recordedAt": event.recorded_at,
    })
}
