//! A suspended organization: nothing is written, everything is read, nobody else notices.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    freeze::freeze,
    harness::{self, Served, Tenant, an_order},
};

const ORGANIZATION: &str =
    "{ organization { status suspendedAt suspensionReason shipBeforePayment version } }";

/// The operator's command, as the command line sends it; the code of its refusal.
async fn operate(app: &Served, tenant: &Tenant, kind: &str, data: Value) -> Result<String, String> {
    let bus = commands::Bus::new(
        app.store.clone(),
        std::sync::Arc::new(event_store::SystemClock),
        None,
        commands::Way::Direct,
    );
    let request = daybook::verb::tenant::request(tenant.id, kind, &data).unwrap();
    match bus.execute(request).await {
        Ok(accepted) => Ok(accepted.token.unwrap()),
        Err(problem) => Err(problem.code().to_owned()),
    }
}

pub async fn suspend(app: &Served, tenant: &Tenant) -> Result<String, String> {
    let reason = json!({ "reason": "The invoice of February is unpaid" });
    operate(app, tenant, "organization.suspend", reason).await
}

pub async fn resume(app: &Served, tenant: &Tenant) -> Result<String, String> {
    operate(app, tenant, "organization.resume", json!({})).await
}

pub async fn place(app: &Served, tenant: &Tenant, id: Uuid) -> (u16, Value) {
    let path = format!("/api/v1/orders/{id}/place");
    app.post(&tenant.key, &path, &an_order()).await
}

/// The organization, no older than the token.
async fn organization(app: &Served, tenant: &Tenant, token: &str) -> Value {
    let response = app
        .client
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&tenant.key)
        .header("daybook-after", token)
        .json(&json!({ "query": ORGANIZATION }))
        .send()
        .await
        .unwrap();
    let mut answer: Value = response.json().await.unwrap();
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"]["organization"].take()
}

async fn newest(app: &Served, tenant: &Tenant) -> i64 {
    let mut operator = app.store.operator_tx().await.unwrap();
    operator.newest_position(tenant.id).await.unwrap()
}

pub async fn state(app: &Served, tenant: &Tenant) -> String {
    let tenants = app.store.operator_tx().await.unwrap().tenants().await;
    let mut tenants = tenants.unwrap().into_iter();
    tenants.find(|row| row.tenant == tenant.id).unwrap().state
}

#[tokio::test]
async fn a_suspended_tenant_writes_nothing_until_it_is_resumed() {
    let app = harness::database().await.serve().await;
    let (tenant, other) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    let order = Uuid::now_v7();
    assert_eq!(place(&app, &tenant, order).await.0, 201);
    let settings = format!("/api/v1/organizations/{}/change-settings", tenant.id);
    let (status, _) = app
        .post(
            &tenant.key,
            &settings,
            &json!({ "shipBeforePayment": true }),
        )
        .await;
    assert_eq!(status, 200);

    let token = suspend(&app, &tenant).await.unwrap();
    assert_eq!(state(&app, &tenant).await, "suspended");
    let before = newest(&app, &tenant).await;

    // Whatever the way in: REST, bulk, GraphQL; a new stream, one that exists, the organization itself.
    let refused = json!("organization-suspended");
    for (path, body) in [
        (
            format!("/api/v1/orders/{}/place", Uuid::now_v7()),
            an_order(),
        ),
        (format!("/api/v1/orders/{order}/ship"), json!({})),
        (settings, json!({ "shipBeforePayment": false })),
    ] {
        let (status, problem) = app.post(&tenant.key, &path, &body).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &refused),
            "{path}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains("the operator"),
            "{problem}"
        );
    }
    let line = json!({ "type": "order.ship", "id": order });
    let bulk = app
        .client
        .post(format!("{}/api/v1/commands", app.url))
        .bearer_auth(&tenant.key)
        .header("content-type", "application/x-ndjson")
        .body(line.to_string())
        .send()
        .await
        .unwrap();
    let bulk: Value = bulk.json().await.unwrap();
    assert_eq!(bulk["problem"]["code"], refused, "{bulk}");
    let mutation = "mutation($id: UUID!) { shipOrder(id: $id) { ... on Problem { code } } }";
    let data = app
        .query(&tenant.key, mutation, json!({ "id": order }))
        .await;
    assert_eq!(data["shipOrder"]["code"], refused, "{data}");
    assert_eq!(newest(&app, &tenant).await, before);

    // Reading goes on, and says why.
    let read = organization(&app, &tenant, &token).await;
    assert_eq!(
        (&read["status"], &read["suspensionReason"]),
        (
            &json!("SUSPENDED"),
            &json!("The invoice of February is unpaid")
        )
    );
    assert!(read["suspendedAt"].is_string(), "{read}");
    assert_eq!(read["shipBeforePayment"], true);
    // Nobody else notices.
    assert_eq!(place(&app, &other, Uuid::now_v7()).await.0, 201);
    assert_eq!(state(&app, &other).await, "active");

    let token = resume(&app, &tenant).await.unwrap();
    assert_eq!(state(&app, &tenant).await, "active");
    let read = organization(&app, &tenant, &token).await;
    assert_eq!(read["status"], "ACTIVE", "{read}");
    assert_eq!(
        (&read["suspendedAt"], &read["suspensionReason"]),
        (&Value::Null, &Value::Null)
    );
    // The setting of before: it may be shipped before it is paid.
    let ship = format!("/api/v1/orders/{order}/ship");
    let (status, shipped) = app.post(&tenant.key, &ship, &json!({})).await;
    assert_eq!(status, 200, "{shipped}");
    app.stop().await;
}

