//! What a writer may number from its memory, and what it must not.

use chrono::{DateTime, Utc};
use event_schemas::{StreamId, TenantId};
use uuid::Uuid;

use super::*;
use crate::{Claim, Expected, Fact, NewEvent, TenantChange};

/// Two tenants of one partition: there is only one.
const ONE: TenantId = TenantId(Uuid::from_u128(1));
const TWO: TenantId = TenantId(Uuid::from_u128(2));

fn append(tenant: TenantId, stream: &str, expected: Expected) -> Append {
    let event = NewEvent {
        event_id: Uuid::from_u128(9),
        event_type: "A".into(),
        schema_version: 1,
        payload: Vec::new(),
    };
    Append::new(
        tenant,
        StreamId(stream.into()),
        expected,
        Uuid::nil(),
        Vec::new(),
        vec![event],
    )
}

fn seen(next_offset: i64, position: i64, append: Append) -> Append {
    Append {
        fact: Some(Fact {
            next_offset,
            position: Some(position),
        }),
        ..append
    }
}

fn appended(first_position: i64, first_offset: i64, first_version: i32) -> Outcome {
    Outcome::Appended(Appended {
        first_position,
        first_offset,
        events: 1,
        first_versions: vec![first_version],
        recorded_at: DateTime::<Utc>::UNIX_EPOCH,
    })
}

/// Offset, position and version of what was numbered; and why the rest was not.
fn plan(memory: &mut Memory, batch: &[Append]) -> (Vec<(i64, i64, i32)>, Vec<Why>) {
    let batch: Vec<&Append> = batch.iter().collect();
    let plan = memory.plan(1, &batch, true);
    let numbered = plan.numbered.iter();
    let numbers = numbered.map(|n| (n.first_offset, n.first_position, n.version + 1));
    (
        numbers.collect(),
        plan.checked.iter().map(|(_, why)| *why).collect(),
    )
}

fn write(memory: &mut Memory, batch: &[Append]) {
    let batch: Vec<&Append> = batch.iter().collect();
    let plan = memory.plan(1, &batch, true);
    assert!(plan.checked.is_empty());
    memory.written(&plan);
}

#[test]
fn facts_of_one_snapshot_number_a_batch() {
    let mut memory = Memory::default();
    let batch = [
        seen(10, 4, append(ONE, "a", Expected::Exact(2))),
        seen(10, 6, append(TWO, "b", Expected::NoStream)),
        seen(10, 4, append(ONE, "a", Expected::Exact(3))),
    ];
    let (numbers, why) = plan(&mut memory, &batch);
    assert_eq!(numbers, [(10, 5, 3), (11, 7, 1), (12, 6, 4)]);
    assert!(why.is_empty());
}

#[test]
fn of_two_facts_the_older_does_not_count() {
    let mut memory = Memory::default();
    let batch = [
        seen(9, 4, append(ONE, "a", Expected::Exact(2))),
        seen(10, 6, append(TWO, "b", Expected::NoStream)),
    ];
    let (numbers, why) = plan(&mut memory, &batch);
    assert_eq!(numbers, [(10, 7, 1)]);
    assert_eq!(why, [Why::Unknown]);
}

#[test]
fn a_queued_fact_counts_while_all_since_was_the_writers_own() {
    let mut memory = Memory::default();
    write(
        &mut memory,
        &[seen(10, 4, append(ONE, "a", Expected::Exact(2)))],
    );
    // Loaded before that: its position is remembered anew, another stream's version still stands.
    let (numbers, why) = plan(
        &mut memory,
        &[seen(10, 4, append(ONE, "b", Expected::Exact(7)))],
    );
    assert_eq!((numbers, why), (vec![(11, 6, 8)], vec![]));
    // The same stream moved: that one is for the database to decide.
    let (numbers, why) = plan(
        &mut memory,
        &[seen(10, 4, append(ONE, "a", Expected::Exact(2)))],
    );
    assert_eq!((numbers, why), (vec![], vec![Why::Doubtful]));
}

