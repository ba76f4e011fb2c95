//! The loop: one task per projection, woken by the log's heads; one that measures; one that lets new revisions take over.
//! One partition's trouble is its own: the others go on. Never applies anything itself.

mod due;
mod unwritten;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use metrics::gauge;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Engine, Error, Progress,
    build::{Build, swap::rest_after},
    engine::Inner,
    error::Failure,
    kafka::{Feed, Settings, member},
    lag::lag,
    meter, policy,
    source::Source,
};
use due::{Due, Places};
use unwritten::Unwritten;

/// How often to look at everything without being woken: the heads are looked after by the store.
const POLL: Duration = Duration::from_secs(30);
/// The least time between two steps at the head: one step takes in what several appends brought.
const GATHER: Duration = Duration::from_millis(15);
/// How long to leave a partition to another process before looking again.
const BUSY: Duration = Duration::from_millis(10);
/// How often lag is measured.
const MEASURE: Duration = Duration::from_secs(5);
/// How often builds that nobody reads are looked for.
const CLEAN: Duration = Duration::from_mins(1);
/// How long to wait before a group is joined anew.
const JOIN: Duration = Duration::from_secs(1);
/// How often a new build tries to take over, and how often others' are looked for.
const SWAP: Duration = Duration::from_secs(1);

impl Engine {
    /// Starts the tasks. They end when `cancelled`, each after the batch it is at.
    pub fn run(&self, tasks: &TaskTracker, cancelled: &CancellationToken) {
        feed_all(self.inner(), tasks, cancelled);
        let (inner, others, ended) = (Arc::clone(self.inner()), tasks.clone(), cancelled.clone());
        tasks.spawn(async move { find(&inner, &others, &ended).await });
        if let (Source::Kafka(feed), Some(kafka)) =
            (&self.inner().source, &self.inner().options.kafka)
        {
            let feed = Arc::clone(feed);
            tasks.spawn(feeding(
                Arc::clone(self.inner()),
                feed,
                kafka.clone(),
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

/// Starts the tasks of every build that has none yet.
fn feed_all(engine: &Arc<Inner>, tasks: &TaskTracker, cancelled: &CancellationToken) {
    for build in engine.builds.all() {
        if build.begin() {
            feed(engine, build, tasks, cancelled);
        }
    }
}

/// Starts the tasks of one build.
fn feed(
    engine: &Arc<Inner>,
    build: Arc<Build>,
    tasks: &TaskTracker,
    cancelled: &CancellationToken,
) {
    let (following, taking) = (Arc::clone(engine), Arc::clone(engine));
    let (one, other) = (Arc::clone(&build), build);
    let (all, too) = (cancelled.clone(), cancelled.clone());
    tasks.spawn(async move { follow(&following, &one, &Either(&all, &one.replaced)).await });
    tasks.spawn(async move { take_over(&taking, &other, &Either(&too, &other.replaced)).await });
}

/// Looks for builds that other processes made, and feeds them too.
async fn find(engine: &Arc<Inner>, tasks: &TaskTracker, cancelled: &CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWAP) => {}
            () = engine.changed.notified() => {}
            () = cancelled.cancelled() => return,
        }
        match engine.discover().await {
            Ok(()) => feed_all(engine, tasks, cancelled),
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "builds were not looked for"
            ),
        }
    }
}

/// One of two is cancelled.
struct Either<'a>(&'a CancellationToken, &'a CancellationToken);

impl Either<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled() || self.1.is_cancelled()
    }

    async fn cancelled(&self) {
        tokio::select! {
            () = self.0.cancelled() => {}
            () = self.1.cancelled() => {}
        }
    }
}

