//! Many callers of the command path at once: nobody meets his own command again.

use std::sync::Arc;

use commands::{Bus, Request, Way};
use event_schemas::TenantId;
use event_store::{Clock, SystemClock};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    append::registered,
    harness,
    two_servers::{TwoServers, answer, refused, request},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_each_with_their_own_orders_are_all_accepted() {
    let store = harness::database().await.store().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &stop);
    let mut tenants = Vec::new();
    for _ in 0..12 {
        tenants.push(registered(&store).await);
    }
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Lanes);
    let callers = (0..48_usize).map(|n| {
        let (bus, tenant) = (bus.clone(), tenants[n % tenants.len()]);
        tokio::spawn(async move {
            for _ in 0..40 {
                let order = SystemClock.uuid_v7();
                let place = request(tenant, order, "order.place", &harness::an_order());
                bus.execute(place).await.unwrap();
                let pay = request(
                    tenant,
                    order,
                    "order.approvePayment",
                    &serde_json::json!({ "amount": 5 }),
                );
                assert_eq!(bus.execute(pay).await.unwrap().version, 2);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    eprintln!("{:?}", super::ways(&store));
}

fn order(tenant: TenantId, order: Uuid, kind: &str) -> Request {
    let data = match kind {
        "order.place" => harness::an_order(),
        _ => serde_json::json!({}),
    };
    request(tenant, order, kind, &data)
}

/// Reads the order for whatever else is in its batch, and changes nothing.
fn look(tenant: TenantId, id: Uuid) -> Request {
    Request {
        dry_run: true,
        ..order(tenant, id, "order.cancel")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_remembered_refuses_nothing_and_repeats_nothing() {
    let servers = TwoServers::new(Way::Lanes).await;
    let (tenant, bus, other) = (servers.tenant, &servers.bus, &servers.other);
    // The settings are remembered as they were, the order is read for the other command's sake.
    let early = servers.placed().await;
    let unpaid = bus.execute(order(tenant, early, "order.ship")).await;
    assert_eq!(answer(unpaid), refused("order-not-paid"));
    other.execute(servers.settings(true)).await.unwrap();
    let batch = [order(tenant, early, "order.ship"), look(tenant, early)];
    let first = bus.execute_all(&batch).await.swap_remove(0);
    assert_eq!(answer(first), Ok(2));

    // The order is remembered as it was, alone and beside another command that reads it.
    for alone in [true, false] {
        let id = servers.placed().await;
        other
            .execute(order(tenant, id, "order.ship"))
            .await
            .unwrap();
        let mut batch = vec![order(tenant, id, "order.deliver")];
        if !alone {
            batch.push(look(tenant, id));
        }
        let first = bus.execute_all(&batch).await.swap_remove(0);
        assert_eq!(answer(first), Ok(3), "{alone}");
    }

    // The order is read, its command's key is not.
    let keyed = Request {
        key: Some("once".to_owned()),
        ..order(tenant, SystemClock.uuid_v7(), "order.place")
    };
    bus.execute(keyed.clone()).await.unwrap();
    let batch = [keyed.clone(), look(tenant, keyed.id)];
    let first = bus.execute_all(&batch).await.swap_remove(0);
    assert!(first.unwrap().replayed);

    // That the settings moved is no conflict of the caller's.
    let id = servers.placed().await;
    for early in [false, true] {
        other.execute(servers.settings(early)).await.unwrap();
    }
    let expecting = Request {
        expected_version: Some(1),
        ..order(tenant, id, "order.ship")
    };
    assert_eq!(answer(bus.execute(expecting).await), Ok(2));

    // What a batch does to the settings counts for the rest of it.
    other.execute(servers.settings(false)).await.unwrap();
    let id = servers.placed().await;
    let batch = [servers.settings(true), order(tenant, id, "order.ship")];
    let second = other.execute_all(&batch).await.swap_remove(1);
    assert_eq!(answer(second), Ok(2));
    servers.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_another_process_changed_are_never_decided_by_as_they_were() {
    let servers = TwoServers::new(Way::Lanes).await;
    let (tenant, bus, other) = (servers.tenant, &servers.bus, &servers.other);
    // An order that was just placed, so that this process has it in memory.
    let ship = async || {
        let order = order(tenant, servers.placed().await, "order.ship");
        answer(bus.execute(order).await)
    };
    for _ in 0..5 {
        other.execute(servers.settings(true)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(ship().await, Ok(2));
        }
        super::ways(&servers.store);
        assert_eq!(ship().await, Ok(2));
        // Placed and shipped on what is remembered.
        assert_eq!(super::ways(&servers.store), [("numbered", "", 2)]);
        other.execute(servers.settings(false)).await.unwrap();
        assert_eq!(ship().await, refused("order-not-paid"));
    }
    servers.end().await;
}
