//! The loop: one task per projection, woken by the log's heads; one that measures; one that lets new revisions take over.
//! Owns retries of what passes; never applies anything itself.

mod due;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use metrics::gauge;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Engine, Error, Progress, engine::Inner, install::Build, lag::lag, metric};
use due::{Due, Places};

/// How often to look without being woken: the heads are looked after by the store.
const POLL: Duration = Duration::from_secs(30);
/// The least time between two steps at the head: one step takes in what several appends brought.
const GATHER: Duration = Duration::from_millis(15);
/// How long to leave a partition to another process before looking again.
const BUSY: Duration = Duration::from_millis(10);
/// The pauses after a failure that passes: from the first, doubled, up to the last.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(10);
/// How often lag is measured.
const MEASURE: Duration = Duration::from_secs(5);
/// How often replaced builds are looked for.
const CLEAN: Duration = Duration::from_mins(1);
/// How often a new revision tries to take over.
const SWAP: Duration = Duration::from_secs(1);

impl Engine {
    /// Starts the tasks. They end when `cancelled`, each after the batch it is at.
    pub fn run(&self, tasks: &TaskTracker, cancelled: &CancellationToken) {
        for build in 0..self.inner().builds.len() {
            tasks.spawn(follow(Arc::clone(self.inner()), build, cancelled.clone()));
            tasks.spawn(take_over(
                Arc::clone(self.inner()),
                build,
                cancelled.clone(),
            ));
        }
        tasks.spawn(every(
            MEASURE,
            cancelled.clone(),
            Arc::clone(self.inner()),
            measure,
        ));
        tasks.spawn(every(
            CLEAN,
            cancelled.clone(),
            Arc::clone(self.inner()),
            clean,
        ));
    }
}

/// Keeps one projection at the heads of all partitions.
async fn follow(engine: Arc<Inner>, build: usize, cancelled: CancellationToken) {
    let Some(build) = engine.builds.get(build) else {
        return;
    };
    let mut heads = engine.store.heads().subscribe();
    let mut places = Places::new(engine.store.partitions());
    let mut retry = FIRST_RETRY;
    while !cancelled.is_cancelled() {
        let began = Instant::now();
        let due = places.due(&heads.borrow_and_update());
        if due.is_empty() {
            // Nothing moved for a while: whatever the heads say, look.
            places.forget();
            continue;
        }
        let pause = match advance(&engine, build, &due).await {
            Ok(done) => {
                retry = FIRST_RETRY;
                let busy = done.len() < due.partitions();
                let more = places.take_in(done);
                if busy {
                    BUSY
                } else if more {
                    Duration::ZERO
                } else if moved(&mut heads, &places, &cancelled).await {
                    GATHER.saturating_sub(began.elapsed())
                } else {
                    continue;
                }
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(
                    projection = build.name(),
                    error = &error as &dyn std::error::Error,
                    "a batch failed; it is tried again"
                );
                let pause = retry;
                retry = (retry * 2).min(LAST_RETRY);
                pause
            }
            Err(error) => {
                tracing::error!(
                    projection = build.name(),
                    error = &error as &dyn std::error::Error,
                    "a projection stopped"
                );
                return;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cancelled.cancelled() => {}
        }
    }
}

/// One batch: the partitions near their heads together, those far behind each for itself and side by side.
async fn advance(engine: &Inner, build: &Build, due: &Due) -> Result<Vec<(u16, Progress)>, Error> {
    let sweeps = due
        .far
        .iter()
        .map(std::slice::from_ref)
        .chain((!due.near.is_empty()).then_some(due.near.as_slice()));
    let done = join_all(sweeps.map(|partitions| engine.sweep(build, partitions))).await;
    let done: Result<Vec<_>, Error> = done.into_iter().collect();
    Ok(done?.into_iter().flatten().collect())
}

/// Waits until something is due; false if nothing was for a while.
async fn moved(
    heads: &mut watch::Receiver<Vec<i64>>,
    places: &Places,
    cancelled: &CancellationToken,
) -> bool {
    let past = |heads: &Vec<i64>| !places.due(heads).is_empty();
    tokio::select! {
        found = heads.wait_for(past) => found.is_ok(),
        () = tokio::time::sleep(POLL) => false,
        () = cancelled.cancelled() => true,
    }
}

/// Lets a new revision serve once it has caught up.
async fn take_over(engine: Arc<Inner>, build: usize, cancelled: CancellationToken) {
    let Some(build) = engine.builds.get(build) else {
        return;
    };
    while !build.live.load(std::sync::atomic::Ordering::Acquire) {
        if let Err(error) = engine.swap(build).await {
            tracing::warn!(
                projection = build.name(),
                error = &error as &dyn std::error::Error,
                "a new revision could not take over"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(SWAP) => {}
            () = cancelled.cancelled() => return,
        }
    }
}

async fn every<F: Future<Output = Result<(), Error>>>(
    period: Duration,
    cancelled: CancellationToken,
    engine: Arc<Inner>,
    work: impl Fn(Arc<Inner>) -> F,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = cancelled.cancelled() => return,
        }
        if let Err(error) = work(Arc::clone(&engine)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the projections could not be looked after"
            );
        }
    }
}

async fn clean(engine: Arc<Inner>) -> Result<(), Error> {
    engine.drop_replaced().await
}

async fn measure(engine: Arc<Inner>) -> Result<(), Error> {
    for lag in lag(&engine.store).await? {
        let (projection, partition) = (lag.projection, lag.partition.to_string());
        let halted = if lag.halted.is_some() { 1.0 } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let events = lag.events as f64;
        gauge!(metric::LAG_EVENTS, "projection" => projection.clone(), "partition" => partition.clone()).set(events);
        gauge!(metric::LAG_SECONDS, "projection" => projection.clone(), "partition" => partition.clone()).set(lag.seconds);
        gauge!(metric::HALTED, "projection" => projection, "partition" => partition).set(halted);
    }
    Ok(())
}
