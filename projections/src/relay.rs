//! The relay: the log on Kafka, every event exactly once and in order. A task per slot that leads it or stands by, one that
//! keeps the leases, one that measures. Follows the log like a projection whose table is a topic; never writes to it.

mod checkpoint;
mod delivery;
mod lead;
mod lease;
pub mod metric;
mod place;
mod progress;
mod publisher;
mod settle;
mod slot;
mod states;
mod status;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use event_store::Store;
use metrics::{counter, gauge};
use tokio::task::spawn_blocking;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::kafka::{Error, Settings, Tail, topic::Admin};
use lead::{Lead, Over};
use lease::Leases;

pub use status::{Status, status};

/// How long a slot is left to others after a failure, and at most after many.
const FIRST_REST: Duration = Duration::from_millis(200);
const LAST_REST: Duration = Duration::from_secs(5);
/// A lead that lasted so long has recovered from what was before.
const SOUND: Duration = Duration::from_secs(10);
/// How often in a row a leader may be fenced before it says so.
const FENCED: u32 = 3;
/// How often lag is measured.
const MEASURE: Duration = Duration::from_secs(5);

/// The relay of one process.
pub struct Relay {
    store: Store,
    settings: Settings,
    admin: Admin,
    /// A reader for each slot.
    tails: Vec<Arc<Tail>>,
    leases: Leases,
}

impl Relay {
    /// A relay that publishes from this store. `holder` tells this process from all others, `place` tells people where it
    /// runs. Connects to Kafka when it runs.
    pub fn try_new(
        store: Store,
        settings: Settings,
        holder: Uuid,
        place: String,
    ) -> Result<Self, Error> {
        Ok(Self {
            admin: Admin::try_new(&settings, store.partitions())?,
            tails: slot::all(store.partitions())
                .map(|_| Tail::try_new(&settings).map(Arc::new))
                .collect::<Result<_, _>>()?,
            leases: Leases::new(store.clone(), holder, place),
            store,
            settings,
        })
    }

    /// Starts the tasks. They end when `cancelled`, each after the transaction it is at; then the leases are given back.
    pub fn run(self, tasks: &TaskTracker, cancelled: &CancellationToken) {
        let (relay, cancelled) = (Arc::new(self), cancelled.clone());
        let slots: Vec<_> = (0..)
            .zip(&relay.tails)
            .map(|(slot, tail)| {
                let (relay, tail) = (Arc::clone(&relay), Arc::clone(tail));
                tasks.spawn(serve(relay, slot, tail, cancelled.clone()))
            })
            .collect();
        tasks.spawn(async move {
            tokio::join!(relay.leases.keep(&cancelled), relay.measure(&cancelled));
            for slot in slots {
                // Others lead what nobody here does any more, once the lease has ended.
                drop(slot.await);
            }
            relay.leases.give_back().await;
        });
    }

    async fn measure(&self, cancelled: &CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(MEASURE) => {}
                () = cancelled.cancelled() => return,
            }
            let held = self.leases.held().borrow().clone();
            for slot in slot::all(self.store.partitions()) {
                let leads = if held.contains(&slot) { 1.0 } else { 0.0 };
                gauge!(metric::LEADS, "slot" => slot.to_string()).set(leads);
            }
            match status(&self.store).await {
                Ok(partitions) => {
                    for at in partitions {
                        let partition = at.partition.to_string();
                        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
                        let events = at.events as f64;
                        gauge!(metric::LAG_EVENTS, "partition" => partition.clone()).set(events);
                        gauge!(metric::LAG_SECONDS, "partition" => partition).set(at.seconds);
                    }
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the relay's lag could not be measured"
                ),
            }
        }
    }
}

/// Leads a slot whenever this process has its lease.
async fn serve(relay: Arc<Relay>, slot: u16, tail: Arc<Tail>, cancelled: CancellationToken) {
    let mut over = Over::new(slot, relay.leases.held());
    let (mut rest, mut fenced) = (FIRST_REST, 0);
    warm_up(&relay, slot, &tail, &cancelled).await;
    let _want = relay.leases.want(slot);
    loop {
        tokio::select! {
            () = over.begin() => {}
            () = cancelled.cancelled() => return,
        }
        let began = Instant::now();
        let Err(error) = Lead::run(&relay, slot, &tail, &mut over).await else {
            continue;
        };
        if began.elapsed() >= SOUND {
            (rest, fenced) = (FIRST_REST, 0);
        }
        if matches!(error, Error::Diverged(_)) {
            rest = LAST_REST;
        }
        counter!(metric::FAILURES).increment(1);
        log(slot, &error, rest);
        fenced = if matches!(error, Error::Fenced) {
            fenced + 1
        } else {
            0
        };
        // Once it is what must happen to whoever slept; again and again it is what somebody should look at.
        let trouble = (fenced == 0 || fenced > FENCED).then(|| error.to_string());
        relay
            .leases
            .rest(slot, Instant::now() + rest, trouble)
            .await;
        rest = (rest * 2).min(LAST_REST);
    }
}

fn log(slot: u16, error: &Error, rest: Duration) {
    let because = error as &dyn std::error::Error;
    match error {
        Error::Fenced => tracing::warn!(slot, error = because, "the relay stands by"),
        Error::Diverged(_) => tracing::error!(slot, error = because, "the relay has halted"),
        _ => tracing::warn!(
            slot,
            error = because,
            "the relay begins anew in {} ms",
            rest.as_millis()
        ),
    }
}

/// Connects the reader, so that a standby need not when it takes over. What is wrong is found out again by whoever leads:
/// nobody waits here for topics that are not there.
async fn warm_up(relay: &Relay, slot: u16, tail: &Arc<Tail>, cancelled: &CancellationToken) {
    if relay.admin.check().await.is_err() {
        return;
    }
    let (tail, settings) = (Arc::clone(tail), relay.settings.clone());
    let partitions = slot::partitions(slot, relay.store.partitions());
    let reading = spawn_blocking(move || {
        drop(tail.undecided(&checkpoint::places(&settings, slot, &partitions)));
        drop(checkpoint::read(&tail, &settings, slot, &partitions, true));
    });
    tokio::select! {
        _ = reading => {}
        () = cancelled.cancelled() => {}
    }
}
