//! Proves a topic: that its committed records are the log's events, each once, in order, byte for byte. Reads one partition
//! after the other, in bounded memory; never writes.

use std::{
    fmt,
    time::{Duration, Instant},
};

use event_schemas::RecordedEvent;
use event_store::{Store, read::Span};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use tokio::task::spawn_blocking;

use super::{Envelope, Error, Quiet, Record, SCHEMA_ID, Settings, tail};

const DOING: &str = "reading the topic";
/// Records that are compared at once, and their bytes.
const PAGE: usize = 1_000;
const PAGE_BYTES: usize = 4 << 20;
/// How long the brokers may keep silent.
const PATIENCE: Duration = Duration::from_secs(20);
/// Faults that are told of a partition; the rest is counted.
const TOLD: usize = 20;

/// What a partition of the topic is like.
#[derive(Clone, Debug)]
pub struct Report {
    /// The partition.
    pub partition: u16,
    /// Committed records that were read.
    pub records: i64,
    /// The first offset of the log that is not on the topic.
    pub next_offset: i64,
    /// The offset that the partition's next event will have in the log; None where the log was not asked.
    pub head: Option<i64>,
    /// What is wrong, the first of it.
    pub faults: Vec<Fault>,
    /// How much is wrong.
    pub faulty: u64,
}

/// Something that is not as it was published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where on the topic: Kafka's own offset.
    pub kafka_offset: i64,
    /// What.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at Kafka's offset {}: {}", self.kafka_offset, self.what)
    }
}

/// Reads one partition from its beginning to its end of now. Without a store, it is proved alone: contiguous, nothing twice,
/// in order.
pub async fn verify(
    settings: &Settings,
    store: Option<&Store>,
    partition: u16,
) -> Result<Report, Error> {
    let mut reader = Reader::open(settings, partition)?;
    let mut proof = Proof::new(settings, partition);
    loop {
        let (back, page) = spawn_blocking(move || {
            let page = reader.page();
            (reader, page)
        })
        .await?;
        reader = back;
        let page = page?;
        if page.is_empty() {
            break;
        }
        let from = proof.report.next_offset;
        let events = match store {
            Some(store) => Some(read(store, partition, from, &page).await?),
            None => None,
        };
        for (kafka_offset, record) in &page {
            proof.check(*kafka_offset, record, events.as_deref());
        }
    }
    spawn_blocking(move || drop(reader)).await?;
    if let Some(store) = store {
        proof.report.head = Some(head(store, partition).await?);
        proof.end();
    }
    Ok(proof.report)
}

/// The events that these records should be: as many as there are records, from the expected one on.
async fn read(
    store: &Store,
    partition: u16,
    from: i64,
    page: &[(i64, Record)],
) -> Result<Vec<RecordedEvent>, Error> {
    let most = i64::try_from(page.len()).unwrap_or(i64::MAX);
    let mut events = Vec::with_capacity(page.len());
    let mut tx = store.partition_tx().await?;
    while let Some(room) =
        Some(most - i64::try_from(events.len()).unwrap_or(most)).filter(|n| *n > 0)
    {
        let span = Span {
            partition,
            from: from + (most - room),
            most: room,
        };
        let bytes = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
        let read = tx.read_partitions(&[span], bytes).await?;
        let before = events.len();
        events.extend(read.into_iter().flatten());
        if events.len() == before {
            break;
        }
    }
    Ok(events)
}

async fn head(store: &Store, partition: u16) -> Result<i64, Error> {
    let mut tx = store.partition_tx().await?;
    let head = sqlx::query_scalar!(
        "select next_offset from log.partition where partition = $1",
        i16::try_from(partition).unwrap_or(i16::MAX)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(head.unwrap_or(0))
}

/// A partition of the topic, read to its end.
struct Reader {
    consumer: BaseConsumer<Quiet>,
    done: bool,
}

impl Reader {
    fn open(settings: &Settings, partition: u16) -> Result<Self, Error> {
        let consumer = tail::consumer(settings)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&settings.events(), i32::from(partition), Offset::Beginning)
            .and_then(|()| consumer.assign(&list))
            .map_err(Error::kafka(DOING))?;
        Ok(Self {
            consumer,
            done: false,
        })
    }

    /// The next records with Kafka's offsets; none at the end. Blocks.
    fn page(&mut self) -> Result<Vec<(i64, Record)>, Error> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        let mut deadline = Instant::now() + PATIENCE;
        while !self.done && page.len() < PAGE && bytes < PAGE_BYTES {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let record = Record::of(&message);
                    bytes += record.value.len();
                    page.push((message.offset(), record));
                    deadline = Instant::now() + PATIENCE;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => self.done = true,
                Some(Err(error)) if !tail::passes(&error) => {
                    return Err(Error::kafka(DOING)(error));
                }
                Some(Err(_)) | None => {}
            }
            if Instant::now() > deadline {
                return Err(Error::Slow(DOING));
            }
        }
        Ok(page)
    }
}

