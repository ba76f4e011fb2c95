//! `daybook key`: a new API key, shown once.

use anyhow::{Result, anyhow};
use commands::{Bus, Way};
use event_schemas::TenantId;
use event_store::SystemClock;
use serde_json::json;
use uuid::Uuid;

use super::tenant::request;
use crate::{app, database::Place, output};

/// Issues a key and waits until it works.
pub async fn create(
    place: &Place,
    tenant: Uuid,
    scopes: &[String],
    name: &str,
    format: output::Format,
) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let issued = issue(&store, TenantId(tenant), scopes, name).await;
    database.close(Some(store)).await?;
    let (id, key) = issued?;
    output::rows(
        format,
        &["keyId", "apiKey"],
        &[json!({ "keyId": id, "apiKey": key, "tenant": tenant, "scopes": scopes })],
    );
    Ok(())
}

/// Issues a key: its id and the key itself.
pub async fn issue(
    store: &event_store::Store,
    tenant: TenantId,
    scopes: &[String],
    name: &str,
) -> Result<(String, String)> {
    let engine = app::engine(store).await?;
    let bus = Bus::new(
        store.clone(),
        std::sync::Arc::new(SystemClock),
        None,
        Way::Direct,
    );
    let data = json!({ "name": name, "scopes": scopes });
    let answer = bus
        .execute(request(tenant, "organization.issueApiKey", &data)?)
        .await;
    let accepted =
        answer.map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))?;
    // The key counts once the read model of credentials has it; whoever runs the projections, this helps.
    engine.catch_up().await?;
    let text = |name: &str| {
        accepted
            .extra
            .get(name)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    Ok((text("keyId"), text("apiKey")))
}
