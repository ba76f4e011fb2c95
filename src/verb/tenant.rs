//! `daybook tenant`: the operator's list of tenants, a new one, and whether one may write.

use anyhow::{Result, anyhow, ensure};
use commands::{Bus, Request, Way, registry};
use event_schemas::{Actor, ActorKind, Source, TenantId};
use event_store::{Clock, Outcome, Store, SystemClock};
use serde_json::json;
use uuid::Uuid;

use crate::{database::Place, output};

/// The operator at the command line.
pub fn operator() -> Actor {
    Actor {
        kind: ActorKind::Operator,
        id: "cli".to_owned(),
        on_behalf_of: None,
    }
}

/// One command of the operator.
pub fn request(tenant: TenantId, kind: &str, data: &serde_json::Value) -> Result<Request> {
    let spec = registry()
        .by_kind(kind)
        .ok_or_else(|| anyhow!("there is no command {kind}"))?;
    Ok(Request {
        tenant,
        actor: operator(),
        source: Source::Api,
        spec,
        id: tenant.0,
        data: data.to_string().into_bytes().into(),
        key: None,
        expected_version: None,
        occurred_at: None,
        dry_run: false,
        correlation_id: SystemClock.uuid_v7(),
        traceparent: None,
        cause: None,
        ip_hash: None,
    })
}

/// Registers a tenant.
pub async fn create(
    place: &Place,
    name: &str,
    id: Option<Uuid>,
    country: Option<String>,
    format: output::Format,
) -> Result<()> {
    let id = id.unwrap_or_else(|| SystemClock.uuid_v7());
    let mut data = json!({ "name": name });
    if let (Some(country), Some(fields)) = (country, data.as_object_mut()) {
        fields.insert("country".to_owned(), country.into());
    }
    execute(place, id, "organization.register", &data).await?;
    output::rows(
        format,
        &["id", "name"],
        &[json!({ "id": id, "name": name })],
    );
    Ok(())
}

/// Stops all writing for a tenant.
pub async fn suspend(place: &Place, id: Uuid, reason: &str, format: output::Format) -> Result<()> {
    let data = json!({ "reason": reason });
    execute(place, id, "organization.suspend", &data).await?;
    output::rows(
        format,
        &["id", "state", "reason"],
        &[json!({ "id": id, "state": "suspended", "reason": reason })],
    );
    Ok(())
}

/// Lets a suspended tenant write again.
pub async fn resume(place: &Place, id: Uuid, format: output::Format) -> Result<()> {
    execute(place, id, "organization.resume", &json!({})).await?;
    output::rows(
        format,
        &["id", "state"],
        &[json!({ "id": id, "state": "active" })],
    );
    Ok(())
}

/// Ends a tenant's freeze.
pub async fn unfreeze(place: &Place, id: Uuid, reason: &str, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let done = thaw(&store, TenantId(id), reason).await;
    database.close(Some(store)).await?;
    let state = done?;
    output::rows(
        format,
        &["id", "state", "reason"],
        &[json!({ "id": id, "state": state, "reason": reason })],
    );
    if state == "suspended" {
        output::say(
            "it was suspended before it was frozen, and is so again: `daybook tenant resume` lets it write",
        );
    }
    Ok(())
}

/// Ends the freeze; the state that the tenant is in then.
async fn thaw(store: &Store, tenant: TenantId, reason: &str) -> Result<String> {
    let state = state_of(store, tenant).await?;
    ensure!(
        state == "frozen",
        "tenant {tenant} is {state}, not frozen; nothing was changed"
    );
    match store.unfreeze(tenant, reason).await? {
        Outcome::Appended(_) => state_of(store, tenant).await,
        other => Err(anyhow!("the log refused to end the freeze: {other:?}")),
    }
}

async fn state_of(store: &Store, tenant: TenantId) -> Result<String> {
    let tenants = store.operator_tx().await?.tenants().await?;
    let row = tenants.into_iter().find(|row| row.tenant == tenant);
    row.map(|row| row.state)
        .ok_or_else(|| anyhow!("there is no tenant {tenant}; `daybook tenant list` names all"))
}

/// Executes one command of the operator on a tenant.
async fn execute(place: &Place, id: Uuid, kind: &str, data: &serde_json::Value) -> Result<()> {
    let request = request(TenantId(id), kind, data)?;
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let bus = Bus::new(
        store.clone(),
        std::sync::Arc::new(SystemClock),
        None,
        Way::Direct,
    );
    let answer = bus.execute(request).await;
    database.close(Some(store)).await?;
    answer
        .map(drop)
        .map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))
}

/// All tenants, in the order of their registration.
pub async fn list(place: &Place, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let tenants = async { store.operator_tx().await?.tenants().await }.await;
    database.close(Some(store)).await?;
    let rows: Vec<_> = tenants?
        .into_iter()
        .map(|t| json!({ "id": t.tenant.0, "name": t.name, "state": t.state, "partition": t.partition, "events": t.events, "createdAt": t.created_at }))
        .collect();
    output::rows(
        format,
        &["id", "name", "state", "partition", "events", "createdAt"],
        &rows,
    );
    Ok(())
}