/// What was seen of a partition so far.
struct Proof {
    report: Report,
    envelope: Envelope,
}

impl Proof {
    fn new(settings: &Settings, partition: u16) -> Self {
        Self {
            report: Report {
                partition,
                records: 0,
                next_offset: 0,
                head: None,
                faults: Vec::new(),
                faulty: 0,
            },
            envelope: Envelope::new(settings.source()),
        }
    }

    fn check(&mut self, kafka_offset: i64, record: &Record, events: Option<&[RecordedEvent]>) {
        self.report.records += 1;
        let Some(offset) = record.number("ce_offset") else {
            self.fault(
                kafka_offset,
                "a record that is no event of the log".to_owned(),
            );
            return;
        };
        let expected = self.report.next_offset;
        if offset < expected {
            self.fault(
                kafka_offset,
                format!("event {offset} comes again after event {}", expected - 1),
            );
            return;
        }
        if offset > expected {
            self.fault(
                kafka_offset,
                format!(
                    "event {offset} where {expected} follows: {} are missing",
                    offset - expected
                ),
            );
        }
        self.report.next_offset = offset + 1;
        let Some(events) = events else {
            return;
        };
        let first = events.first().map_or(offset, |event| event.offset);
        let place = usize::try_from(offset - first).ok();
        match place.and_then(|place| events.get(place)) {
            Some(event) => self.compare(kafka_offset, record, event),
            None if offset == expected => {
                self.fault(kafka_offset, format!("the log has no event {offset}"));
            }
            // Past a gap the page of the log is not the same any more; what follows is compared again.
            None => {}
        }
    }

    fn compare(&mut self, kafka_offset: i64, record: &Record, event: &RecordedEvent) {
        let mut differs = Vec::new();
        if record.value != event.payload {
            differs.push("its payload".to_owned());
        }
        if record.key != self.envelope.key(event) {
            differs.push("its key".to_owned());
        }
        let mut given = record.headers.iter();
        self.envelope.headers(event, |name, value| {
            let next = given.next();
            let same = |is: &[u8]| is == value || (name == SCHEMA_ID && names_schema(is, event));
            if next.is_none_or(|(given, is)| given != name || !same(is)) {
                differs.push(format!("its header {name}"));
            }
        });
        if let Some((name, _)) = given.next() {
            differs.push(format!("a header {name} that was not published"));
        }
        if !differs.is_empty() {
            self.fault(
                kafka_offset,
                format!(
                    "event {} is not as it stands in the log: {}",
                    event.offset,
                    differs.join(", ")
                ),
            );
        }
    }

    /// What is on the topic must be in the log.
    fn end(&mut self) {
        let (next, head) = (self.report.next_offset, self.report.head.unwrap_or(0));
        if next > head {
            self.fault(
                -1,
                format!(
                    "the topic has events up to {}, and the log ends at {}",
                    next - 1,
                    head - 1
                ),
            );
        }
    }

    fn fault(&mut self, kafka_offset: i64, what: String) {
        self.report.faulty += 1;
        if self.report.faults.len() < TOLD {
            self.report.faults.push(Fault { kafka_offset, what });
        }
    }
}

/// Whether a header names a schema of the event's, maybe an earlier text of it.
fn names_schema(header: &[u8], event: &RecordedEvent) -> bool {
    event_schemas::schema::all().iter().any(|schema| {
        schema.event_type == event.event_type
            && schema.schema_version == event.schema_version
            && schema.header() == header
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(offset: &str) -> Record {
        Record {
            key: vec![],
            value: vec![],
            headers: vec![("ce_offset".to_owned(), offset.as_bytes().to_vec())],
        }
    }

    fn faults(offsets: &[&str]) -> Vec<String> {
        let settings = Settings::try_new("localhost:1", "daybook", "main", 1, "").unwrap();
        let mut proof = Proof::new(&settings, 0);
        for (at, offset) in (100..).zip(offsets) {
            proof.check(at, &record(offset), None);
        }
        proof
            .report
            .faults
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_topic_is_proved_alone() {
        assert_eq!(faults(&["0", "1", "2"]), Vec::<String>::new());
        assert_eq!(
            faults(&["0", "2", "1", "2", "3", "x"]),
            [
                "at Kafka's offset 101: event 2 where 1 follows: 1 are missing",
                "at Kafka's offset 102: event 1 comes again after event 2",
                "at Kafka's offset 103: event 2 comes again after event 2",
                "at Kafka's offset 105: a record that is no event of the log",
            ]
        );
        assert_eq!(
            faults(&["5"]),
            ["at Kafka's offset 100: event 5 where 0 follows: 5 are missing"]
        );
    }

    #[test]
    fn many_faults_are_counted() {
        let settings = Settings::try_new("localhost:1", "daybook", "main", 1, "").unwrap();
        let mut proof = Proof::new(&settings, 0);
        for at in 0..100 {
            proof.check(at, &record("x"), None);
        }
        assert_eq!(
            (proof.report.faulty, proof.report.faults.len()),
            (100, TOLD)
        );
    }
}
