//! `daybook projections`: how far the read models are, and waiting for them.

use std::time::Duration;

use anyhow::Result;
use event_store::Store;
use projections::{NotCaughtUp, WaitError, Waiter};
use serde_json::json;
use uuid::Uuid;

use super::NotReady;
use crate::{app, database::Place, output};

/// Every projection and partition.
pub async fn list(place: &Place, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let lags = projections::lag(&store).await;
    database.close(Some(store)).await?;
    let rows: Vec<_> = lags?
        .into_iter()
        .map(|lag| {
            json!({ "projection": lag.projection, "partition": lag.partition, "nextOffset": lag.next_offset, "head": lag.head,
                "lagEvents": lag.events, "lagSeconds": lag.seconds, "halted": lag.halted })
        })
        .collect();
    output::rows(
        format,
        &[
            "projection",
            "partition",
            "nextOffset",
            "head",
            "lagEvents",
            "lagSeconds",
            "halted",
        ],
        &rows,
    );
    Ok(())
}

/// Waits for a token of a tenant, or for everything that is in the log now.
pub async fn wait(place: &Place, token: Option<(&str, Uuid)>, timeout: u64) -> Result<()> {
    let database = place.open().await?;
    // With nobody serving, nobody would ever catch up: then this process does the work itself.
    let alone = database.embedded.is_some();
    let store = database.connect(place.config.log.partitions).await?;
    let waited = wait_on(&store, token, Duration::from_secs(timeout), alone).await;
    database.close(Some(store)).await?;
    waited?;
    output::say("the read models are up to date");
    Ok(())
}

async fn wait_on(
    store: &Store,
    token: Option<(&str, Uuid)>,
    timeout: Duration,
    alone: bool,
) -> Result<()> {
    if alone {
        app::engine(store).await?.catch_up().await?;
    }
    let mut targets = Vec::new();
    match token {
        Some((token, tenant)) => {
            let token = store.read_token(tenant.into(), token)?;
            targets.push((token.partition, token.offset));
        }
        None => {
            for lag in projections::lag(store).await? {
                targets.push((lag.partition, lag.head - 1));
            }
        }
    }
    let all = projections::all();
    let names: Vec<&str> = all.iter().map(|projection| projection.name()).collect();
    let (waiter, deadline) = (
        Waiter::new(store.clone()),
        tokio::time::Instant::now() + timeout,
    );
    for (partition, offset) in targets {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        match waiter.wait(partition, offset, &names, left).await {
            Ok(()) => {}
            Err(WaitError::NotCaughtUp(NotCaughtUp {
                projection,
                lag_events,
                ..
            })) => {
                return Err(NotReady(format!("{projection} is still {lag_events} events behind in partition {partition}; wait longer with --timeout, or see `daybook projections list`")).into());
            }
            Err(WaitError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(())
}