#[test]
fn after_a_foreign_append_older_facts_count_no_more() {
    let mut memory = Memory::default();
    write(
        &mut memory,
        &[seen(10, 4, append(ONE, "a", Expected::Exact(2)))],
    );
    // Somebody else wrote offsets 11 to 19; this writer's checked call came after that.
    let mine = append(TWO, "c", Expected::Any);
    memory.learn(1, &[&mine], &[appended(3, 20, 1)]);
    let stale = [
        seen(11, 5, append(ONE, "b", Expected::Exact(1))),
        append(TWO, "c", Expected::Exact(1)),
    ];
    let (numbers, why) = plan(&mut memory, &stale);
    assert_eq!((numbers, why), (vec![(21, 4, 2)], vec![Why::Unknown]));
    // A newer fact says the same without any call.
    let newer = [
        seen(30, 9, append(ONE, "b", Expected::Exact(1))),
        append(TWO, "c", Expected::Exact(2)),
    ];
    let (numbers, why) = plan(&mut memory, &newer);
    assert_eq!((numbers, why), (vec![(30, 10, 2)], vec![Why::Unknown]));
}

#[test]
fn what_only_the_database_decides_is_checked_and_its_tenant_keeps_its_order() {
    let mut memory = Memory::default();
    let any = seen(10, 4, append(ONE, "a", Expected::Any));
    let behind = seen(10, 4, append(ONE, "b", Expected::NoStream));
    let other = seen(10, 6, append(TWO, "b", Expected::NoStream));
    let (numbers, why) = plan(&mut memory, &[any, behind, other]);
    assert_eq!(numbers, [(10, 7, 1)]);
    assert_eq!(why, [Why::Asks, Why::Behind]);
}

#[test]
fn a_new_stream_needs_no_fact_of_its_own_but_its_tenant_does() {
    let mut memory = Memory::default();
    let new = append(ONE, "b", Expected::NoStream);
    assert_eq!(
        plan(&mut memory, std::slice::from_ref(&new)).1,
        [Why::Unknown]
    );
    write(
        &mut memory,
        &[seen(10, 4, append(ONE, "a", Expected::Exact(2)))],
    );
    assert_eq!(plan(&mut memory, &[new]).0, [(11, 6, 1)]);
    let unseen = append(ONE, "c", Expected::Exact(5));
    assert_eq!(plan(&mut memory, &[unseen]).1, [Why::Unknown]);
}

#[test]
fn a_change_of_a_tenants_state_makes_everything_before_it_old() {
    let mut memory = Memory::default();
    let suspend = Append {
        change: Some(TenantChange::Suspend),
        ..append(ONE, "organization", Expected::Exact(1))
    };
    memory.learn(1, &[&suspend], &[appended(5, 10, 2)]);
    let queued = seen(10, 4, append(ONE, "a", Expected::Exact(2)));
    assert_eq!(plan(&mut memory, &[queued]).1, [Why::Unknown]);
}

#[test]
fn a_key_that_was_just_used_is_for_the_database() {
    let mut memory = Memory::default();
    let keyed = |stream| Append {
        request_hash: Some([0; 32]),
        ..seen(10, 4, append(ONE, stream, Expected::NoStream))
    };
    write(&mut memory, &[keyed("a")]);
    assert_eq!(plan(&mut memory, &[keyed("b")]).1, [Why::Doubtful]);
}

#[test]
fn what_is_forgotten_is_not_guessed() {
    let mut memory = Memory::default();
    write(
        &mut memory,
        &[seen(0, 0, append(ONE, "old", Expected::NoStream))],
    );
    for n in 0..GENERATION {
        let stream = format!("s{n}");
        write(&mut memory, &[append(ONE, &stream, Expected::NoStream)]);
    }
    let forgotten = append(ONE, "old", Expected::Exact(1));
    assert_eq!(
        plan(&mut memory, std::slice::from_ref(&forgotten)).1,
        [Why::Unknown]
    );
    let stale = seen(0, 0, forgotten);
    assert_eq!(plan(&mut memory, &[stale]).1, [Why::Unknown]);
}

#[test]
fn a_dropped_memory_knows_nothing() {
    let mut memory = Memory::default();
    let first = seen(10, 4, append(ONE, "a", Expected::NoStream));
    write(&mut memory, &[first]);
    memory.drop_all();
    let next = append(ONE, "a", Expected::Exact(1));
    assert_eq!(plan(&mut memory, &[next]).1, [Why::Unknown]);
}

