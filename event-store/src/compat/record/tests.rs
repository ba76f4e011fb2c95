//! What is written comes back, without a database.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use chrono::Utc;
use event_schemas::StreamId;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::SystemClock;

fn event(sequence: usize, event_version: &str, metadata: Value) -> SerializedEvent {
    SerializedEvent {
        aggregate_id: "7".into(),
        sequence,
        aggregate_type: "account".into(),
        event_type: "Opened".into(),
        event_version: event_version.into(),
        payload: json!({ "Opened": { "n": sequence } }),
        metadata,
    }
}

fn write(events: &[SerializedEvent]) -> Result<(Append, i32), PersistenceError> {
    let name = Name::new("account", "7").unwrap();
    append(TenantId(Uuid::nil()), &name, events, None, &SystemClock)
}

/// The append's events as the log gives them back.
#[expect(clippy::disallowed_methods, reason = "any time will do")]
fn stored(append: &Append, first: i32) -> Vec<RecordedEvent> {
    (first..)
        .zip(&append.events)
        .map(|(version, event)| RecordedEvent {
            partition: 0,
            offset: 0,
            tenant: append.tenant,
            position: 1,
            stream: append.stream.clone(),
            version,
            event_id: event.event_id,
            event_type: event.event_type.clone().into_owned(),
            schema_version: event.schema_version,
            payload: event.payload.clone(),
            content_type: 1,
            metadata: append.metadata.clone(),
            content_hash: Vec::new(),
            occurred_at: Utc::now(),
            recorded_at: Utc::now(),
        })
        .collect()
}

#[test]
fn every_version_and_metadata_come_back_as_they_were() {
    let versions = [
        "1.0", "1.0", "0.1.0", "2.3.4", "3.0", "1", "", "beta", "99999.0", "-1.0",
    ];
    let events: Vec<_> = (5..)
        .zip(versions)
        .map(|(n, version)| event(n, version, json!({ "by": "me", "odd": n % 2 })))
        .chain([event(15, "1.0", Value::Null)])
        .collect();
    let (append, last) = write(&events).unwrap();
    assert_eq!((append.expected, last), (Expected::Exact(4), 15));
    assert_eq!(append.stream, StreamId("account-7".into()));
    let schema_versions: Vec<_> = append.events.iter().map(|e| e.schema_version).collect();
    assert_eq!(schema_versions, [1, 1, 1, 2, 3, 1, 1, 1, 1, 1, 1]);
    let back: Vec<_> = stored(&append, 5)
        .iter()
        .map(|event| read(event, "account", "7").unwrap())
        .collect();
    assert_eq!(back, events);
}

#[test]
fn the_usual_case_adds_nothing_but_metadata_and_type() {
    let events: Vec<_> = (1..=100)
        .map(|n| event(n, "1.0", json!({ "user": "me" })))
        .collect();
    let (append, _) = write(&events).unwrap();
    let metadata: Value = serde_json::from_slice(&append.metadata).unwrap();
    let ours: Metadata = serde_json::from_slice(&append.metadata).unwrap();
    assert_eq!(ours.actor.id, "cqrs-es");
    assert_eq!(metadata["original"], json!({ "user": "me" }));
    assert_eq!(metadata["aggregateType"], "account");
    for absent in ["later", "eventVersion", "snapshot"] {
        assert!(metadata.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn sequences_that_do_not_follow_each_other_are_a_conflict() {
    for sequences in [vec![0], vec![0, 1], vec![3, 2], vec![1, 3], vec![2, 2]] {
        let events: Vec<_> = sequences
            .iter()
            .map(|n| event(*n, "1.0", Value::Null))
            .collect();
        let error = write(&events).unwrap_err();
        assert!(
            matches!(error, PersistenceError::OptimisticLockError),
            "{sequences:?}: {error}"
        );
    }
}

#[test]
fn what_no_stream_can_hold_is_an_error() {
    let mut stray = event(2, "1.0", Value::Null);
    stray.aggregate_id = "8".into();
    let mixed = write(&[event(1, "1.0", Value::Null), stray]).unwrap_err();
    assert!(mixed.to_string().contains("\"7\" and \"8\""), "{mixed}");
    let long = write(&[event(usize::MAX, "1.0", Value::Null)]).unwrap_err();
    assert!(long.to_string().contains("2147483647"), "{long}");
    for kind in ["", "$system", "order", "customer-account"] {
        let error = Name::new(kind, "7").unwrap_err();
        assert!(error.to_string().contains("Aggregate::TYPE"), "{error}");
    }
    for kind in ["Customer", "orders", "purchase-order"] {
        assert!(Name::new(kind, "7").is_ok(), "{kind}");
    }
}

#[test]
fn events_that_others_wrote_are_read_too() {
    let (append, _) = write(&[event(1, "1.0", Value::Null)]).unwrap();
    let mut stored = stored(&append, 1).pop().unwrap();
    stored.metadata = br#"{"actor":{},"original":{"user":"me"}}"#.to_vec();
    let imported = read(&stored, "account", "7").unwrap();
    assert_eq!(imported.metadata, json!({ "user": "me" }));
    assert_eq!(imported.aggregate_type, "account");
    assert_eq!(imported.event_version, "1.0");
    stored.metadata = b"{}".to_vec();
    assert_eq!(read(&stored, "account", "7").unwrap().metadata, json!({}));
}
