//! The registry at `/schemas`, asked as Confluent's clients ask it, and held against what the product really stores.

use std::collections::BTreeSet;

use event_schemas::{
    schema::{self, Registered},
    state,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    goal,
    harness::{self, Served, Tenant, an_order},
    suspension::{resume, suspend},
};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// GET, without any key: status and answer.
async fn get(app: &Served, path: &str) -> (u16, Value) {
    let response = app
        .client
        .get(format!("{}/schemas{path}", app.url))
        .header("accept", MEDIA_TYPE)
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], MEDIA_TYPE, "{path}");
    (response.status().as_u16(), response.json().await.unwrap())
}

/// What is found at an address.
async fn found(app: &Served, path: &str) -> Value {
    let (status, answer) = get(app, path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// The status, the error code and the words of a refusal.
async fn refused(app: &Served, path: &str) -> (u16, u64, String) {
    let (status, answer) = get(app, path).await;
    error(status, &answer)
}

fn error(status: u16, answer: &Value) -> (u16, u64, String) {
    let members: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(members, ["error_code", "message"], "{answer}");
    let code = answer["error_code"].as_u64().unwrap();
    (status, code, answer["message"].as_str().unwrap().to_owned())
}

fn refund() -> &'static Registered {
    schema::find("OrderRefunded", 2).unwrap()
}

/// Commands that write an event of every type of a metric.
fn measurements() -> [(String, Value); 3] {
    let metric = Uuid::now_v7();
    [
        (
            format!("metrics/{metric}/define"),
            json!({ "name": "Visits", "unit": "visits", "aggregation": "last", "description": "At the door" }),
        ),
        (
            format!("metrics/{metric}/observe"),
            json!({ "observations": [{ "observedAt": "2026-01-02T03:04:05Z", "value": "1.5", "source": "a:1" }] }),
        ),
        (
            format!("metrics/{metric}/correct"),
            json!({ "number": 1, "value": "-2", "reason": "Swapped" }),
        ),
    ]
}

/// Commands that write an event of every type of a goal but the one that takes its time: `missed` is left active.
fn goals(missed: Uuid) -> impl Iterator<Item = (String, Value)> {
    let (achieved, abandoned, metric) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let draft = json!({ "title": "Visits", "description": "Of the shop", "ownerId": "u", "unit": "visits", "baseline": "1",
        "target": "9.5", "startsAt": "2026-01-02T03:04:05Z", "dueAt": "2999-01-02T03:04:05Z" });
    let link = |aggregation| json!({ "metricId": metric, "aggregation": aggregation });
    let source = json!({ "metricId": metric, "observationNumber": 1, "eventId": Uuid::now_v7() });
    let adjusted = json!({ "title": "A", "description": "B", "ownerId": "v", "baseline": "0", "target": "8",
        "startsAt": "2026-01-03T03:04:05Z", "dueAt": "2999-01-03T03:04:05Z", "reason": "Enough" });
    let progress = |actual| json!({ "actual": actual, "source": source, "note": "Much" });
    [
        (achieved, "draft", draft.clone()),
        (achieved, "link-metric", link("sum")),
        (achieved, "activate", json!({})),
        (achieved, "link-metric", link("last")),
        (achieved, "record-progress", progress("2")),
        (achieved, "record-progress", progress("9")),
        (achieved, "adjust", adjusted),
        (achieved, "achieve", json!({ "note": "Done" })),
        (missed, "draft", draft.clone()),
        (missed, "activate", json!({})),
        (missed, "record-progress", json!({ "actual": "2" })),
        (abandoned, "draft", draft),
        (abandoned, "abandon", json!({ "reason": "We move" })),
    ]
    .map(|(goal, step, body)| (format!("goals/{goal}/{step}"), body))
    .into_iter()
}

/// Commands that write an event of every type of a document.
fn documents() -> [(String, Value); 4] {
    let (document, old) = (Uuid::now_v7(), Uuid::now_v7());
    let added = json!({ "title": "Returns", "body": "Seven days.", "language": "en", "kind": "policy", "tags": ["shop"],
        "source": "Handbook" });
    let revised = json!({ "title": "Trocas", "body": "Sete dias.", "language": "pt", "kind": "", "tags": [], "source": "",
        "note": "In Portuguese" });
    [
        (document, "add", added.clone()),
        (document, "revise", revised),
        (old, "add", added),
        (old, "retire", json!({ "reason": "Outdated" })),
    ]
    .map(|(document, step, body)| (format!("documents/{document}/{step}"), body))
}

fn others(missed: Uuid) -> impl Iterator<Item = (String, Value)> {
    let measured = measurements().into_iter();
    measured.chain(goals(missed)).chain(documents())
}

/// Commands that write an event of every type.
async fn write_everything(app: &Served, tenant: &Tenant) {
    let (order, cancelled, customer) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let (won, lost, missed) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let profile = json!({ "businessSegment": "pet", "businessType": "reseller", "leadType": "online_big",
        "behaviourProfile": "cat", "hasCompany": true, "hasGtin": false, "averageStock": "5-20",
        "declaredCatalogSize": 9, "declaredMonthlyRevenue": { "amount": 100, "currency": "BRL" } });
    let mut whole = an_order();
    whole["estimatedDelivery"] = json!("2030-01-31T12:00:00Z");
    whole["payments"] = json!([{ "sequence": 1, "method": "voucher", "amount": 800 }]);
    let contact = json!({
        "name": "Maria", "email": "maria@example.com", "phone": "1", "postalCode": "1000", "city": "Brussels",
        "state": "BRU", "country": "BE",
    });
    let newsletter = json!({ "purpose": "newsletter" });
    let issue =
        json!({ "name": "Web shop", "scopes": ["order:*"], "expiresAt": "2035-01-01T00:00:00Z" });
    let review = json!({ "reviewId": "1", "score": 5, "title": "Good", "comment": "Warm.", "answeredAt": "2020-01-01T00:00:00Z" });
    for (path, body) in [
        (
            format!("organizations/{}/rename", tenant.id),
            json!({ "name": "Bakery" }),
        ),
        (
            format!("organizations/{}/change-settings", tenant.id),
            json!({ "shipBeforePayment": true }),
        ),
        (format!("customers/{customer}/register"), contact),
        (
            format!("customers/{customer}/change-contact"),
            json!({ "city": "Ghent" }),
        ),
        (
            format!("customers/{customer}/record-consent"),
            newsletter.clone(),
        ),
        (format!("customers/{customer}/withdraw-consent"), newsletter),
        (format!("orders/{order}/place"), whole),
        (format!("orders/{order}/approve-payment"), json!({})),
        (format!("orders/{order}/start-processing"), json!({})),
        (format!("orders/{order}/invoice"), json!({ "number": "1" })),
        (
            format!("orders/{order}/ship"),
            json!({ "carrier": "DHL", "trackingCode": "2" }),
        ),
        (format!("orders/{order}/deliver"), json!({})),
        (
            format!("orders/{order}/refund"),
            json!({ "amount": 100, "reason": "faulty", "note": "A cup" }),
        ),
        (format!("orders/{order}/review"), review),
        (format!("orders/{cancelled}/place"), an_order()),
        (
            format!("leads/{won}/capture"),
            json!({ "reference": "m-1", "name": "Ana", "email": "ana@example.com", "phone": "1", "company": "Pets",
                "origin": "social", "landingPageId": "p" }),
        ),
        (
            format!("leads/{won}/qualify"),
            json!({ "note": "Soon", "profile": profile }),
        ),
        (
            format!("leads/{won}/assign"),
            json!({ "developmentRepId": "d", "salesRepId": "s" }),
        ),
        (
            format!("leads/{won}/win"),
            json!({ "wonAt": "2026-01-02T03:04:05Z", "sellerId": "1", "developmentRepId": "d", "salesRepId": "s",
                "profile": profile }),
        ),
        (format!("leads/{lost}/capture"), json!({})),
        (
            format!("leads/{lost}/lose"),
            json!({ "reason": "noInterest", "note": "Never again" }),
        ),
        (
            format!("orders/{cancelled}/cancel"),
            json!({ "reason": "fraud", "note": "Not theirs" }),
        ),
    ]
    .into_iter()
    .chain(others(missed))
    {
        let (status, answer) = app
            .post(&tenant.key, &format!("/api/v1/{path}"), &body)
            .await;
        assert!(matches!(status, 200 | 201), "{path}: {answer}");
    }
    let path = format!("/api/v1/organizations/{}", tenant.id);
    let (_, issued) = app
        .post(&tenant.key, &format!("{path}/issue-api-key"), &issue)
        .await;
    let revoke = json!({ "keyId": issued["keyId"] });
    let (status, answer) = app
        .post(&tenant.key, &format!("{path}/revoke-api-key"), &revoke)
        .await;
    assert_eq!(status, 200, "{answer}");
    goal::miss(app, tenant, missed).await.unwrap();
    suspend(app, tenant).await.unwrap();
    resume(app, tenant).await.unwrap();
}

#[tokio::test]
async fn every_event_that_is_written_fits_the_schema_that_its_header_names() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    write_everything(&app, &tenant).await;
    let mut operator = app.store.operator_tx().await.unwrap();
    let events = operator.read_tenant(tenant.id, 1, 100).await.unwrap();
    drop(operator);
    let mut seen = BTreeSet::new();
    for event in events {
        let registered = schema::find(&event.event_type, event.schema_version).unwrap();
        // The way of a deserialiser: the header's GUID, the registry, the schema, the payload.
        let guid = Uuid::from_slice(&registered.header()[1..]).unwrap();
        let answer = found(&app, &format!("/schemas/guids/{guid}")).await;
        let schema: Value = serde_json::from_str(answer["schema"].as_str().unwrap()).unwrap();
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let payload: Value = serde_json::from_slice(&event.payload).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&payload)
            .map(|error| error.to_string())
            .collect();
        assert!(
            errors.is_empty(),
            "{} {payload}: {errors:?}",
            event.event_type
        );
        assert_eq!(
            schema["title"],
            format!(
                "{}.{}.v{}",
                event.stream.context(),
                event.event_type,
                event.schema_version
            )
        );
        seen.insert((event.event_type, event.schema_version));
    }
    let newest: BTreeSet<_> = schema::document::newest()
        .into_iter()
        .map(|document| (document.event_type.to_owned(), document.schema_version))
        // States are not written: they are told of what is.
        .filter(|(name, _)| state::KINDS.iter().all(|kind| kind.name != name))
        .collect();
    assert_eq!(seen, newest, "every type was written");
    app.stop().await;
}

