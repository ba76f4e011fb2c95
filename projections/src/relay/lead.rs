//! Leading a slot: find out where Kafka stands, then read, publish, and read on, the next batch while the last one is on its
//! way. Never goes on after an error: whoever leads next asks Kafka again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use event_store::read::Span;
use metrics::{counter, histogram};
use tokio::{sync::watch, task::spawn_blocking};
use uuid::Uuid;

use super::{
    Relay, checkpoint, metric,
    publisher::{Batch, Publisher},
    slot,
};
use crate::kafka::{Error, Tail};

/// The most events of a batch.
const MAX_EVENTS: i64 = 5_000;
/// The most bytes of a batch, but for a single event that has more.
const MAX_BYTES: i64 = 2 << 20;
/// How often to look at the log whatever the heads say.
const LOOK: Duration = Duration::from_secs(5);

/// A slot in the hands of this process.
pub(super) struct Lead<'a> {
    relay: &'a Relay,
    slot: u16,
    /// Of each partition the first offset that is not published.
    places: BTreeMap<u16, i64>,
    /// And the event before it.
    last: BTreeMap<u16, Uuid>,
    /// Where a partition cannot be read on.
    stuck: BTreeMap<u16, i64>,
    looked: Instant,
}

impl<'a> Lead<'a> {
    /// Leads until `over`.
    pub(super) async fn run(
        relay: &'a Relay,
        slot: u16,
        tail: &Arc<Tail>,
        over: &mut Over,
    ) -> Result<(), Error> {
        relay.admin.check().await?;
        let settings = relay.settings.clone();
        let publisher =
            Closing(spawn_blocking(move || Publisher::init(&settings, slot).map(Some)).await??);
        let (settings, tail) = (relay.settings.clone(), Arc::clone(tail));
        let partitions = slot::partitions(slot, relay.store.partitions());
        let found =
            spawn_blocking(move || checkpoint::read(&tail, &settings, &partitions)).await??;
        checkpoint::guard(&relay.store, &found).await?;
        let places: BTreeMap<u16, i64> = found
            .iter()
            .map(|(partition, at)| (*partition, at.as_ref().map_or(0, |at| at.offset + 1)))
            .collect();
        let last = found
            .into_iter()
            .filter_map(|(partition, at)| Some((partition, at?.event_id)))
            .collect();
        for (partition, next) in &places {
            relay.leases.progress().moved(*partition, *next);
        }
        relay.leases.tell(slot, None);
        tracing::info!(slot, ?places, "publishing to Kafka");
        let lead = Self {
            relay,
            slot,
            places,
            last,
            stuck: BTreeMap::new(),
            looked: Instant::now(),
        };
        lead.publish_all(publisher, over).await
    }

    async fn publish_all(mut self, mut publisher: Closing, over: &mut Over) -> Result<(), Error> {
        let mut heads = self.relay.store.heads().subscribe();
        let mut ready = self.read(true).await?;
        while !over.is() {
            if ready.is_empty() {
                self.wait(&mut heads, over).await;
                let look = self.looked.elapsed() >= LOOK;
                ready = self.read(look).await?;
                continue;
            }
            let batch = std::mem::take(&mut ready);
            let began = Instant::now();
            for last in batch.iter().filter_map(|page| page.last()) {
                self.places.insert(last.partition, last.offset + 1);
                self.last.insert(last.partition, last.event_id);
            }
            let Some(mut sender) = publisher.0.take() else {
                return Ok(());
            };
            let sending = spawn_blocking(move || {
                let done = sender.publish(&batch);
                (sender, batch, done)
            });
            let (sent, next) = tokio::join!(sending, self.read(false));
            let (back, batch, done) = sent?;
            publisher.0 = Some(back);
            done?;
            self.tell(&batch, began);
            ready = next?;
        }
        if let Some(publisher) = publisher.0.take() {
            spawn_blocking(move || drop(publisher)).await?;
        }
        Ok(())
    }

    fn tell(&self, batch: &Batch, began: Instant) {
        for last in batch.iter().filter_map(|page| page.last()) {
            self.relay
                .leases
                .progress()
                .moved(last.partition, last.offset + 1);
        }
        let events: usize = batch.iter().map(Vec::len).sum();
        counter!(metric::EVENTS).increment(events as u64);
        histogram!(metric::TRANSACTION_SECONDS).record(began.elapsed());
    }

