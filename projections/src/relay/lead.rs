//! Leading a slot: find out where Kafka stands, then read, publish, and read on, the next batch while the last one is on its
//! way. Never goes on after an error: whoever leads next asks Kafka again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use event_schemas::RecordedEvent;
use event_store::read::Span;
use metrics::{counter, gauge, histogram};
use tokio::{sync::watch, task::spawn_blocking};

use super::{
    Relay,
    checkpoint::{self, Checkpoint, Checkpoints},
    metric,
    place::{Place, Step},
    publisher::{Batch, Page, Publisher},
    settle::{see_settled, settle},
    slot,
    states::States,
};
use crate::kafka::{Content, Error, Tail};

/// The most events of a batch.
const MAX_EVENTS: i64 = 5_000;
/// The most bytes of a batch, but for a single event that has more.
const MAX_BYTES: i64 = 2 << 20;
/// How often to look at the log whatever the heads say.
const LOOK: Duration = Duration::from_secs(5);

/// A slot in the hands of this process.
pub(super) struct Lead<'a> {
    relay: &'a Relay,
    tail: &'a Arc<Tail>,
    slot: u16,
    /// How far each partition is.
    places: BTreeMap<u16, Place>,
    states: States,
    /// Whether topics that are behind come first in the next batch.
    behind: bool,
    looked: Instant,
}

impl<'a> Lead<'a> {
    /// Leads until `over`.
    pub(super) async fn run(
        relay: &'a Relay,
        slot: u16,
        tail: &'a Arc<Tail>,
        over: &mut Over,
    ) -> Result<(), Error> {
        relay.admin.check().await?;
        let (settings, reader) = (relay.settings.clone(), Arc::clone(tail));
        let partitions = slot::partitions(slot, relay.store.partitions());
        let beginning = spawn_blocking(move || {
            let mut publisher = Publisher::init(&settings, slot)?;
            let all = checkpoint::places(&settings, slot, &partitions);
            let undone = settle(&reader, &mut publisher, &all)?;
            let found = checkpoint::read(&reader, &settings, slot, &partitions, undone)?;
            publisher.remember(found.ends);
            Ok::<_, Error>((publisher, found.places, undone))
        });
        let (publisher, places, undone) = beginning.await??;
        let publisher = Closing(Some(publisher));
        checkpoint::guard(&relay.store, &places).await?;
        for (partition, place) in &places {
            relay.leases.progress().moved(*partition, place.next);
        }
        relay.leases.tell(slot, None);
        let nexts: Vec<_> = places.iter().map(|(p, place)| (*p, place.next)).collect();
        let late = places.values().any(Place::is_late);
        tracing::info!(slot, places = ?nexts, late, "publishing to Kafka");
        let lead = Self {
            relay,
            tail,
            slot,
            places,
            states: States::new(),
            behind: false,
            looked: Instant::now(),
        };
        let publisher = if undone {
            // The checkpoints were undone too, or are not what the topics say.
            lead.write_checkpoints(publisher).await?
        } else {
            publisher
        };
        lead.publish_all(publisher, over).await
    }

    async fn publish_all(mut self, mut publisher: Closing, over: &mut Over) -> Result<(), Error> {
        let mut heads = self.relay.store.heads().subscribe();
        let mut ready = self.read(true).await?;
        while !over.is() {
            let look = self.looked.elapsed() >= LOOK;
            if look {
                self.look_at_topics(&mut publisher).await?;
            }
            if ready.pages.is_empty() {
                if !look {
                    self.wait(&mut heads, over).await;
                }
                ready = self.read(look).await?;
                continue;
            }
            let batch = std::mem::take(&mut ready);
            let began = Instant::now();
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
        for page in &batch.pages {
            let Some(last) = page.events.last() else {
                continue;
            };
            if page.all {
                let progress = self.relay.leases.progress();
                progress.moved(last.partition, last.offset + 1);
                counter!(metric::EVENTS).increment(page.events.len() as u64);
            }
            if let Some(checkpoint) = batch.checkpoints.partitions.get(&last.partition) {
                self.tell_of_others(last.partition, page, checkpoint);
            }
        }
        histogram!(metric::TRANSACTION_SECONDS).record(began.elapsed());
    }

    /// How far the other topics of a page are behind the one of all events.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn tell_of_others(&self, partition: u16, page: &Page, checkpoint: &Checkpoint) {
        let next = checkpoint.offset + 1;
        for index in &page.outputs {
            let Some(output) = self.relay.settings.outputs().get(*index) else {
                continue;
            };
            if let Some(reached) = checkpoint.topics.get(&output.name) {
                let behind = (next - reached.next) as f64;
                gauge!(metric::BEHIND_EVENTS, "topic" => output.topic.clone(), "partition" => partition.to_string())
                    .set(behind);
            }
        }
    }

