//! The checker, shown every fault that it is there to find.

use super::*;

fn log() -> Log {
    // Two tenants in one partition, three streams.
    let event = |offset: i64, tenant: u128, position: i64, stream: &str, version: i32| Event {
        partition: 0,
        offset,
        tenant: Uuid::from_u128(tenant),
        position,
        stream: stream.to_owned(),
        version,
        id: Uuid::from_u64_pair(1, u64::try_from(offset).unwrap()),
        trace: Some(Uuid::from_u64_pair(2, u64::try_from(offset).unwrap())),
        recorded: offset,
    };
    let events = vec![
        event(0, 1, 1, "a", 1),
        event(1, 2, 1, "a", 1),
        event(2, 1, 2, "a", 2),
        event(3, 1, 3, "b", 1),
        event(4, 2, 2, "a", 2),
    ];
    Log {
        events,
        heads: BTreeMap::from([(0, 5), (1, 0)]),
    }
}

fn seen(change: impl FnOnce(&mut Vec<Event>)) -> Vec<String> {
    let mut events = log().events;
    change(&mut events);
    Seen {
        name: "reader",
        events,
        errors: vec![],
    }
    .wrong(&log())
}

#[test]
fn a_good_log_is_good() {
    assert!(log().wrong().is_empty());
    assert!(seen(|_| {}).is_empty());
}

#[test]
fn a_gap_an_inversion_a_repetition_and_a_missing_end_are_found() {
    assert!(
        !seen(|events| {
            events.remove(2);
        })
        .is_empty(),
        "a gap"
    );
    assert!(
        !seen(|events| {
            events.remove(0);
        })
        .is_empty(),
        "a missing beginning"
    );
    assert!(
        !seen(|events| {
            events.pop();
        })
        .is_empty(),
        "a missing end"
    );
    assert!(!seen(|events| events.swap(2, 3)).is_empty(), "an inversion");
    assert!(
        !seen(|events| events.insert(3, events[2].clone())).is_empty(),
        "a repetition"
    );
    assert!(
        !seen(|events| events[3].id = Uuid::nil()).is_empty(),
        "another event"
    );
    let failed = Seen {
        errors: vec!["corrupt".to_owned()],
        events: log().events,
        name: "reader",
    };
    assert!(!failed.wrong(&log()).is_empty(), "an error");
}

#[test]
fn each_number_of_the_log_is_checked() {
    let wrong = |change: fn(&mut Log)| {
        let mut log = log();
        change(&mut log);
        log.wrong()
    };
    assert!(
        !wrong(|log| log.events[4].offset = 5).is_empty(),
        "an offset"
    );
    assert!(
        !wrong(|log| log.events[4].position = 3).is_empty(),
        "a position"
    );
    assert!(
        !wrong(|log| log.events[4].version = 3).is_empty(),
        "a version"
    );
    assert!(
        !wrong(|log| log.events[4].version = 1).is_empty(),
        "a version twice"
    );
    assert!(
        !wrong(|log| log.events[4].id = log.events[0].id).is_empty(),
        "an id twice"
    );
    assert!(
        !wrong(|log| log.events[4].recorded = 0).is_empty(),
        "a time that goes back"
    );
    assert!(
        !wrong(|log| {
            log.heads.insert(0, 6);
        })
        .is_empty(),
        "a counter"
    );
    assert!(
        !wrong(|log| {
            log.heads.insert(1, 1);
        })
        .is_empty(),
        "the counter of an empty partition"
    );
}

fn told(
    offset: u64,
    answers: &[(u64, bool)],
    refused: bool,
    change: impl FnOnce(&mut Log),
) -> Vec<String> {
    told_at(100, Outages::None, offset, answers, refused, change)
}

fn told_at(
    accepted: i64,
    outages: Outages,
    offset: u64,
    answers: &[(u64, bool)],
    refused: bool,
    change: impl FnOnce(&mut Log),
) -> Vec<String> {
    let id = |n: u64| Uuid::from_u64_pair(1, n);
    let mut log = log();
    change(&mut log);
    let answers = answers
        .iter()
        .map(|(event, replayed)| (vec![id(*event)], *replayed))
        .collect();
    let refused = if refused {
        vec![(422, "no".to_owned())]
    } else {
        vec![]
    };
    Ledger {
        commands: vec![Command {
            trace: Uuid::from_u64_pair(2, offset),
            tenant: 0,
            answers,
            accepted,
            refused,
        }],
    }
    .wrong(&log, outages)
}

#[test]
fn an_answer_found_in_the_log_may_look_new_but_not_be_new() {
    let again = [(2, false), (2, false)];
    let wrong = |accepted, outages| told_at(accepted, outages, 2, &again, false, |_| {});
    assert!(wrong(100, Outages::Expected).is_empty());
    assert!(!wrong(100, Outages::None).is_empty());
    assert!(
        !wrong(1, Outages::Expected).is_empty(),
        "acknowledged, lost and done again"
    );
}

#[test]
fn each_broken_promise_is_found() {
    assert!(told(2, &[(2, false)], false, |_| {}).is_empty());
    assert!(told(2, &[(2, true), (2, true)], false, |_| {}).is_empty());
    assert!(
        told(2, &[], false, |_| {}).is_empty(),
        "it may have happened"
    );
    assert!(told(9, &[], false, |_| {}).is_empty(), "or not");
    assert!(told(9, &[], true, |_| {}).is_empty());
    assert!(
        !told(9, &[(9, false)], false, |_| {}).is_empty(),
        "acknowledged and lost"
    );
    assert!(
        !told(2, &[(3, false)], false, |_| {}).is_empty(),
        "acknowledged as another"
    );
    assert!(
        !told(2, &[(2, false), (3, true)], false, |_| {}).is_empty(),
        "answered differently"
    );
    assert!(
        !told(2, &[(2, false), (2, false)], false, |_| {}).is_empty(),
        "done again"
    );
    assert!(
        !told(2, &[(2, false)], true, |_| {}).is_empty(),
        "accepted, then refused"
    );
    assert!(!told(2, &[], true, |_| {}).is_empty(), "refused and done");
    let twice = |log: &mut Log| log.events[3].trace = log.events[2].trace;
    assert!(
        !told(2, &[], false, twice).is_empty(),
        "never acknowledged and done twice"
    );
    assert!(
        !told(2, &[(2, false)], false, twice).is_empty(),
        "acknowledged and done twice"
    );
}