#[test]
fn a_stream_that_is_only_checked_is_known_from_the_database_alone() {
    let beside = |version| {
        let other = Write {
            stream: StreamId("settings".into()),
            expected: Expected::Exact(version),
            events: vec![],
        };
        Append {
            others: vec![other],
            ..seen(11, 5, append(ONE, "b", Expected::NoStream))
        }
    };
    let ask = |memory: &mut Memory, version, checks| {
        let append = beside(version);
        let plan = memory.plan(1, &[&append], checks);
        plan.checked.first().map(|(_, why)| *why)
    };
    let mut memory = Memory::default();
    // Its own word about it, however fresh, is not enough: no key would catch a wrong one.
    assert_eq!(ask(&mut memory, 3, true), Some(Why::Unknown));
    let first = Append {
        stream: StreamId("first".into()),
        ..beside(3)
    };
    let outcome = Outcome::Appended(Appended {
        first_position: 6,
        first_offset: 11,
        events: 1,
        first_versions: vec![1, 3],
        recorded_at: DateTime::<Utc>::UNIX_EPOCH,
    });
    memory.learn(1, &[&first], &[outcome]);
    assert_eq!(ask(&mut memory, 4, true), Some(Why::Doubtful));
    assert_eq!(ask(&mut memory, 3, false), Some(Why::Asks));
    // What the batch does to it counts too.
    let change = append(ONE, "settings", Expected::Exact(3));
    let (numbers, why) = plan(&mut memory, &[change, beside(3)]);
    assert_eq!((numbers, why), (vec![(12, 7, 4)], vec![Why::Doubtful]));
    let again = Append {
        stream: StreamId("c".into()),
        ..beside(3)
    };
    let plan = memory.plan(1, &[&again], true);
    let versions = plan.numbered.iter().map(|numbered| {
        let outcome = numbered.appended(DateTime::UNIX_EPOCH);
        outcome.first_versions
    });
    assert_eq!(versions.collect::<Vec<_>>(), [[1, 3]]);
    memory.written(&plan);
    // This writer's own change of it counts at once.
    let change = append(ONE, "settings", Expected::Exact(3));
    write(&mut memory, &[change]);
    assert_eq!(ask(&mut memory, 3, true), Some(Why::Doubtful));
    // After somebody else's append nothing of it is known.
    let newer = seen(99, 40, append(ONE, "d", Expected::NoStream));
    write(&mut memory, &[newer]);
    assert_eq!(ask(&mut memory, 3, true), Some(Why::Unknown));
}

#[test]
fn what_an_append_asks_beside_its_events_is_for_the_database() {
    let plain = || seen(10, 4, append(ONE, "a", Expected::NoStream));
    let claim = Claim {
        kind: "email".into(),
        value: [0; 32],
        stream: StreamId("a".into()),
        takes: true,
    };
    let more = Write {
        stream: StreamId("b".into()),
        expected: Expected::NoStream,
        events: plain().events,
    };
    let asking = [
        Append {
            change: Some(TenantChange::Suspend),
            ..plain()
        },
        Append {
            claims: vec![claim],
            ..plain()
        },
        Append {
            others: vec![more],
            ..plain()
        },
        Append {
            occurred_at: Some(DateTime::UNIX_EPOCH),
            ..plain()
        },
        Append {
            expected: Expected::StreamExists,
            ..plain()
        },
    ];
    for append in asking {
        let asked = plan(&mut Memory::default(), &[append]);
        assert_eq!(asked, (vec![], vec![Why::Asks]));
    }
}

#[test]
fn of_two_generations_the_younger_counts() {
    let mut memory = Memory::default();
    write(
        &mut memory,
        &[seen(0, 0, append(ONE, "old", Expected::NoStream))],
    );
    // An append is three entries: with these the generation that has the first is full.
    let full = GENERATION / 3;
    for n in 0..full {
        let stream = format!("s{n}");
        write(&mut memory, &[append(ONE, &stream, Expected::NoStream)]);
    }
    write(&mut memory, &[append(ONE, "old", Expected::Exact(1))]);
    let next = append(ONE, "old", Expected::Exact(2));
    let offset = i64::try_from(full).unwrap_or_default() + 2;
    let (numbers, why) = plan(&mut memory, &[next]);
    assert_eq!((numbers, why), (vec![(offset, offset + 1, 3)], vec![]));
}
