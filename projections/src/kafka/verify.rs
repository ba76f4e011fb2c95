//! Proves a topic: that its committed records are what the log says, each in its place, byte for byte. Reads one partition
//! after the other, in bounded memory; never writes.

mod events;
mod log;
mod reader;
mod states;

use std::fmt;

use event_store::Store;

use super::{Content, Error, Output, Settings};
use log::Log;
use reader::{Client, Reader};

/// Faults that are told of a partition; the rest is counted.
const TOLD: usize = 20;

/// What a partition of the topic is like.
#[derive(Clone, Debug)]
pub struct Report {
    /// The partition.
    pub partition: u16,
    /// Committed records that were read.
    pub records: i64,
    /// The offset in the log after that of the last record.
    pub next_offset: i64,
    /// The offset that the partition's next event will have in the log; None where the log was not asked.
    pub head: Option<i64>,
    /// How many events of the log are not on the topic yet; None where the log was not asked.
    pub behind: Option<i64>,
    /// What is wrong, the first of it.
    pub faults: Vec<Fault>,
    /// How much is wrong.
    pub faulty: u64,
}

/// Something that is not as it was published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where on the topic: Kafka's own offset; none where it is about the topic as a whole.
    pub kafka_offset: Option<i64>,
    /// What.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kafka_offset {
            Some(offset) => write!(f, "at Kafka's offset {offset}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl Report {
    fn new(partition: u16) -> Self {
        Self {
            partition,
            records: 0,
            next_offset: 0,
            head: None,
            behind: None,
            faults: Vec::new(),
            faulty: 0,
        }
    }

    fn fault(&mut self, kafka_offset: Option<i64>, what: String) {
        self.faulty += 1;
        if self.faults.len() < TOLD {
            self.faults.push(Fault { kafka_offset, what });
        }
    }
}

/// A topic to be proved.
pub struct Subject<'a> {
    settings: &'a Settings,
    /// None is the topic of all events.
    output: Option<&'a Output>,
    client: Client,
}

impl<'a> Subject<'a> {
    /// The topic of that name, or that of all events.
    pub fn find(settings: &'a Settings, topic: Option<&str>) -> Result<Self, Error> {
        let all = settings.events();
        let output = match topic.filter(|topic| *topic != all) {
            None => None,
            Some(topic) => {
                let mut outputs = settings.outputs().iter();
                let Some(found) = outputs.find(|output| output.topic == topic) else {
                    let outputs = settings.outputs().iter();
                    let mut known: Vec<&str> =
                        outputs.map(|output| output.topic.as_str()).collect();
                    known.insert(0, &all);
                    return Err(Error::Settings(format!(
                        "{topic} is none of the relay's topics, which are {}; kafka.context_topics and kafka.state_topics name more",
                        known.join(", ")
                    )));
                };
                Some(found)
            }
        };
        Ok(Self {
            settings,
            output,
            client: Client::try_new(settings)?,
        })
    }

    /// The topic's name.
    pub fn topic(&self) -> String {
        let output = self.output.map(|output| output.topic.clone());
        output.unwrap_or_else(|| self.settings.events())
    }

    /// Whether its records are states, not events.
    pub fn has_states(&self) -> bool {
        let content = self.output.map(|output| output.content);
        matches!(content, Some(Content::States(_)))
    }

    /// Reads one partition from its beginning to its end of now. Without a store, it is proved alone: in order, nothing
    /// twice, and that of all events without a gap.
    pub async fn verify(&mut self, store: Option<&Store>, partition: u16) -> Result<Report, Error> {
        let topic = self.topic();
        let mut reader = Reader::open(&mut self.client, &topic, partition)?;
        let context = self.output.map(|output| output.context.as_str());
        let log = store.map(|store| Log::new(store, partition, context));
        match self.output.map(|output| output.content) {
            Some(Content::States(kind)) => {
                states::prove(&mut reader, self.settings, store, log, kind).await
            }
            Some(Content::Events) | None => {
                let gapless = self.output.is_none();
                events::prove(&mut reader, self.settings, log, gapless).await
            }
        }
    }
}