/// Keeps one projection at the heads of all partitions, for as long as there is one that can go on.
async fn follow(engine: &Inner, build: &Build, cancelled: &Either<'_>) {
    let mut source = engine.source_of(build);
    let mut heads = source.heads(&engine.store);
    let mut places = Places::new(engine.store.partitions());
    let mut look = Instant::now() + POLL;
    let mut unwritten = Unwritten::default();
    while !cancelled.is_cancelled() && !places.all_halted() {
        let began = Instant::now();
        if began >= look {
            // Whatever the heads say.
            places.forget();
            look = began + POLL;
            source = engine.source_of(build);
            heads = source.heads(&engine.store);
        }
        let mut due = places.due(&heads.borrow_and_update(), began);
        if let Err(error) =
            pass_over(engine, build, source, &mut due, &mut places, &mut unwritten).await
        {
            tracing::debug!(?error, "the next events could not be looked at");
        }
        unwritten.join(&mut due, began);
        let done = advance(engine, build, source, &due).await;
        let pause = match take_in(build, &mut places, done) {
            Next::More => Duration::ZERO,
            Next::Busy => BUSY,
            Next::Moved => {
                let until = unwritten.until().map_or(look, |at| at.min(look));
                moved(&mut heads, &places, until, cancelled).await;
                GATHER.saturating_sub(began.elapsed())
            }
            Next::Gone => {
                engine.changed.notify_one();
                return;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cancelled.cancelled() => {}
        }
    }
}

/// Takes in which of the partitions near their heads have nothing that the build wants, and leaves them out.
async fn pass_over(
    engine: &Inner,
    build: &Build,
    source: &Source,
    due: &mut Due,
    places: &mut Places,
    unwritten: &mut Unwritten,
) -> Result<(), Failure> {
    if build.projection.is_policy() && !build.is_live() {
        // It must not go beyond the build that serves.
        return Ok(());
    }
    let passed = engine
        .unwanted(build, source, &places.known(&due.near))
        .await?;
    if passed.is_empty() {
        return Ok(());
    }
    let partitions: BTreeSet<u16> = passed.iter().map(|(partition, _)| *partition).collect();
    due.near.retain(|partition| !partitions.contains(partition));
    places.take_in(passed);
    unwritten.add(partitions);
    Ok(())
}

/// The partitions of one sweep, and what became of it.
type Swept<'a> = (&'a [u16], Result<Vec<(u16, Progress)>, Failure>);

/// One batch: the partitions near their heads together, those that go alone each for itself, side by side. Those near
/// their heads ask for a connection first: somebody may wait for what they bring.
async fn advance<'a>(
    engine: &Inner,
    build: &Build,
    source: &Source,
    due: &'a Due,
) -> Vec<Swept<'a>> {
    let near = (!due.near.is_empty()).then_some(due.near.as_slice());
    let sweeps = near
        .into_iter()
        .chain(due.alone.iter().map(std::slice::from_ref));
    join_all(sweeps.map(|partitions| async move {
        (partitions, engine.sweep(build, source, partitions).await)
    }))
    .await
}

/// What to wait for before the next batch.
enum Next {
    /// Nothing: there is more to do.
    More,
    /// Whoever else is at a partition.
    Busy,
    /// The heads.
    Moved,
    /// The build is gone.
    Gone,
}

/// Takes in what each sweep did, or why it did nothing.
fn take_in(build: &Build, places: &mut Places, done: Vec<Swept<'_>>) -> Next {
    let now = Instant::now();
    let (mut more, mut busy, mut away) = (false, false, Vec::new());
    for (partitions, swept) in done {
        let error = match swept {
            Ok(done) => {
                busy |= done.len() < partitions.len();
                more |= places.take_in(done);
                continue;
            }
            // The one that cannot go on says so when it is tried alone.
            Err(Failure::Poison { .. } | Failure::Impassable { .. }) => {
                places.set_apart(partitions);
                more = true;
                continue;
            }
            Err(Failure::Other(error)) => error,
        };
        let because = &error as &dyn std::error::Error;
        let projection = build.name();
        if matches!(error, Error::Replaced { .. }) {
            return Next::Gone;
        } else if matches!(error, Error::Dropped { .. }) {
            tracing::error!(projection, error = because, "a projection stopped");
            return Next::Gone;
        } else if error.is_away() {
            tracing::warn!(
                projection,
                ?partitions,
                error = because,
                "the database is away; the batch is tried again"
            );
            away.extend_from_slice(partitions);
        } else if partitions.len() > 1 {
            tracing::warn!(
                projection,
                ?partitions,
                error = because,
                "a batch failed; its partitions are tried one by one"
            );
            places.set_apart(partitions);
            more = true;
        } else if error.is_transient() {
            tracing::warn!(
                projection,
                ?partitions,
                error = because,
                "a batch failed; it is tried again"
            );
            places.rest(partitions, now);
            places.set_apart(partitions);
        } else {
            tracing::error!(
                projection,
                ?partitions,
                error = because,
                "a projection stopped in a partition; it tries again at the next start"
            );
            places.halt(partitions);
        }
    }
    // A database that is away is no partition's doing: to try them one by one would only be more attempts at the same.
    // They rest together and go together again, so that an outage sees no more attempts than there were batches.
    places.rest(&away, now);
    places.join(&away);
    if busy {
        Next::Busy
    } else if more {
        Next::More
    } else {
        Next::Moved
    }
}

