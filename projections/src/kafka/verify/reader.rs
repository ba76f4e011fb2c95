//! A partition of a topic, read from its beginning to its end of now, in pages. Committed records only.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use tokio::task::spawn_blocking;

use crate::kafka::{Error, Quiet, Record, Settings, tail};

const DOING: &str = "reading the topic";
/// The records of a page, and their bytes.
const PAGE: usize = 1_000;
const PAGE_BYTES: usize = 4 << 20;
/// How long the brokers may keep silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// What reads topics, one partition after the other: a client that is made for each would learn the brokers each time.
pub(super) struct Client(Option<Arc<BaseConsumer<Quiet>>>);

impl Client {
    pub(super) fn try_new(settings: &Settings) -> Result<Self, Error> {
        let consumer = tail::consumer(settings, "read_committed")?;
        Ok(Self(Some(Arc::new(consumer))))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It waits for its threads: not where others run.
        if let Some(consumer) = self.0.take() {
            spawn_blocking(move || drop(consumer));
        }
    }
}

/// A partition that is being read.
pub(super) struct Reader<'a> {
    client: &'a mut Client,
    pub(super) partition: u16,
    done: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn open(client: &'a mut Client, topic: &str, partition: u16) -> Result<Self, Error> {
        if let Some(consumer) = &client.0 {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, i32::from(partition), Offset::Beginning)
                .and_then(|()| consumer.assign(&list))
                .map_err(Error::kafka(DOING))?;
        }
        Ok(Self {
            client,
            partition,
            done: false,
        })
    }

    /// The next records with Kafka's offsets; none at the end.
    pub(super) async fn page(&mut self) -> Result<Vec<(i64, Record)>, Error> {
        let Some(consumer) = self.client.0.clone().filter(|_| !self.done) else {
            return Ok(Vec::new());
        };
        let (page, done) = spawn_blocking(move || read(&consumer)).await??;
        self.done = done;
        Ok(page)
    }
}

/// A page, and whether it is the last one.
fn read(consumer: &BaseConsumer<Quiet>) -> Result<(Vec<(i64, Record)>, bool), Error> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    let mut deadline = Instant::now() + PATIENCE;
    while page.len() < PAGE && bytes < PAGE_BYTES {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let record = Record::of(&message);
                bytes += record.value.len();
                page.push((message.offset(), record));
                deadline = Instant::now() + PATIENCE;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok((page, true)),
            Some(Err(error)) if !tail::passes(&error) => return Err(Error::kafka(DOING)(error)),
            Some(Err(_)) | None => {}
        }
        if Instant::now() > deadline {
            return Err(Error::Slow(DOING));
        }
    }
    Ok((page, false))
}