    /// What follows in the log, where the heads say that something does, or everywhere to `look`.
    async fn read(&mut self, look: bool) -> Result<Batch, Error> {
        self.behind = !self.behind;
        loop {
            let heads = self.relay.store.heads();
            let steps: Vec<Step> = self
                .places
                .iter()
                .filter_map(|(partition, place)| {
                    place.step(
                        *partition,
                        heads.get(*partition),
                        look,
                        self.behind,
                        MAX_EVENTS,
                    )
                })
                .collect();
            if steps.is_empty() {
                return Ok(Batch::default());
            }
            let share = |all: i64| (all / i64::try_from(steps.len()).unwrap_or(1)).max(1);
            let spans: Vec<Span> = steps
                .iter()
                .map(|step| {
                    // With the event before: the log may have become another one.
                    let before = i64::from(step.all && step.from > 0);
                    Span {
                        partition: step.partition,
                        from: step.from - before,
                        most: share(MAX_EVENTS).min(step.most) + before,
                    }
                })
                .collect();
            let mut tx = self.relay.store.partition_tx().await?;
            let read = tx.read_partitions(&spans, share(MAX_BYTES)).await;
            drop(tx);
            match read {
                Ok(pages) => return self.follow(&steps, pages).await,
                // What is before it is published; the other partitions go on.
                Err(event_store::Error::Corrupt {
                    partition, offset, ..
                }) if self.get_stuck(partition, offset) => self.say(format!(
                    "partition {partition} cannot be published past event {offset}: its bytes or number are not as they were written; run `daybook log fsck`"
                )),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What follows the events that were published. Fails if those are not where they were.
    async fn follow(
        &mut self,
        steps: &[Step],
        pages: Vec<Vec<RecordedEvent>>,
    ) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        for (step, mut events) in steps.iter().zip(pages) {
            if step.all && step.from > 0 {
                let before = (!events.is_empty()).then(|| events.remove(0).event_id);
                let last = self
                    .places
                    .get(&step.partition)
                    .and_then(|place| place.last);
                if before != last {
                    return Err(gone(step.partition, step.from - 1));
                }
            }
            if !events.is_empty() {
                batch.pages.extend(self.page(step, events).await?);
            } else if !step.all {
                return Err(gone(step.partition, step.from));
            }
        }
        batch.checkpoints = self.checkpoints();
        Ok(batch)
    }

    /// How far all partitions of the slot are.
    fn checkpoints(&self) -> Checkpoints {
        let all = self.places.iter();
        let settings = &self.relay.settings;
        Checkpoints {
            partitions: all
                .filter_map(|(partition, place)| Some((*partition, place.checkpoint(settings)?)))
                .collect(),
        }
    }

    /// Writes down how far all is, without an event.
    async fn write_checkpoints(&self, mut publisher: Closing) -> Result<Closing, Error> {
        let batch = Batch {
            pages: Vec::new(),
            checkpoints: self.checkpoints(),
        };
        if let Some(mut writing) = publisher.0.take() {
            let (back, done) = spawn_blocking(move || {
                let done = writing.publish(&batch);
                (writing, done)
            })
            .await?;
            publisher.0 = Some(back);
            done?;
        }
        Ok(publisher)
    }

    /// What the events of a step become, now that they are to be published.
    async fn page(
        &mut self,
        step: &Step,
        mut events: Vec<RecordedEvent>,
    ) -> Result<Option<Page>, Error> {
        let relay = self.relay;
        let outputs = relay.settings.outputs();
        let topics: Vec<_> = step
            .outputs
            .iter()
            .filter_map(|index| match outputs.get(*index)?.content {
                Content::States(kind) => Some((*index, kind)),
                Content::Events => None,
            })
            .collect();
        let mut states = Vec::new();
        if !topics.is_empty() {
            let folded = self.states.fold(&relay.store, &topics, &mut events).await?;
            states = folded.told;
            for (index, why) in folded.failed {
                if let Some(place) = self.places.get_mut(&step.partition) {
                    place.fail(index);
                }
                let topic = outputs.get(index).map_or("", |output| &output.topic);
                self.say(format!(
                    "partition {} of {topic} cannot go on, the other topics do: {why}",
                    step.partition
                ));
            }
        }
        let Some(place) = self.places.get_mut(&step.partition) else {
            return Ok(None);
        };
        place.advance(step, &events, outputs);
        Ok(Some(Page {
            events,
            all: step.all,
            outputs: place.going(&step.outputs),
            states,
        }))
    }

    /// True if that is news.
    fn get_stuck(&mut self, partition: u16, offset: i64) -> bool {
        let place = self.places.get_mut(&partition);
        place.is_some_and(|place| place.stop_at(offset))
    }

    /// Says what somebody should look at.
    fn say(&self, why: String) {
        tracing::error!(slot = self.slot, "{why}");
        self.relay.leases.tell(self.slot, Some(why));
    }

    /// Fails unless the topics are those that were published to, and nothing on them is half done.
    async fn look_at_topics(&mut self, publisher: &mut Closing) -> Result<(), Error> {
        self.looked = Instant::now();
        let Some(looking) = publisher.0.take() else {
            return Ok(());
        };
        let tail = Arc::clone(self.tail);
        let settings = &self.relay.settings;
        let partitions: Vec<u16> = self.places.keys().copied().collect();
        let all = checkpoint::places(settings, self.slot, &partitions);
        let (back, same) = spawn_blocking(move || {
            let same = looking
                .look_at_topics(&tail)
                .and_then(|()| see_settled(&tail, &all));
            (looking, same)
        })
        .await?;
        publisher.0 = Some(back);
        same
    }

    /// Waits until a head has moved, or it is time to look.
    async fn wait(&self, heads: &mut watch::Receiver<Vec<i64>>, over: &mut Over) {
        let moved = |heads: &Vec<i64>| {
            self.places.iter().any(|(partition, place)| {
                let head = heads.get(usize::from(*partition)).copied().unwrap_or(0);
                place.is_late() || (head > place.next && !place.is_stuck())
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

fn gone(partition: u16, offset: i64) -> Error {
    Error::Diverged(format!(
        "event {offset} of partition {partition} was published and is not in the log any more: the database was replaced while the relay ran"
    ))
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
