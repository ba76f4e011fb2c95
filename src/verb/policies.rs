//! `daybook policies`: what policies want, what they were refused, and what becomes of that.

use anyhow::Result;
use event_store::Store;
use projections::policy::status;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{cli::Policies, database::Place, output};

/// The most refused commands that are listed.
const LISTED: u32 = 1_000;

/// Does what the command line says.
pub async fn run(place: &Place, verb: Policies, format: output::Format) -> Result<()> {
    match verb {
        Policies::List => list(place, format).await,
        Policies::Refused { tenant } => refused(place, tenant, format).await,
        Policies::Held => held(place, format).await,
        Policies::Retry { tenant, id } => retry(place, tenant, id, format).await,
        Policies::Dismiss { tenant, id } => dismiss(place, tenant, id, format).await,
    }
}

async fn ask<T>(place: &Place, ask: impl AsyncFnOnce(&Store) -> Result<T>) -> Result<T> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let answer = ask(&store).await;
    database.close(Some(store)).await?;
    answer
}

/// Every policy.
async fn list(place: &Place, format: output::Format) -> Result<()> {
    let backlogs = ask(
        place,
        async |store| Ok(status::backlogs(store, None).await?),
    )
    .await?;
    let all = projections::all();
    let rows: Vec<Value> = all
        .iter()
        .filter(|one| one.is_policy())
        .map(|policy| {
            let backlog = backlogs.iter().find(|one| one.policy == policy.name());
            json!({ "policy": policy.name(), "waiting": backlog.map_or(0, |one| one.waiting),
                "oldestSeconds": backlog.map_or(0.0, |one| one.oldest_seconds), "refused": backlog.map_or(0, |one| one.refused),
                "timers": backlog.map_or(0, |one| one.timers), "nextTimer": backlog.and_then(|one| one.next_timer) })
        })
        .collect();
    output::rows(
        format,
        &[
            "policy",
            "waiting",
            "oldestSeconds",
            "refused",
            "timers",
            "nextTimer",
        ],
        &rows,
    );
    Ok(())
}

/// The commands that were refused.
async fn refused(place: &Place, tenant: Option<Uuid>, format: output::Format) -> Result<()> {
    let refused = ask(place, async |store| {
        Ok(status::refused(store, tenant.map(Into::into), None, LISTED).await?)
    })
    .await?;
    let rows: Vec<Value> = refused
        .into_iter()
        .map(|one| {
            json!({ "id": one.id, "policy": one.policy, "tenant": one.tenant, "command": one.command, "aggregateId": one.aggregate_id,
                "position": one.position, "code": one.code, "detail": one.detail, "refusedAt": one.refused_at })
        })
        .collect();
    output::rows(
        format,
        &[
            "id",
            "policy",
            "tenant",
            "command",
            "position",
            "code",
            "detail",
            "refusedAt",
        ],
        &rows,
    );
    Ok(())
}

/// The tenants whose commands wait.
async fn held(place: &Place, format: output::Format) -> Result<()> {
    let held = ask(place, async |store| Ok(status::held(store, None).await?)).await?;
    let rows: Vec<Value> = held
        .into_iter()
        .map(|one| {
            json!({ "tenant": one.tenant, "attempts": one.attempts, "until": one.until, "error": one.error })
        })
        .collect();
    output::rows(format, &["tenant", "attempts", "until", "error"], &rows);
    Ok(())
}

/// Has refused commands tried again.
async fn retry(
    place: &Place,
    tenant: Uuid,
    id: Option<Uuid>,
    format: output::Format,
) -> Result<()> {
    let changed = ask(place, async |store| {
        Ok(status::retry(store, tenant.into(), id).await?)
    });
    tell(format, "retried", tenant, changed.await?);
    Ok(())
}

/// Forgets refused commands.
async fn dismiss(
    place: &Place,
    tenant: Uuid,
    id: Option<Uuid>,
    format: output::Format,
) -> Result<()> {
    let changed = ask(place, async |store| {
        Ok(status::dismiss(store, tenant.into(), id).await?)
    });
    tell(format, "dismissed", tenant, changed.await?);
    Ok(())
}

fn tell(format: output::Format, what: &str, tenant: Uuid, commands: u64) {
    output::rows(
        format,
        &["tenant", "state", "commands"],
        &[json!({ "tenant": tenant, "state": what, "commands": commands })],
    );
}
