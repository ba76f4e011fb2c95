//! What happened to one thing, and what two moments differ in.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::{Teller, steps};
use crate::harness;

const HISTORY: &str = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
    history(id: $id, first: $first, after: $after, last: $last, before: $before) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { node { version position eventType occurredAt changes { path before after } } } } }";
const DIFF: &str = "query($id: ID!, $from: AsOf!, $to: AsOf) {
    diff(id: $id, from: $from, to: $to) { fromVersion toVersion changes { path before after } } }";

fn global(kind: &str, id: u128) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}:{}", Uuid::from_u128(id)))
}

/// Type and changed paths of every entry.
fn told(page: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let edges = page["edges"].as_array().unwrap().iter();
    edges
        .map(|edge| {
            let changes = edge["node"]["changes"].as_array().unwrap().iter();
            let paths = changes.map(|change| text(&change["path"])).collect();
            (text(&edge["node"]["eventType"]), paths)
        })
        .collect()
}

#[tokio::test]
async fn a_history_tells_each_event_and_what_it_changed() {
    let app = harness::database().await.serve().await;
    let teller = Teller::begin(&app).await;
    for step in steps() {
        teller.tell(&step).await;
    }
    let ask = async |variables: Value| {
        let mut data = app.query(&teller.tenant.key, HISTORY, variables).await;
        data["history"].take()
    };
    let order = global("order", 1);
    let all = ask(json!({ "id": order, "first": 100 })).await;
    let entries = told(&all);
    assert_eq!(all["totalCount"], 8);
    assert_eq!(entries.len(), 8);
    assert_eq!(entries[0].0, "OrderPlaced");
    assert!(entries[0].1.contains(&"/status".to_owned()), "{entries:?}");
    let approved = &all["edges"][1]["node"];
    assert_eq!(
        approved["changes"],
        json!([
            { "path": "/approvedAt", "before": null, "after": approved["changes"][0]["after"] },
            { "path": "/paid", "before": 0, "after": 100 },
            { "path": "/status", "before": "created", "after": "approved" },
        ])
    );
    assert_eq!(
        entries[4].1,
        ["/carrier", "/shippedAt", "/status", "/trackingCode"]
    );

    // Pages of any size, from either end, are parts of the same.
    for size in [1, 3, 8] {
        let (mut forward, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = ask(json!({ "id": order, "first": size, "after": after })).await;
            forward.extend(told(&page));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(forward, entries, "{size}");
        let (mut backward, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = ask(json!({ "id": order, "last": size, "before": before })).await;
            backward.splice(0..0, told(&page));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(backward, entries, "{size}");
    }
    for kind in ["lead", "goal"] {
        let all = ask(json!({ "id": global(kind, 1), "first": 100 })).await;
        assert!(all["totalCount"].as_i64().unwrap() >= 4, "{all:#}");
    }
    let organization = URL_SAFE_NO_PAD.encode(format!("organization:{}", teller.tenant.id));
    let all = ask(json!({ "id": organization })).await;
    assert_eq!(told(&all)[0].0, "OrganizationRegistered");
    assert_eq!(ask(json!({ "id": global("order", 99) })).await, Value::Null);

    // Somebody else's are not there.
    let other = app.tenant(&["*"]).await;
    let answer = app.query(&other.key, HISTORY, json!({ "id": order })).await;
    assert_eq!(answer["history"], Value::Null);
    let diff = json!({ "id": order, "from": { "position": 0 } });
    let answer = app.query(&other.key, DIFF, diff.clone()).await;
    assert_eq!(answer["diff"], Value::Null);
    // Nor for who may not read orders.
    let key = app.key(teller.tenant.id, &["goal:read"]).await;
    for (query, variables) in [(HISTORY, json!({ "id": order })), (DIFF, diff)] {
        let answer = app.graphql(&key, query, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_diff_is_what_the_history_between_changed() {
    let app = harness::database().await.serve().await;
    let teller = Teller::begin(&app).await;
    let mut positions = Vec::new();
    for step in steps() {
        positions.push((teller.tell(&step).await.0, step.at));
    }
    let ask = async |variables: Value| app.graphql(&teller.tenant.key, DIFF, variables).await;
    let order = global("order", 1);
    let placed = app
        .query(
            &teller.tenant.key,
            "query($id: ID!) { history(id: $id, first: 100) { edges { node { position } } } }",
            json!({ "id": order }),
        )
        .await;
    let at = |index: usize| placed["history"]["edges"][index]["node"]["position"].clone();

    let diff =
        ask(json!({ "id": order, "from": { "position": at(0) }, "to": { "position": at(3) } }))
            .await;
    let diff = &diff["data"]["diff"];
    assert_eq!(
        (&diff["fromVersion"], &diff["toVersion"]),
        (&json!(1), &json!(4))
    );
    let changes = diff["changes"].as_array().unwrap();
    let paths: Vec<_> = changes
        .iter()
        .map(|change| change["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/approvedAt", "/invoiceNumber", "/paid", "/status"]);
    assert_eq!(
        changes[3],
        json!({ "path": "/status", "before": "created", "after": "invoiced" })
    );

    // From before it was there, and from a moment at which something else happened.
    let diff = ask(json!({ "id": order, "from": { "position": 0 } })).await;
    assert_eq!(diff["data"]["diff"]["fromVersion"], 0);
    assert_eq!(diff["data"]["diff"]["toVersion"], 8);
    let (_, last) = positions.last().unwrap();
    let diff = ask(json!({ "id": order, "from": { "time": last } })).await;
    assert_eq!(diff["data"]["diff"]["changes"], json!([]));

    let diff =
        ask(json!({ "id": order, "from": { "position": at(3) }, "to": { "position": at(0) } }))
            .await;
    let message = diff["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("exchange"), "{message}");
    let key = URL_SAFE_NO_PAD.encode(format!("apiKey:{}", Uuid::nil()));
    let diff = ask(json!({ "id": key, "from": { "position": 0 } })).await;
    let message = diff["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("no aggregate"), "{message}");
    app.stop().await;
}

#[tokio::test]
async fn a_whole_operation_can_be_about_an_earlier_moment() {
    let app = harness::database().await.serve().await;
    let teller = Teller::begin(&app).await;
    let mut token = String::new();
    for step in steps() {
        token = teller.tell(&step).await.1;
    }
    let send = async |query: &str, as_of: Value| -> Value {
        let request = app
            .client
            .post(format!("{}/graphql", app.url))
            .bearer_auth(&teller.tenant.key)
            .header("daybook-after", &token)
            .json(&json!({ "query": query, "extensions": { "asOf": as_of } }));
        request.send().await.unwrap().json().await.unwrap()
    };
    let query = "{ orders { totalCount } leads { totalCount } now: goals(asOf: { position: 4 }) { totalCount } }";
    let answer = send(query, json!({ "position": 0 })).await;
    assert_eq!(
        answer["data"],
        json!({ "orders": { "totalCount": 0 }, "leads": { "totalCount": 0 }, "now": { "totalCount": 1 } })
    );
    let answer = send(query, Value::Null).await;
    assert_eq!(answer["data"]["orders"]["totalCount"], 6);
    for field in [
        "customers { totalCount }",
        "nodes(ids: []) { id }",
        "audit { totalCount }",
    ] {
        let answer = send(&format!("{{ {field} }}"), json!({ "position": 4 })).await;
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("earlier moment"), "{message}");
    }
    for wrong in [
        json!("now"),
        json!({ "position": "x" }),
        json!({ "place": 1 }),
        json!([1]),
    ] {
        let answer = send(query, wrong).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        assert!(answer.get("data").is_none(), "{answer:#}");
    }
    app.stop().await;
}
