//! Commands of one batch rest on those before them, and on nothing if those are not accepted.

use std::sync::Arc;

use commands::{Bus, Request, Way};
use event_schemas::TenantId;
use event_store::{Clock, SystemClock};
use gateway::Problem;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    harness,
    numbered::bus::request,
    postgres::{connect, until},
};

/// Two servers on one database, and one who can hold up both.
struct World {
    tenant: TenantId,
    bus: Bus,
    other: Bus,
    admin: PgConnection,
    locker: PgConnection,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl World {
    async fn new(way: Way) -> Self {
        let database = harness::database().await;
        let (store, elsewhere) = (database.store().await, database.store().await);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        store.start(&tasks, &stop);
        let tenant = TenantId(SystemClock.uuid_v7());
        let other = Bus::new(elsewhere, Arc::new(SystemClock), None, Way::Direct);
        let register = json!({ "name": "Two servers" });
        let register = request(tenant, tenant.0, "organization.register", &register);
        other.execute(register).await.unwrap();
        Self {
            tenant,
            bus: Bus::new(store, Arc::new(SystemClock), None, way),
            other,
            admin: connect(&database.url).await,
            locker: connect(&database.url).await,
            tasks,
            stop,
        }
    }

    fn order(&self, id: Uuid, command: &str, data: &Value) -> Request {
        request(self.tenant, id, &format!("order.{command}"), data)
    }

    fn settings(&self, early: bool) -> Request {
        let data = json!({ "shipBeforePayment": early });
        let tenant = self.tenant;
        request(tenant, tenant.0, "organization.changeSettings", &data)
    }

    /// An order that the first server has just placed.
    async fn placed(&self) -> Uuid {
        let id = SystemClock.uuid_v7();
        let place = self.order(id, "place", &harness::an_order());
        self.bus.execute(place).await.unwrap();
        id
    }

    /// Lets the first server decide its batch while the other's command, which comes first in the log, is on its way.
    async fn overtaken(&mut self, foreign: Request, batch: Vec<Request>) -> Vec<Answer> {
        sqlx::raw_sql("begin; select next_offset from log.partition for update")
            .execute(&mut self.locker)
            .await
            .unwrap();
        let other = self.other.clone();
        let foreign = tokio::spawn(async move { other.execute(foreign).await });
        self.waiting(1).await;
        let bus = self.bus.clone();
        let batch = tokio::spawn(async move { bus.execute_all(&batch).await });
        self.waiting(2).await;
        sqlx::raw_sql("rollback")
            .execute(&mut self.locker)
            .await
            .unwrap();
        foreign.await.unwrap().unwrap();
        batch.await.unwrap().into_iter().map(answer).collect()
    }

    /// Waits until so many appends wait for a lock.
    async fn waiting(&mut self, appends: i64) {
        until("appends that wait", async || {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity where datname = current_database() \
                 and usename = 'daybook_append' and wait_event_type = 'Lock'",
            )
            .fetch_one(&mut self.admin)
            .await
            .unwrap();
            waiting == appends
        })
        .await;
    }

