//! Causes and effects, within bounds and within the tenant.

use event_schemas::{StreamId, TenantId, metric::MetricEvent};
use event_store::{Append, Clock as _, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use super::settle;
use crate::{
    harness,
    projections::history::{append, store_all},
};

/// An event that another one caused.
fn caused(tenant: TenantId, event: &MetricEvent, by: Option<Uuid>, correlation: Uuid) -> Append {
    let mut append = append(
        tenant,
        StreamId::new("metric", SystemClock.uuid_v7()),
        SystemClock.now(),
        event,
    );
    let causation = by.unwrap_or(append.command_id);
    append.metadata = json!({ "commandId": append.command_id, "causationId": causation, "correlationId": correlation,
        "actor": { "kind": "policy", "id": "restock" }, "source": "policy" })
    .to_string()
    .into_bytes();
    append.occurred_at = None;
    append
}

#[tokio::test]
async fn causes_and_effects_are_followed_within_bounds_and_never_to_another_tenant() {
    let app = harness::database().await.serve().await;
    let (tenant, other) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    let event: MetricEvent = serde_json::from_value(json!({ "type": "MetricDefined",
        "data": { "name": "n", "unit": "u", "aggregation": "sum" } }))
    .unwrap();
    let correlation = SystemClock.uuid_v7();
    // A chain of 20, and 120 effects of the last one.
    let mut chain: Vec<Uuid> = Vec::new();
    let mut log = Vec::new();
    for _ in 0..20 {
        let next = caused(tenant.id, &event, chain.last().copied(), correlation);
        chain.push(next.events[0].event_id);
        log.push(next);
    }
    log.extend((0..120).map(|_| caused(tenant.id, &event, chain.last().copied(), correlation)));
    // Another tenant's event names this one's as its cause.
    log.push(caused(other.id, &event, chain.last().copied(), correlation));
    store_all(&app.store, &log).await;
    settle(&app, tenant.id).await;
    settle(&app, other.id).await;
    let ask = async |key: &str, id: Uuid, depth: (i32, i32)| {
        let query = "query($id: UUID!, $up: Int!, $down: Int!) { causation(entryId: $id, up: $up, down: $down) {
            entry { entryId } causes { entryId } effects { depth entry { entryId } } moreEffects } }";
        let variables = json!({ "id": id, "up": depth.0, "down": depth.1 });
        app.graphql(key, query, variables).await
    };
    let ids = |ids: &[Uuid]| {
        ids.iter()
            .map(|id| json!({ "entryId": id }))
            .collect::<Vec<_>>()
    };
    let found = ask(&tenant.key, chain[3], (16, 2)).await["data"]["causation"].take();
    let causes: Vec<Uuid> = chain[..3].iter().rev().copied().collect();
    assert_eq!(found["entry"]["entryId"], json!(chain[3]));
    assert_eq!(found["causes"], json!(ids(&causes)));
    let effects = [(1, chain[4]), (2, chain[5])]
        .map(|(depth, id)| json!({ "depth": depth, "entry": { "entryId": id } }));
    assert_eq!(
        (&found["effects"], &found["moreEffects"]),
        (&json!(effects), &json!(false))
    );
    let found = ask(&tenant.key, chain[19], (16, 16)).await["data"]["causation"].take();
    let causes: Vec<Uuid> = chain[3..19].iter().rev().copied().collect();
    assert_eq!(found["causes"], json!(ids(&causes)));
    assert_eq!(found["effects"].as_array().unwrap().len(), 100);
    assert_eq!(found["moreEffects"], json!(true));
    let first = ask(&tenant.key, chain[0], (16, 0)).await["data"]["causation"].take();
    assert_eq!(
        (&first["causes"], &first["effects"]),
        (&json!([]), &json!([]))
    );
    let foreign = ask(&other.key, chain[3], (16, 16)).await;
    assert_eq!(foreign["data"]["causation"], Value::Null);
    let own = log.last().unwrap().events[0].event_id;
    let own = ask(&other.key, own, (16, 16)).await["data"]["causation"].take();
    assert_eq!(own["causes"], json!([]), "the cause is another tenant's");
    let wrong = ask(&tenant.key, chain[0], (17, 0)).await;
    assert_eq!(wrong["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    app.stop().await;
}
