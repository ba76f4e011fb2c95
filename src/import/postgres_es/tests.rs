//! What an event becomes, without a database.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::*;

fn event() -> SourceEvent {
    SourceEvent {
        aggregate_type: "Account".into(),
        aggregate_id: "A-1".into(),
        sequence: 2,
        event_type: "MoneyDeposited".into(),
        schema_version: 1,
        payload: "{ \"MoneyDeposited\" : {\"amount\": 1.50}}".into(),
        metadata: "{ \"user\":  \"me\" }".into(),
        occurred_at: None,
    }
}

#[test]
fn an_event_keeps_its_bytes_and_its_place() {
    let tenant = TenantId(Uuid::from_u128(1));
    let append = to_append(tenant, event()).unwrap();
    assert_eq!(append.stream.as_str(), "Account-A-1");
    assert_eq!(append.expected, Expected::Exact(1));
    assert_eq!(
        append.events[0].payload,
        b"{ \"MoneyDeposited\" : {\"amount\": 1.50}}"
    );
    let metadata = String::from_utf8(append.metadata.clone()).unwrap();
    assert!(
        metadata.ends_with(&format!(",\"{METADATA_KEY}\":{{ \"user\":  \"me\" }}}}")),
        "{metadata}"
    );
    let ours: Metadata = serde_json::from_str(&metadata).unwrap();
    assert_eq!(ours.source, Source::Import);
    assert_eq!(to_append(tenant, event()).unwrap(), append);
}

#[test]
fn ids_depend_on_tenant_type_id_and_sequence() {
    let id = |tenant: u128, change: fn(&mut SourceEvent)| {
        let mut event = event();
        change(&mut event);
        to_append(TenantId(Uuid::from_u128(tenant)), event)
            .unwrap()
            .events[0]
            .event_id
    };
    let base = id(1, |_| {});
    assert_ne!(base, id(2, |_| {}));
    assert_ne!(base, id(1, |e| e.sequence = 3));
    assert_ne!(base, id(1, |e| e.aggregate_id = "A-2".into()));
    assert_ne!(base, id(1, |e| e.aggregate_type = "Other".into()));
    assert_ne!(
        id(1, |e| (e.aggregate_type, e.aggregate_id) =
            ("a-b".into(), "c".into())),
        id(1, |e| (e.aggregate_type, e.aggregate_id) =
            ("a".into(), "b-c".into()))
    );
}
