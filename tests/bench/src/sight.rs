//! When things were acknowledged and when somebody saw them, by id; and who looks at a topic for them. Asks nobody to do
//! anything.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use hdrhistogram::Histogram;
use rdkafka::{Message, Offset, consumer::BaseConsumer, error::KafkaError, message::Headers as _};
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

use crate::{
    measure::{histogram, micros},
    topic,
};

/// How long the last of them may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the consumer waits at once.
const SLICE: Duration = Duration::from_millis(50);

struct State {
    acknowledged: HashMap<Uuid, Instant>,
    seen: HashMap<Uuid, Instant>,
    /// Done with; whatever comes again is one too many.
    over: HashSet<Uuid>,
    doubled: u64,
    latency: Histogram<u64>,
}

/// What was acknowledged and seen. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sights {
    state: Arc<Mutex<State>>,
    /// What was acknowledged before is not measured.
    from: Instant,
}

impl Sights {
    pub(crate) fn new(from: Instant) -> Result<Self> {
        Ok(Self {
            state: Arc::new(Mutex::new(State {
                acknowledged: HashMap::new(),
                seen: HashMap::new(),
                over: HashSet::new(),
                doubled: 0,
                latency: histogram()?,
            })),
            from,
        })
    }

    /// Its time runs from here on.
    pub(crate) fn acknowledged(&self, id: Uuid, at: Instant) {
        let mut state = self.state();
        match state.seen.remove(&id) {
            Some(seen) => self.complete(&mut state, id, at, seen),
            None => drop(state.acknowledged.insert(id, at)),
        }
    }

    /// Its time ends here. It may be seen before it is acknowledged, which counts as at once.
    pub(crate) fn seen(&self, id: Uuid, at: Instant) {
        let mut state = self.state();
        if state.over.contains(&id) {
            state.doubled += 1;
            return;
        }
        match state.acknowledged.remove(&id) {
            Some(acknowledged) => self.complete(&mut state, id, acknowledged, at),
            None => state.doubled += u64::from(state.seen.insert(id, at).is_some()),
        }
    }

    fn complete(&self, state: &mut State, id: Uuid, acknowledged: Instant, seen: Instant) {
        state.over.insert(id);
        if acknowledged >= self.from {
            let took = micros(seen.saturating_duration_since(acknowledged));
            state.latency.saturating_record(took);
        }
    }

    /// Waits until everything was seen; the times from its acknowledgement on. Fails if anything was not seen, or seen twice.
    pub(crate) async fn all(&self) -> Result<Histogram<u64>> {
        let deadline = Instant::now() + PATIENCE;
        while !self.state().acknowledged.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(SLICE).await;
        }
        let state = self.state();
        ensure!(
            state.acknowledged.is_empty() && state.seen.is_empty() && state.doubled == 0,
            "of {} things {} were not seen, {} were seen that nobody had acknowledged, and {} twice",
            state.over.len() + state.acknowledged.len(),
            state.acknowledged.len(),
            state.seen.len(),
            state.doubled
        );
        ensure!(!state.latency.is_empty(), "nothing was measured");
        Ok(state.latency.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A consumer that sees the orders of a topic.
pub(crate) struct Watcher {
    over: Arc<AtomicBool>,
    watching: JoinHandle<Result<()>>,
}

impl Watcher {
    /// From the topic's first record on; committed ones only.
    pub(crate) fn start(brokers: &str, topic: &str, sights: &Sights) -> Result<Self> {
        let consumer = topic::reader(brokers, topic, Offset::Beginning)?;
        let (over, sights) = (Arc::new(AtomicBool::new(false)), sights.clone());
        let watched = Arc::clone(&over);
        let watching = spawn_blocking(move || watch(&consumer, &watched, &sights));
        Ok(Self { over, watching })
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        self.watching.await?
    }
}

fn watch(consumer: &BaseConsumer<topic::Quiet>, over: &AtomicBool, sights: &Sights) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let message = match consumer.poll(SLICE) {
            Some(Ok(message)) => message,
            None | Some(Err(KafkaError::PartitionEOF(_))) => continue,
            Some(Err(error)) => return Err(error.into()),
        };
        let now = Instant::now();
        let headers = message.headers().context("a record has no headers")?;
        let subject = headers
            .iter()
            .find(|header| header.key == "ce_subject")
            .and_then(|header| std::str::from_utf8(header.value?).ok())
            .ok_or_else(|| anyhow!("a record has no subject"))?;
        if let Some(order) = subject.strip_prefix("order-") {
            sights.seen(order.parse()?, now);
        }
    }
    Ok(())
}
