//! The audit trail as an auditor meets it: who, what, when, from where and why; what can be looked for; and what is never in it.

mod causation;
mod export;
mod plan;

use chrono::{DateTime, Utc};
use event_schemas::{Actor, ActorKind, Source, TenantId};
use event_store::{Clock as _, SystemClock};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use crate::harness::{self, Database, Served, Tenant, an_order};

/// Every field of an entry.
const ENTRY: &str = "entryId position outcome reason context action target version actor { kind id onBehalfOf } source traceId
    client legalBasis commandId causationId correlationId occurredAt recordedAt";

/// Waits until the trail has everything that is in the log.
async fn settle(app: &Served, tenant: TenantId) {
    let mut tx = app.store.operator_tx().await.unwrap();
    let newest = tx.newest_position(tenant).await.unwrap();
    let last = tx.read_tenant(tenant, newest, 1).await.unwrap().remove(0);
    projections::Waiter::new(app.store.clone())
        .wait(
            last.partition,
            last.offset,
            &["audit"],
            std::time::Duration::from_mins(1),
        )
        .await
        .unwrap();
}

/// The entries that a filter finds, newest first.
async fn entries(app: &Served, key: &str, filter: Value) -> Vec<Value> {
    let query = format!(
        "query($filter: AuditFilter) {{ audit(filter: $filter, first: 100) {{ totalCount nodes {{ {ENTRY} }} }} }}"
    );
    let mut data = app.query(key, &query, json!({ "filter": filter })).await;
    let nodes = data["audit"]["nodes"].take();
    let nodes: Vec<Value> = serde_json::from_value(nodes).unwrap();
    assert_eq!(data["audit"]["totalCount"], nodes.len(), "{filter}");
    nodes
}