#[tokio::test]
async fn a_schema_is_found_by_id_guid_and_subject() {
    let app = harness::database().await.serve().await;
    for root in ["", "/"] {
        assert_eq!(found(&app, root).await, json!({}));
    }
    assert_eq!(found(&app, "/schemas/types").await, json!(["JSON"]));
    let mut subjects = BTreeSet::new();
    for registered in schema::all() {
        let Registered {
            id,
            guid,
            subject,
            revision,
            text,
            ..
        } = registered;
        let by_id = found(
            &app,
            &format!("/schemas/ids/{id}?fetchMaxId=false&subject=any-value"),
        )
        .await;
        assert_eq!(
            by_id,
            json!({ "schemaType": "JSON", "schema": text, "guid": guid })
        );
        assert_eq!(
            found(&app, &format!("/schemas/guids/{guid}?format=")).await,
            by_id
        );
        assert_eq!(
            found(&app, &format!("/schemas/ids/{id}/subjects")).await,
            json!([subject])
        );
        let place = json!({ "subject": subject, "version": revision });
        assert_eq!(
            found(&app, &format!("/schemas/ids/{id}/versions")).await,
            json!([place])
        );
        let whole = json!({
            "subject": subject, "version": revision, "id": id, "guid": guid, "schemaType": "JSON", "schema": text,
        });
        let version = format!("/subjects/{subject}/versions/{revision}");
        assert_eq!(found(&app, &version).await, whole);
        subjects.insert(*subject);
    }
    assert_eq!(found(&app, "/subjects").await, json!(subjects));
    for subject in subjects {
        let revisions: Vec<_> = schema::all()
            .iter()
            .filter(|schema| schema.subject == subject)
            .map(|schema| schema.revision)
            .collect();
        assert_eq!(
            found(&app, &format!("/subjects/{subject}/versions")).await,
            json!(revisions)
        );
        let latest = found(&app, &format!("/subjects/{subject}/versions/latest")).await;
        assert_eq!(
            Some(&latest["version"]),
            revisions.last().map(|last| json!(last)).as_ref()
        );
        assert_eq!(
            found(&app, &format!("/subjects/{subject}/versions/-1")).await,
            latest
        );
        let config = found(&app, &format!("/config/{subject}?defaultToGlobal=true")).await;
        assert_eq!(
            config,
            json!({ "compatibilityLevel": "FORWARD_TRANSITIVE" })
        );
    }
    let global = json!({ "compatibilityLevel": "FORWARD_TRANSITIVE" });
    assert_eq!(found(&app, "/config").await, global);
    assert_eq!(found(&app, "/mode").await, json!({ "mode": "READONLY" }));
    app.stop().await;
}

