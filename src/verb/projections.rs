//! `daybook projections`: how far the read models are, waiting for them, and who is parked.

use std::time::Duration;

use anyhow::Result;
use event_store::Store;
use projections::{NotCaughtUp, Retried, WaitError, Waiter};
use serde_json::json;
use uuid::Uuid;

use super::{NotReady, Unsound, builds};
use crate::{app, cli::Projections, database::Place, output};

/// Does what the command line says.
pub async fn run(place: &Place, verb: Projections, format: output::Format) -> Result<()> {
    match verb {
        Projections::List => list(place, format).await,
        Projections::Builds => builds::list(place, format).await,
        Projections::Rebuild { projection, tenant } => match tenant {
            Some(tenant) => builds::rebuild_tenant(place, &projection, tenant, format).await,
            None => builds::rebuild(place, &projection, format).await,
        },
        Projections::Verify { projection } => {
            builds::verify(place, projection.as_deref(), format).await
        }
        Projections::Parked { tenant } => parked(place, tenant, format).await,
        Projections::Retry { projection, tenant } => {
            retry(place, &projection, tenant, format).await
        }
        Projections::Wait {
            token,
            tenant,
            timeout,
        } => wait(place, token.as_deref().zip(tenant), timeout).await,
    }
}

/// Every projection and partition.
async fn list(place: &Place, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let lags = projections::lag(&store).await;
    database.close(Some(store)).await?;
    let rows: Vec<_> = lags?
        .into_iter()
        .map(|lag| {
            json!({ "projection": lag.projection, "partition": lag.partition, "nextOffset": lag.next_offset, "head": lag.head,
                "lagEvents": lag.events, "lagSeconds": lag.seconds, "parkedTenants": lag.parked, "halted": lag.halted })
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
            "parkedTenants",
            "halted",
        ],
        &rows,
    );
    Ok(())
}

/// The most parked tenants that are listed.
const LISTED: u32 = 1_000;

/// The tenants that are parked.
async fn parked(place: &Place, tenant: Option<Uuid>, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let parked = projections::parked(&store, tenant.map(Into::into), LISTED).await;
    database.close(Some(store)).await?;
    let rows: Vec<_> = parked?
        .into_iter()
        .map(|parked| {
            json!({ "projection": parked.projection, "build": parked.build, "serves": parked.serves, "tenant": parked.tenant, "position": parked.position,
                "lagEvents": parked.events, "eventId": parked.event_id, "eventType": parked.event_type,
                "error": parked.error, "attempts": parked.attempts, "parkedAt": parked.parked_at,
                "triedAt": parked.tried_at })
        })
        .collect();
    output::rows(
        format,
        &[
            "projection",
            "build",
            "tenant",
            "position",
            "lagEvents",
            "eventType",
            "error",
            "attempts",
            "parkedAt",
        ],
        &rows,
    );
    Ok(())
}

/// Lets a parked tenant go on, or says why it cannot yet.
async fn retry(
    place: &Place,
    projection: &str,
    tenant: Uuid,
    format: output::Format,
) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let retried = async {
        let engine = app::engine(&store).await?;
        anyhow::Ok(engine.retry(projection, tenant.into()).await?)
    };
    let retried = retried.await;
    database.close(Some(store)).await?;
    let (state, replayed) = match retried? {
        Retried::NotParked => ("live", 0),
        Retried::Live { replayed } => ("live", replayed),
        Retried::Parked {
            replayed,
            position,
            reason,
        } => {
            return Err(Unsound(format!(
                "{replayed} events were replayed, and tenant {tenant} is parked in {projection} at position {position}: {reason}"
            ))
            .into());
        }
    };
    output::rows(
        format,
        &["projection", "tenant", "state", "replayed"],
        &[
            json!({ "projection": projection, "tenant": tenant, "state": state, "replayed": replayed }),
        ],
    );
    Ok(())
}

/// Waits for a token of a tenant, or for everything that is in the log now.
async fn wait(place: &Place, token: Option<(&str, Uuid)>, timeout: u64) -> Result<()> {
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
        let done = match token {
            Some((_, tenant)) => {
                let place = (partition, offset);
                waiter.wait_for(tenant.into(), place, &names, left).await
            }
            None => waiter.wait(partition, offset, &names, left).await,
        };
        match done {
            Ok(()) => {}
            Err(WaitError::Parked(parked)) => {
                return Err(NotReady(format!("{parked}; mend what is wrong and run `daybook projections retry {} --tenant ID`", parked.projection)).into());
            }
            Err(WaitError::NotCaughtUp(NotCaughtUp {
                projection,
                lag_events,
                ..
            })) => {
                return Err(NotReady(format!("{projection} is still {lag_events} events behind in partition {partition}; wait longer with --timeout, or see `daybook projections list`")).into());
            }
            Err(WaitError::Failed(error)) => return Err(error.into()),
        }
    }
    Ok(())
}
