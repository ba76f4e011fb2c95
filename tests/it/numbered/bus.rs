//! Many callers of the command path at once: nobody meets his own command again.

use std::sync::Arc;

use bytes::Bytes;
use commands::{Bus, Request, Way, registry};
use event_schemas::{Actor, ActorKind, Source, TenantId};
use event_store::{Clock, SystemClock};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{append::registered, harness};

fn request(tenant: TenantId, order: Uuid, kind: &str, data: &serde_json::Value) -> Request {
    Request {
        tenant,
        actor: Actor {
            kind: ActorKind::ApiKey,
            id: "test".to_owned(),
            on_behalf_of: None,
        },
        source: Source::Api,
        spec: registry().by_kind(kind).unwrap(),
        id: order,
        data: Bytes::from(data.to_string()),
        key: None,
        expected_version: None,
        occurred_at: None,
        dry_run: false,
        correlation_id: SystemClock.uuid_v7(),
        traceparent: None,
    }
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_another_process_changed_are_never_decided_by_as_they_were() {
    let database = harness::database().await;
    let (store, elsewhere) = (database.store().await, database.store().await);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &stop);
    let tenant = TenantId(SystemClock.uuid_v7());
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Lanes);
    let other = Bus::new(elsewhere, Arc::new(SystemClock), None, Way::Direct);
    let data = serde_json::json!({ "name": "Two processes" });
    let register = request(tenant, tenant.0, "organization.register", &data);
    other.execute(register).await.unwrap();
    let allow = |early: bool| {
        let data = serde_json::json!({ "shipBeforePayment": early });
        request(tenant, tenant.0, "organization.changeSettings", &data)
    };
    // An order that was just placed, so that this process has it in memory.
    let ship = async || {
        let order = SystemClock.uuid_v7();
        let place = request(tenant, order, "order.place", &harness::an_order());
        bus.execute(place).await.unwrap();
        let ship = request(tenant, order, "order.ship", &serde_json::json!({}));
        bus.execute(ship)
            .await
            .map_err(|problem| problem.code().to_owned())
    };
    for _ in 0..5 {
        other.execute(allow(true)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(ship().await.map(|accepted| accepted.version), Ok(2));
        }
        super::ways(&store);
        assert_eq!(ship().await.map(|accepted| accepted.version), Ok(2));
        // Placed and shipped on what is remembered.
        assert_eq!(super::ways(&store), [("numbered", "", 2)]);
        other.execute(allow(false)).await.unwrap();
        assert_eq!(ship().await.unwrap_err(), "order-not-paid");
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
