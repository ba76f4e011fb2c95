//! Publishes batches: every record of a batch and the checkpoints behind it, in one transaction of Kafka. Blocks, so it runs
//! on a thread of its own. Never decides what comes next.

use std::time::{Duration, Instant};

use event_schemas::RecordedEvent;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::{
    checkpoint::Checkpoints,
    delivery::{Deliveries, Failure},
    states::Told,
};
use crate::kafka::{Content, Envelope, Error, MAX_RECORD, Settings, Tail};

/// How long a transaction may take before the broker ends it.
const TRANSACTION: Duration = Duration::from_secs(10);
/// How long the broker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to ask the broker whether the transaction of whoever was fenced is undone: the client by itself waits for half a
/// second between two attempts, and goes on at once when it is called again.
const ASK: Duration = Duration::from_millis(50);
/// Records between two looks at what was delivered.
const LOOK: usize = 256;
/// How long to sleep while the broker has not answered: the client's own waiting goes in slices of 100 ms.
const NAP: Duration = Duration::from_micros(200);

/// A producer that is the only one of its slot: Kafka has fenced all before it.
pub(super) struct Publisher {
    producer: BaseProducer<Deliveries>,
    settings: Settings,
    slot: u16,
    events: String,
    checkpoints: String,
    envelope: Envelope,
}

/// What is published at once.
#[derive(Default)]
pub(super) struct Batch {
    /// Of some partitions a page each, none of them empty.
    pub(super) pages: Vec<Page>,
    /// What is written down behind them, of all partitions of the slot.
    pub(super) checkpoints: Checkpoints,
}

/// Events of a partition, one after the other, and where they go.
pub(super) struct Page {
    pub(super) events: Vec<RecordedEvent>,
    /// Whether they go on the topic of all events.
    pub(super) all: bool,
    /// The other topics, by their place in the settings.
    pub(super) outputs: Vec<usize>,
    /// The states that go on some of those.
    pub(super) states: Vec<Told>,
}

