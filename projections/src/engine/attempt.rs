//! One batch, in one transaction: checkpoints locked, events read, folded and written, checkpoints moved. Never tries twice.

use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

use event_schemas::RecordedEvent;
use event_store::PartitionTx;
use metrics::{counter, histogram};
use uuid::Uuid;

use super::{Inner, Progress, lock::Place, narrow};
use crate::{
    Error,
    build::Build,
    error::Failure,
    meter,
    page::Slice,
    park::{self, Folded},
    policy::{Effects, gate::Gate, outbox},
    projection::select,
    source::Source,
};

/// How large a batch may be, and how it is folded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// The most events of it.
    pub(super) most: i64,
    pub(super) how: How,
    /// The offset before which it ends, if it may not go on.
    pub(super) until: Option<i64>,
}

impl Batch {
    /// Whether a try of the first one failed.
    pub(super) fn is_another_try(self, first: Self) -> bool {
        self.most != first.most || self.how != first.how
    }
}

/// How a batch is folded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// All tenants at once; one event that cannot be applied takes all of it back.
    Together,
    /// One tenant after the other; one with an event that cannot be applied is parked.
    EachTenant,
}

/// Where a batch ended in a partition.
struct End {
    partition: u16,
    applied: usize,
    next_offset: i64,
    recorded_at: chrono::DateTime<chrono::Utc>,
    /// How many tenants are parked there now.
    parked: i32,
}

impl Inner {
    /// One batch of what follows the partitions' checkpoints, in one transaction. Where it begins in the first one goes to
    /// `from`. Leaves out those that somebody else is at.
    pub(super) async fn attempt(
        &self,
        build: &Build,
        source: &Source,
        partitions: &[u16],
        batch: Batch,
        from: &mut i64,
    ) -> Result<Vec<(u16, Progress)>, Failure> {
        let started = Instant::now();
        let mut tx = self.store.partition_tx().await?;
        let at = |applied, next_offset, head| Progress::At {
            applied,
            next_offset,
            head,
        };
        let locked = self.lock(&mut tx, build, partitions).await?;
        *from = locked.first().map_or(0, |place| place.next_offset);
        let gate = Gate::of(&mut tx, build, &locked).await?;
        let places: Vec<_> = locked
            .iter()
            .map(|place| (place.partition, place.next_offset))
            .collect();
        let most = match batch.until {
            Some(until) => batch.most.min((until - *from).max(0)),
            None => batch.most,
        };
        let found = if most > 0 {
            self.pages(source)
                .read(source, &mut tx, &places, most)
                .await?
        } else {
            places.iter().map(|_| Slice::default()).collect()
        };
        let (mut slices, mut done) = (Vec::new(), Vec::new());
        for (place, slice) in locked.into_iter().zip(found) {
            let slice = slice.before(gate.limit(place.partition));
            if slice.events().is_empty() {
                done.push((place.partition, at(0, place.next_offset, place.next_offset)));
            } else {
                slices.push((place, slice));
            }
        }
        if slices.is_empty() {
            return Ok(done);
        }
        let absent = parked(&mut tx, build, slices.iter().map(|(place, _)| place)).await?;
        let mut wanted = Vec::new();
        for (_, slice) in &slices {
            wanted.extend(select(build.projection.as_ref(), slice.events())?);
        }
        wanted.retain(|event| !absent.contains(&event.tenant.0));
        let Folded {
            poisoned,
            mut effects,
        } = fold(build, &wanted, batch.how, &mut tx).await?;
        let mut news: BTreeMap<u16, i32> = BTreeMap::new();
        for one in &poisoned {
            *news.entry(one.partition).or_default() += 1;
        }
        let ends: Vec<End> = slices
            .iter()
            .filter_map(|(place, slice)| {
                let last = slice.events().last()?;
                Some(End {
                    partition: place.partition,
                    applied: slice.events().len(),
                    next_offset: last.offset + 1,
                    recorded_at: last.recorded_at,
                    parked: place.parked + news.get(&place.partition).copied().unwrap_or(0),
                })
            })
            .collect();
        park::write(&mut tx, build, &poisoned).await?;
        if gate.is_open() {
            let silent = |partition| {
                let mut places = slices.iter().map(|(place, _)| place);
                places
                    .find(|place| place.partition == partition)
                    .map_or(0, |place| place.silent_until)
            };
            effects.retain_from(silent);
            outbox::write(&mut tx, build, &effects).await?;
        } else {
            effects = Effects::default();
        }
        advance(&mut tx, build, &ends).await?;
        tx.commit().await?;

        park::tell(build, &poisoned);
        self.want(build, &effects);
        for end in ends {
            if build.is_live() {
                self.waiter
                    .reached(build.name(), end.partition, end.next_offset, end.parked > 0);
            }
            counter!(meter::EVENTS, "projection" => build.name()).increment(end.applied as u64);
            let head = self.head(source, end.partition, end.next_offset);
            done.push((end.partition, at(end.applied, end.next_offset, head)));
        }
        histogram!(meter::BATCH_SECONDS, "projection" => build.name()).record(started.elapsed());
        Ok(done)
    }
}

/// The tenants of these partitions whose events are not applied. Asks only where there are any.
async fn parked(
    tx: &mut PartitionTx,
    build: &Build,
    places: impl Iterator<Item = &Place>,
) -> Result<HashSet<Uuid>, Error> {
    let partitions: Vec<u16> = places
        .filter(|place| place.parked > 0)
        .map(|place| place.partition)
        .collect();
    if partitions.is_empty() {
        return Ok(HashSet::new());
    }
    park::tenants(tx, build, &partitions).await
}

/// Folds events and writes what changed.
async fn fold(
    build: &Build,
    wanted: &[&RecordedEvent],
    how: How,
    tx: &mut PartitionTx,
) -> Result<Folded, Failure> {
    if wanted.is_empty() {
        return Ok(Folded::default());
    }
    let projection = build.projection.as_ref();
    match how {
        How::Together => Ok(Folded {
            effects: projection.react(wanted, tx.connection()).await?,
            poisoned: Vec::new(),
        }),
        How::EachTenant => park::apply_each(projection, wanted, tx.connection()).await,
    }
}

async fn advance(tx: &mut PartitionTx, build: &Build, ends: &[End]) -> Result<(), Error> {
    sqlx::query!(
        "update projection.checkpoint c
         set next_offset = e.next_offset, recorded_at = e.recorded_at, parked = e.parked, updated_at = now(),
             halted_at = null, error = null
         from unnest($3::smallint[], $4::bigint[], $5::timestamptz[], $6::int[]) e(partition, next_offset, recorded_at, parked)
         where c.projection = $1 and c.build = $2 and c.partition = e.partition",
        build.name(),
        build.number,
        &ends.iter().map(|end| narrow(end.partition)).collect::<Vec<_>>(),
        &ends.iter().map(|end| end.next_offset).collect::<Vec<_>>(),
        &ends.iter().map(|end| end.recorded_at).collect::<Vec<_>>(),
        &ends.iter().map(|end| end.parked).collect::<Vec<_>>(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
