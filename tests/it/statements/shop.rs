//! A shop with a hundred of everything, whose server has stopped: nobody but the test asks the database.

use std::sync::Arc;

use commands::{Bus, Way};
use daybook::app;
use event_schemas::{Actor, ActorKind};
use event_store::{Store, SystemClock};
use gateway::{Principal, Scopes};
use projections::Waiter;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::{self, Database, Served, Tenant},
    isolation::introspection::Schema,
};

const MANY: u128 = 100;

pub struct Shop {
    pub store: Store,
    pub principal: Principal,
    pub types: Schema,
    /// The global ids of every type.
    pub ids: Vec<(String, Vec<String>)>,
    /// The metric that has observations.
    pub observed: Uuid,
}

impl Shop {
    pub async fn open() -> Self {
        let database = harness::database().await;
        let app = database.serve().await;
        let tenant = app.tenant(&["*"]).await;
        fill(&app, &tenant).await;
        Self::close(&database, app, tenant).await
    }

    pub async fn open_empty() -> Self {
        let database = harness::database().await;
        let app = database.serve().await;
        let tenant = app.tenant(&["*"]).await;
        Self::close(&database, app, tenant).await
    }

    async fn close(database: &Database, app: Served, tenant: Tenant) -> Self {
        let types = Schema::of(&app, &tenant.key).await;
        let mut ids = Vec::new();
        for ty in types.ty("Node")["possibleTypes"].as_array().unwrap() {
            let ty = ty["name"].as_str().unwrap();
            ids.push((ty.to_owned(), global_ids(&app, &tenant, ty).await));
        }
        app.stop().await;
        Self {
            store: database.store().await,
            principal: Principal {
                tenant: tenant.id,
                actor: Actor {
                    kind: ActorKind::ApiKey,
                    id: "key".to_owned(),
                    on_behalf_of: None,
                },
                scopes: Scopes::new(["*"]),
            },
            types,
            ids,
            observed: Uuid::from_u128(1),
        }
    }

    /// The engine that production has.
    pub fn engine(&self) -> app::GraphQl {
        let store = self.store.clone();
        let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
        app::graphql(&bus, store.clone(), Waiter::new(store))
    }
}

/// The ids of a type, from the list of that name or the one there is.
async fn global_ids(app: &Served, tenant: &Tenant, ty: &str) -> Vec<String> {
    let field = ty[..1].to_lowercase() + &ty[1..];
    let query = if ty == "Organization" {
        "{ organization { id } }".to_owned()
    } else {
        format!("{{ {field}s(first: 100) {{ nodes {{ id }} }} }}")
    };
    let answer = app.query(&tenant.key, &query, json!({})).await;
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    match answer.pointer(&format!("/{field}s/nodes")) {
        Some(nodes) => nodes.as_array().unwrap().iter().map(id).collect(),
        None => vec![id(&answer[field])],
    }
}

async fn fill(app: &Served, tenant: &Tenant) {
    let mut lines = Vec::new();
    let mut line = |ty: &str, id: Uuid, data: Value| {
        lines.push(json!({ "type": ty, "id": id, "data": data }).to_string());
    };
    let organization = tenant.id.0;
    let settings = json!({ "shipBeforePayment": true });
    line("organization.changeSettings", organization, settings);
    for n in 1..=MANY {
        let id = Uuid::from_u128(n);
        let customer =
            json!({ "name": format!("customer {n}"), "email": format!("c{n}@example.com") });
        line("customer.register", id, customer);
        let product = |of: &str| json!({ "productId": format!("{of}{n}"), "quantity": 2, "unitPrice": 350, "freight": 10 });
        let order = json!({
            "customerId": id, "currency": "EUR", "lines": [product("bread"), product("milk")],
            "payments": [{ "sequence": 1, "method": "card", "amount": 1420 }],
        });
        line("order.place", id, order);
        line("order.ship", id, json!({}));
        line("order.deliver", id, json!({}));
        line("order.review", id, json!({ "score": 4, "comment": "good" }));
        line(
            "lead.capture",
            id,
            json!({ "origin": format!("origin {n}"), "name": "someone" }),
        );
        let profile = json!({ "profile": { "businessSegment": "toys", "declaredMonthlyRevenue": { "amount": 5, "currency": "EUR" } } });
        line("lead.qualify", id, profile);
        let metric = json!({ "name": format!("metric {n}"), "unit": "kg", "aggregation": "sum" });
        line("metric.define", id, metric);
        let goal = json!({ "title": format!("goal {n}"), "unit": "kg", "target": "1000000", "dueAt": "2999-01-01T00:00:00Z" });
        line("goal.draft", id, goal);
        let link = json!({ "metricId": id, "aggregation": "sum" });
        line("goal.linkMetric", id, link);
        line("goal.activate", id, json!({}));
        line("goal.recordProgress", id, json!({ "actual": "5" }));
        let document = json!({ "title": format!("bread {n}"), "body": "How we bake bread.", "language": "en", "tags": ["bread"] });
        line("document.add", id, document);
    }
    let observations: Vec<_> = (0..MANY)
        .map(|n| json!({ "observedAt": "2026-02-03T04:05:06Z", "value": n.to_string() }))
        .collect();
    line(
        "metric.observe",
        Uuid::from_u128(1),
        json!({ "observations": observations }),
    );
    for n in 1..=MANY {
        line(
            "metric.correct",
            Uuid::from_u128(1),
            json!({ "number": n, "value": "0.5" }),
        );
    }
    // One there is already, and no more than a hundred may be.
    for n in 1..MANY {
        let key = json!({ "name": format!("key {n}"), "scopes": ["order:read"] });
        line("organization.issueApiKey", organization, key);
    }
    let response = app
        .client
        .post(format!("{}/api/v1/commands", app.url))
        .bearer_auth(&tenant.key);
    let response = response
        .header("content-type", "application/x-ndjson")
        .body(lines.join("\n"));
    let text = response.send().await.unwrap().text().await.unwrap();
    let mut token = String::new();
    for answer in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        assert!(answer["status"].as_u64().unwrap() < 300, "{answer}");
        answer["result"]["token"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut token);
    }
    // Until every list shows what was written last.
    let query = "{ orders(first: 0) { totalCount } customers(first: 0) { totalCount } leads(first: 0) { totalCount } \
         metrics(first: 0) { totalCount } documents(first: 0) { totalCount } apiKeys(first: 1) { nodes { id } } organization { id } }";
    let answer = app
        .client
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&tenant.key)
        .header("daybook-after", token);
    let answer = answer
        .json(&json!({ "query": query, "extensions": { "consistency": { "timeoutMs": 10_000 } } }));
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    assert!(answer.get("errors").is_none(), "{answer}");
}
