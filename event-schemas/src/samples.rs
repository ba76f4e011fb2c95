//! The test that every payload ever stored is still understood: `samples/<context>/<Event>.v<version>.json`
//! holds one real payload of each, and all of a type tell the same story. Never changes a sample: a new shape is a new
//! version and a new file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{
    DecodeError, Event, customer::CustomerEvent, document::DocumentEvent, goal::GoalEvent,
    lead::LeadEvent, metric::MetricEvent, order::OrderEvent, organization::OrganizationEvent,
};

/// Decodes every sample of a context: there is one of every version of every type, and the older ones say the same as
/// the newest.
fn check<E: Event>(context: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(context);
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .strip_suffix(".json")
            .unwrap()
            .to_owned();
        let (event_type, version) = name.rsplit_once(".v").unwrap();
        let version: i16 = version.parse().unwrap();
        let bytes = fs::read(&path).unwrap();
        let event = E::decode(event_type, version, &bytes)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(event.name(), event_type);
        if event.schema_version() == version {
            let written: Value = serde_json::from_slice(&event.encode().unwrap()).unwrap();
            let sample: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(
                written, sample,
                "{name} is written differently now: it needs a new version"
            );
        }
        seen.insert((event_type.to_owned(), version), event);
    }
    for (event_type, newest) in E::TYPES {
        for version in 1..=*newest {
            let sample = |version| seen.get(&((*event_type).to_owned(), version));
            assert!(
                sample(version).is_some(),
                "{context} has no sample {event_type}.v{version}.json"
            );
            assert_eq!(
                sample(version),
                sample(*newest),
                "{event_type}.v{version}.json tells another story than v{newest}"
            );
        }
    }
}

#[test]
fn every_payload_ever_stored_is_understood() {
    check::<OrganizationEvent>("organization");
    check::<CustomerEvent>("customer");
    check::<OrderEvent>("order");
    check::<LeadEvent>("lead");
    check::<MetricEvent>("metric");
    check::<GoalEvent>("goal");
    check::<DocumentEvent>("document");
}

#[test]
fn what_is_empty_is_not_written() {
    let event = OrderEvent::decode("OrderShipped", 1, br#"{"waived":[],"carrier":null}"#).unwrap();
    assert_eq!(event.encode().unwrap(), b"{}");
}

#[test]
fn refunds_of_version_1_had_their_reason_in_words() {
    let read = |payload: &[u8]| OrderEvent::decode("OrderRefunded", 1, payload);
    for silent in [&br#"{"amount":1}"#[..], br#"{"amount":1,"reason":null}"#] {
        assert_eq!(read(silent).unwrap().encode().unwrap(), br#"{"amount":1}"#);
    }
    let broken = read(br#"{"amount":1,"reason":7}"#).unwrap_err();
    assert!(
        matches!(broken, DecodeError::Upcast { step: 1, source, .. } if source.field == "reason"),
        "{broken:?}"
    );
    let incomplete = read(br#"{"reason":"Broken"}"#).unwrap_err();
    assert!(
        matches!(incomplete, DecodeError::Lifted { newest: 2, .. }),
        "{incomplete:?}"
    );
}

#[test]
fn what_is_unknown_is_an_error_that_says_so() {
    let unknown = OrderEvent::decode("OrderPlaced", 2, b"{}");
    assert!(
        matches!(
            unknown,
            Err(DecodeError::Unknown {
                schema_version: 2,
                ..
            })
        ),
        "{unknown:?}"
    );
    let other_context = OrderEvent::decode("ConsentRecorded", 1, b"{}");
    assert!(
        matches!(other_context, Err(DecodeError::Unknown { .. })),
        "{other_context:?}"
    );
    let broken = OrderEvent::decode("OrderPlaced", 1, b"{}");
    assert!(
        matches!(broken, Err(DecodeError::Payload { .. })),
        "{broken:?}"
    );
}
