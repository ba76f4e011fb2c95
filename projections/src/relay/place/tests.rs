//! Topics that are behind catch up, and never hold back the one of all events.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use chrono::DateTime;
use event_schemas::{StreamId, TenantId};

use super::*;

fn event(offset: i64) -> RecordedEvent {
    RecordedEvent {
        partition: 0,
        offset,
        tenant: TenantId(Uuid::nil()),
        position: offset + 1,
        stream: StreamId("order-b".into()),
        version: 1,
        event_id: Uuid::nil(),
        event_type: "A".into(),
        schema_version: 1,
        payload: vec![],
        content_type: 1,
        metadata: vec![],
        content_hash: vec![],
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
    }
}

fn settings(contexts: &[&str]) -> Settings {
    let contexts: Vec<String> = contexts.iter().map(|name| (*name).to_owned()).collect();
    let settings = Settings::try_new("localhost:1", "d", "main", 1, "").unwrap();
    settings.with_outputs(&contexts, &[]).unwrap()
}

fn place(next: i64, outputs: &[i64]) -> Place {
    Place {
        next,
        last: Some(Uuid::nil()),
        outputs: outputs
            .iter()
            .map(|next| Reached {
                next: *next,
                last: None,
            })
            .collect(),
        ..Place::default()
    }
}

fn due(place: &Place, head: i64, behind: bool) -> Option<(i64, i64, bool, Vec<usize>)> {
    let step = place.step(0, head, false, behind, 100)?;
    Some((step.from, step.most, step.all, step.outputs))
}

#[test]
fn all_topics_go_together_where_they_are_as_far() {
    let place = place(5, &[5, 5]);
    assert_eq!(due(&place, 9, false), Some((5, 100, true, vec![0, 1])));
    assert_eq!(due(&place, 9, true), Some((5, 100, true, vec![0, 1])));
    assert_eq!(due(&place, 5, true), None);
    assert!(place.step(0, 5, true, false, 100).is_some(), "to look");
    assert!(!place.is_late());
}

#[test]
fn the_last_catches_up_to_the_one_before_it() {
    let place = place(50, &[7, 50, 0, 7]);
    assert!(place.is_late());
    assert_eq!(due(&place, 90, true), Some((0, 7, false, vec![2])));
    assert_eq!(due(&place, 90, false), Some((50, 100, true, vec![1])));
    assert_eq!(due(&place, 50, false), Some((0, 7, false, vec![2])));
    let place = super::Place {
        outputs: [7, 50, 7, 7]
            .map(|next| Reached { next, last: None })
            .to_vec(),
        ..place
    };
    assert_eq!(due(&place, 50, false), Some((7, 43, false, vec![0, 2, 3])));
}

#[test]
fn a_topic_that_failed_is_left_and_the_others_go_on() {
    let mut place = place(5, &[5, 5]);
    place.fail(0);
    let step = place.step(0, 9, false, false, 100).unwrap();
    assert_eq!(step.outputs, [1]);
    let settings = settings(&["order", "customer"]);
    place.advance(&step, &[event(5), event(6)], settings.outputs());
    assert_eq!((place.next, place.outputs[0].next), (7, 5));
    assert_eq!(place.outputs[1].next, 7);
    assert!(!place.is_late(), "nobody waits for it");
}

#[test]
fn what_cannot_be_read_stops_those_before_it_alone() {
    let mut place = place(50, &[7, 50]);
    assert!(place.stop_at(20));
    assert!(!place.is_late());
    assert_eq!(due(&place, 90, true), Some((50, 100, true, vec![1])));
    assert!(place.stop_at(60));
    assert!(!place.stop_at(60));
    assert_eq!(due(&place, 90, true), Some((50, 10, true, vec![1])));
    assert!(place.stop_at(50));
    assert_eq!(due(&place, 90, true), None);
    assert!(place.is_stuck());
}

#[test]
fn a_checkpoint_keeps_the_places_of_topics_that_are_off() {
    let on = settings(&["order", "account"]);
    let mut place = place(5, &[5, 3]);
    place.outputs[0].last = Some(4);
    let checkpoint = place.checkpoint(&on).unwrap();
    assert_eq!(Place::of(Some(checkpoint.clone()), on.outputs()), place);
    let off = settings(&["customer"]);
    let without = Place::of(Some(checkpoint), off.outputs());
    assert_eq!(without.outputs, [Reached::default()]);
    let later = without.checkpoint(&off).unwrap();
    assert_eq!(Place::of(Some(later), on.outputs()).outputs, place.outputs);
    assert_eq!(Place::of(None, on.outputs()).checkpoint(&on), None);
}

#[test]
fn a_topic_that_was_made_anew_is_filled_again_and_a_strange_one_is_refused() {
    let reached = |last| Reached { next: 9, last };
    let record = |offset: &str| Record {
        kafka_offset: 0,
        key: vec![],
        value: vec![],
        headers: vec![("ce_offset".to_owned(), offset.as_bytes().to_vec())],
    };
    let events = |last, found: &str| agree(Content::Events, reached(last), Some(&record(found)));
    assert_eq!(events(Some(7), "7"), Some(reached(Some(7))));
    let nothing = |last| agree(Content::Events, reached(last), None);
    assert_eq!(nothing(None), Some(reached(None)));
    assert_eq!(nothing(Some(7)), Some(Reached::default()));
    for (last, found) in [
        (Some(7), "6"),
        (Some(7), "8"),
        (Some(7), "x"),
        (None, "0"),
        (None, "x"),
    ] {
        assert_eq!(events(last, found), None, "{last:?} {found:?}");
    }
    let kind = event_schemas::state::of("order").unwrap();
    let states = |found| {
        agree(
            Content::States(kind),
            reached(Some(7)),
            Some(&record(found)),
        )
    };
    assert!(states("7").is_some() && states("3").is_some());
    assert!(states("8").is_none());
}
