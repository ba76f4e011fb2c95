//! An event that this binary does not know stops its projection in its partition: nobody may guess what it means.

use std::time::Duration;

use event_schemas::{StreamId, TenantId, order::OrderEvent};
use event_store::{Clock as _, Store, SystemClock};
use projections::{Error, Progress, WaitError, Waiter};

use super::{
    engine,
    history::{Dice, append, odd, placed, registered, store_all},
};
use crate::harness;

/// Twenty orders of one tenant, then an event that nobody knows, then one more. Returns their partition.
async fn poisoned(store: &Store, event_type: &'static str, payload: &str) -> u16 {
    let tenant = TenantId(SystemClock.uuid_v7());
    let mut dice = Dice(1);
    let order = |dice: &mut Dice| {
        append(
            tenant,
            StreamId::new("order", SystemClock.uuid_v7()),
            SystemClock.now(),
            &OrderEvent::from(placed(dice)),
        )
    };
    let mut log = vec![registered(tenant)];
    log.extend((0..20).map(|_| order(&mut dice)));
    log.push(odd(
        tenant,
        StreamId::new("order", SystemClock.uuid_v7()),
        event_type,
        payload,
    ));
    log.push(order(&mut dice));
    for entry in log.iter_mut().skip(1) {
        entry.occurred_at = None;
    }
    store_all(store, &log).await;
    tenant.partition(store.partitions())
}

/// It can be seen, and nobody waits for it in vain.
async fn shows(store: &Store, partition: u16, expected: &str) {
    let lags = projections::lag(store).await.unwrap();
    let lag = lags
        .iter()
        .find(|lag| lag.projection == "order" && lag.partition == partition)
        .unwrap();
    assert_eq!(
        (lag.events, lag.next_offset, lag.halted.as_deref()),
        (2, 21, Some(expected))
    );
    assert!(lag.seconds > 0.0);
    let waiter = Waiter::new(store.clone());
    waiter
        .wait(partition, 22, &["customer"], Duration::from_secs(5))
        .await
        .unwrap();
    let Err(WaitError::NotCaughtUp(behind)) = waiter
        .wait(
            partition,
            22,
            &["customer", "order"],
            Duration::from_mins(1),
        )
        .await
    else {
        panic!("it is not there")
    };
    assert_eq!(
        (behind.projection.as_str(), behind.lag_events, behind.halted),
        ("order", 2, true)
    );
}

#[tokio::test]
async fn what_nobody_knows_halts_the_projections_that_read_it_in_its_partition_alone() {
    let expected =
        "event type OrderTeleported version 1 is unknown to this binary; upgrade it and restart";
    let store = harness::database().await.store().await;
    let partition = poisoned(&store, "OrderTeleported", "{}").await;

    let engine = engine(&store, 2_000, 1).await;
    let failed = engine.catch_up().await.unwrap_err();
    // The read model, or the others that look at orders.
    let Error::Halted {
        projection: "order" | "audit" | "revenue",
        offset: 21,
        reason,
        ..
    } = &failed
    else {
        panic!("{failed:?}")
    };
    assert_eq!(reason, expected);
    // Everything before it is there, and it stays so however often it is tried.
    for projection in ["order", "audit", "revenue"] {
        // The first that failed broke the others off: they may have less, and hold on to their checkpoint for a moment.
        let again = loop {
            match engine.run_once(projection, partition).await.unwrap() {
                Progress::Busy => tokio::task::yield_now().await,
                Progress::At { applied: 1.., .. } => {}
                other => break other,
            }
        };
        let halted = Progress::Halted {
            offset: 21,
            reason: reason.clone(),
        };
        assert_eq!(again, halted, "{projection}");
    }
    assert_eq!(
        engine
            .digest("order")
            .await
            .unwrap()
            .iter()
            .find(|t| t.table == "order_summary")
            .unwrap()
            .rows,
        20
    );
    // The others go on.
    for other in [
        "identity",
        "organization",
        "customer",
        "lead",
        "metric",
        "goal",
        "document",
    ] {
        while engine.run_once(other, partition).await.unwrap()
            != (Progress::At {
                applied: 0,
                next_offset: 23,
                head: 23,
            })
        {}
    }
    shows(&store, partition, expected).await;
}
