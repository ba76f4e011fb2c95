//! A broker that forgot a transaction: its records stay open, and the end of the next transaction would commit them. The relay
//! undoes them before it publishes.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use projections::kafka::Settings;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use uuid::Uuid;

use super::{Running, assert_published, consumer, published, some_events};
use crate::{
    broker::{self, Broker},
    harness,
};

const PATIENCE: Duration = Duration::from_secs(30);
const SLOTS: i32 = 4;

/// A copy of a folder's files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The folders in which the broker keeps what it knows of transactions.
fn states(data: &Path) -> Vec<String> {
    let names = fs::read_dir(data).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("__transaction_state-"))
        .collect()
}

/// A producer with the name of the relay's.
fn producer(settings: &Settings, slot: i32) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set(
            "transactional.id",
            format!("{}.relay.main.{slot}", settings.prefix),
        )
        .set("transaction.timeout.ms", "600000")
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

/// Begins a transaction with a record in each partition of the slot that looks like its next event, and leaves it.
fn leave_open(
    producer: &BaseProducer,
    settings: &Settings,
    slot: i32,
    ends: impl Fn(i32) -> usize,
) {
    producer.begin_transaction().unwrap();
    for partition in (slot..16).step_by(4) {
        let (offset, id) = (ends(partition).to_string(), Uuid::now_v7().to_string());
        let header = |key, value| Header {
            key,
            value: Some(value),
        };
        let headers = OwnedHeaders::new()
            .insert(header("ce_offset", offset.as_str()))
            .insert(header("ce_id", id.as_str()));
        let topic = settings.events();
        let record = BaseRecord::<str, str>::to(&topic)
            .partition(partition)
            .key("x")
            .payload("nobody may see this")
            .headers(headers);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_the_broker_forgot_are_undone() {
    let mut broker = Broker::start().await;
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker.brokers(), "forgotten");
    broker::make_topics(&settings).await;
    let relay = Running::start(&store, &settings);
    some_events(&store, 8).await;
    published(&store).await;
    relay.stop().await;

    let log = consumer::log(&database).await;
    let (there, data) = (settings.clone(), broker.folder().join("data"));
    let kept = tempfile::tempdir().unwrap();
    let to = kept.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let producers: Vec<_> = (0..SLOTS).map(|slot| producer(&there, slot)).collect();
        for name in states(&data) {
            copy(&data.join(&name), &to.join(&name));
        }
        for (slot, producer) in (0..).zip(&producers) {
            leave_open(producer, &there, slot, |partition| {
                log.get(&partition).map_or(0, Vec::len)
            });
        }
        // They never come back to end it.
        std::mem::forget(producers);
    })
    .await
    .unwrap();
    broker.kill().await;
    let data = broker.folder().join("data");
    for name in states(&data) {
        fs::remove_dir_all(data.join(&name)).unwrap();
        copy(&kept.path().join(&name), &data.join(&name));
    }
    broker.start_again().await;

    let relay = Running::start(&store, &settings);
    some_events(&store, 30).await;
    published(&store).await;
    assert_published(&database, &settings).await;
    relay.stop().await;
    // And what was written down afterwards is right.
    let relay = Running::start(&store, &settings);
    some_events(&store, 4).await;
    published(&store).await;
    assert_published(&database, &settings).await;
    relay.stop().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_with_nothing_to_do_sees_that_something_was_left_open() {
    let broker = Broker::start().await;
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker.brokers(), "idle");
    broker::make_topics(&settings).await;
    let relay = Running::start(&store, &settings);
    some_events(&store, 8).await;
    published(&store).await;

    let log = consumer::log(&database).await;
    let ends: Vec<_> = (0..16).map(|p| log.get(&p).map_or(0, Vec::len)).collect();
    let there = settings.clone();
    let decided = tokio::task::spawn_blocking(move || {
        let producer = producer(&there, 1);
        leave_open(&producer, &there, 1, |partition| {
            usize::try_from(partition).map_or(0, |p| ends[p])
        });
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &there.brokers)
            .set("isolation.level", "read_committed")
            .create()
            .unwrap();
        let end = || {
            reader
                .fetch_watermarks(&there.events(), 1, PATIENCE)
                .unwrap()
                .1
        };
        let stuck = end();
        let began = Instant::now();
        while end() == stuck && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
        }
        // It never comes back to end it.
        std::mem::forget(producer);
        end() > stuck
    });
    assert!(decided.await.unwrap(), "nobody ended the transaction");
    some_events(&store, 8).await;
    published(&store).await;
    assert_published(&database, &settings).await;
    relay.stop().await;
    store.close().await;
}
