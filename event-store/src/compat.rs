//! Lets a program written for cqrs-es 0.5 keep its events in Daybook's log: a [`PersistedEventRepository`] beside the one
//! of postgres-es. Owns how an aggregate's events stand in the log; never what they mean.
//!
//! ```text
//! - let repository = PostgresEventRepository::new(pool);
//! + let repository = Repository::new(store, tenant);
//! ```
//!
//! # How an aggregate stands in the log
//!
//! * **Stream** `<aggregate type>-<aggregate id>`, **version** = sequence. An append expects the sequence before its first
//!   event's, so whoever comes second gets [`PersistenceError::OptimisticLockError`].
//! * **Event type** as it is, **schema version** = the major part of the event version.
//! * **Payload**: the JSON that cqrs-es hands over.
//! * **Metadata**: ours, with those of the program under `original`, the aggregate's type, and the event version where the
//!   schema version does not say all of it. So what comes back is what was written, and an upcaster of cqrs-es finds it.
//!
//! No program may write into the streams of Daybook's own contexts: an aggregate type that would is refused.
//!
//! Events that `daybook import` brought from postgres-es are read all the same.
//!
//! # Snapshots
//!
//! A snapshot is kept after its events, in a call of its own. If that call fails the events stand, and the append is
//! answered as the success it is; the next load notices the missing snapshot by its events' metadata and replays instead.
//! Nothing is lost but time.
//!
//! The state is the one that cqrs-es hands over. Version 0.5.0 hands over a wrong one: `EventSink::write` applies each event to
//! the aggregate, and the commit of a snapshot or aggregate store applies it again, so that an account that got 10 holds 20,
//! with any repository. [`Repository::without_snapshots`] replays instead, and is right whatever the store.

mod error;
mod framework;
mod record;
mod replay;
mod snapshot;
mod stream;

use std::sync::Arc;

use cqrs_es::{
    Aggregate,
    persist::{
        PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent,
        SerializedSnapshot,
    },
};
use event_schemas::TenantId;
use serde_json::Value;

pub use error::Error;
pub use framework::{Cqrs, aggregate_cqrs, cqrs, snapshot_cqrs};
use stream::Name;

use crate::{
    Append, Clock, Outcome, Store, SystemClock,
    read::{Direction, MAX_PAGE},
};

/// How many events a replay reads ahead of its reader, as in postgres-es.
const REPLAY_AHEAD: usize = 200;

/// One tenant's aggregates, for a `PersistedEventStore` or a `QueryReplay` of cqrs-es. Cheap to clone.
#[derive(Clone)]
pub struct Repository {
    store: Store,
    tenant: TenantId,
    clock: Arc<dyn Clock>,
    ahead: usize,
    lanes: bool,
    snapshots: bool,
}

impl Repository {
    /// The aggregates of `tenant`, which must be registered before anything is written.
    pub fn new(store: Store, tenant: TenantId) -> Self {
        Self {
            store,
            tenant,
            clock: Arc::new(SystemClock),
            ahead: REPLAY_AHEAD,
            lanes: false,
            snapshots: true,
        }
    }

    /// Replays read up to this many events ahead of their reader: 200 unless told, at least 1, at most a
    /// [page](MAX_PAGE).
    #[must_use]
    pub fn with_streaming_channel_size(mut self, events: usize) -> Self {
        self.ahead = events.clamp(1, usize::try_from(MAX_PAGE).unwrap_or(usize::MAX));
        self
    }

    /// Takes ids from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Appends together with whoever else does. Only for a store that is [started](Store::start): else they wait for ever.
    #[must_use]
    pub fn through_lanes(mut self) -> Self {
        self.lanes = true;
        self
    }

    /// Keeps no snapshots; what would have come from one comes from its events.
    #[must_use]
    pub fn without_snapshots(mut self) -> Self {
        self.snapshots = false;
        self
    }

    async fn append(&self, append: Append) -> Result<(), PersistenceError> {
        let outcome = if self.lanes {
            self.store.submit(append).await
        } else {
            let mut outcomes = self.store.append(&[append]).await.map_err(error::of_log)?;
            outcomes.pop().unwrap_or(Err(crate::Error::ShuttingDown))
        };
        match outcome.map_err(error::of_log)? {
            Outcome::Appended(_) | Outcome::Duplicate { .. } => Ok(()),
            Outcome::Conflict { .. } => Err(PersistenceError::OptimisticLockError),
            Outcome::Refused(refusal) => Err(Error::refused(self.tenant, &refusal).into()),
        }
    }

    /// The stream's events after version `after`, oldest first, of one snapshot of the database.
    async fn events(
        &self,
        name: &Name,
        mut after: i32,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let mut tx = self
            .store
            .tenant_tx(self.tenant)
            .await
            .map_err(error::of_log)?;
        let mut events = Vec::new();
        loop {
            let page = tx
                .read_stream(name.stream(), after + 1, Direction::Forwards, MAX_PAGE)
                .await
                .map_err(error::of_log)?;
            let rows = page.len();
            for event in &page {
                after = event.version;
                events.push(name.own(event)?);
            }
            if i64::try_from(rows).unwrap_or(i64::MAX) < MAX_PAGE {
                return Ok(events);
            }
        }
    }
}

impl PersistedEventRepository for Repository {
    async fn get_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.events(&Name::new(A::TYPE, aggregate_id)?, 0).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let name = Name::new(A::TYPE, aggregate_id)?;
        match i32::try_from(last_sequence) {
            Ok(after) if after < i32::MAX => self.events(&name, after).await,
            // No stream is that long.
            _ => Ok(Vec::new()),
        }
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        let name = Name::new(A::TYPE, aggregate_id)?;
        snapshot::find::<A>(&self.store, self.tenant, &name).await
    }

    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        snapshot_update: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        // Without events nothing happened, and a state without events is at no version.
        let Some(first) = events.first() else {
            return Ok(());
        };
        let name = Name::new(A::TYPE, &first.aggregate_id)?;
        let counter = snapshot_update.as_ref().map(|(_, _, counter)| *counter);
        let (append, version) =
            record::append(self.tenant, &name, events, counter, self.clock.as_ref())?;
        self.append(append).await?;
        if let Some((_, aggregate, counter)) = snapshot_update
            && self.snapshots
        {
            snapshot::keep(&self.store, self.tenant, &name, version, aggregate, counter).await;
        }
        Ok(())
    }

    async fn stream_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        let name = Name::new(A::TYPE, aggregate_id)?;
        Ok(replay::one(
            self.store.clone(),
            self.tenant,
            name,
            self.ahead,
        ))
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        let kind = stream::Kind::new(A::TYPE)?;
        Ok(replay::all(
            self.store.clone(),
            self.tenant,
            kind,
            self.ahead,
        ))
    }
}
