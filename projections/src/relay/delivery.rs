//! What became of the records that were handed to the client. Keeps the first failure; never sends.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rdkafka::{
    ClientContext, Message,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::{BorrowedMessage, DeliveryResult},
    producer::ProducerContext,
};

use crate::kafka::Quiet;

/// Why a batch must not be committed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client or the broker says so.
    Client(KafkaError),
    /// This topic counts from an earlier offset than before: it is another topic of the same name, without the records
    /// that were published.
    MadeAnew(String),
}

/// What became of the records.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<State>);

#[derive(Default)]
struct State {
    failure: Option<Failure>,
    /// Kafka's offset of the last record, by topic and partition.
    last: HashMap<String, BTreeMap<i32, i64>>,
}

impl Deliveries {
    /// The first failure since the last call.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.lock().failure.take()
    }

    /// What was published before.
    pub(super) fn remember(&self, topic: &str, partition: i32, offset: i64) {
        self.lock().place(topic, partition, offset);
    }

    /// Kafka's offset of the last record, by topic and partition.
    pub(super) fn ends(&self) -> Vec<(String, i32, i64)> {
        let state = self.lock();
        let of = |(topic, last): (&String, &BTreeMap<i32, i64>)| {
            let last = last.iter();
            let topic = topic.clone();
            last.map(|(partition, offset)| (topic.clone(), *partition, *offset))
                .collect::<Vec<_>>()
        };
        state.last.iter().flat_map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn delivered(&mut self, message: &BorrowedMessage<'_>) {
        self.place(message.topic(), message.partition(), message.offset());
    }

    fn place(&mut self, topic: &str, partition: i32, offset: i64) {
        // A broker that had a record already may not say where.
        if offset < 0 {
            return;
        }
        if !self.last.contains_key(topic) {
            self.last.insert(topic.to_owned(), BTreeMap::new());
        }
        let last = self.last.get_mut(topic);
        let before = last.and_then(|last| last.insert(partition, offset));
        if before.is_some_and(|before| before >= offset) {
            self.failure
                .get_or_insert_with(|| Failure::MadeAnew(topic.to_owned()));
        }
    }
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
        let mut state = self.lock();
        match result {
            Ok(message) => state.delivered(message),
            Err((error, _)) => {
                state
                    .failure
                    .get_or_insert_with(|| Failure::Client(error.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_only_go_up() {
        let deliveries = Deliveries::default();
        for (topic, partition, offset) in [
            ("a", 0, 0),
            ("a", 1, 0),
            ("b", 0, 7),
            ("a", 0, -1001),
            ("a", 0, 4),
        ] {
            deliveries.lock().place(topic, partition, offset);
        }
        assert!(deliveries.take_failure().is_none());
        deliveries.lock().place("a", 0, 2);
        deliveries.lock().place("b", 0, 7);
        assert!(
            matches!(deliveries.take_failure(), Some(Failure::MadeAnew(topic)) if topic == "a")
        );
        assert!(deliveries.take_failure().is_none());
    }
}