#[tokio::test]
async fn only_an_active_tenant_is_suspended_and_only_a_suspended_one_resumed() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    assert_eq!(
        resume(&app, &tenant).await.unwrap_err(),
        "organization-not-suspended"
    );
    suspend(&app, &tenant).await.unwrap();
    assert_eq!(
        suspend(&app, &tenant).await.unwrap_err(),
        "organization-already-suspended"
    );
    let blank = operate(
        &app,
        &tenant,
        "organization.suspend",
        json!({ "reason": " " }),
    );
    assert_eq!(blank.await.unwrap_err(), "malformed");
    let nobody = Tenant {
        id: event_schemas::TenantId(Uuid::now_v7()),
        key: String::new(),
    };
    assert_eq!(
        suspend(&app, &nobody).await.unwrap_err(),
        "organization-not-found"
    );
    app.stop().await;
}

/// The status and the code of a dry run's answer.
async fn dry_run(app: &Served, tenant: &Tenant, path: &str, body: &Value) -> (u16, Value) {
    let path = format!("{path}?dryRun=true");
    let (status, mut answer) = app.post(&tenant.key, &path, body).await;
    (status, answer["code"].take())
}

#[tokio::test]
async fn a_dry_run_is_refused_like_the_command_itself() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let order = Uuid::now_v7();
    assert_eq!(place(&app, &tenant, order).await.0, 201);
    let new = format!("/api/v1/orders/{}/place", Uuid::now_v7());
    let pay = format!("/api/v1/orders/{order}/approve-payment");
    let missing = format!("/api/v1/orders/{}/ship", Uuid::now_v7());
    let rename = format!("/api/v1/organizations/{}/rename", tenant.id);
    let name = json!({ "name": "Another name" });
    let commands = [
        (&new, an_order()),
        (&pay, json!({})),
        (&missing, json!({})),
        (&rename, name),
    ];
    let mut answers = Vec::new();
    for state in ["active", "suspended", "frozen"] {
        if state == "suspended" {
            suspend(&app, &tenant).await.unwrap();
        } else if state == "frozen" {
            freeze(&app.store, tenant.id).await;
        }
        let before = newest(&app, &tenant).await;
        for (path, body) in &commands {
            let dry = dry_run(&app, &tenant, path, body).await;
            answers.push(format!("{state} {} {}", dry.0, dry.1));
            if state != "active" {
                let (status, mut real) = app.post(&tenant.key, path, body).await;
                assert_eq!(dry, (status, real["code"].take()), "{state} {path}");
            }
        }
        assert_eq!(newest(&app, &tenant).await, before, "nothing is written");
    }
    // What does not fit its order is refused for that, whatever the organization's state.
    assert_eq!(
        answers,
        [
            "active 200 null",
            "active 200 null",
            "active 404 \"order-not-found\"",
            "active 200 null",
            "suspended 422 \"organization-suspended\"",
            "suspended 422 \"organization-suspended\"",
            "suspended 404 \"order-not-found\"",
            "suspended 422 \"organization-suspended\"",
            "frozen 422 \"organization-frozen\"",
            "frozen 422 \"organization-frozen\"",
            "frozen 404 \"order-not-found\"",
            "frozen 422 \"organization-frozen\"",
        ]
    );
    let mutation = "mutation($id: UUID!) { approvePayment(id: $id, dryRun: true) { ... on Problem { code } } }";
    let data = app
        .query(&tenant.key, mutation, json!({ "id": order }))
        .await;
    assert_eq!(
        data["approvePayment"]["code"], "organization-frozen",
        "{data}"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_dry_run_knows_which_tenants_there_are_and_what_their_state_lets_them_do() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let stranger = Tenant {
        id: event_schemas::TenantId(Uuid::now_v7()),
        key: String::new(),
    };
    let dry = async |tenant: &Tenant, kind: &str, data: Value| {
        let bus = commands::Bus::new(
            app.store.clone(),
            std::sync::Arc::new(event_store::SystemClock),
            None,
            commands::Way::Lanes,
        );
        let mut request = daybook::verb::tenant::request(tenant.id, kind, &data).unwrap();
        request.dry_run = true;
        let answer = bus.execute(request).await;
        answer
            .map(|accepted| accepted.dry_run)
            .map_err(|problem| problem.code().to_owned())
    };
    let name = || json!({ "name": "New & Sons" });
    assert_eq!(
        dry(&stranger, "organization.register", name()).await,
        Ok(true)
    );
    assert_eq!(
        dry(&stranger, "order.place", an_order()).await.unwrap_err(),
        "organization-not-found"
    );
    let reason = || json!({ "reason": "because" });
    assert_eq!(
        dry(&tenant, "organization.suspend", reason()).await,
        Ok(true)
    );
    suspend(&app, &tenant).await.unwrap();
    assert_eq!(
        dry(&tenant, "organization.resume", json!({})).await,
        Ok(true)
    );
    assert_eq!(
        dry(&tenant, "organization.rename", name())
            .await
            .unwrap_err(),
        "organization-suspended"
    );
    assert_eq!(state(&app, &tenant).await, "suspended");
    app.stop().await;
}