/// Waits until something is due, or it is time to look.
async fn moved(
    heads: &mut watch::Receiver<Vec<i64>>,
    places: &Places,
    look: Instant,
    cancelled: &Either<'_>,
) {
    let until = places
        .rested(Instant::now())
        .map_or(look, |at| at.min(look));
    let past = |heads: &Vec<i64>| !places.due(heads, Instant::now()).is_empty();
    tokio::select! {
        _ = heads.wait_for(past) => {}
        () = tokio::time::sleep_until(until.into()) => {}
        () = cancelled.cancelled() => {}
    }
}

/// Reads from Kafka until cancelled, beginning anew after a failure.
async fn feeding(
    engine: Arc<Inner>,
    feed: Arc<Feed>,
    kafka: Settings,
    cancelled: CancellationToken,
) {
    while !cancelled.is_cancelled() {
        let (engine, feed, kafka, ended) = (
            Arc::clone(&engine),
            Arc::clone(&feed),
            kafka.clone(),
            cancelled.clone(),
        );
        let reading = tokio::task::spawn_blocking(move || {
            let all = engine.builds.all();
            let names: BTreeSet<String> = all.iter().map(|build| build.name().to_owned()).collect();
            let revisions = all.iter().filter_map(|build| build.revision.get(..8));
            let revisions: BTreeSet<&str> = revisions.collect();
            let revisions = revisions.into_iter().collect::<Vec<_>>().join("-");
            member::run(
                &feed,
                &kafka,
                &engine.store,
                names.into_iter().collect(),
                &revisions,
                &ended,
            )
        });
        let failed = match reading.await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        };
        tracing::warn!(
            error = &failed as &dyn std::error::Error,
            "the projections' events do not come from Kafka; it is tried again"
        );
        tokio::select! {
            () = tokio::time::sleep(JOIN) => {}
            () = cancelled.cancelled() => {}
        }
    }
}

/// Lets a new build serve once it has caught up.
async fn take_over(engine: &Inner, build: &Build, cancelled: &Either<'_>) {
    let mut said = String::new();
    while !build.is_live() && !cancelled.is_cancelled() {
        let began = Instant::now();
        let why = match engine.swap(build).await {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        if !why.is_empty() && why != said {
            tracing::warn!(
                projection = build.name(),
                why,
                "a new build could not take over"
            );
        }
        said = why;
        let pause = SWAP.max(rest_after(began));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
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
    engine.clean().await
}

async fn measure(engine: Arc<Inner>) -> Result<(), Error> {
    for lag in lag(&engine.store).await? {
        let (projection, partition) = (lag.projection, lag.partition.to_string());
        let halted = if lag.halted.is_some() { 1.0 } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let events = lag.events as f64;
        gauge!(meter::LAG_EVENTS, "projection" => projection.clone(), "partition" => partition.clone()).set(events);
        gauge!(meter::LAG_SECONDS, "projection" => projection.clone(), "partition" => partition.clone()).set(lag.seconds);
        gauge!(meter::HALTED, "projection" => projection.clone(), "partition" => partition.clone())
            .set(halted);
        gauge!(meter::PARKED, "projection" => projection, "partition" => partition).set(lag.parked);
    }
    policy::status::measure(&engine.store).await
}
