//! A member of the group of processes that read the topic, each its share of the partitions. Keeps no position on Kafka: where
//! to go on is known to the projections' checkpoints, in the transaction of their rows.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use event_store::Store;
use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
    types::RDKafkaRespErr,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{Error, Feed, Quiet, Settings, decode::decode};

/// How long one look at Kafka takes, and how long it may take to find a place.
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads as one of the group until cancelled. Blocks. `projections` are those whose checkpoints say where to begin; `builds`
/// names what they build: processes that build other tables are another group.
pub(crate) fn run(
    feed: &Arc<Feed>,
    settings: &Settings,
    store: &Store,
    projections: Vec<String>,
    builds: &str,
    cancelled: &CancellationToken,
) -> Result<(), Error> {
    const DOING: &str = "reading the topic as one of a group";
    let member = Member {
        feed: Arc::clone(feed),
        store: store.clone(),
        projections,
        topic: settings.events(),
        runtime: Handle::current(),
        failed: AtomicBool::new(false),
    };
    let consumer: BaseConsumer<Member> = settings
        .client()
        .set("group.id", format!("{}.{builds}", settings.group()))
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "range")
        // A member that died is missed after this.
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "1500")
        .set("fetch.wait.max.ms", "50")
        .set("queued.max.messages.kbytes", "8192")
        .create_with_context(member)
        .map_err(Error::kafka("making a Kafka client"))?;
    consumer
        .subscribe(&[&settings.events()])
        .map_err(Error::kafka(DOING))?;
    let mut paused: Vec<u16> = Vec::new();
    while !cancelled.is_cancelled() {
        match consumer.poll(LOOK) {
            Some(Ok(message)) => match decode(&message) {
                Ok(event) => {
                    let partition = event.partition;
                    if feed.push(event) && !paused.contains(&partition) {
                        consumer
                            .pause(&one(&settings.events(), partition))
                            .map_err(Error::kafka(DOING))?;
                        paused.push(partition);
                    }
                }
                // If it is an event all the same, it is missed by its number.
                Err(why) => tracing::warn!(
                    kafka_offset = rdkafka::Message::offset(&message),
                    why,
                    "a record on the topic is no event of the log"
                ),
            },
            Some(Err(error)) if !super::tail::passes(&error) => {
                return Err(Error::kafka(DOING)(error));
            }
            Some(Err(_)) | None => {}
        }
        if consumer.context().failed.load(Ordering::Acquire) {
            return Err(Error::Slow("taking over partitions"));
        }
        let (ready, still): (Vec<u16>, Vec<u16>) = std::mem::take(&mut paused)
            .into_iter()
            .partition(|partition| feed.has_room(*partition));
        paused = still;
        for partition in ready {
            // One that is not ours any more cannot be resumed.
            drop(consumer.resume(&one(&settings.events(), partition)));
        }
    }
    consumer.unsubscribe();
    Ok(())
}

fn one(topic: &str, partition: u16) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, i32::from(partition));
    list
}

/// What a member of the group knows when partitions come and go.
struct Member {
    feed: Arc<Feed>,
    store: Store,
    projections: Vec<String>,
    topic: String,
    runtime: Handle,
    /// Partitions were given that could not be taken.
    failed: AtomicBool,
}

/// How far all projections are in a partition, and when the last event that all applied was recorded.
type Place = (i64, Option<DateTime<Utc>>);

impl Member {
    /// Where to begin on Kafka: at the time of the last event that all projections have applied. What was applied already is
    /// known by its number.
    fn assign(
        &self,
        consumer: &BaseConsumer<Self>,
        assigned: &TopicPartitionList,
    ) -> Result<(), Error> {
        const DOING: &str = "finding the place in a partition";
        let places = self.runtime.block_on(self.places())?;
        let (mut times, mut list) = (TopicPartitionList::new(), TopicPartitionList::new());
        for element in assigned.elements() {
            let partition = u16::try_from(element.partition()).unwrap_or(u16::MAX);
            let (next, recorded) = places.get(&partition).copied().unwrap_or((0, None));
            self.feed.assign(partition, next);
            let at = recorded.filter(|_| next > 0);
            let (list, offset) = match at {
                Some(at) => (&mut times, Offset::Offset(at.timestamp_millis())),
                None => (&mut list, Offset::Beginning),
            };
            list.add_partition_offset(&self.topic, element.partition(), offset)
                .map_err(Error::kafka(DOING))?;
        }
        if times.count() > 0 {
            // Taken before: what comes after these ends is not to be missed where no record is as young as that.
            let mut ends = BTreeMap::new();
            for element in times.elements() {
                let (_, end) = consumer
                    .fetch_watermarks(&self.topic, element.partition(), PATIENCE)
                    .map_err(Error::kafka(DOING))?;
                ends.insert(element.partition(), end);
            }
            let found = consumer
                .offsets_for_times(times, PATIENCE)
                .map_err(Error::kafka(DOING))?;
            for element in found.elements() {
                element.error().map_err(Error::kafka(DOING))?;
                let offset = match (element.offset(), ends.get(&element.partition())) {
                    (Offset::Offset(offset), _) => Offset::Offset(offset),
                    (_, Some(end)) => Offset::Offset(*end),
                    (other, None) => other,
                };
                list.add_partition_offset(&self.topic, element.partition(), offset)
                    .map_err(Error::kafka(DOING))?;
            }
        }
        consumer.assign(&list).map_err(Error::kafka(DOING))
    }

    async fn places(&self) -> Result<BTreeMap<u16, Place>, Error> {
        let mut tx = self.store.partition_tx().await?;
        let rows = sqlx::query!(
            r#"select c.partition, min(c.next_offset) as "next_offset!", min(c.recorded_at) as recorded_at
               from projection.serving l
               join projection.checkpoint c on c.projection = l.projection and c.build = l.build
               where l.projection = any($1)
               group by c.partition"#,
            &self.projections
        )
        .fetch_all(tx.connection())
        .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let partition = u16::try_from(row.partition).ok()?;
                Some((partition, (row.next_offset, row.recorded_at)))
            })
            .collect())
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Quiet.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Quiet.error(error, reason);
    }
}

impl ConsumerContext for Member {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let count = partitions.count();
            tracing::info!(count, "reading partitions from Kafka");
            match self.assign(consumer, partitions) {
                Ok(()) => return,
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "partitions could not be taken over; the group is joined anew"
                ),
            }
        }
        for element in partitions.elements() {
            self.feed
                .revoke(u16::try_from(element.partition()).unwrap_or(u16::MAX));
        }
        let left = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // The client waits for an answer to what was given: none of it. Then this member leaves, and joins anew.
            self.failed.store(true, Ordering::Release);
            consumer.assign(&TopicPartitionList::new())
        } else {
            consumer.unassign()
        };
        if let Err(error) = left {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "partitions could not be given back"
            );
        }
    }
}
