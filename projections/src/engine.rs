//! The engine: takes a batch, folds it and moves the checkpoint, in one transaction. Owns `run_once` and `catch_up`;
//! the transaction is in `attempt`, the loop around them in `run`, the swap to a new revision in `swap`. It never skips an
//! event: what cannot be applied parks its tenant, and what must not be passed halts its partition.

mod attempt;
pub(crate) mod lock;
mod unwanted;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use event_schemas::TenantId;
use event_store::Store;
use futures::{TryStreamExt, stream};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::{
    Error, Projection, Waiter,
    build::{Build, Builds, install::install},
    digest::{self, TableDigest},
    error::Failure,
    kafka::{Feed, Settings},
    meter,
    page::{MAX_EVENTS, Pages},
    policy::{Effects, outbox},
    source::Source,
};
use attempt::{Batch, How};

static LOG: Source = Source::Log;

/// How long to wait for a checkpoint that is taken.
const BUSY: Duration = Duration::from_millis(2);

/// How much the engine may take at once, and from where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most events of a batch, 1 to 2,000.
    pub batch: u16,
    /// The most connections it uses at a time, at least 1. The rest of the handle's pool is for those who wait and for
    /// the watch on the heads.
    pub connections: u16,
    /// Where Kafka is, for engines that read from there as members of a group; None to read from the log.
    pub kafka: Option<Settings>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch: 2_000,
            connections: 5,
            kafka: None,
        }
    }
}

/// What one step did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The checkpoint stands here now.
    At {
        /// How many events were read past; 0 at the head.
        applied: usize,
        /// The first offset that is not applied.
        next_offset: i64,
        /// The partition's head as far as this process knows.
        head: i64,
    },
    /// Another task or process is at this very partition.
    Busy,
    /// The event at this offset must not be passed; the checkpoint row says so and nothing behind it is applied.
    Halted {
        /// The event's offset.
        offset: i64,
        /// Why.
        reason: String,
    },
}

/// The projections of one process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) builds: Builds,
    pub(crate) options: Options,
    pub(crate) source: Source,
    pages: Pages,
    /// Those of the log, where the others come from Kafka.
    pages_of_log: Pages,
    waiter: Waiter,
    connections: Semaphore,
    /// The part of them that builds may take which nobody reads yet: those that serve never wait behind many of their batches.
    filling: Semaphore,
    /// Rung when somebody else has changed the builds.
    pub(crate) changed: Notify,
    /// Rung when a policy wants something done.
    pub(crate) wanted: Arc<Notify>,
}

impl Engine {
    /// Creates the tables that are missing. A first build serves at once, while it fills; a new revision is built beside
    /// the build that serves, and takes over when it has caught up.
    pub async fn install(
        store: &Store,
        projections: Vec<Arc<dyn Projection>>,
        options: Options,
    ) -> Result<Self, Error> {
        let builds = install(store, projections).await?;
        let source = match &options.kafka {
            Some(_) => Source::Kafka(Arc::new(Feed::new(store.partitions()))),
            None => Source::Log,
        };
        Ok(Self(Arc::new(Inner {
            builds: Builds::new(builds),
            pages: Pages::new(store.partitions()),
            pages_of_log: Pages::new(store.partitions()),
            source,
            waiter: Waiter::new(store.clone()),
            connections: Semaphore::new(usize::from(options.connections.max(1))),
            filling: Semaphore::new(usize::from(options.connections / 2).max(1)),
            changed: Notify::new(),
            wanted: Arc::default(),
            options,
            store: store.clone(),
        })))
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Waits for read models, and hears at once of what this engine applies.
    pub fn waiter(&self) -> Waiter {
        self.0.waiter.clone()
    }

    /// Applies at most one batch of one projection in one partition.
    pub async fn run_once(&self, projection: &str, partition: u16) -> Result<Progress, Error> {
        let inner = &self.0;
        let build = &*inner.builds.get(projection)?;
        inner
            .step(build, partition, inner.source_of(build), None)
            .await
    }

    /// Applies everything that was in the log when it was called, in every partition, and lets new revisions that have
    /// caught up take over. Fails at the first event that cannot be applied.
    pub async fn catch_up(&self) -> Result<(), Error> {
        self.0.discover().await?;
        let heads = self.0.heads().await?;
        let builds = &self.0.builds.all();
        // Side by side in a partition, so that its pages are read once.
        let work = heads
            .iter()
            .flat_map(|head| builds.iter().map(move |build| (build, *head)));
        stream::iter(work.map(Ok))
            .try_for_each_concurrent(
                builds.len().max(self.0.connections.available_permits()),
                async |(build, (partition, head))| match self.0.reach(build, partition, head).await
                {
                    // Another process has let a newer one serve, which was further.
                    Err(Error::Replaced { .. }) => Ok(()),
                    reached => reached,
                },
            )
            .await?;
        for build in builds {
            self.0.swap(build).await?;
        }
        Ok(())
    }

    /// The digests of the tables that this process feeds for one projection.
    pub async fn digest(&self, projection: &str) -> Result<Vec<TableDigest>, Error> {
        digest::digest(&self.0.store, &self.0.builds.get(projection)?.schema).await
    }
}

impl Inner {
    pub(crate) fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    /// What a policy of this process wants done is written down.
    pub(crate) fn want(&self, build: &Build, effects: &Effects) {
        if !effects.is_empty() {
            outbox::tell(build, effects);
            self.wanted.notify_one();
        }
    }