/// Their actions.
async fn actions(app: &Served, key: &str, filter: Value) -> Vec<String> {
    entries(app, key, filter)
        .await
        .iter()
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

/// A customer as an import brings it, dated to the past.
async fn imported(app: &Served, tenant: TenantId, when: DateTime<Utc>) -> Uuid {
    let bus = commands::Bus::new(
        app.store.clone(),
        std::sync::Arc::new(SystemClock),
        None,
        commands::Way::Direct,
    );
    let data = json!({ "name": "Maria Imported", "city": "Olinda" });
    let mut request = daybook::verb::tenant::request(tenant, "customer.register", &data).unwrap();
    request.id = SystemClock.uuid_v7();
    request.source = Source::Import;
    request.occurred_at = Some(when);
    request.actor = Actor {
        kind: ActorKind::Operator,
        id: "import".to_owned(),
        on_behalf_of: None,
    };
    let id = request.id;
    bus.execute(request).await.unwrap();
    id
}

/// One customer and one order of it, each with the headers of a request.
async fn shop(app: &Served, tenant: &Tenant, correlation: Uuid) -> (Uuid, Uuid) {
    let (customer, order) = (SystemClock.uuid_v7(), SystemClock.uuid_v7());
    let mut place = an_order();
    place["customerId"] = json!(customer);
    let registered = json!({ "name": "Canary Person", "email": "canary@example.com", "phone": "+5511canary",
        "postalCode": "canary-0", "city": "São Paulo", "state": "SP" });
    for (path, body) in [
        (format!("customers/{customer}/register"), registered),
        (format!("orders/{order}/place"), place),
    ] {
        let response = app
            .client
            .post(format!("{}/api/v1/{path}", app.url))
            .bearer_auth(&tenant.key)
            .header("x-correlation-id", correlation.to_string())
            .header(
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            )
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
    }
    (customer, order)
}

#[tokio::test]
async fn it_says_who_did_what_when_from_where_and_why() {
    let app = harness::database().await.serve().await;
    let id = TenantId(SystemClock.uuid_v7());
    let bus = commands::Bus::new(
        app.store.clone(),
        std::sync::Arc::new(SystemClock),
        None,
        commands::Way::Direct,
    );
    let past: DateTime<Utc> = "2019-03-01T12:00:00Z".parse().unwrap();
    let name = json!({ "name": "Shop" });
    let mut register = daybook::verb::tenant::request(id, "organization.register", &name).unwrap();
    (register.source, register.occurred_at) = (Source::Import, Some(past));
    bus.execute(register).await.unwrap();
    let imported = imported(&app, id, past).await;
    let key = app.key(id, &["*"]).await;
    let tenant = Tenant { id, key };
    let correlation = SystemClock.uuid_v7();
    let (_, order) = shop(&app, &tenant, correlation).await;
    settle(&app, id).await;

    let all = entries(&app, &tenant.key, json!({})).await;
    let told: Vec<_> = all
        .iter()
        .map(|e| {
            json!([
                e["position"],
                e["action"],
                e["actor"]["kind"],
                e["source"],
                e["outcome"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["5", "OrderPlaced", "apiKey", "api", "ACCEPTED"]),
            json!(["4", "CustomerRegistered", "apiKey", "api", "ACCEPTED"]),
            json!(["3", "ApiKeyIssued", "operator", "api", "ACCEPTED"]),
            json!(["2", "CustomerRegistered", "operator", "import", "ACCEPTED"]),
            json!([
                "1",
                "OrganizationRegistered",
                "operator",
                "import",
                "ACCEPTED"
            ]),
        ]
    );
    let viewer = app
        .query(&tenant.key, "{ viewer { actorId } }", json!({}))
        .await;
    let placed = &all[0];
    assert_eq!(placed["actor"]["id"], viewer["viewer"]["actorId"]);
    assert_eq!(placed["target"], format!("order-{order}"));
    assert_eq!(
        (&placed["context"], &placed["version"]),
        (&json!("order"), &json!(1))
    );
    assert_eq!(placed["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(placed["correlationId"], correlation.to_string());
    assert_eq!(placed["causationId"], placed["commandId"]);
    assert_eq!(placed["reason"], Value::Null);
    let old = &all[3];
    assert_eq!(old["target"], format!("customer-{imported}"));
    assert_eq!(old["actor"]["id"], "import");
    assert_eq!(old["occurredAt"].as_str().unwrap().parse(), Ok(past));
    assert!(
        old["recordedAt"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .unwrap()
            > past
    );
    app.stop().await;
}

#[tokio::test]
async fn the_client_is_told_as_a_hash_of_each_tenants_own() {
    let app = harness::database().await.serve().await;
    let (tenant, other) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    let mut hashes = Vec::new();
    for tenant in [&tenant, &other] {
        shop(&app, tenant, SystemClock.uuid_v7()).await;
        let capture = "mutation($id: UUID!) { captureLead(id: $id, input: { origin: \"email\" }) { ... on Accepted { version } } }";
        let id = json!({ "id": SystemClock.uuid_v7() });
        app.query(&tenant.key, capture, id).await;
        let line = json!({ "type": "lead.capture", "id": SystemClock.uuid_v7(), "data": { "origin": "email" } });
        let lines = app
            .client
            .post(format!("{}/api/v1/commands", app.url))
            .bearer_auth(&tenant.key)
            .header("content-type", "application/jsonl")
            // What no proxy of the installation has written counts for nothing.
            .header("x-forwarded-for", "203.0.113.7")
            .body(line.to_string());
        lines.send().await.unwrap().text().await.unwrap();
        settle(&app, tenant.id).await;
        let all = entries(&app, &tenant.key, json!({})).await;
        let hash = all[0]["client"].as_str().unwrap().to_owned();
        assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let from = json!({ "client": { "eq": hash } });
        // Over every way to the commands; the operator's own are from nowhere.
        assert_eq!(
            actions(&app, &tenant.key, from).await,
            [
                "LeadCaptured",
                "LeadCaptured",
                "OrderPlaced",
                "CustomerRegistered"
            ]
        );
        assert_eq!(all.len(), 6);
        assert!(all[4..].iter().all(|entry| entry["client"].is_null()));
        hashes.push(hash);
    }
    assert_ne!(hashes[0], hashes[1]);
    app.stop().await;
}

#[tokio::test]
async fn each_filter_finds_its_own() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let correlation = SystemClock.uuid_v7();
    let (customer, order) = shop(&app, &tenant, correlation).await;
    settle(&app, tenant.id).await;
    let all = entries(&app, &tenant.key, json!({})).await;
    let actor = all[0]["actor"]["id"].clone();
    for (filter, expected) in [
        (
            json!({ "actor": { "eq": actor } }),
            vec!["OrderPlaced", "CustomerRegistered"],
        ),
        (
            json!({ "actorKind": { "eq": "operator" } }),
            vec!["ApiKeyIssued", "OrganizationRegistered"],
        ),
        (
            json!({ "action": { "eq": "ApiKeyIssued" } }),
            vec!["ApiKeyIssued"],
        ),
        (
            json!({ "context": { "in": ["order", "lead"] } }),
            vec!["OrderPlaced"],
        ),
        (
            json!({ "target": { "eq": format!("customer-{customer}") } }),
            vec!["CustomerRegistered"],
        ),
        (json!({ "source": { "eq": "import" } }), vec![]),
        (json!({ "outcome": { "eq": "DENIED" } }), vec![]),
        (
            json!({ "outcome": { "in": ["ACCEPTED"] }, "position": { "gt": "3" } }),
            vec!["OrderPlaced"],
        ),
        (
            json!({ "correlation": { "eq": correlation } }),
            vec!["OrderPlaced", "CustomerRegistered"],
        ),
        (
            json!({ "entryId": { "eq": all[1]["entryId"] } }),
            vec!["CustomerRegistered"],
        ),
        (
            json!({ "commandId": { "eq": all[0]["commandId"] } }),
            vec!["OrderPlaced"],
        ),
        (
            json!({ "occurredAt": { "gte": all[0]["occurredAt"] } }),
            vec!["OrderPlaced"],
        ),
        (
            json!({ "recordedAt": { "lt": all[2]["recordedAt"] } }),
            vec!["OrganizationRegistered"],
        ),
        (
            json!({ "not": { "context": { "eq": "organization" } } }),
            vec!["OrderPlaced", "CustomerRegistered"],
        ),
        (json!({ "text": order }), vec!["OrderPlaced"]),
        (
            json!({ "text": format!("\"order-{order}\" -import") }),
            vec!["OrderPlaced"],
        ),
        (json!({ "text": "sao paulo" }), vec!["CustomerRegistered"]),
        (
            json!({ "text": "registered", "position": { "lt": "2" } }),
            vec!["OrganizationRegistered"],
        ),
        (
            json!({ "not": { "text": "organization" } }),
            vec!["OrderPlaced", "CustomerRegistered"],
        ),
    ] {
        assert_eq!(
            actions(&app, &tenant.key, filter.clone()).await,
            expected,
            "{filter}"
        );
    }
    for (filter, words) in [
        (json!({ "text": "!?" }), "no word"),
        (json!({ "text": "a".repeat(501) }), "more than 500"),
    ] {
        let query = "query($filter: AuditFilter) { audit(filter: $filter) { nodes { position } } }";
        let answer = app
            .graphql(&tenant.key, query, json!({ "filter": filter }))
            .await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn pages_are_the_list() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    shop(&app, &tenant, SystemClock.uuid_v7()).await;
    settle(&app, tenant.id).await;
    // By a page of one each, in both directions, with a search and without one.
    for filter in [
        json!({}),
        json!({ "text": "registered or placed or issued" }),
    ] {
        for (direction, expected) in [("DESC", [4, 3, 2, 1]), ("ASC", [1, 2, 3, 4])] {
            let query = format!("query($filter: AuditFilter, $after: String) {{ audit(filter: $filter, after: $after, first: 1,
                orderBy: {{ field: POSITION, direction: {direction} }}) {{ nodes {{ position }} pageInfo {{ hasNextPage endCursor }} }} }}");
            let (mut found, mut after) = (Vec::new(), Value::Null);
            loop {
                let data = app
                    .query(
                        &tenant.key,
                        &query,
                        json!({ "filter": filter, "after": after }),
                    )
                    .await;
                let page = &data["audit"];
                found.push(
                    page["nodes"][0]["position"]
                        .as_str()
                        .unwrap()
                        .parse::<i32>()
                        .unwrap(),
                );
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
            assert_eq!(found, expected, "{direction} {filter}");
            let last = format!("query($filter: AuditFilter) {{ audit(filter: $filter, last: 2,
                orderBy: {{ field: POSITION, direction: {direction} }}) {{ nodes {{ position }} }} }}");
            let data = app
                .query(&tenant.key, &last, json!({ "filter": filter }))
                .await;
            let of = |n: usize| json!({ "position": expected[n].to_string() });
            assert_eq!(
                data["audit"]["nodes"],
                json!([of(2), of(3)]),
                "{direction} {filter}"
            );
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn words_are_found_in_portuguese_and_english_and_personal_ones_are_nowhere() {
    let database = harness::database().await;
    let app = database.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let (_, order) = shop(&app, &tenant, SystemClock.uuid_v7()).await;
    let lead = SystemClock.uuid_v7();
    let metric = SystemClock.uuid_v7();
    for (path, body, status) in [
        (
            format!("metrics/{metric}/define"),
            json!({ "name": "Devoluções", "unit": "units", "aggregation": "sum",
            "description": "Mercadorias devolvidas pelos clientes; shipments that were returned" }),
            201,
        ),
        (
            format!("leads/{lead}/capture"),
            json!({ "name": "Canary Lead", "email": "canary.lead@example.com",
            "phone": "canary-lead-phone", "company": "Padaria Açucena", "origin": "indicação" }),
            201,
        ),
        (
            format!("orders/{order}/cancel"),
            json!({ "reason": "other" }),
            200,
        ),
    ] {
        let (found, answer) = app
            .post(&tenant.key, &format!("/api/v1/{path}"), &body)
            .await;
        assert_eq!(found, status, "{path}: {answer}");
    }
    settle(&app, tenant.id).await;
    for (text, expected) in [
        ("devolução", vec!["MetricDefined"]),
        ("devolvida cliente", vec!["MetricDefined"]),
        ("devolucoes", vec!["MetricDefined"]),
        ("shipment returning", vec!["MetricDefined"]),
        ("\"shipments that were returned\"", vec!["MetricDefined"]),
        ("\"returned shipments\"", vec![]),
        ("padaria acucena", vec!["LeadCaptured"]),
        ("INDICAÇÃO", vec!["LeadCaptured"]),
        ("OrderCancelled", vec!["OrderCancelled"]),
        ("order cancelled", vec!["OrderCancelled"]),
        ("canary", vec![]),
        ("canary@example.com", vec![]),
    ] {
        let found = actions(&app, &tenant.key, json!({ "text": text })).await;
        assert_eq!(found, expected, "{text}");
    }
    let rows = table(&database).await;
    assert!(rows.contains("São Paulo"));
    assert!(!rows.to_lowercase().contains("canary"), "{rows}");
    app.stop().await;
}

/// Every row of the trail, as text.
async fn table(database: &Database) -> String {
    let mut admin = database.admin().await;
    let schema: String =
        sqlx::query("select schema_name from projection.serving where projection = 'audit'")
            .fetch_one(&mut admin)
            .await
            .unwrap()
            .get(0);
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "select string_agg(a::text, E'\\n') from {schema}.audit a"
    )))
    .fetch_one(&mut admin)
    .await
    .unwrap()
    .get(0)
}

#[tokio::test]
async fn a_command_reads_its_own_entry_and_a_key_for_orders_reads_none() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let mutation = "mutation($id: UUID!) { captureLead(id: $id, input: { origin: \"email\" }) {
        ... on Accepted { events { id } query { audit(first: 1) { nodes { entryId action } } } } ... on Problem { code } } }";
    for _ in 0..5 {
        let data = app
            .query(
                &tenant.key,
                mutation,
                json!({ "id": SystemClock.uuid_v7() }),
            )
            .await;
        let accepted = &data["captureLead"];
        assert_eq!(
            accepted["query"]["audit"]["nodes"],
            json!([{ "entryId": accepted["events"][0]["id"], "action": "LeadCaptured" }])
        );
    }
    let key = app.key(tenant.id, &["order:*"]).await;
    for query in [
        "{ audit { nodes { entryId } } }",
        "{ causation(entryId: \"0190b5a2-7c10-7a3a-8e0c-3f6a5d4c2b1a\") { entry { entryId } } }",
    ] {
        let answer = app.graphql(&key, query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }
    let key = app.key(tenant.id, &["audit:read"]).await;
    let seen = app.query(&key, "{ audit(first: 1) { nodes { action } } }", json!({}));
    assert_eq!(seen.await["audit"]["nodes"].as_array().unwrap().len(), 1);
    app.stop().await;
}
