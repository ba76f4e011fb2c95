//! Leaders that die, sleep or miss their broker: others take over, and nothing is there twice.

use std::time::Instant;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use projections::{kafka::Settings, relay};

use super::{assert_published, consumer, published, some_events};
use crate::{
    broker::{self, Broker},
    harness,
    postgres::{holds, until},
    writers::server::Server,
};

async fn server(database: &str, settings: &Settings) -> Server {
    let program = env!("CARGO_BIN_EXE_daybook").as_ref();
    let settings = [
        ("KAFKA_BROKERS", settings.brokers.as_str()),
        ("DAYBOOK__KAFKA__PREFIX", &settings.prefix),
        ("DAYBOOK__KAFKA__REPLICATION_FACTOR", "1"),
    ];
    Server::start_with(program, database, &settings).await
}

/// Whether a process leads every partition.
async fn leads(store: &event_store::Store, server: &Server) -> bool {
    let process = format!("process {}", server.pid());
    let status = relay::status(store).await.unwrap();
    status.iter().all(|at| {
        at.leader
            .as_ref()
            .is_some_and(|leader| leader.ends_with(&process))
    })
}

/// Whether a process knows that it leads nothing.
async fn stands_by(server: &Server) -> bool {
    let metrics = reqwest::get(format!("{}/metrics", server.url))
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let mut slots = metrics
        .lines()
        .filter(|line| line.starts_with("relay_leads{"))
        .peekable();
    slots.peek().is_some() && slots.all(|line| line.ends_with(" 0"))
}

/// How far the relay says it is, by partition.
async fn progress(store: &event_store::Store) -> Vec<i64> {
    let status = relay::status(store).await.unwrap();
    status.iter().map(|at| at.next_offset).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_slept_finds_itself_replaced() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let mut first = server(&database.url, &settings).await;
    until("the first to lead", async || leads(&store, &first).await).await;
    let mut second = server(&database.url, &settings).await;
    some_events(&store, 4).await;
    published(&store).await;

    let pid = Pid::from_raw(i32::try_from(first.pid()).unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    some_events(&store, 4).await;
    let slept = Instant::now();
    until("the second to lead", async || leads(&store, &second).await).await;
    let led = slept.elapsed();
    published(&store).await;
    eprintln!(
        "taken over after {led:?}, caught up after {:?}",
        slept.elapsed()
    );
    some_events(&store, 4).await;
    kill(pid, Signal::SIGCONT).unwrap();
    some_events(&store, 4).await;
    published(&store).await;
    until("the first to know", async || stands_by(&first).await).await;
    assert!(leads(&store, &second).await);
    assert_published(&database, &settings).await;

    second.kill().await;
    until("the first to lead again", async || {
        leads(&store, &first).await
    })
    .await;
    some_events(&store, 2).await;
    published(&store).await;
    assert_published(&database, &settings).await;
    first.terminate();
    assert!(first.ended().await.success());
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_replaced_leaves_the_progress_of_its_successor_alone() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let mut server = server(&database.url, &settings).await;
    until("the first to lead", async || leads(&store, &server).await).await;
    some_events(&store, 4).await;
    published(&store).await;

    // It publishes, and cannot say so: its leases run out meanwhile.
    let mut admin = database.admin().await;
    sqlx::raw_sql("begin; lock table relay.slot in exclusive mode")
        .execute(&mut admin)
        .await
        .unwrap();
    some_events(&store, 4).await;
    let log = consumer::log(&database).await;
    until("them on Kafka", async || {
        consumer::read(&settings).await == log
    })
    .await;
    let successor = "update relay.progress set next_offset = next_offset + 1000;
        update relay.slot set holder = gen_random_uuid(), place = 'elsewhere',
          expires_at = clock_timestamp() + interval '1 hour'; commit";
    sqlx::raw_sql(successor).execute(&mut admin).await.unwrap();
    let written = progress(&store).await;
    assert!(written.iter().all(|next| *next >= 1000), "{written:?}");
    until("it to know", async || stands_by(&server).await).await;
    assert_eq!(progress(&store).await, written);

    // Nor does it bring back what it knew when the leases are its own again.
    sqlx::raw_sql("update relay.slot set expires_at = clock_timestamp()")
        .execute(&mut admin)
        .await
        .unwrap();
    until("it to lead again", async || leads(&store, &server).await).await;
    until("it to say how far it is", async || {
        let status = relay::status(&store).await.unwrap();
        status.iter().all(|at| at.next_offset == at.head)
    })
    .await;
    assert_published(&database, &settings).await;
    server.kill().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_falls_asleep_while_it_renews_is_replaced_too() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let mut admin = database.admin().await;
    // Nobody but the relay itself ends its transactions, and each takes a while.
    let slow = "do $$ begin execute format(
          'alter role daybook_partition in database %I set idle_in_transaction_session_timeout = 0', current_database());
        end $$;
        create function relay.slow() returns trigger language plpgsql as
          $$ begin perform pg_sleep(0.2); return null; end $$;
        create trigger slow before insert on relay.slot execute function relay.slow()";
    sqlx::raw_sql(slow).execute(&mut admin).await.unwrap();
    let first = server(&database.url, &settings).await;
    until("the first to lead", async || leads(&store, &first).await).await;
    until("it to renew", async || {
        let renews = "select exists (select from pg_stat_activity
            where datname = current_database() and wait_event = 'PgSleep')";
        holds(&mut admin, renews).await
    })
    .await;
    let pid = Pid::from_raw(i32::try_from(first.pid()).unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    let second = server(&database.url, &settings).await;
    some_events(&store, 4).await;
    until("the second to lead", async || leads(&store, &second).await).await;
    published(&store).await;
    assert_published(&database, &settings).await;
    kill(pid, Signal::SIGCONT).unwrap();
    for mut server in [first, second] {
        server.kill().await;
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_go_on_without_a_broker_and_the_relay_recovers() {
    let mut broker = Broker::start().await;
    let database = harness::database().await;
    let settings = broker::settings(broker.brokers(), "away");
    broker::make_topics(&settings).await;
    let served = database.serve_with(Some(settings.clone())).await;
    let tenant = served.tenant(&["*"]).await;
    published(&served.store).await;
    for killed in [false, true] {
        if killed {
            broker.kill().await;
        } else {
            broker.stop().await;
        }
        let path = format!("/api/v1/orders/{}/place", uuid::Uuid::now_v7());
        let (status, answer) = served.post(&tenant.key, &path, &harness::an_order()).await;
        assert_eq!(status, 201, "{answer}");
        until("a relay that says what it misses", async || {
            let response = served.client.get(format!("{}/health/ready", served.url));
            let response = response.send().await.unwrap();
            assert_eq!(response.status(), 200, "commands go on");
            let ready = response.text().await.unwrap();
            ready.contains(r#""name":"relay","status":"degraded""#)
                && ready.contains("is not published, `daybook relay status` says why")
        })
        .await;
        let status = relay::status(&served.store).await.unwrap();
        let why = status.iter().find_map(|at| at.trouble.clone()).unwrap();
        let slow = why.contains("the brokers answer slowly, or not at all");
        assert!(slow || why.contains("no broker answers"), "{why}");
        assert!(status.iter().map(|at| at.events).sum::<i64>() > 0);
        broker.start_again().await;
        published(&served.store).await;
        assert_published(&database, &settings).await;
    }
    served.stop().await;
}