#[tokio::test]
async fn the_schema_alone_is_the_committed_file() {
    let app = harness::database().await.serve().await;
    let registered = refund();
    let Registered {
        id,
        subject,
        revision,
        ..
    } = registered;
    for path in [
        format!("/schemas/ids/{id}/schema"),
        format!("/subjects/{subject}/versions/{revision}/schema"),
        // The path of its URI.
        registered
            .uri
            .strip_prefix("https://daybook.dev/schemas")
            .unwrap()
            .to_owned(),
    ] {
        let response = app
            .client
            .get(format!("{}/schemas{path}", app.url))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/schema+json"
        );
        assert_eq!(response.text().await.unwrap(), registered.text, "{path}");
    }
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/event-schemas/schemas/order/OrderRefunded.v2.json"
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), registered.text);
    app.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_refused_with_confluents_codes() {
    let app = harness::database().await.serve().await;
    let subject = refund().subject;
    for (path, expected) in [
        ("/schemas/ids/0".to_owned(), (404, 40403)),
        ("/schemas/ids/999999/versions".to_owned(), (404, 40403)),
        ("/schemas/ids/x/schema".to_owned(), (404, 40403)),
        (format!("/schemas/guids/{}", Uuid::nil()), (404, 40403)),
        ("/schemas/guids/x".to_owned(), (404, 40403)),
        (
            "/subjects/daybook.events.v1-value/versions".to_owned(),
            (404, 40401),
        ),
        ("/subjects/nothing/versions/latest".to_owned(), (404, 40401)),
        ("/config/nothing".to_owned(), (404, 40401)),
        (format!("/subjects/{subject}/versions/99"), (404, 40402)),
        (
            format!("/subjects/{subject}/versions/99/schema"),
            (404, 40402),
        ),
        (format!("/subjects/{subject}/versions/0"), (422, 42202)),
        (format!("/subjects/{subject}/versions/newest"), (422, 42202)),
        (format!("/subjects/{subject}"), (405, 405)),
        (
            "/associations/resources/-/daybook.events.v1".to_owned(),
            (404, 404),
        ),
        ("/order/OrderRefunded.v3.json".to_owned(), (404, 404)),
    ] {
        let (status, code, words) = refused(&app, &path).await;
        assert_eq!((status, code), expected, "{path}: {words}");
    }
    let (_, _, words) = refused(&app, "/subjects/nothing/versions").await;
    assert_eq!(
        words,
        "Subject 'nothing' not found; GET /schemas/subjects lists what there is"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_schema_is_looked_up_and_never_registered() {
    let app = harness::database().await.serve().await;
    let registered = refund();
    let send = async |method: reqwest::Method, path: &str, body: String| {
        let request = app
            .client
            .request(method, format!("{}/schemas{path}", app.url));
        let response = request
            .header("content-type", MEDIA_TYPE)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["content-type"], MEDIA_TYPE, "{path}");
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let schema = |schema: &str| json!({ "schemaType": "JSON", "schema": schema }).to_string();
    let subject = format!("/subjects/{}", registered.subject);
    // Another form of the same schema is the same schema.
    let compact = serde_json::from_str::<Value>(registered.text)
        .unwrap()
        .to_string();
    let lookup = format!("{subject}?normalize=False&deleted=True");
    for same in [registered.text, &compact] {
        let (status, answer) = send(reqwest::Method::POST, &lookup, schema(same)).await;
        assert_eq!(
            (status, &answer["id"]),
            (200, &json!(registered.id)),
            "{answer}"
        );
        assert_eq!(answer["guid"], json!(registered.guid));
    }
    for (path, body, expected) in [
        (&subject, schema("{}"), (404, 40403)),
        (&subject, schema("{"), (422, 42201)),
        (&subject, "{}".to_owned(), (422, 42201)),
        (&"/subjects/nothing".to_owned(), schema("{}"), (404, 40401)),
    ] {
        let (status, answer) = send(reqwest::Method::POST, path, body).await;
        let (status, code, words) = error(status, &answer);
        assert_eq!((status, code), expected, "{words}");
    }
    for (method, path) in [
        (reqwest::Method::POST, format!("{subject}/versions")),
        (reqwest::Method::DELETE, subject.clone()),
        (reqwest::Method::DELETE, format!("{subject}/versions/1")),
        (reqwest::Method::PUT, "/config".to_owned()),
        (reqwest::Method::PUT, "/mode".to_owned()),
    ] {
        let (status, answer) = send(method, &path, schema("{}")).await;
        let (status, code, words) = error(status, &answer);
        assert_eq!((status, code), (422, 42205), "{path}");
        assert_eq!(
            words,
            "This registry is in read-only mode: its schemas are those of Daybook's event types, and come with a new release"
        );
    }
    app.stop().await;
}
