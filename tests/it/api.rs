//! The command API and its answer over GraphQL, as a client meets them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, an_order};

#[tokio::test]
async fn an_order_placed_over_http_is_answered_over_graphql() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    let (status, placed) = app
        .post(
            &tenant.key,
            &format!("/api/v1/orders/{id}/place"),
            &an_order(),
        )
        .await;
    assert_eq!(status, 201, "{placed}");
    assert_eq!(placed["streamId"], format!("order-{id}"));
    assert_eq!(
        (
            placed["version"].clone(),
            placed["events"][0]["type"].clone()
        ),
        (json!(1), json!("OrderPlaced"))
    );
    let body = json!({
        "query": "query($id: UUID!) { order(id: $id) { orderId number status total { amount currency } lines { productId quantity } } }",
        "variables": { "id": id },
        "extensions": { "consistency": { "after": placed["token"] } },
    });
    let answer: Value = app
        .client
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&tenant.key)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let order = &answer["data"]["order"];
    assert_eq!(order["status"], "CREATED", "{answer:#}");
    assert_eq!(
        order["total"],
        json!({ "amount": "800", "currency": "EUR" })
    );
    assert_eq!(order["number"], "1");
    app.stop().await;
}

#[tokio::test]
async fn a_mutation_reads_its_own_write() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    let mutation = "mutation($id: UUID!, $input: PlaceOrderInput!) {
        placeOrder(id: $id, input: $input) {
            __typename
            ... on Accepted { version position token replayed query { order(id: $id) { status customerId } } }
            ... on Problem { code message path }
        } }";
    let data = app
        .query(
            &tenant.key,
            mutation,
            json!({ "id": id, "input": an_order() }),
        )
        .await;
    assert_eq!(
        data["placeOrder"]["query"]["order"]["status"], "CREATED",
        "{data:#}"
    );
    let again = app
        .query(
            &tenant.key,
            mutation,
            json!({ "id": id, "input": an_order() }),
        )
        .await;
    assert_eq!(
        (
            &again["placeOrder"]["__typename"],
            &again["placeOrder"]["code"]
        ),
        (&json!("Rejected"), &json!("order-already-placed"))
    );
    app.stop().await;
}

#[tokio::test]
async fn the_way_of_an_order_and_its_refusals() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    let path = |step: &str| format!("/api/v1/orders/{id}/{step}");
    let (status, missing) = app.post(&tenant.key, &path("ship"), &json!({})).await;
    assert_eq!((status, &missing["code"]), (404, &json!("order-not-found")));
    app.post(&tenant.key, &path("place"), &an_order()).await;
    let (status, refused) = app.post(&tenant.key, &path("ship"), &json!({})).await;
    assert_eq!(
        (status, &refused["code"]),
        (422, &json!("order-not-paid")),
        "{refused}"
    );
    // The tenant may allow it.
    let settings = format!("/api/v1/organizations/{}/change-settings", tenant.id);
    let (status, changed) = app
        .post(
            &tenant.key,
            &settings,
            &json!({ "shipBeforePayment": true }),
        )
        .await;
    assert_eq!(status, 200, "{changed}");
    let (status, shipped) = app
        .post(&tenant.key, &path("ship"), &json!({ "carrier": "DHL" }))
        .await;
    assert_eq!((status, &shipped["version"]), (200, &json!(2)), "{shipped}");
    app.stop().await;
}

