//! The real data set, imported while the relay publishes it, and read meanwhile by two consumers that others have written:
//! what each of them saw is the log. Built with the feature `real-data` only, see `crate::real_data`.

use std::{path::PathBuf, time::Instant};

use super::{
    Running,
    consumer::{self, Seen},
    stock::{self, Stock, Topic},
};
use crate::{
    broker,
    harness::{self, Database},
    import,
};

/// The log, with hashes in place of payloads.
async fn log(database: &Database) -> Topic {
    let hashed = |seen: Seen| Seen {
        payload: stock::hash(&seen.payload),
        ..seen
    };
    let log = consumer::log(database).await;
    log.into_iter()
        .map(|(partition, events)| (partition, events.into_iter().map(hashed).collect()))
        .collect()
}

/// Fails at the first event that is not where it is in the log.
fn assert_is(who: &str, seen: &Topic, log: &Topic) {
    for (partition, events) in log {
        let seen = seen.get(partition).map_or(&[][..], Vec::as_slice);
        for (expected, (event, seen)) in (0..).zip(events.iter().zip(seen)) {
            assert_eq!(event.offset, expected, "the log has no gaps");
            assert_eq!(seen, event, "partition {partition}, as {who} saw it");
        }
        assert_eq!(
            seen.len(),
            events.len(),
            "partition {partition}, as {who} saw it"
        );
    }
    assert!(seen.keys().eq(log.keys()), "{who} saw other partitions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_consumers_see_the_log_while_it_is_imported() {
    let data = std::env::var("DAYBOOK_TEST_DATA").expect("it names the folder of the data");
    let folder = PathBuf::from(data).join("olist");
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let consumers = [
        ("Kafka's console consumer", Stock::java(&settings).await),
        ("Confluent's client", Stock::python(&settings).await),
    ];
    let relay = Running::start(&store, &settings);
    let began = Instant::now();
    let (url, options) = (database.url.clone(), database.options.clone());
    tokio::task::spawn_blocking(move || import::run(&Database { url, options }, &folder))
        .await
        .unwrap();
    let imported = began.elapsed();
    let meanwhile = consumers.each_ref().map(|(_, stock)| stock.count());
    super::published(&store).await;
    let published = began.elapsed();
    let log = log(&database).await;
    let events: usize = log.values().map(Vec::len).sum();
    eprintln!(
        "{events} events imported in {imported:.1?}, when the consumers had read {meanwhile:?}, and published in {published:.1?}"
    );
    assert!(events > 100_000);
    for (who, stock) in consumers {
        assert_is(who, &stock.end(events).await, &log);
    }
    relay.stop().await;
    store.close().await;
}