    /// Fails unless there is such a tenant.
    pub(crate) async fn known(&self, tenant: TenantId) -> Result<(), Error> {
        let mut tx = self.store.partition_tx().await?;
        let known = sqlx::query_scalar!(
            r#"select exists (select from log.tenant where tenant_id = $1) as "known!""#,
            tenant.0
        )
        .fetch_one(tx.connection())
        .await?;
        if known {
            Ok(())
        } else {
            Err(Error::UnknownTenant(tenant.0))
        }
    }

    pub(crate) async fn heads(&self) -> Result<Vec<(u16, i64)>, Error> {
        let mut tx = self.store.partition_tx().await?;
        let rows =
            sqlx::query!("select partition, next_offset from log.partition order by partition")
                .fetch_all(tx.connection())
                .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((u16::try_from(row.partition).ok()?, row.next_offset)))
            .collect())
    }

    /// Applies events of the log until the checkpoint has reached `head`, or passed it.
    pub(crate) async fn reach(
        &self,
        build: &Build,
        partition: u16,
        head: i64,
    ) -> Result<(), Error> {
        self.go(build, partition, head, None).await
    }

    /// The same, and not a single event more.
    pub(crate) async fn reach_exactly(
        &self,
        build: &Build,
        partition: u16,
        head: i64,
    ) -> Result<(), Error> {
        self.go(build, partition, head, Some(head)).await
    }

    async fn go(
        &self,
        build: &Build,
        partition: u16,
        head: i64,
        until: Option<i64>,
    ) -> Result<(), Error> {
        loop {
            match self.step(build, partition, &Source::Log, until).await? {
                Progress::At { next_offset, .. } if next_offset >= head => return Ok(()),
                Progress::At { applied: 1.., .. } => {}
                // Whoever has it is working on the same; a policy's new build waits for the one that serves.
                Progress::At { .. } | Progress::Busy => tokio::time::sleep(BUSY).await,
                Progress::Halted { offset, reason } => {
                    return Err(Error::Halted {
                        projection: build.name(),
                        partition,
                        offset,
                        reason,
                    });
                }
            }
        }
    }

    /// One batch of one partition. Where something in it cannot be applied, its tenants are tried one by one; where something
    /// in it must not be passed, it ends before that.
    pub(crate) async fn step(
        &self,
        build: &Build,
        partition: u16,
        source: &Source,
        until: Option<i64>,
    ) -> Result<Progress, Error> {
        let Some(_connection) = self.connection(build).await else {
            return Ok(Progress::Busy);
        };
        let mut batch = Batch {
            until,
            ..self.batch()
        };
        loop {
            let mut from = 0;
            match self
                .attempt(build, source, &[partition], batch, &mut from)
                .await
            {
                // Our own failed attempt may still be on its way out.
                Ok(done) if done.is_empty() && batch.is_another_try(self.batch()) => {
                    tokio::time::sleep(BUSY).await;
                }
                Ok(done) => {
                    return Ok(done.into_iter().next().map_or(Progress::Busy, |(_, at)| at));
                }
                Err(Failure::Other(error)) => return Err(error),
                Err(Failure::Poison { .. }) => batch.how = How::EachTenant,
                Err(Failure::Impassable { offset, reason }) if offset <= from => {
                    return self.halt(build, partition, from, reason).await;
                }
                Err(Failure::Impassable { offset, .. }) => batch.most = offset - from,
            }
        }
    }

    /// The right to use a connection for a build. None when the engine ends.
    async fn connection(&self, build: &Build) -> Option<Vec<SemaphorePermit<'_>>> {
        let mut permits = Vec::with_capacity(2);
        if !build.is_live() && !build.awaited.load(Ordering::Acquire) {
            permits.push(self.filling.acquire().await.ok()?);
        }
        permits.push(self.connections.acquire().await.ok()?);
        Some(permits)
    }

    /// One batch of several partitions together: at the head each brings only a few events, and a transaction costs the same
    /// for all of them. If one of them fails, all do. Those that are not in the answer are busy.
    pub(crate) async fn sweep(
        &self,
        build: &Build,
        source: &Source,
        partitions: &[u16],
    ) -> Result<Vec<(u16, Progress)>, Failure> {
        if let [partition] = partitions {
            return match self.step(build, *partition, source, None).await {
                Ok(Progress::Busy) => Ok(Vec::new()),
                Ok(progress) => Ok(vec![(*partition, progress)]),
                Err(error) => Err(Failure::Other(error)),
            };
        }
        let Some(_connection) = self.connection(build).await else {
            return Ok(Vec::new());
        };
        let batch = self.batch();
        self.attempt(build, source, partitions, batch, &mut 0).await
    }

    /// The largest batch.
    fn batch(&self) -> Batch {
        Batch {
            most: i64::from(self.options.batch).clamp(1, MAX_EVENTS),
            how: How::Together,
            until: None,
        }
    }

    /// A partition's head as far as this process knows, which has seen it at `next`.
    fn head(&self, source: &Source, partition: u16, next: i64) -> i64 {
        source.head(&self.store, partition).max(next)
    }

    /// Where a build's events come from: a new one is filled from the log, which has them all, and whoever needs all of an event
    /// gets it there.
    pub(crate) fn source_of(&self, build: &Build) -> &Source {
        if build.is_live() && !build.projection.needs_metadata() {
            &self.source
        } else {
            &LOG
        }
    }

    /// The pages that a build's events are in.
    fn pages(&self, source: &Source) -> &Pages {
        match (source, &self.source) {
            (Source::Log, Source::Kafka(_)) => &self.pages_of_log,
            _ => &self.pages,
        }
    }

    async fn halt(
        &self,
        build: &Build,
        partition: u16,
        offset: i64,
        reason: String,
    ) -> Result<Progress, Error> {
        let mut tx = self.store.partition_tx().await?;
        sqlx::query!(
            "update projection.checkpoint set halted_at = coalesce(halted_at, now()), error = $5, updated_at = now()
             where projection = $1 and build = $2 and partition = $3 and next_offset = $4",
            build.name(),
            build.number,
            narrow(partition),
            offset,
            reason
        )
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        if build.is_live() {
            self.waiter.halted(build.name(), partition);
        }
        metrics::gauge!(meter::HALTED, "projection" => build.name(), "partition" => partition.to_string()).set(1.0);
        tracing::error!(
            projection = build.name(),
            partition,
            offset,
            reason,
            "a projection halted; it tries again at the next start"
        );
        Ok(Progress::Halted { offset, reason })
    }
}

/// A partition's number as the database has it.
pub(crate) fn narrow(partition: u16) -> i16 {
    // There are at most 1,024.
    i16::try_from(partition).unwrap_or(i16::MAX)
}