#[tokio::test]
async fn a_repeated_command_is_answered_while_suspended() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let url = format!("{}/api/v1/orders/{}/place", app.url, Uuid::now_v7());
    let send = || async {
        let response = app
            .client
            .post(&url)
            .bearer_auth(&tenant.key)
            .header("idempotency-key", "once")
            .json(&an_order())
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap())
    };
    assert_eq!(send().await.0, 201);
    suspend(&app, &tenant).await.unwrap();
    let (status, replayed) = send().await;
    assert_eq!(
        (status, &replayed["replayed"]),
        (200, &json!(true)),
        "{replayed}"
    );
    app.stop().await;
}

#[tokio::test]
async fn the_operators_commands_are_in_no_api() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let mut hidden = 0;
    for spec in commands::registry().all() {
        if !spec.is_operators_alone() {
            continue;
        }
        hidden += 1;
        let path = commands::rest::path(spec).replace("{id}", &tenant.id.to_string());
        let body = json!({ "reason": "because", "name": "Mine" });
        assert_eq!(app.post(&tenant.key, &path, &body).await.0, 404, "{path}");
        let line = json!({ "type": spec.kind, "id": tenant.id.0, "data": body });
        let bulk = app
            .client
            .post(format!("{}/api/v1/commands", app.url))
            .bearer_auth(&tenant.key)
            .header("content-type", "application/x-ndjson")
            .body(line.to_string())
            .send()
            .await
            .unwrap();
        let bulk: Value = bulk.json().await.unwrap();
        assert_eq!(
            (&bulk["status"], &bulk["problem"]["pointer"]),
            (&json!(400), &json!("/type")),
            "{bulk}"
        );
        let document = commands::openapi::document().to_string();
        let schema = daybook::app::sdl().unwrap();
        for text in [&document, &schema] {
            assert!(!text.contains(&spec.title), "{} is shown", spec.title);
            assert!(!text.contains(&spec.kind), "{} is shown", spec.kind);
        }
        assert!(!schema.contains(&format!("{}(", spec.mutation())));
    }
    assert_eq!(hidden, 3, "register, suspend, resume");
    app.stop().await;
}
