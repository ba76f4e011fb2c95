//! Each command is executed once, and in order: whoever crashes in between, and however many are at it.

use std::sync::{Arc, Mutex, atomic::AtomicUsize};

use projections::policy::{Policies, status};

use super::stage::{Forgetful, Stage, count, orders};
use crate::harness;

#[tokio::test]
async fn what_was_executed_by_one_who_crashed_is_not_executed_again() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = stage.tenant().await;
    stage.follow(tenant, 1).await;
    for id in 100..140 {
        stage.order(tenant, id).await;
    }
    stage.engine.catch_up().await.unwrap();
    let forgetful = Arc::new(Forgetful {
        passes_on: stage.bus.clone(),
        forgets: AtomicUsize::new(30),
        seen: Mutex::default(),
    });
    let crashing = Policies::new(&stage.engine, forgetful.clone(), stage.clock.clone());
    crashing.settle().await.unwrap();
    assert_eq!(stage.observed(tenant).await, orders(100..140));
    let [held] = &status::held(&stage.store, None).await.unwrap()[..] else {
        panic!("nobody is held")
    };
    assert_eq!(
        (held.tenant, held.attempts, held.error.as_str()),
        (tenant, 1, "forgotten")
    );
    // Not before its time.
    stage.policies.settle().await.unwrap();
    let waiting = "select count(*) from policy.outbox";
    assert_eq!(count(&stage.store, waiting).await, 30);
    stage.clock.0.store(5, std::sync::atomic::Ordering::Release);
    stage.settle().await;
    assert_eq!(stage.observed(tenant).await, orders(100..140));
    assert_eq!(count(&stage.store, waiting).await, 0);
    assert!(status::held(&stage.store, None).await.unwrap().is_empty());
    // The ids are those of the events: the same for whoever thinks of them.
    let seen = forgetful.seen.lock().unwrap();
    let ids: std::collections::BTreeSet<_> = seen.iter().map(|due| due.id).collect();
    assert_eq!((seen.len(), ids.len()), (40, 40));
}

#[tokio::test]
async fn many_at_once_do_what_one_does() {
    let database = harness::database().await;
    let one = Stage::open(&database).await;
    let mut tenants = Vec::new();
    for _ in 0..6 {
        let tenant = one.tenant().await;
        one.follow(tenant, 1).await;
        tenants.push(tenant);
    }
    let others = futures::future::join_all((0..2).map(|_| Stage::open(&database))).await;
    let ordering = async {
        for id in 100..150 {
            for tenant in &tenants {
                one.order(*tenant, id).await;
            }
        }
    };
    let settling = others.iter().map(async |stage| {
        for _ in 0..30 {
            stage.engine.catch_up().await.unwrap();
            stage.policies.settle().await.unwrap();
        }
    });
    tokio::join!(ordering, futures::future::join_all(settling));
    one.settle().await;
    for tenant in tenants {
        assert_eq!(one.observed(tenant).await, orders(100..150));
    }
}