    /// The types of an order's events.
    async fn events(&mut self, order: Uuid) -> Vec<String> {
        sqlx::query_scalar(
            "select event_type from log.event where tenant_id = $1 and stream_id = $2 order by version",
        )
        .bind(self.tenant.0)
        .bind(format!("order-{order}"))
        .fetch_all(&mut self.admin)
        .await
        .unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A version, or a problem's code.
type Answer = Result<i32, String>;

fn answer(result: Result<commands::Accepted, Problem>) -> Answer {
    result
        .map(|accepted| accepted.version)
        .map_err(|problem| problem.code().to_owned())
}

fn refused(code: &str) -> Answer {
    Err(code.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_command_that_another_server_beat_is_decided_anew() {
    let mut world = World::new(Way::Lanes).await;
    let cancel = json!({ "reason": "fraud" });
    // The first server remembers an order that the other has cancelled.
    let order = world.placed().await;
    let foreign = world.order(order, "cancel", &cancel);
    world.other.execute(foreign).await.unwrap();
    let batch = [
        world.order(order, "approvePayment", &json!({ "amount": 5 })),
        world.order(order, "startProcessing", &json!({})),
    ];
    let answers: Vec<_> = world
        .bus
        .execute_all(&batch)
        .await
        .into_iter()
        .map(answer)
        .collect();
    assert_eq!(
        answers,
        [refused("order-cancelled"), refused("order-cancelled")]
    );
    assert_eq!(world.events(order).await, ["OrderPlaced", "OrderCancelled"]);

    // The same between its load and its append.
    for way in [Way::Lanes, Way::Direct] {
        let mut world = World::new(way).await;
        let order = world.placed().await;
        let foreign = world.order(order, "cancel", &cancel);
        let batch = vec![
            world.order(order, "approvePayment", &json!({ "amount": 5 })),
            world.order(order, "startProcessing", &json!({})),
        ];
        let answers = world.overtaken(foreign, batch).await;
        assert_eq!(
            answers,
            [refused("order-cancelled"), refused("order-cancelled")]
        );
        assert_eq!(world.events(order).await, ["OrderPlaced", "OrderCancelled"]);
        world.end().await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_a_batch_could_not_change_decide_nothing_of_it() {
    let mut world = World::new(Way::Lanes).await;
    let order = world.placed().await;
    // It remembers the organization, and what it remembers is old by then.
    let ship = world.order(order, "ship", &json!({}));
    assert_eq!(
        answer(world.bus.execute(ship.clone()).await),
        refused("order-not-paid")
    );
    world.other.execute(world.settings(false)).await.unwrap();
    let change = Request {
        expected_version: Some(1),
        ..world.settings(true)
    };
    let answers: Vec<_> = world
        .bus
        .execute_all(&[change, ship])
        .await
        .into_iter()
        .map(answer)
        .collect();
    assert_eq!(answers, [refused("conflict"), refused("order-not-paid")]);
    assert_eq!(world.events(order).await, ["OrderPlaced"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refused_because_of_a_command_that_was_refused_itself() {
    for way in [Way::Lanes, Way::Direct] {
        let mut world = World::new(way).await;
        let order = world.placed().await;
        let foreign = world.order(order, "approvePayment", &json!({ "amount": 5 }));
        let batch = vec![
            Request {
                expected_version: Some(1),
                ..world.order(order, "cancel", &json!({ "reason": "fraud" }))
            },
            world.order(order, "startProcessing", &json!({})),
        ];
        let answers = world.overtaken(foreign, batch).await;
        assert_eq!(answers, [refused("conflict"), Ok(3)]);
        let events = ["OrderPlaced", "PaymentApproved", "OrderProcessingStarted"];
        assert_eq!(world.events(order).await, events);
        world.end().await;
    }
}

#[tokio::test]
async fn a_chain_of_commands_is_accepted_as_one_and_a_refusal_in_it_tells_the_truth() {
    for way in [Way::Lanes, Way::Direct] {
        let world = World::new(way).await;
        let order = SystemClock.uuid_v7();
        let batch = [
            world.order(order, "place", &harness::an_order()),
            world.order(order, "approvePayment", &json!({ "amount": 5 })),
            world.order(order, "startProcessing", &json!({})),
            world.order(order, "startProcessing", &json!({})),
            world.settings(true),
            world.order(order, "ship", &json!({})),
        ];
        let answers: Vec<_> = world
            .bus
            .execute_all(&batch)
            .await
            .into_iter()
            .map(answer)
            .collect();
        let twice = refused("order-already-processing");
        assert_eq!(answers, [Ok(1), Ok(2), Ok(3), twice, Ok(2), Ok(4)]);
        world.end().await;
    }
}
