//! The last records of partitions, committed ones only. Keeps its connections, so that whoever takes over learns them at
//! once. Never writes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};

use super::{Error, Quiet, Settings};

const DOING: &str = "reading the last records of a topic";
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many offsets before the end to begin with, one after the other. A transaction's end has an offset too, and so have
/// aborted records.
const NEAR: [i64; 6] = [8, 512, 8_192, 131_072, 2_097_152, 33_554_432];

/// A reader of ends.
pub(crate) struct Tail {
    committed: BaseConsumer<Quiet>,
    /// Sees what is not committed too.
    all: BaseConsumer<Quiet>,
}

/// Last records, by topic and partition.
pub(crate) type Ends = BTreeMap<(String, u16), Record>;

/// What is kept of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    /// Kafka's own offset.
    pub(crate) kafka_offset: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers
                .iter()
                .map(|header| {
                    (
                        header.key.to_owned(),
                        header.value.unwrap_or_default().to_vec(),
                    )
                })
                .collect()
        });
        Self {
            kafka_offset: message.offset(),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().unwrap_or_default().to_vec(),
            headers,
        }
    }

    /// A header as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value).ok()
    }

    /// A header as a number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }
}

impl Tail {
    pub(crate) fn try_new(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            committed: consumer(settings, "read_committed")?,
            all: consumer(settings, "read_uncommitted")?,
        })
    }

    /// The last record of each of these partitions of topics, where there is one. Blocks.
    pub(crate) fn last(&self, places: Vec<(String, u16)>) -> Result<Ends, Error> {
        let mut found = Ends::new();
        let mut missing = places;
        for offset in NEAR
            .map(Offset::OffsetTail)
            .into_iter()
            .chain([Offset::Beginning])
        {
            found.extend(self.from(&missing, offset)?);
            missing.retain(|place| !found.contains_key(place));
            if missing.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Those of these partitions of topics whose last records are neither committed nor aborted. Blocks.
    pub(crate) fn undecided(&self, places: &[(String, u16)]) -> Result<Vec<(String, u16)>, Error> {
        let mut open = Vec::new();
        for (topic, partition) in places {
            // In this order: what is written in between can only look undecided.
            let partition_number = i32::from(*partition);
            let decided = end(&self.committed, topic, partition_number)?;
            if decided < self.end(topic, partition_number)? {
                open.push((topic.clone(), *partition));
            }
        }
        Ok(open)
    }

    /// Kafka's offset after the last record of a partition, committed or not. Blocks.
    pub(crate) fn end(&self, topic: &str, partition: i32) -> Result<i64, Error> {
        end(&self.all, topic, partition)
    }

    fn from(&self, places: &[(String, u16)], offset: Offset) -> Result<Ends, Error> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in places {
            list.add_partition_offset(topic, i32::from(*partition), offset)
                .map_err(Error::kafka(DOING))?;
        }
        // What went wrong while nobody asked.
        while self.committed.poll(Duration::ZERO).is_some() {}
        self.committed.assign(&list).map_err(Error::kafka(DOING))?;
        let found = read_to_end(&self.committed, places.len());
        self.committed.unassign().map_err(Error::kafka(DOING))?;
        found
    }
}

/// The end of a partition as far as the consumer may read.
fn end(consumer: &BaseConsumer<Quiet>, topic: &str, partition: i32) -> Result<i64, Error> {
    consumer
        .fetch_watermarks(topic, partition, PATIENCE)
        .map(|(_, end)| end)
        .map_err(Error::kafka(DOING))
}

/// A consumer of records that is told of each partition's end, and of no group.
pub(super) fn consumer(settings: &Settings, isolation: &str) -> Result<BaseConsumer<Quiet>, Error> {
    settings
        .client()
        // The client wants a name even where nobody joins a group.
        .set("group.id", format!("{}.readers", settings.prefix))
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        // An end is only told after an empty answer, and that is what the broker would wait with.
        .set("fetch.wait.max.ms", "10")
        .set("queued.max.messages.kbytes", "8192")
        .create_with_context(Quiet)
        .map_err(Error::kafka("making a Kafka client"))
}

/// The last record of each partition that is assigned, of which so many are `open`.
fn read_to_end(consumer: &BaseConsumer<Quiet>, mut open: usize) -> Result<Ends, Error> {
    let mut found = Ends::new();
    let mut deadline = Instant::now() + PATIENCE;
    while open > 0 {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                if let Ok(partition) = u16::try_from(message.partition()) {
                    let place = (message.topic().to_owned(), partition);
                    found.insert(place, Record::of(&message));
                }
                deadline = Instant::now() + PATIENCE;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) if !passes(&error) => return Err(Error::kafka(DOING)(error)),
            Some(Err(_)) | None => {}
        }
        if Instant::now() > deadline {
            return Err(Error::Slow(DOING));
        }
    }
    Ok(found)
}

/// Whether the client goes on by itself.
pub(super) fn passes(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::Resolve
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
        )
    )
}
