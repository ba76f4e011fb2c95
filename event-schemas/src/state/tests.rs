//! What is told of a stream is what its events say.

#![allow(clippy::unwrap_used, reason = "a test")]

use chrono::DateTime;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{CONTEXTS, StreamId, TenantId, schema};

/// The events of a stream, by type, version and payload.
fn told(context: &str, events: &[(&str, i16, Value)]) -> Option<Value> {
    let mut fold = of(context).unwrap().begin();
    for (version, (event_type, schema_version, payload)) in (1..).zip(events) {
        fold.apply(&recorded(
            context,
            version,
            event_type,
            *schema_version,
            payload,
        ))
        .unwrap();
    }
    let text = fold.text().unwrap()?;
    let value = serde_json::from_slice(&text).unwrap();
    let name = of(context).unwrap().name;
    let schema = schema::find(name, 1).unwrap();
    let document = serde_json::from_str(schema.text).unwrap();
    let validator = jsonschema::draft202012::new(&document).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0], "{name}");
    Some(value)
}

fn recorded(
    context: &str,
    version: i32,
    event_type: &str,
    schema_version: i16,
    payload: &Value,
) -> RecordedEvent {
    RecordedEvent {
        partition: 0,
        offset: i64::from(version) - 1,
        tenant: TenantId(Uuid::nil()),
        position: i64::from(version),
        stream: StreamId(format!("{context}-a")),
        version,
        event_id: Uuid::nil(),
        event_type: event_type.to_owned(),
        schema_version,
        payload: payload.to_string().into_bytes(),
        content_type: 1,
        metadata: vec![],
        content_hash: vec![],
        occurred_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(i64::from(version)),
        recorded_at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn every_context_has_a_state_of_its_own_name() {
    let contexts: Vec<_> = KINDS.iter().map(|kind| kind.context).collect();
    assert_eq!(contexts, CONTEXTS);
    assert!(of("account").is_none());
    assert_eq!(topic("daybook", "order", 1), "daybook.order.state.v1");
}

#[test]
fn an_order_is_told_as_it_stands() {
    let placed = json!({ "customerId": Uuid::nil(), "currency": "EUR", "reference": "A-1",
        "lines": [{ "productId": "cup", "quantity": 2, "unitPrice": 1000, "freight": 300 }] });
    let mut events = vec![("OrderPlaced", 1, placed)];
    let mut expected = json!({ "status": "created", "customerId": Uuid::nil(), "currency": "EUR", "reference": "A-1",
        "lines": [{ "productId": "cup", "quantity": 2, "unitPrice": 1000, "freight": 300 }],
        "due": 2300, "paid": 0, "refunded": 0, "placedAt": "1970-01-01T00:00:01Z", "reviews": 0 });
    assert_eq!(told("order", &events), Some(expected.clone()));
    let steps = [
        (
            ("PaymentApproved", 1, json!({ "amount": 2300 })),
            json!({ "status": "approved", "paid": 2300, "approvedAt": "1970-01-01T00:00:02Z" }),
        ),
        (
            ("OrderProcessingStarted", 1, json!({})),
            json!({ "status": "processing" }),
        ),
        (
            ("OrderInvoiced", 1, json!({ "number": "7" })),
            json!({ "status": "invoiced", "invoiceNumber": "7" }),
        ),
        (
            (
                "OrderShipped",
                1,
                json!({ "carrier": "post", "shippedAt": "1970-01-01T01:00:00Z" }),
            ),
            json!({ "status": "shipped", "carrier": "post", "shippedAt": "1970-01-01T01:00:00Z" }),
        ),
        (
            (
                "OrderDelivered",
                1,
                json!({ "deliveredAt": "1970-01-02T00:00:00Z" }),
            ),
            json!({ "status": "delivered", "deliveredAt": "1970-01-02T00:00:00Z" }),
        ),
        (
            (
                "OrderReviewed",
                1,
                json!({ "score": 4, "comment": "Fine cups" }),
            ),
            json!({ "reviews": 1, "review": { "score": 4, "comment": "Fine cups", "reviewedAt": "1970-01-01T00:00:07Z" } }),
        ),
        // Of an older version: lifted like everywhere.
        (
            (
                "OrderRefunded",
                1,
                json!({ "amount": 1000, "reason": "Broken" }),
            ),
            json!({ "refunded": 1000 }),
        ),
        (
            ("OrderCancelled", 1, json!({ "reason": "fraud" })),
            json!({ "status": "canceled", "cancelReason": "fraud", "cancelledAt": "1970-01-01T00:00:09Z" }),
        ),
    ];
    for (event, changes) in steps {
        events.push(event);
        for (field, value) in changes.as_object().unwrap() {
            expected
                .as_object_mut()
                .unwrap()
                .insert(field.clone(), value.clone());
        }
        assert_eq!(told("order", &events), Some(expected.clone()));
    }
}

#[test]
fn a_customer_is_told_as_known_last() {
    let events = [
        (
            "CustomerRegistered",
            1,
            json!({ "name": "Ana", "city": "Porto" }),
        ),
        ("ConsentRecorded", 1, json!({ "purpose": "newsletter" })),
        ("ConsentRecorded", 1, json!({ "purpose": "surveys" })),
        ("CustomerContactChanged", 1, json!({ "city": "Lisboa" })),
        ("ConsentWithdrawn", 1, json!({ "purpose": "newsletter" })),
    ];
    let expected = json!({ "name": "Ana", "city": "Lisboa", "consents": ["surveys"] });
    assert_eq!(told("customer", &events), Some(expected));
}

#[test]
fn a_lead_is_told_with_its_last_outcome() {
    let mut events = vec![
        (
            "LeadCaptured",
            1,
            json!({ "name": "Ana", "origin": "social" }),
        ),
        (
            "LeadQualified",
            1,
            json!({ "profile": { "businessSegment": "pet", "hasCompany": true } }),
        ),
        ("LeadAssigned", 1, json!({ "salesRepId": "a" })),
        ("LeadLost", 1, json!({ "reason": "noBudget" })),
    ];
    let mut expected = json!({ "status": "lost", "name": "Ana", "origin": "social", "salesRepId": "a",
        "profile": { "businessSegment": "pet", "hasCompany": true }, "lossReason": "noBudget",
        "capturedAt": "1970-01-01T00:00:01Z", "qualifiedAt": "1970-01-01T00:00:02Z", "lostAt": "1970-01-01T00:00:04Z" });
    assert_eq!(told("lead", &events), Some(expected.clone()));
    // Only imported history has that.
    let won = json!({ "wonAt": "1970-01-03T00:00:00Z", "sellerId": "s", "salesRepId": "b",
        "profile": { "businessSegment": "toys" }, "waived": ["lead-already-lost"] });
    events.push(("LeadWon", 1, won));
    let lead = expected.as_object_mut().unwrap();
    for gone in ["lossReason", "lostAt"] {
        lead.remove(gone);
    }
    for (field, value) in [
        ("status", json!("won")),
        ("salesRepId", json!("b")),
        ("sellerId", json!("s")),
        ("wonAt", json!("1970-01-03T00:00:00Z")),
        (
            "profile",
            json!({ "businessSegment": "toys", "hasCompany": true }),
        ),
    ] {
        lead.insert(field.to_owned(), value);
    }
    assert_eq!(told("lead", &events), Some(expected));
}

#[test]
fn a_metric_is_told_with_its_latest_observation() {
    let observed = |first: u32, days: &[(u32, &str)]| {
        let one = |(day, value): &(u32, &str)| json!({ "observedAt": format!("2026-01-0{day}T00:00:00Z"), "value": value });
        let all: Vec<_> = days.iter().map(one).collect();
        (
            "MetricObserved",
            1,
            json!({ "firstNumber": first, "observations": all }),
        )
    };
    let events = [
        (
            "MetricDefined",
            1,
            json!({ "name": "Visits", "unit": "visits", "aggregation": "sum",
                "monthlyGoal": { "growthPercent": "10", "timeZone": "UTC" } }),
        ),
        observed(1, &[(3, "5"), (1, "7")]),
        observed(3, &[(3, "6.5"), (2, "1")]),
        (
            "ObservationCorrected",
            1,
            json!({ "number": 1, "value": "9" }),
        ),
        (
            "ObservationCorrected",
            1,
            json!({ "number": 3, "value": "-0.25" }),
        ),
    ];
    let expected = json!({ "name": "Visits", "unit": "visits", "aggregation": "sum",
        "monthlyGoal": { "growthPercent": "10", "timeZone": "UTC" }, "observations": 4, "corrections": 2,
        "latest": { "number": 3, "observedAt": "2026-01-03T00:00:00Z", "value": "-0.25" } });
    assert_eq!(told("metric", &events), Some(expected));
}

#[test]
fn a_goal_is_told_with_its_last_progress() {
    let draft = json!({ "title": "Weight", "baseline": "90" });
    let active = json!({ "title": "Weight", "unit": "kg", "baseline": "90", "target": "80",
        "startsAt": "2026-01-01T00:00:00Z", "dueAt": "2026-06-01T00:00:00Z" });
    let mut adjusted = active.clone();
    let terms = adjusted.as_object_mut().unwrap();
    terms.insert("target".to_owned(), json!("85"));
    let metric = json!({ "metricId": Uuid::from_u128(7), "aggregation": "last" });
    let source = json!({ "metricId": Uuid::from_u128(7), "observationNumber": 2 });
    let mut events = vec![
        ("GoalDrafted", 1, json!({ "terms": draft })),
        (
            "GoalMetricLinked",
            1,
            json!({ "metric": metric, "status": "draft", "terms": draft }),
        ),
        (
            "GoalActivated",
            1,
            json!({ "unit": "kg", "baseline": "90", "target": "80", "startsAt": "2026-01-01T00:00:00Z",
                "dueAt": "2026-06-01T00:00:00Z", "metric": metric }),
        ),
        (
            "GoalProgressed",
            1,
            json!({ "number": 1, "actual": "84.5", "reached": false, "source": source }),
        ),
        (
            "GoalAdjusted",
            1,
            json!({ "old": active, "new": adjusted, "status": "active", "reached": true }),
        ),
    ];
    let mut expected = json!({ "status": "active", "terms": adjusted, "metric": metric, "adjustments": 1,
        "progress": { "number": 1, "actual": "84.5", "reached": true, "source": source,
            "recordedAt": "1970-01-01T00:00:04Z" },
        "draftedAt": "1970-01-01T00:00:01Z", "activatedAt": "1970-01-01T00:00:03Z" });
    assert_eq!(told("goal", &events), Some(expected.clone()));
    events.push(("GoalAchieved", 1, json!({ "actual": "84.5" })));
    events.push(("GoalAbandoned", 1, json!({ "reason": "too late" })));
    let goal = expected.as_object_mut().unwrap();
    goal.insert("status".to_owned(), json!("achieved"));
    goal.insert("closedAt".to_owned(), json!("1970-01-01T00:00:06Z"));
    assert_eq!(told("goal", &events), Some(expected));
}

#[test]
fn a_document_is_told_as_its_last_revision_says() {
    let added = json!({ "title": "Returns", "body": "Seven days.", "language": "en", "kind": "policy",
        "tags": ["returns"], "source": "Handbook" });
    let revised = json!({ "revision": 2, "body": "Thirty days.", "kind": "", "tags": [] });
    let events = [
        ("DocumentAdded", 1, added),
        ("DocumentRevised", 1, revised),
        ("DocumentRetired", 1, json!({ "reason": "Outdated" })),
    ];
    let expected = json!({ "status": "retired", "title": "Returns", "body": "Thirty days.", "language": "en",
        "source": "Handbook", "revision": 2, "reason": "Outdated", "addedAt": "1970-01-01T00:00:01Z",
        "revisedAt": "1970-01-01T00:00:02Z", "retiredAt": "1970-01-01T00:00:03Z" });
    assert_eq!(told("document", &events), Some(expected));
}

#[test]
fn an_organization_is_told_without_what_opens_it() {
    let key = |id: u128| json!({ "keyId": Uuid::from_u128(id), "name": "shop", "scopes": ["*"], "secretHash": "ab" });
    let events = [
        (
            "OrganizationRegistered",
            1,
            json!({ "name": "A", "country": "PT" }),
        ),
        ("OrganizationRenamed", 1, json!({ "name": "B" })),
        (
            "OrganizationSettingsChanged",
            1,
            json!({ "shipBeforePayment": true }),
        ),
        ("ApiKeyIssued", 1, key(1)),
        ("ApiKeyIssued", 1, key(2)),
        ("ApiKeyRevoked", 1, json!({ "keyId": Uuid::from_u128(1) })),
        ("OrganizationSuspended", 1, json!({ "reason": "unpaid" })),
    ];
    let mut expected = json!({ "name": "B", "country": "PT", "shipBeforePayment": true, "suspended": "unpaid",
        "apiKeys": { "00000000-0000-0000-0000-000000000002": { "name": "shop", "scopes": ["*"] } } });
    assert_eq!(told("organization", &events), Some(expected.clone()));
    let resumed = [events.as_slice(), &[("OrganizationResumed", 1, json!({}))]].concat();
    expected.as_object_mut().unwrap().remove("suspended");
    assert_eq!(told("organization", &resumed), Some(expected));
}

#[test]
fn what_is_not_placed_is_not_told_and_what_is_unknown_is_an_error() {
    let paid = ("PaymentApproved", 1, json!({ "amount": 1 }));
    assert_eq!(told("order", &[paid]), None);
    let mut fold = of("order").unwrap().begin();
    let unknown = recorded("order", 1, "OrderPlaced", 99, &json!({}));
    assert!(fold.apply(&unknown).is_err());
}
