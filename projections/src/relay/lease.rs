//! Who leads which slot: rows with an end on the database's clock. For liveness only, so that a dead leader is replaced
//! soon; that two never publish is Kafka's doing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use event_store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{progress::Progress, slot};
use crate::kafka::Error;

/// How long a lease lasts without being renewed.
const LASTS: Duration = Duration::from_millis(1_200);
/// How often a leader renews.
const RENEW: Duration = Duration::from_millis(400);
/// How often a standby tries.
const TRY: Duration = Duration::from_millis(100);

/// The leases of one process.
pub(super) struct Leases {
    store: Store,
    holder: Uuid,
    place: String,
    held: watch::Sender<BTreeSet<u16>>,
    /// Slots that somebody here is ready to lead.
    wanted: Mutex<BTreeSet<u16>>,
    /// Slots that are left to others for a while: what failed here may work there.
    resting: Mutex<BTreeMap<u16, Instant>>,
    /// Why a slot publishes nothing.
    troubles: Mutex<BTreeMap<u16, String>>,
    progress: Progress,
}

impl Leases {
    pub(super) fn new(store: Store, holder: Uuid, place: String) -> Self {
        Self {
            store,
            holder,
            place,
            held: watch::Sender::new(BTreeSet::new()),
            wanted: Mutex::default(),
            resting: Mutex::default(),
            troubles: Mutex::default(),
            progress: Progress::default(),
        }
    }

