//! Policies on a real log: what they want is done once, in order, by whoever is there, never during a rebuild; what cannot be
//! done is seen.

mod circle;
mod goal;
mod monthly;
mod once;
mod stage;
mod succession;
mod timer;
mod trouble;

use projections::policy::status as policy_status;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, an_order};

#[tokio::test]
async fn what_orders_bring_is_observed_and_says_why() {
    let database = harness::database().await;
    let app = database.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let metric = Uuid::from_u128(5);
    let define =
        json!({ "name": "Revenue", "unit": "EUR", "aggregation": "sum", "feed": "orderRevenue" });
    let path = format!("/api/v1/metrics/{metric}/define");
    assert_eq!(app.post(&tenant.key, &path, &define).await.0, 201);
    let by_hand =
        json!({ "observations": [{ "observedAt": "2026-01-01T00:00:00Z", "value": "1" }] });
    let path = format!("/api/v1/metrics/{metric}/observe");
    let (status, refused) = app.post(&tenant.key, &path, &by_hand).await;
    assert_eq!(
        (status, &refused["code"]),
        (422, &json!("measured-by-itself"))
    );

    let mut placed = Value::Null;
    for order in 1..=3_u128 {
        let path = format!("/api/v1/orders/{}/place", Uuid::from_u128(order));
        let (status, answer) = app.post(&tenant.key, &path, &an_order()).await;
        assert_eq!(status, 201, "{answer}");
        placed = answer;
    }
    // Registration, key, metric, three orders; then the three observations come by themselves.
    let observed = stage::event(&app.store, tenant.id, 9).await;
    assert_eq!(observed.event_type, "MetricObserved");
    let query = "query($id: ID!) { metric(id: $id) { feed observationCount }
        metricStats(id: $id) { sum observations }
        metricObservations(id: $id) { nodes { value source } }
        policies { name waiting refused { code } } }";
    let token = app.store.issue_token(tenant.id, 9, observed.offset);
    // What is in the log is taken off the list a moment later.
    while policy_status::backlogs(&app.store, None)
        .await
        .unwrap()
        .iter()
        .any(|policy| policy.waiting > 0)
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let answer = stage::ask(&app, &tenant, &token, query, json!({ "id": metric })).await;
    assert_eq!(
        answer["metric"],
        json!({ "feed": "ORDER_REVENUE", "observationCount": 3 })
    );
    assert_eq!(
        answer["metricStats"],
        json!([{ "sum": "21", "observations": "3" }])
    );
    let nodes = answer["metricObservations"]["nodes"].as_array().unwrap();
    assert!(nodes.iter().all(|node| node["value"] == "7"), "{nodes:?}");
    assert_eq!(
        answer["policies"],
        json!([
            { "name": "revenue", "waiting": "0", "refused": [] },
            { "name": "monthly", "waiting": "0", "refused": [] },
            { "name": "progress", "waiting": "0", "refused": [] },
        ])
    );

    // The chain back to the order, which an answer to an earlier one may stand before, in the conversation that the order began.
    let cause: Uuid = placed["events"][0]["id"].as_str().unwrap().parse().unwrap();
    let orders = [4, 5, 6, 7, 8].map(|position| stage::event(&app.store, tenant.id, position));
    let orders = futures::future::join_all(orders).await;
    let chain = stage::metadata(&observed);
    let source = orders
        .iter()
        .find(|order| json!(order.event_id) == chain["causationId"])
        .unwrap();
    assert!(orders.iter().any(|order| order.event_id == cause));
    let of_order = stage::metadata(source);
    assert_eq!(chain["correlationId"], of_order["correlationId"]);
    assert_eq!(
        (&chain["source"], &chain["depth"]),
        (&json!("policy"), &json!(1))
    );
    assert_eq!(
        chain["actor"],
        json!({ "kind": "policy", "id": "revenue", "onBehalfOf": of_order["actor"]["id"] })
    );
    app.stop().await;
}
