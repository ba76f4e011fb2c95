//! Publishes batches: every record of a batch and the checkpoints behind it, in one transaction of Kafka. Blocks, so it runs
//! on a thread of its own. Never decides what comes next.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use event_schemas::RecordedEvent;
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};

use super::checkpoint::Checkpoint;
use crate::kafka::{Envelope, Error, MAX_RECORD, Quiet, Settings};

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
    events: String,
    checkpoints: String,
    envelope: Envelope,
}

/// What was read of some partitions: of each a page, none of them empty.
pub(super) type Batch = Vec<Vec<RecordedEvent>>;

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
            events: settings.events(),
            checkpoints: settings.checkpoints(),
            envelope: Envelope::new(settings.source()),
        })
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
        for page in batch {
            for event in page {
                self.send_event(event)?;
                sent += 1;
                if sent % LOOK == 0 {
                    self.producer.poll(Duration::ZERO);
                    self.delivered()?;
                }
            }
        }
        for event in batch.iter().filter_map(|page| page.last()) {
            let value = serde_json::to_vec(&Checkpoint::of(event)).unwrap_or_default();
            let key = event.partition.to_string();
            let record = BaseRecord::to(&self.checkpoints)
                .partition(i32::from(event.partition))
                .key(&key)
                .payload(&value);
            send(&self.producer, record)?;
        }
        self.drain()
    }

    fn send_event(&mut self, event: &RecordedEvent) -> Result<(), Error> {
        let mut headers = Some(OwnedHeaders::new_with_capacity(18));
        self.envelope.headers(event, |name, value| {
            headers = headers.take().map(|headers| {
                headers.insert(Header {
                    key: name,
                    value: Some(value),
                })
            });
        });
        let record = BaseRecord::to(&self.events)
            .partition(i32::from(event.partition))
            .timestamp(event.recorded_at.timestamp_millis())
            .key(self.envelope.key(event))
            .payload(event.payload.as_slice())
            .headers(headers.unwrap_or_default());
        send(&self.producer, record)
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
        let failed = &self.producer.context().failed;
        let failure = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), |error| {
            Err(self.fenced_or("publishing events", error))
        })
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

/// What became of the records: the first failure is kept.
#[derive(Default)]
struct Deliveries {
    failed: Mutex<Option<KafkaError>>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Quiet.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Quiet.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert_with(|| error.clone());
        }
    }
}