#[tokio::test]
async fn dry_runs_versions_and_keys() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    let place = format!("{}/api/v1/orders/{id}/place", app.url);
    let send = |header: Option<(&'static str, &'static str)>, url: String, body: Value| {
        let mut request = app.client.post(url).bearer_auth(&tenant.key).json(&body);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        async move {
            let response = request.send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap(),
            )
        }
    };
    let (status, dry) = send(None, format!("{place}?dryRun=true"), an_order()).await;
    assert_eq!(
        (status, &dry["dryRun"], &dry["position"]),
        (200, &json!(true), &Value::Null),
        "{dry}"
    );
    let (status, stale) = send(Some(("if-match", "\"3\"")), place.clone(), an_order()).await;
    assert_eq!(
        (status, &stale["currentVersion"]),
        (409, &json!(0)),
        "{stale}"
    );
    let key = Some(("idempotency-key", "first"));
    let (status, first) = send(key, place.clone(), an_order()).await;
    assert_eq!((status, &first["replayed"]), (201, &json!(false)));
    let (status, mut second) = send(key, place.clone(), an_order()).await;
    assert_eq!((status, &second["replayed"]), (200, &json!(true)));
    second["replayed"] = json!(false);
    assert_eq!(first, second, "the same answer");
    let mut other = an_order();
    other["currency"] = json!("USD");
    let (status, reused) = send(key, place.clone(), other).await;
    assert_eq!(
        (status, &reused["code"]),
        (422, &json!("key-reused")),
        "{reused}"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_hundred_requests_with_one_key_have_one_effect() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let url = format!("{}/api/v1/orders/{}/place", app.url, Uuid::now_v7());
    let requests = (0..100).map(|_| {
        let request = app
            .client
            .post(&url)
            .bearer_auth(&tenant.key)
            .header("idempotency-key", "k")
            .json(&an_order());
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    });
    let mut answers = futures::future::join_all(requests).await;
    let fresh = answers
        .iter()
        .filter(|a| a["replayed"] == json!(false))
        .count();
    assert_eq!(fresh, 1, "one of them did it");
    for answer in &mut answers {
        answer["replayed"] = json!(true);
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "100 equal answers: {:#}",
        answers[0]
    );
    // The registration, the key and the order.
    let newest = app
        .store
        .operator_tx()
        .await
        .unwrap()
        .newest_position(tenant.id)
        .await
        .unwrap();
    assert_eq!(newest, 3);
    app.stop().await;
}

#[tokio::test]
async fn two_hundred_writers_expect_one_version_and_one_wins() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    app.post(
        &tenant.key,
        &format!("/api/v1/orders/{id}/place"),
        &an_order(),
    )
    .await;
    let url = format!("{}/api/v1/orders/{id}/start-processing", app.url);
    let requests = (0..200).map(|_| {
        let request = app
            .client
            .post(&url)
            .bearer_auth(&tenant.key)
            .header("if-match", "\"1\"")
            .json(&json!({}));
        async move { request.send().await.unwrap().status().as_u16() }
    });
    let statuses = futures::future::join_all(requests).await;
    assert_eq!(
        statuses.iter().filter(|s| **s == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|s| **s == 409).count(),
        199,
        "{statuses:?}"
    );
    app.stop().await;
}

