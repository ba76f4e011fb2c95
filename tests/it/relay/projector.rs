//! Projections that read from Kafka: the same rows as from the log, from one source to the other and back, and by several
//! processes that share the partitions.

use event_store::Store;
use projections::kafka::Settings;
use sqlx::Row;

use super::{Running, published};
use crate::{
    broker,
    harness::{self, Database},
    import, olist_fixture,
    postgres::until,
    writers::{load, server::Server},
};

/// A projector process of its own.
async fn projector(database: &Database, settings: &Settings, source: &str) -> Server {
    let settings = [
        ("KAFKA_BROKERS", settings.brokers.as_str()),
        ("DAYBOOK__KAFKA__PREFIX", &settings.prefix),
    ];
    let program = env!("CARGO_BIN_EXE_daybook").as_ref();
    let arguments = ["--roles", "projections", "--source", source];
    Server::start_as(program, &database.url, &arguments, &settings).await
}

pub async fn import(database: &Database, copies: u32) {
    let folder = tempfile::tempdir().unwrap();
    olist_fixture::write(folder.path(), copies).unwrap();
    let (url, options) = (database.url.clone(), database.options.clone());
    tokio::task::spawn_blocking(move || import::run(&Database { url, options }, folder.path()))
        .await
        .unwrap();
}

/// Whether every projection has applied everything.
pub async fn caught_up(store: &Store) {
    until("projections at the head", async || {
        let lags = projections::lag(store).await.unwrap();
        assert!(lags.iter().all(|lag| lag.halted.is_none()), "{lags:?}");
        lags.iter().all(|lag| lag.events == 0)
    })
    .await;
}

/// Sets every read model back to its beginning.
pub async fn empty(database: &Database) {
    let mut admin = database.admin().await;
    let tables = sqlx::query(
        "select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c
         join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname like 'p\\_%'",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(tables.len() > 4);
    for table in tables {
        let table: String = table.get(0);
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("truncate {table} cascade")))
            .execute(&mut admin)
            .await
            .unwrap();
    }
    sqlx::raw_sql("update projection.checkpoint set next_offset = 0, recorded_at = null")
        .execute(&mut admin)
        .await
        .unwrap();
}

/// A metric of a process, summed over its labels.
async fn metric(server: &Server, name: &str) -> f64 {
    let text = reqwest::get(format!("{}/metrics", server.url))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    text.lines()
        .filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        })
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_are_the_same_from_kafka() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let relay = Running::start(&store, &settings);
    import(&database, 10).await;
    published(&store).await;
    caught_up(&store).await;
    let from_log = import::digests(&database).await;

    empty(&database).await;
    assert_ne!(import::digests(&database).await, from_log);
    let mut reader = projector(&database, &settings, "kafka").await;
    caught_up(&store).await;
    assert_eq!(import::digests(&database).await, from_log);
    assert!(metric(&reader, "projection_events_total").await > 0.0);
    let read = metric(&reader, "projection_events_from_log_total").await;
    assert!(read.abs() < 0.5, "{read} events came from the log");
    reader.kill().await;
    relay.stop().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_changes_in_mid_life() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let relay = Running::start(&store, &settings);
    import(&database, 8).await;
    caught_up(&store).await;
    let expected = import::digests(&database).await;
    empty(&database).await;
    for (kill, source) in (1_u32..).zip(["kafka", "log", "kafka", "log", "kafka", "kafka"]) {
        let mut projector = projector(&database, &settings, source).await;
        // Somewhere on the way.
        let some = 40.0 * f64::from(kill);
        until("some events applied, or all", async || {
            let lags = projections::lag(&store).await.unwrap();
            lags.iter().all(|lag| lag.events == 0)
                || metric(&projector, "projection_events_total").await > some
        })
        .await;
        projector.kill().await;
    }
    let mut last = projector(&database, &settings, "kafka").await;
    caught_up(&store).await;
    assert_eq!(import::digests(&database).await, expected);
    last.kill().await;
    relay.stop().await;
    store.close().await;
}

/// Places an order of every tenant.
async fn place_orders(commands: &Server, keys: &[String]) {
    let client = reqwest::Client::new();
    for key in keys {
        let order = uuid::Uuid::now_v7();
        let response = client
            .post(format!("{}/api/v1/orders/{order}/place", commands.url))
            .bearer_auth(key)
            .json(&harness::an_order())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_share_the_partitions() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let (_, keys) = load::tenants(&store, 40).await;
    let program = env!("CARGO_BIN_EXE_daybook").as_ref();
    let mut commands =
        Server::start_as(program, &database.url, &["--roles", "commands"], &[]).await;
    let relay = Running::start(&store, &settings);
    let mut projectors = Vec::new();
    for _ in 0..3 {
        projectors.push(projector(&database, &settings, "kafka").await);
    }
    shared(&projectors).await;
    place_orders(&commands, &keys).await;
    published(&store).await;
    caught_up(&store).await;
    for projector in &projectors {
        assert!(metric(projector, "projection_events_total").await > 0.0);
    }
    // One dies while more comes; the others take its share.
    projectors.remove(0).kill().await;
    place_orders(&commands, &keys).await;
    published(&store).await;
    caught_up(&store).await;
    shared(&projectors).await;
    let rows = import::digests(&database).await;
    for mut projector in projectors {
        projector.terminate();
        assert!(projector.ended().await.success());
    }
    commands.kill().await;
    empty(&database).await;
    let mut alone = projector(&database, &settings, "log").await;
    caught_up(&store).await;
    assert_eq!(import::digests(&database).await, rows);
    alone.kill().await;
    relay.stop().await;
    store.close().await;
}

/// Waits until each of them reads some partitions, and all together all of them.
async fn shared(projectors: &[Server]) {
    until("shared partitions", async || {
        let mut all = 0.0;
        for projector in projectors {
            let own = metric(projector, "projection_partitions").await;
            if own < 1.0 {
                return false;
            }
            all += own;
        }
        (all - 16.0).abs() < 0.5
    })
    .await;
}