    /// What follows in the log, where the heads say that something does, or everywhere to `look`.
    async fn read(&mut self, look: bool) -> Result<Batch, Error> {
        if look {
            self.looked = Instant::now();
        }
        loop {
            let heads = self.relay.store.heads();
            let due: Vec<(u16, i64, i64)> = self
                .places
                .iter()
                .map(|(partition, next)| {
                    let room = self
                        .stuck
                        .get(partition)
                        .map_or(MAX_EVENTS, |end| end - next);
                    (*partition, *next, room)
                })
                .filter(|(partition, next, room)| {
                    *room > 0 && (look || heads.get(*partition) > *next)
                })
                .collect();
            if due.is_empty() {
                return Ok(Batch::new());
            }
            let share = |all: i64| (all / i64::try_from(due.len()).unwrap_or(1)).max(1);
            let spans: Vec<Span> = due
                .iter()
                .map(|(partition, next, room)| {
                    // With the event before: the log may have become another one.
                    let before = i64::from(*next > 0);
                    Span {
                        partition: *partition,
                        from: next - before,
                        most: share(MAX_EVENTS).min(*room) + before,
                    }
                })
                .collect();
            let mut tx = self.relay.store.partition_tx().await?;
            match tx.read_partitions(&spans, share(MAX_BYTES)).await {
                Ok(pages) => return self.follow(&spans, pages),
                // What is before it is published; the other partitions go on.
                Err(event_store::Error::Corrupt {
                    partition, offset, ..
                }) if self.get_stuck(partition, offset) => {
                    let why = format!(
                        "partition {partition} cannot be published past event {offset}: its bytes or number are not as they were written; run `daybook log fsck`"
                    );
                    tracing::error!(slot = self.slot, partition, offset, "{why}");
                    self.relay.leases.tell(self.slot, Some(why));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What follows the events that were published. Fails if those are not where they were.
    fn follow(&self, spans: &[Span], pages: Batch) -> Result<Batch, Error> {
        let mut batch = Batch::new();
        for (span, mut page) in spans.iter().zip(pages) {
            let next = self.places.get(&span.partition).copied().unwrap_or(0);
            if span.from < next {
                let before = (!page.is_empty()).then(|| page.remove(0).event_id);
                let last = self.last.get(&span.partition).copied();
                if before != last {
                    return Err(Error::Diverged(format!(
                        "event {} of partition {} was published and is not in the log any more: the database was replaced while the relay ran",
                        span.from, span.partition
                    )));
                }
            }
            if !page.is_empty() {
                batch.push(page);
            }
        }
        Ok(batch)
    }

    /// True if that is news.
    fn get_stuck(&mut self, partition: u16, offset: i64) -> bool {
        let end = self
            .places
            .get(&partition)
            .map_or(offset, |next| offset.max(*next));
        self.stuck
            .insert(partition, end)
            .is_none_or(|known| end < known)
    }

    /// Waits until a head has moved, or it is time to look.
    async fn wait(&self, heads: &mut watch::Receiver<Vec<i64>>, over: &mut Over) {
        let moved = |heads: &Vec<i64>| {
            self.places.iter().any(|(partition, next)| {
                let head = heads.get(usize::from(*partition)).copied().unwrap_or(0);
                head > *next && self.stuck.get(partition).is_none_or(|end| end > next)
            })
        };
        let look = self.looked + LOOK;
        tokio::select! {
            _ = heads.wait_for(moved) => {}
            () = tokio::time::sleep_until(look.into()) => {}
            () = over.wait() => {}
        }
    }
}

/// A publisher that is dropped where it may wait for its threads.
struct Closing(Option<Publisher>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(publisher) = self.0.take() {
            spawn_blocking(move || drop(publisher));
        }
    }
}

/// The end of a lead: the lease is somebody else's, or the process stops.
pub(super) struct Over {
    slot: u16,
    held: watch::Receiver<BTreeSet<u16>>,
}

impl Over {
    pub(super) fn new(slot: u16, held: watch::Receiver<BTreeSet<u16>>) -> Self {
        Self { slot, held }
    }

    fn is(&self) -> bool {
        !self.held.borrow().contains(&self.slot)
    }

    async fn wait(&mut self) {
        let slot = self.slot;
        // The leases live as long as the relay.
        drop(self.held.wait_for(|held| !held.contains(&slot)).await);
    }

    /// Waits until this process leads the slot.
    pub(super) async fn begin(&mut self) {
        let slot = self.slot;
        drop(self.held.wait_for(|held| held.contains(&slot)).await);
    }
}
