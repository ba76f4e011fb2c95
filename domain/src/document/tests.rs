//! Given-when-then for every command and every rejection of a document, what an import may skip, and the laws.

#![allow(clippy::unwrap_used, reason = "tests")]

use event_schemas::{
    Language, Source,
    document::{DocumentAdded, DocumentEvent, DocumentRetired, DocumentRevised},
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::{
    AddDocument, Document, DocumentCommand, DocumentRejection as Rejected, RetireDocument,
    ReviseDocument,
};
use crate::{
    Plain, Rejection,
    given::{api, decide, given, handle, import, malformed, read, replay},
};

fn added() -> DocumentEvent {
    DocumentAdded {
        title: "Returns".into(),
        body: "Seven days.".into(),
        language: Language::try_new("en").unwrap(),
        kind: Some("policy".into()),
        tags: vec!["returns".into(), "shop".into()],
        source: None,
    }
    .into()
}

fn nothing(revision: u32) -> DocumentRevised {
    DocumentRevised {
        revision,
        title: None,
        body: None,
        language: None,
        kind: None,
        tags: None,
        source: None,
        note: None,
        waived: vec![],
    }
}

fn new_body(revision: u32, body: &str) -> DocumentEvent {
    DocumentRevised {
        body: Some(body.into()),
        ..nothing(revision)
    }
    .into()
}

fn retired(skipped: &[&str]) -> DocumentEvent {
    DocumentRetired {
        reason: None,
        waived: skipped.iter().map(|code| (*code).to_owned()).collect(),
    }
    .into()
}

#[test]
fn add() {
    let body = json!({ "title": "Returns", "body": "Seven days.", "language": "en", "kind": "policy",
        "tags": ["returns", "shop", "returns"] });
    given::<Document>(vec![])
        .when(api::<AddDocument>(body.clone()))
        .then_expect_events(vec![added()]);
    given::<Document>(vec![added()])
        .when(import::<AddDocument>(body))
        .then_expect_error(Rejected::AlreadyAdded);
    let least =
        json!({ "title": "N", "body": "b", "language": "tet", "source": "https://example.com" });
    given::<Document>(vec![])
        .when(import::<AddDocument>(least))
        .then_expect_events(vec![
            DocumentAdded {
                title: "N".into(),
                body: "b".into(),
                language: Language::try_new("tet").unwrap(),
                kind: None,
                tags: vec![],
                source: Some("https://example.com".into()),
            }
            .into(),
        ]);
}

#[test]
fn what_is_too_long_or_no_text_is_no_document() {
    let with = |field: &str, value: Value| {
        let mut body = json!({ "title": "T", "body": "b", "language": "pt" });
        body.as_object_mut().unwrap().insert(field.into(), value);
        malformed::<AddDocument>(body)
    };
    assert!(with("title", json!("x".repeat(201))).contains("at most 200"));
    assert!(with("body", json!("x".repeat(100_001))).contains("at most 100000"));
    assert!(with("body", json!(" \n")).contains("blank"));
    assert!(with("body", json!("a\u{0}b")).contains("control character"));
    assert!(with("language", json!("pt-BR")).contains("ISO 639"));
    assert!(with("tags", json!(vec!["t"; 21])).contains("more than 20"));
    assert!(malformed::<AddDocument>(json!({ "title": "T", "body": "b" })).contains("language"));
}

#[test]
fn the_longest_text_fits_an_event() {
    // Four bytes each, and two for what JSON escapes: the log takes 512 KiB.
    for longest in ["𝔸", "\"", "\n"] {
        let body = json!({ "title": longest.repeat(199) + "T", "body": "b".to_owned() + &longest.repeat(99_999),
            "language": "pt", "source": longest.repeat(499) + "s", "tags": (10..30).map(|n| format!("{n}") + &longest.repeat(38)).collect::<Vec<_>>() });
        let event = given::<Document>(vec![])
            .when(api::<AddDocument>(body))
            .inspect_result()
            .unwrap();
        let size = serde_json::to_vec(&event).unwrap().len();
        assert!(size <= 512 * 1024, "{size}");
    }
}

#[test]
fn revise() {
    let revise = |events: Vec<DocumentEvent>, body: Value| {
        given::<Document>(events)
            .when(api::<ReviseDocument>(body))
            .inspect_result()
    };
    let all = json!({ "title": "Trocas", "body": "Sete dias.", "language": "pt", "kind": "", "tags": ["shop"],
        "source": "Handbook", "note": "In Portuguese" });
    let whole = DocumentRevised {
        revision: 2,
        title: Some("Trocas".into()),
        body: Some("Sete dias.".into()),
        language: Language::try_new("pt"),
        kind: Some(String::new()),
        tags: Some(vec!["shop".into()]),
        source: Some("Handbook".into()),
        note: Some("In Portuguese".into()),
        waived: vec![],
    };
    assert_eq!(
        revise(vec![added()], all.clone()),
        Ok(vec![whole.clone().into()])
    );
    let past = || vec![added(), whole.clone().into()];
    assert_eq!(revise(past(), all), Err(Rejected::Unchanged));
    // What is said again is not written down again.
    let again = json!({ "title": "Trocas", "body": "Trinta dias.", "tags": ["shop", "shop"] });
    assert_eq!(revise(past(), again), Ok(vec![new_body(3, "Trinta dias.")]));
    let back = json!({ "source": "", "tags": [] });
    let less = DocumentRevised {
        source: Some(String::new()),
        tags: Some(vec![]),
        ..nothing(3)
    };
    assert_eq!(revise(past(), back), Ok(vec![less.into()]));
}

#[test]
fn a_revision_of_nothing_is_none() {
    for body in [
        json!({}),
        json!({ "note": "Nothing" }),
        json!({ "title": "Returns", "kind": "policy", "source": "", "tags": ["returns", "shop"], "language": "en" }),
    ] {
        for command in [
            api::<ReviseDocument>(body.clone()),
            import::<ReviseDocument>(body),
        ] {
            given::<Document>(vec![added()])
                .when(command)
                .then_expect_error(Rejected::Unchanged);
        }
    }
    assert!(malformed::<ReviseDocument>(json!({ "title": "" })).contains("at least 1"));
}

#[test]
fn retire() {
    given::<Document>(vec![added(), new_body(2, "x")])
        .when(api::<RetireDocument>(json!({ "reason": "Outdated" })))
        .then_expect_events(vec![
            DocumentRetired {
                reason: Some("Outdated".into()),
                waived: vec![],
            }
            .into(),
        ]);
    for command in [
        api::<RetireDocument>(json!({})),
        api::<ReviseDocument>(json!({ "body": "x" })),
    ] {
        given::<Document>(vec![added(), retired(&[])])
            .when(command)
            .then_expect_error(Rejected::AlreadyRetired);
    }
}

#[test]
fn nothing_happens_to_what_was_not_added() {
    for command in [
        import::<RetireDocument>(json!({})),
        import::<ReviseDocument>(json!({ "body": "x" })),
    ] {
        given::<Document>(vec![])
            .when(command)
            .then_expect_error(Rejected::NotFound);
    }
}

#[test]
fn an_import_writes_down_what_it_skips() {
    let code = "document-already-retired";
    given::<Document>(vec![added(), retired(&[])])
        .when(import::<RetireDocument>(json!({})))
        .then_expect_events(vec![retired(&[code])]);
    given::<Document>(vec![added(), retired(&[])])
        .when(import::<ReviseDocument>(json!({ "body": "x" })))
        .then_expect_events(vec![
            DocumentRevised {
                body: Some("x".into()),
                waived: vec![code.into()],
                ..nothing(2)
            }
            .into(),
        ]);
}

#[test]
fn codes_are_stable() {
    let codes = [
        (Rejected::NotFound, "document-not-found"),
        (Rejected::AlreadyAdded, "document-already-added"),
        (Rejected::Unchanged, "document-unchanged"),
        (Rejected::AlreadyRetired, "document-already-retired"),
    ];
    for (rejection, code) in codes {
        assert_eq!(rejection.code(), code);
    }
}

#[test]
fn the_state_stays_small_whatever_was_written() {
    let long = new_body(2, &"long ".repeat(20_000));
    let document: Document = replay([added(), long]);
    assert!(serde_json::to_string(&document).unwrap().len() < 500);
}

fn any_event() -> impl Strategy<Value = DocumentEvent> {
    prop_oneof![
        Just(added()),
        (any::<u32>(), "[ab]").prop_map(|(revision, body)| new_body(revision, &body)),
        Just(retired(&[])),
    ]
}

fn any_command() -> impl Strategy<Value = DocumentCommand> {
    let add = json!({ "title": "T", "body": "b", "language": "pt" });
    prop_oneof![
        Just(read::<AddDocument>(add).decision()),
        (option::of("[ab]"), option::of("[ab]?")).prop_map(|(body, kind)| {
            read::<ReviseDocument>(json!({ "body": body, "kind": kind })).decision()
        }),
        Just(read::<RetireDocument>(json!({})).decision()),
    ]
}

proptest! {
    #[test]
    fn replay_never_panics_and_a_snapshot_is_the_state(events in vec(any_event(), 0..30)) {
        let document: Document = replay(events);
        prop_assert_eq!(read::<Document>(serde_json::to_value(&document).unwrap()), document);
    }

    #[test]
    fn handling_is_replaying_what_was_written(commands in vec((any_command(), any::<bool>()), 0..30)) {
        let (mut document, mut events) = (Document::default(), Vec::new());
        let mut revision = 0;
        for (command, past) in commands {
            let source = if past { Source::Import } else { Source::Api };
            if let Ok((next, written)) = handle(&document, decide(command, source)) {
                prop_assert_eq!(written.len(), 1);
                events.extend(written);
                // Revisions are counted without a gap.
                prop_assert!(next.revision == revision || next.revision == revision + 1);
                revision = next.revision;
                document = next;
            }
            prop_assert_eq!(&replay::<Document>(events.iter().cloned()), &document);
        }
    }
}