    /// The slots that this process leads.
    pub(super) fn held(&self) -> watch::Receiver<BTreeSet<u16>> {
        self.held.subscribe()
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Says why a slot publishes nothing, or that it does.
    pub(super) fn tell(&self, slot: u16, trouble: Option<String>) {
        let mut troubles = lock(&self.troubles);
        match trouble {
            Some(trouble) => troubles.insert(slot, trouble),
            None => troubles.remove(&slot),
        };
    }

    /// Leaves a slot to others until then, and says why. How far it came is written down with that.
    pub(super) async fn rest(&self, slot: u16, until: Instant, trouble: Option<String>) {
        lock(&self.resting).insert(slot, until);
        self.held.send_if_modified(|held| held.remove(&slot));
        self.tell(slot, trouble.clone());
        let (partitions, nexts): (Vec<_>, Vec<_>) = self
            .progress
            .take_of(slot)
            .into_iter()
            .map(|(partition, next)| (i16::try_from(partition).unwrap_or(i16::MAX), next))
            .unzip();
        let told = async {
            let mut tx = self.store.partition_tx().await?;
            sqlx::query!(
                "with given as (
                   update relay.slot set expires_at = least(expires_at, clock_timestamp()), trouble = coalesce($3, trouble)
                   where slot = $1 and holder = $2
                   returning slot)
                 insert into relay.progress as p (partition, next_offset, updated_at)
                 select m.partition, m.next_offset, clock_timestamp()
                 from given, unnest($4::smallint[], $5::bigint[]) m(partition, next_offset)
                 on conflict (partition) do update set next_offset = excluded.next_offset, updated_at = excluded.updated_at",
                i16::try_from(slot).unwrap_or(i16::MAX),
                self.holder,
                trouble,
                &partitions,
                &nexts,
            )
            .execute(tx.connection())
            .await?;
            tx.commit().await?;
            Ok::<_, Error>(())
        };
        if let Err(error) = told.await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a lease was not given back; it ends by itself"
            );
        }
    }

    /// Renews and takes leases until cancelled, then gives them back.
    pub(super) async fn keep(&self, cancelled: &CancellationToken) {
        while !cancelled.is_cancelled() {
            let wanted = self.wanted();
            let moved = self.progress.take();
            let taken = tokio::time::timeout(LASTS, self.take(&wanted, &moved)).await;
            if !matches!(taken, Ok(Ok(_))) {
                self.progress.put_back(moved);
            }
            match taken {
                Ok(Ok(mut held)) => {
                    // One may have begun to rest meanwhile.
                    let wanted = self.wanted();
                    held.retain(|slot| wanted.contains(slot));
                    self.held.send_if_modified(|known| {
                        let differs = *known != held;
                        *known = held;
                        differs
                    });
                }
                Ok(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the relay's leases could not be renewed"
                ),
                Err(_) => tracing::warn!("the relay's leases were not renewed in time"),
            }
            let pause = if self.held.borrow().len() == wanted.len() {
                RENEW
            } else {
                TRY
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancelled.cancelled() => {}
            }
        }
        self.held.send_replace(BTreeSet::new());
    }

    /// Gives back what is held, so that nobody has to wait for its end.
    pub(super) async fn give_back(&self) {
        let given = async {
            let mut tx = self.store.partition_tx().await?;
            sqlx::query!(
                "update relay.slot set expires_at = clock_timestamp() where holder = $1 and expires_at > clock_timestamp()",
                self.holder
            )
            .execute(tx.connection())
            .await?;
            tx.commit().await?;
            Ok::<_, Error>(())
        };
        if let Err(error) = given.await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the relay's leases were not given back; they end by themselves"
            );
        }
    }

    /// Somebody here is ready to lead the slot, for as long as the answer lives.
    pub(super) fn want(&self, slot: u16) -> Want<'_> {
        lock(&self.wanted).insert(slot);
        Want { leases: self, slot }
    }

    fn wanted(&self) -> Vec<u16> {
        let now = Instant::now();
        let mut resting = lock(&self.resting);
        resting.retain(|_, until| *until > now);
        let wanted = lock(&self.wanted);
        wanted
            .iter()
            .copied()
            .filter(|slot| !resting.contains_key(slot))
            .collect()
    }

    /// Takes those that are free or ours, and writes down how far we are with those that stayed ours.
    async fn take(&self, wanted: &[u16], moved: &[(u16, i64)]) -> Result<BTreeSet<u16>, Error> {
        let narrow = |n: &u16| i16::try_from(*n).unwrap_or(i16::MAX);
        let slots: Vec<i16> = wanted.iter().map(narrow).collect();
        let troubles: Vec<Option<String>> = {
            let troubles = lock(&self.troubles);
            wanted
                .iter()
                .map(|slot| troubles.get(slot).cloned())
                .collect()
        };
        let mut tx = self.store.partition_tx().await?;
        // What a crash takes away has ended or is written again soon: nobody waits for the disk. Nor for somebody who falls
        // asleep before the commit. Whoever lost a lease, or has just taken it over, knows less of how far it is than others
        // may have written.
        let held = sqlx::query_scalar!(
            r#"with fast as materialized (
                 select set_config('synchronous_commit', 'off', true), set_config('idle_in_transaction_session_timeout', '1s', true)),
               held as (
                 insert into relay.slot as s (slot, holder, place, expires_at, trouble)
                 select w.slot, $2, $3, clock_timestamp() + make_interval(secs => $5), w.trouble
                 from fast, unnest($1::smallint[], $4::text[]) w(slot, trouble)
                 on conflict (slot) do update
                   set holder = excluded.holder, place = excluded.place, expires_at = excluded.expires_at, trouble = excluded.trouble
                   where s.holder = excluded.holder or s.expires_at <= clock_timestamp()
                 returning s.slot, old.holder = new.holder as renewed),
               told as (
                 insert into relay.progress as p (partition, next_offset, updated_at)
                 select m.partition, m.next_offset, clock_timestamp()
                 from unnest($6::smallint[], $7::smallint[], $8::bigint[]) m(slot, partition, next_offset)
                 join held on held.slot = m.slot and held.renewed
                 on conflict (partition) do update set next_offset = excluded.next_offset, updated_at = excluded.updated_at)
               select slot as "slot!" from held"#,
            &slots,
            self.holder,
            self.place,
            &troubles as &[Option<String>],
            LASTS.as_secs_f64(),
            &moved.iter().map(|(partition, _)| narrow(&slot::of(*partition))).collect::<Vec<_>>(),
            &moved.iter().map(|(partition, _)| narrow(partition)).collect::<Vec<_>>(),
            &moved.iter().map(|(_, next)| *next).collect::<Vec<_>>(),
        )
        .fetch_all(tx.connection())
        .await?;
        tx.commit().await?;
        Ok(held
            .into_iter()
            .filter_map(|slot| u16::try_from(slot).ok())
            .collect())
    }
}

/// The wish to lead a slot.
pub(super) struct Want<'a> {
    leases: &'a Leases,
    slot: u16,
}

impl Drop for Want<'_> {
    fn drop(&mut self) {
        lock(&self.leases.wanted).remove(&self.slot);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
