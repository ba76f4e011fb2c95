//! A topic as its clients see it: when its first record came, what it holds, and a bare producer that fills it. Knows
//! nothing of who else publishes.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, Timestamp, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Headers, OwnedMessage},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use tokio::task::spawn_blocking;

use crate::server::PARTITIONS;

/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a topic is looked at until its first record comes.
const LOOK: Duration = Duration::from_millis(5);

/// Committed records of a topic.
pub(crate) struct Found {
    pub(crate) records: u64,
    /// Bytes of all values.
    pub(crate) payload: u64,
    /// The fewest headers of a record.
    pub(crate) headers: usize,
    /// From the broker's time of the first record to that of the last, in seconds.
    pub(crate) seconds: f64,
    /// The records, if they were to be kept.
    pub(crate) kept: Vec<OwnedMessage>,
}

fn client(brokers: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false");
    client
}

/// A client whose words are not the program's: what goes wrong is among its answers.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

/// Who reads all partitions of a topic from an offset on.
pub(crate) fn reader(brokers: &str, topic: &str, from: Offset) -> Result<BaseConsumer<Quiet>> {
    let consumer: BaseConsumer<Quiet> = client(brokers)
        .set("enable.partition.eof", "true")
        .create_with_context(Quiet)?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, i32::from(partition), from)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

/// Waits until the topic's first partition has a record, committed or not.
pub(crate) async fn first(brokers: &str, topic: &str) -> Result<()> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    spawn_blocking(move || {
        let consumer: BaseConsumer<Quiet> = client(&brokers)
            .set("isolation.level", "read_uncommitted")
            .create_with_context(Quiet)?;
        let deadline = Instant::now() + PATIENCE;
        while consumer.fetch_watermarks(&topic, 0, PATIENCE)?.1 == 0 {
            ensure!(
                Instant::now() < deadline,
                "nothing was published to {topic}"
            );
            std::thread::sleep(LOOK);
        }
        Ok(())
    })
    .await?
}

/// Reads a topic to its end.
pub(crate) async fn read(brokers: &str, topic: &str, keep: bool) -> Result<Found> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    spawn_blocking(move || read_all(&brokers, &topic, keep)).await?
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times of one run are far below 2^52 ms"
)]
fn read_all(brokers: &str, topic: &str, keep: bool) -> Result<Found> {
    let consumer = reader(brokers, topic, Offset::Beginning)?;
    let mut open = PARTITIONS;
    let (mut records, mut payload, mut headers, mut kept) = (0, 0, usize::MAX, Vec::new());
    let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
    while open > 0 {
        let message = match consumer
            .poll(PATIENCE)
            .context("the broker does not answer")?
        {
            Ok(message) => message,
            Err(KafkaError::PartitionEOF(_)) => {
                open -= 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Timestamp::LogAppendTime(came) = message.timestamp() else {
            bail!("the broker does not say when a record came");
        };
        (earliest, latest) = (earliest.min(came), latest.max(came));
        records += 1;
        payload += u64::try_from(message.payload_len())?;
        headers = headers.min(message.headers().map_or(0, Headers::count));
        if keep {
            kept.push(message.detach());
        }
    }
    ensure!(records > 0, "the topic {topic} has no records");
    Ok(Found {
        records,
        payload,
        headers,
        seconds: (latest - earliest).max(1) as f64 / 1_000.0,
        kept,
    })
}

/// What the broker refused.
#[derive(Default)]
struct Refused(Mutex<Option<KafkaError>>);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
    }
}

/// Publishes these records once more, to the same partitions of another topic, as fast as the client does; waits for every
/// answer. With the relay's settings, but for transactions.
pub(crate) fn produce(brokers: &str, topic: &str, records: &[OwnedMessage]) -> Result<()> {
    let producer: BaseProducer<Refused> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("linger.ms", "2")
        .create_with_context(Refused::default())?;
    for (number, message) in records.iter().enumerate() {
        let mut record = BaseRecord::to(topic)
            .partition(message.partition())
            .key(message.key().unwrap_or_default())
            .payload(message.payload().unwrap_or_default())
            .headers(
                message
                    .headers()
                    .context("a record has no headers")?
                    .clone(),
            );
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    producer.poll(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        if number % 256 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    // The client's own waiting goes in slices of 100 ms.
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(1));
    }
    let refused = &producer.context().0;
    let refused = refused
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    refused.map_or(Ok(()), |error| Err(error.into()))
}