impl Publisher {
    /// Connects, and fences whoever published for this slot before. What they left half done is done or undone by then.
    pub(super) fn init(settings: &Settings, slot: u16) -> Result<Self, Error> {
        const DOING: &str = "beginning to publish";
        let producer: BaseProducer<Deliveries> = settings
            .client()
            .set("transactional.id", settings.transactional_id(slot))
            .set(
                "transaction.timeout.ms",
                TRANSACTION.as_millis().to_string(),
            )
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "2")
            .set("message.max.bytes", MAX_RECORD.to_string())
            .create_with_context(Deliveries::default())
            .map_err(Error::kafka(DOING))?;
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = producer.init_transactions(ASK) {
            let again = matches!(&error, KafkaError::Transaction(why) if why.is_retriable());
            if !again || Instant::now() > deadline {
                return Err(Error::kafka(DOING)(error));
            }
        }
        Ok(Self {
            producer,
            settings: settings.clone(),
            slot,
            events: settings.events(),
            checkpoints: settings.checkpoints(),
            envelope: Envelope::new(settings.source()),
        })
    }

    /// What was published before, by topic and partition: Kafka's offset of the last record.
    pub(super) fn remember(&mut self, ends: Vec<(String, u16, i64)>) {
        let deliveries = self.producer.context();
        for (topic, partition, offset) in ends {
            deliveries.remember(&topic, i32::from(partition), offset);
        }
    }

    /// Aborts what is open of this transactional id in these partitions of topics, also what Kafka has forgotten: a transaction
    /// that touches them and is aborted ends it, for it has the same producer id.
    pub(super) fn undo(&mut self, places: &[(String, u16)]) -> Result<(), Error> {
        self.producer
            .begin_transaction()
            .map_err(Error::kafka("beginning a transaction"))?;
        let sent = places.iter().try_for_each(|(topic, partition)| {
            let record = BaseRecord::to(topic)
                .partition(i32::from(*partition))
                .key("undone")
                .payload("");
            send(&self.producer, record)
        });
        let sent = sent.and_then(|()| self.drain());
        let aborted = self
            .producer
            .abort_transaction(PATIENCE)
            .map_err(|error| self.fenced_or("undoing what was left open", error));
        sent.and(aborted)
    }

    /// Fails unless the topics still have what was published.
    pub(super) fn look_at_topics(&self, tail: &Tail) -> Result<(), Error> {
        for (topic, partition, last) in self.producer.context().ends() {
            if tail.end(&topic, partition)? <= last {
                return Err(made_anew(&topic));
            }
        }
        Ok(())
    }

    /// Publishes a batch, all of it or nothing. After an error the outcome may be unknown: only another publisher, which asks
    /// for the checkpoint, may go on.
    pub(super) fn publish(&mut self, batch: &Batch) -> Result<(), Error> {
        self.producer
            .begin_transaction()
            .map_err(Error::kafka("beginning a transaction"))?;
        let published = self.send_all(batch).and_then(|()| self.commit());
        if published.is_err() {
            // Best effort: whoever comes next makes sure of it.
            drop(self.producer.abort_transaction(PATIENCE));
        }
        published
    }

    fn send_all(&mut self, batch: &Batch) -> Result<(), Error> {
        let mut sent = 0;
        for page in &batch.pages {
            for event in &page.events {
                self.send_event(event, page)?;
                sent += 1;
                if sent % LOOK == 0 {
                    self.look()?;
                }
            }
            for told in &page.states {
                self.send_state(told, page)?;
                sent += 1;
                if sent % LOOK == 0 {
                    self.look()?;
                }
            }
        }
        let value = serde_json::to_vec(&batch.checkpoints).unwrap_or_default();
        let key = self.slot.to_string();
        let record = BaseRecord::to(&self.checkpoints)
            .partition(i32::from(self.slot))
            .key(&key)
            .payload(&value);
        send(&self.producer, record)?;
        self.drain()
    }

    fn look(&self) -> Result<(), Error> {
        self.producer.poll(Duration::ZERO);
        self.delivered()
    }

    /// Sends an event to every topic that it belongs on.
    fn send_event(&mut self, event: &RecordedEvent, page: &Page) -> Result<(), Error> {
        let outputs = page.outputs.iter().filter_map(|index| {
            let output = self.settings.outputs().get(*index)?;
            let belongs = matches!(output.content, Content::Events) && output.takes(event);
            belongs.then_some(output.topic.as_str())
        });
        let all = page.all.then_some(self.events.as_str());
        for topic in all.into_iter().chain(outputs) {
            let mut headers = Headers::new();
            self.envelope
                .headers(event, |name, value| headers.add(name, value));
            let record = BaseRecord::to(topic)
                .partition(i32::from(event.partition))
                .timestamp(event.recorded_at.timestamp_millis())
                .key(self.envelope.key(event))
                .payload(event.payload.as_slice())
                .headers(headers.0.unwrap_or_default());
            send(&self.producer, record)?;
        }
        Ok(())
    }

    fn send_state(&mut self, told: &Told, page: &Page) -> Result<(), Error> {
        let outputs = self.settings.outputs();
        let (Some(event), Some(output)) = (page.events.get(told.event), outputs.get(told.output))
        else {
            return Ok(());
        };
        let Content::States(kind) = output.content else {
            return Ok(());
        };
        let mut headers = Headers::new();
        self.envelope
            .state_headers(event, kind, |name, value| headers.add(name, value));
        let record = BaseRecord::to(&output.topic)
            .partition(i32::from(event.partition))
            .timestamp(event.recorded_at.timestamp_millis())
            .key(self.envelope.key(event))
            .headers(headers.0.unwrap_or_default());
        match &told.text {
            Some(text) => send(&self.producer, record.payload(text.as_slice())),
            None => send(&self.producer, record),
        }
    }

    /// Waits until everything was answered, by looking often.
    fn drain(&self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let open = self.producer.in_flight_count();
            if open == 0 {
                return self.delivered();
            }
            self.producer.poll(Duration::ZERO);
            self.delivered()?;
            if self.producer.in_flight_count() == open {
                if Instant::now() > deadline {
                    return Err(Error::Slow("publishing events"));
                }
                std::thread::sleep(NAP);
            }
        }
    }

    fn delivered(&self) -> Result<(), Error> {
        match self.producer.context().take_failure() {
            None => Ok(()),
            Some(Failure::Client(error)) => Err(self.fenced_or("publishing events", error)),
            Some(Failure::MadeAnew(topic)) => Err(made_anew(&topic)),
        }
    }

    fn commit(&self) -> Result<(), Error> {
        const DOING: &str = "committing a transaction";
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.producer.commit_transaction(PATIENCE) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error))
                    if error.is_retriable() && Instant::now() < deadline => {}
                Err(error) => return Err(self.fenced_or(DOING, error)),
            }
        }
    }

    /// A client that was fenced answers many things with errors of their own.
    fn fenced_or(&self, doing: &'static str, error: KafkaError) -> Error {
        match self.producer.client().fatal_error() {
            Some((code, _)) if crate::kafka::is_fence(code) => Error::Fenced,
            _ => Error::kafka(doing)(error),
        }
    }
}

fn made_anew(topic: &str) -> Error {
    Error::Topic(format!(
        "the topic {topic} was deleted and made anew while the relay published to it"
    ))
}

/// The headers of a record while they are put together.
struct Headers(Option<OwnedHeaders>);

impl Headers {
    fn new() -> Self {
        Self(Some(OwnedHeaders::new_with_capacity(18)))
    }

    fn add(&mut self, name: &'static str, value: &[u8]) {
        self.0 = self.0.take().map(|headers| {
            headers.insert(Header {
                key: name,
                value: Some(value),
            })
        });
    }
}

/// Hands a record to the client, waiting while its buffer is full.
fn send(
    producer: &BaseProducer<Deliveries>,
    mut record: BaseRecord<
        '_,
        impl rdkafka::message::ToBytes + ?Sized,
        impl rdkafka::message::ToBytes + ?Sized,
    >,
) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                if Instant::now() < deadline =>
            {
                record = back;
                producer.poll(Duration::from_millis(1));
            }
            Err((error, _)) => return Err(Error::kafka("publishing events")(error)),
        }
    }
}
