//! What an independent consumer sees of a topic: committed records, in Kafka's order. Knows Kafka and the log's numbers, and
//! nothing of how the relay works.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread::sleep,
    time::{Duration, Instant},
};

use daybook::config::Config;
use projections::kafka::Settings;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::Headers,
};
use sqlx::Row;
use uuid::Uuid;

use crate::harness::Database;

/// A record: what the log calls it, and its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub offset: i64,
    pub id: Uuid,
    pub key: String,
    pub payload: Vec<u8>,
}

/// Every committed record of the topic of all events, by partition.
pub async fn read(settings: &Settings) -> BTreeMap<i32, Vec<Seen>> {
    read_topic(settings, settings.events()).await
}

/// Every committed record of a topic, by partition.
pub async fn read_topic(settings: &Settings, topic: String) -> BTreeMap<i32, Vec<Seen>> {
    let brokers = settings.brokers.clone();
    tokio::task::spawn_blocking(move || read_all(&brokers, &topic))
        .await
        .unwrap()
}

/// A consumer that sees what the isolation level lets it.
fn consumer(brokers: &str, isolation: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "independent")
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "20")
        .create()
        .unwrap()
}

/// Waits until every transaction on the topic is decided. A producer is told that its transaction is committed before the brokers
/// have marked that in each partition, and until then a reader of committed records finds the partition's end too early.
fn await_decisions(committed: &BaseConsumer, brokers: &str, topic: &str, partitions: i32) {
    let all = consumer(brokers, "read_uncommitted");
    let end = |of: &BaseConsumer, partition| {
        let ends = of.fetch_watermarks(topic, partition, Duration::from_secs(30));
        ends.map(|(_, end)| end)
    };
    let began = Instant::now();
    for partition in 0..partitions {
        loop {
            match (end(committed, partition), end(&all, partition)) {
                (Ok(decided), Ok(end)) if decided >= end => break,
                // Brokers hear of a new topic one after the other.
                still => assert!(
                    began.elapsed() < Duration::from_mins(2),
                    "{topic}, partition {partition}, decided up to and written up to: {still:?}"
                ),
            }
            sleep(Duration::from_millis(10));
        }
    }
}

fn read_all(brokers: &str, topic: &str) -> BTreeMap<i32, Vec<Seen>> {
    let consumer = consumer(brokers, "read_committed");
    let partitions = i32::from(Config::load(None).unwrap().log.partitions);
    await_decisions(&consumer, brokers, topic, partitions);
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut seen: BTreeMap<i32, Vec<Seen>> = BTreeMap::new();
    let mut open: BTreeSet<i32> = (0..partitions).collect();
    while !open.is_empty() {
        let message = match consumer
            .poll(Duration::from_secs(30))
            .expect("the broker answers")
        {
            Ok(message) => message,
            Err(KafkaError::PartitionEOF(partition)) => {
                open.remove(&partition);
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let header = |name: &str| {
            let headers = message.headers().unwrap();
            let header = headers.iter().find(|header| header.key == name).unwrap();
            String::from_utf8(header.value.unwrap().to_vec()).unwrap()
        };
        seen.entry(message.partition()).or_default().push(Seen {
            offset: header("ce_offset").parse().unwrap(),
            id: header("ce_id").parse().unwrap(),
            key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
            payload: message.payload().unwrap().to_vec(),
        });
    }
    seen
}

/// The same of the log.
pub async fn log(database: &Database) -> BTreeMap<i32, Vec<Seen>> {
    let rows = sqlx::query(
        r#"select partition::int, "offset", event_id, tenant_id::text || '/' || stream_id, payload
           from log.event order by partition, "offset""#,
    )
    .fetch_all(&mut database.admin().await)
    .await
    .unwrap();
    let mut log: BTreeMap<i32, Vec<Seen>> = BTreeMap::new();
    for row in rows {
        log.entry(row.get(0)).or_default().push(Seen {
            offset: row.get(1),
            id: row.get(2),
            key: row.get(3),
            payload: row.get(4),
        });
    }
    log
}
