//! Who waits beside whom, for how long, and how much of it there may be.
#![allow(clippy::unwrap_used)]

use futures::FutureExt;
use uuid::Uuid;

use super::*;

const ONE: TenantId = TenantId(Uuid::from_u128(1));
const OTHER: TenantId = TenantId(Uuid::from_u128(2));
const THIRD: TenantId = TenantId(Uuid::from_u128(3));

fn calls(commands: usize) -> Size {
    Size {
        commands,
        bytes: 10,
    }
}

fn turns(commands: usize, bytes: usize) -> Turns {
    Turns::new(QueueLimits {
        commands,
        bytes,
        tenant_percent: 50,
        ..QueueLimits::default()
    })
}

fn now(turns: &Turns, tenant: TenantId, commands: usize) -> Option<Result<Turn, Problem>> {
    turns.take(tenant, calls(commands)).now_or_never()
}

/// Two tenants were here just now; nobody is alone for the next second.
fn not_alone(turns: &Turns) {
    for tenant in [OTHER, THIRD] {
        assert!(now(turns, tenant, 1).unwrap().is_ok());
    }
}

#[test]
fn whoever_is_alone_never_waits() {
    let turns = turns(100, 1_000);
    let all: Vec<_> = (0..1_000)
        .map(|_| now(&turns, ONE, 1).unwrap().unwrap())
        .collect();
    assert!(now(&turns, OTHER, 1).unwrap().is_ok());
    assert!(now(&turns, ONE, 1).is_none(), "it is not alone any more");
    drop(all);
    assert!(now(&turns, ONE, 1).unwrap().is_ok());
}

#[test]
fn a_second_after_the_others_a_tenant_is_alone_again() {
    let (mut lines, start) = (Lines::default(), Instant::now());
    lines.came(ONE, start);
    assert_eq!(lines.most(start), usize::MAX);
    lines.came(OTHER, start);
    assert_eq!(lines.most(start), FEW);
    lines.came(OTHER, start + SHARED / 2);
    assert_eq!(lines.most(start + SHARED), usize::MAX);
    lines.came(ONE, start + SHARED);
    assert_eq!(lines.most(start + SHARED), FEW);
}

#[test]
fn a_tenant_has_its_share_of_what_is_under_way() {
    let turns = turns(100, 1_000);
    not_alone(&turns);
    let _others: Vec<_> = (10..110)
        .map(|n| now(&turns, TenantId(Uuid::from_u128(n)), 1).unwrap())
        .collect();
    // Its next would be more than a fifth of the 124 then under way.
    let mut own = Vec::new();
    while let Some(turn) = now(&turns, ONE, 1) {
        own.push(turn.unwrap());
    }
    assert_eq!(own.len(), 24);
}

#[test]
fn a_tenants_calls_wait_in_line_and_nobody_elses() {
    let turns = turns(100, 1_000);
    not_alone(&turns);
    let mut under_way: Vec<Turn> = (0..FEW)
        .map(|_| now(&turns, ONE, 1).unwrap().unwrap())
        .collect();
    let (mut second, mut third) = (
        Box::pin(turns.take(ONE, calls(2))),
        Box::pin(turns.take(ONE, calls(1))),
    );
    assert!(second.as_mut().now_or_never().is_none());
    assert!(third.as_mut().now_or_never().is_none());
    assert!(now(&turns, OTHER, 1).unwrap().is_ok());
    // One is free, but whoever is first wants two.
    under_way.pop();
    assert!(third.as_mut().now_or_never().is_none());
    assert!(now(&turns, ONE, 1).is_none(), "nobody goes before them");
    under_way.pop();
    assert!(second.as_mut().now_or_never().unwrap().is_ok());
    assert!(third.as_mut().now_or_never().unwrap().is_ok());
}

#[test]
fn a_caller_that_goes_away_leaves_its_place_and_its_turn() {
    let turns = turns(100, 1_000);
    not_alone(&turns);
    let all = now(&turns, ONE, FEW + 9).unwrap().unwrap();
    let mut gone = Box::pin(turns.take(ONE, calls(1)));
    assert!(gone.as_mut().now_or_never().is_none());
    let mut told = Box::pin(turns.take(ONE, calls(1)));
    assert!(told.as_mut().now_or_never().is_none());
    drop(gone);
    drop(all);
    // Its turn came, and it never looked.
    drop(told);
    let lines = turns.lock();
    assert!(lines.tenants.is_empty());
    assert_eq!(lines.under_way, 0);
    assert_eq!((lines.waiting.commands, lines.waiting.bytes), (0, 0));
}

#[test]
fn what_waits_is_bounded_for_a_tenant_and_for_all() {
    let turns = turns(8, 1_000);
    not_alone(&turns);
    let _held = [ONE, OTHER].map(|tenant| now(&turns, tenant, FEW).unwrap().unwrap());
    let overloaded = Some("overloaded".to_owned());
    let mut waiting = Vec::new();
    let mut wait = |tenant, commands| {
        let mut call = Box::pin(turns.take(tenant, calls(commands)));
        let refused = call
            .as_mut()
            .now_or_never()
            .map(|turn| turn.err().unwrap().code().to_owned());
        waiting.push(call);
        refused
    };
    assert_eq!(wait(ONE, 3), None);
    assert_eq!(
        wait(ONE, 2),
        overloaded.clone(),
        "half of the room is one tenant's"
    );
    assert_eq!(wait(ONE, 1), None);
    assert_eq!(wait(OTHER, 4), None);
    assert_eq!(
        wait(OTHER, 1),
        overloaded.clone(),
        "there is no room at all"
    );
    assert!(now(&turns, THIRD, 1).unwrap().is_ok(), "it need not wait");
}