#[tokio::test]
async fn bulk_lines_are_answered_in_order_and_one_bad_line_stops_nothing() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    let lines = [
        json!({ "type": "order.place", "id": id, "data": an_order(), "idempotencyKey": "a" })
            .to_string(),
        "{ not json".to_owned(),
        json!({ "type": "order.approvePayment", "id": id }).to_string(),
        json!({ "type": "order.explode", "id": id }).to_string(),
        String::new(),
        json!({ "type": "order.ship", "id": id, "data": { "colour": "red" } }).to_string(),
        json!({ "type": "order.ship", "id": id, "expectedVersion": 2 }).to_string(),
        json!({ "type": "order.place", "id": id, "data": an_order(), "idempotencyKey": "a" })
            .to_string(),
    ];
    let response = app
        .client
        .post(format!("{}/api/v1/commands", app.url))
        .bearer_auth(&tenant.key)
        .header("content-type", "application/x-ndjson")
        .body(lines.join("\n"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<(u64, u64)> = answers
        .iter()
        .map(|a| (a["line"].as_u64().unwrap(), a["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, 201),
            (2, 400),
            (3, 200),
            (4, 400),
            (6, 400),
            (7, 200),
            (8, 200)
        ],
        "{text}"
    );
    assert_eq!(answers[6]["result"]["replayed"], json!(true));
    app.stop().await;
}

/// The path of a tenant's organization, and the answer to issuing a key that only reads orders.
async fn reader(app: &harness::Served, tenant: &harness::Tenant) -> (String, Value) {
    let organization = format!("/api/v1/organizations/{}", tenant.id);
    let wanted = json!({ "name": "reader", "scopes": ["order:read"] });
    let issue = format!("{organization}/issue-api-key");
    let (status, issued) = app.post(&tenant.key, &issue, &wanted).await;
    assert_eq!(status, 200, "{issued}");
    (organization, issued)
}

#[tokio::test]
async fn keys_are_scoped_and_revoked_at_once() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let (organization, issued) = reader(&app, &tenant).await;
    let reader = issued["apiKey"].as_str().unwrap();
    let place = format!("/api/v1/orders/{}/place", Uuid::now_v7());
    assert_eq!(app.post(reader, &place, &an_order()).await.0, 403);
    assert_eq!(
        app.query(reader, "{ orders { totalCount } }", json!({}))
            .await["orders"]["totalCount"],
        0
    );
    let revoke = json!({ "keyId": issued["keyId"] });
    let (status, _) = app
        .post(
            &tenant.key,
            &format!("{organization}/revoke-api-key"),
            &revoke,
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        app.post(reader, &place, &an_order()).await.0,
        401,
        "revoked with the answer"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_key_revoked_at_one_server_is_refused_by_another_that_has_just_used_it() {
    let database = harness::database().await;
    let (one, other) = (database.serve().await, database.serve().await);
    let tenant = one.tenant(&["*"]).await;
    let (organization, issued) = reader(&one, &tenant).await;
    let reader = issued["apiKey"].as_str().unwrap();
    let place = format!("/api/v1/orders/{}/place", Uuid::now_v7());
    let revoke = json!({ "keyId": issued["keyId"] });
    let path = format!("{organization}/revoke-api-key");
    let order = an_order();
    assert_eq!(other.post(reader, &place, &order).await.0, 403);
    let answered = std::cell::Cell::new(false);
    let revoking = async {
        let (status, _) = one.post(&tenant.key, &path, &revoke).await;
        answered.set(true);
        status
    };
    let using = async {
        while !answered.get() {
            let (status, _) = other.post(reader, &place, &order).await;
            assert!(status == 403 || status == 401, "{status}");
        }
    };
    assert_eq!(tokio::join!(revoking, using).0, 200);
    for server in [&one, &other] {
        let (status, _) = server.post(reader, &place, &order).await;
        assert_eq!(status, 401, "revoked with the answer");
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_repeated_revocation_too_is_answered_when_the_key_is_refused() {
    let database = harness::database().await;
    let (one, other) = (database.serve().await, database.serve().await);
    let tenant = one.tenant(&["*"]).await;
    let (organization, issued) = reader(&one, &tenant).await;
    let reader = issued["apiKey"].as_str().unwrap();
    let place = format!("/api/v1/orders/{}/place", Uuid::now_v7());
    let revoke = async |server: &harness::Served, key: &str| {
        let request = server
            .client
            .post(format!("{}{organization}/revoke-api-key", server.url))
            .bearer_auth(&tenant.key)
            .header("Idempotency-Key", key)
            .json(&json!({ "keyId": issued["keyId"] }));
        request.send().await.unwrap().status().as_u16()
    };
    let order = an_order();
    for server in [&one, &other] {
        assert_eq!(server.post(reader, &place, &order).await.0, 403);
    }
    // Both at once, and once more as if the answer had been lost: the first answer of all counts.
    let first = tokio::select! {
        status = revoke(&one, "once") => status,
        status = revoke(&other, "once") => status,
        status = revoke(&other, "again") => status,
    };
    assert!(first == 200 || first == 422, "{first}");
    for server in [&one, &other] {
        assert_eq!(server.post(reader, &place, &order).await.0, 401);
    }
    assert_eq!(revoke(&one, "once").await, 200);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_full_queue_is_answered_with_the_time_to_come_back() {
    let mut database = harness::database().await;
    database.options.queue.commands = 0;
    let app = database.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let url = format!("{}/api/v1/orders/{}/place", app.url, Uuid::now_v7());
    let response = app
        .client
        .post(url)
        .bearer_auth(&tenant.key)
        .json(&an_order())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["retryable"], json!(true), "{problem}");
    // The registration and the key, which the operator wrote past the lanes.
    let mut tx = app.store.operator_tx().await.unwrap();
    assert_eq!(tx.newest_position(tenant.id).await.unwrap(), 2);
    drop(tx);
    app.stop().await;
}
