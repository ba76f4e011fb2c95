//! Commands of one batch rest on those before them, and on nothing if those are not accepted.

use commands::{Request, Way};
use event_store::{Clock, SystemClock};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    harness,
    postgres::{connect, until},
    two_servers::{Answer, TwoServers, answer, refused},
};

/// Two servers, and one who can hold up both.
struct World {
    servers: TwoServers,
    admin: PgConnection,
    locker: PgConnection,
}

impl World {
    async fn new(way: Way) -> Self {
        let servers = TwoServers::new(way).await;
        Self {
            admin: connect(&servers.url).await,
            locker: connect(&servers.url).await,
            servers,
        }
    }

    /// Lets the first server decide its batch while the other's command, which comes first in the log, is on its way.
    async fn overtaken(&mut self, foreign: Request, batch: Vec<Request>) -> Vec<Answer> {
        sqlx::raw_sql("begin; select next_offset from log.partition for update")
            .execute(&mut self.locker)
            .await
            .unwrap();
        let other = self.servers.other.clone();
        let foreign = tokio::spawn(async move { other.execute(foreign).await });
        self.waiting(1).await;
        let bus = self.servers.bus.clone();
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
        .bind(self.servers.tenant.0)
        .bind(format!("order-{order}"))
        .fetch_all(&mut self.admin)
        .await
        .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_command_that_another_server_beat_is_decided_anew() {
    let mut world = World::new(Way::Lanes).await;
    let cancel = json!({ "reason": "fraud" });
    // The first server remembers an order that the other has cancelled.
    let order = world.servers.placed().await;
    let foreign = world.servers.order(order, "cancel", &cancel);
    world.servers.other.execute(foreign).await.unwrap();
    let batch = [
        world
            .servers
            .order(order, "approvePayment", &json!({ "amount": 5 })),
        world.servers.order(order, "startProcessing", &json!({})),
    ];
    let answers = world.servers.execute(&batch).await;
    assert_eq!(
        answers,
        [refused("order-cancelled"), refused("order-cancelled")]
    );
    assert_eq!(world.events(order).await, ["OrderPlaced", "OrderCancelled"]);

    // The same between its load and its append.
    for way in [Way::Lanes, Way::Direct] {
        let mut world = World::new(way).await;
        let order = world.servers.placed().await;
        let foreign = world.servers.order(order, "cancel", &cancel);
        let batch = vec![
            world
                .servers
                .order(order, "approvePayment", &json!({ "amount": 5 })),
            world.servers.order(order, "startProcessing", &json!({})),
        ];
        let answers = world.overtaken(foreign, batch).await;
        assert_eq!(
            answers,
            [refused("order-cancelled"), refused("order-cancelled")]
        );
        assert_eq!(world.events(order).await, ["OrderPlaced", "OrderCancelled"]);
        world.servers.end().await;
    }
    world.servers.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_a_batch_could_not_change_decide_nothing_of_it() {
    let mut world = World::new(Way::Lanes).await;
    let order = world.servers.placed().await;
    // It remembers the organization, and what it remembers is old by then.
    let ship = world.servers.order(order, "ship", &json!({}));
    assert_eq!(
        answer(world.servers.bus.execute(ship.clone()).await),
        refused("order-not-paid")
    );
    world
        .servers
        .other
        .execute(world.servers.settings(false))
        .await
        .unwrap();
    let change = Request {
        expected_version: Some(1),
        ..world.servers.settings(true)
    };
    let answers = world.servers.execute(&[change, ship]).await;
    assert_eq!(answers, [refused("conflict"), refused("order-not-paid")]);
    assert_eq!(world.events(order).await, ["OrderPlaced"]);
    world.servers.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refused_because_of_a_command_that_was_refused_itself() {
    for way in [Way::Lanes, Way::Direct] {
        let mut world = World::new(way).await;
        let order = world.servers.placed().await;
        let foreign = world
            .servers
            .order(order, "approvePayment", &json!({ "amount": 5 }));
        let batch = vec![
            Request {
                expected_version: Some(1),
                ..world
                    .servers
                    .order(order, "cancel", &json!({ "reason": "fraud" }))
            },
            world.servers.order(order, "startProcessing", &json!({})),
        ];
        let answers = world.overtaken(foreign, batch).await;
        assert_eq!(answers, [refused("conflict"), Ok(3)]);
        let events = ["OrderPlaced", "PaymentApproved", "OrderProcessingStarted"];
        assert_eq!(world.events(order).await, events);
        world.servers.end().await;
    }
}

#[tokio::test]
async fn a_chain_of_commands_is_accepted_as_one_and_a_refusal_in_it_tells_the_truth() {
    for way in [Way::Lanes, Way::Direct] {
        let servers = TwoServers::new(way).await;
        let order = SystemClock.uuid_v7();
        let batch = [
            servers.order(order, "place", &harness::an_order()),
            servers.order(order, "approvePayment", &json!({ "amount": 5 })),
            servers.order(order, "startProcessing", &json!({})),
            servers.order(order, "startProcessing", &json!({})),
            servers.settings(true),
            servers.order(order, "ship", &json!({})),
        ];
        let answers = servers.execute(&batch).await;
        let twice = refused("order-already-processing");
        assert_eq!(answers, [Ok(1), Ok(2), Ok(3), twice, Ok(2), Ok(4)]);
        servers.end().await;
    }
}
