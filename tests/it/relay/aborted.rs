//! What others left behind at the ends of the topics: transactions that were aborted, which no reader of committed records sees,
//! and which have offsets all the same. The relay finds its last record behind them.

use std::time::Duration;

use projections::kafka::Settings;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::{Running, assert_published, published, some_events};
use crate::{broker, harness};

const PATIENCE: Duration = Duration::from_secs(30);

/// Begins and aborts so many transactions, each with so many records in every partition of both topics.
fn abort(settings: &Settings, transactions: usize, records: usize) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set("transactional.id", "a stranger")
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for _ in 0..transactions {
        producer.begin_transaction().unwrap();
        for topic in [settings.events(), settings.checkpoints()] {
            for partition in 0..16 {
                for _ in 0..records {
                    let record = BaseRecord::<str, str>::to(&topic)
                        .partition(partition)
                        .key("x")
                        .payload("{}");
                    producer.send(record).map_err(|(error, _)| error).unwrap();
                }
            }
        }
        // They are on the topics before they are undone.
        producer.flush(PATIENCE).unwrap();
        producer.abort_transaction(PATIENCE).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_record_is_found_behind_many_aborted_ones() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    // Nothing is published yet; then the ends are some offsets away, then many.
    for (transactions, records) in [(1, 1), (2, 6), (1, 700)] {
        let settings = settings.clone();
        let there = settings.clone();
        tokio::task::spawn_blocking(move || abort(&there, transactions, records))
            .await
            .unwrap();
        some_events(&store, 8).await;
        let relay = Running::start(&store, &settings);
        published(&store).await;
        assert_published(&database, &settings).await;
        relay.stop().await;
    }
    store.close().await;
}
