//! Lets a parked tenant go on: what it lacks is replayed up to the checkpoint, a part at a time, and the others wait for no
//! more than one part. Never passes over what cannot be applied.

use event_schemas::{RecordedEvent, TenantId};
use event_store::PartitionTx;

use crate::{
    Engine, Error,
    build::Build,
    engine::{Inner, lock::lock_in_turn, narrow},
    error::Failure,
    park::{self, Folded, Poisoned},
    policy::{Effects, gate::Gate, outbox},
    projection::select,
};

/// The most events of a part, and the most bytes of their payloads and metadata, but for a single event that has more.
const MAX_EVENTS: i64 = 2_000;
const MAX_BYTES: i64 = 2 << 20;

/// What became of a parked tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Retried {
    /// It was not parked.
    NotParked,
    /// Its tables are where everybody else's are.
    Live {
        /// How many events were replayed, whether or not the projection wanted them.
        replayed: usize,
    },
    /// It is parked still, or again.
    Parked {
        /// How many events were replayed before that.
        replayed: usize,
        /// The position of the event that cannot be applied.
        position: i64,
        /// Why.
        reason: String,
    },
}

/// What a part did.
enum Part {
    NotParked,
    More(usize),
    Live(usize),
    Parked(usize, i64, String),
}

impl Engine {
    /// Replays a tenant that is parked in a projection from where it stopped to the checkpoint, and lets it go on from there.
    pub async fn retry(&self, projection: &str, tenant: TenantId) -> Result<Retried, Error> {
        let inner = self.inner();
        inner.known(tenant).await?;
        let build = &inner.builds.get(projection)?;
        let mut replayed = 0;
        loop {
            match inner.replay_part(build, tenant).await? {
                Part::NotParked => return Ok(Retried::NotParked),
                Part::More(events) => replayed += events,
                Part::Live(events) => {
                    replayed += events;
                    return Ok(Retried::Live { replayed });
                }
                Part::Parked(events, position, reason) => {
                    replayed += events;
                    return Ok(Retried::Parked {
                        replayed,
                        position,
                        reason,
                    });
                }
            }
        }
    }
}

impl Inner {
    async fn replay_part(&self, build: &Build, tenant: TenantId) -> Result<Part, Error> {
        let partition = tenant.partition(self.store.partitions());
        let mut tx = self.store.partition_tx().await?;
        let place = lock_in_turn(&mut tx, build, partition).await?;
        let parked = sqlx::query!(
            "select position from projection.parked where projection = $1 and build = $2 and tenant_id = $3",
            build.name(),
            build.number,
            tenant.0
        )
        .fetch_optional(tx.connection())
        .await?;
        let Some(parked) = parked else {
            return Ok(Part::NotParked);
        };
        let played = play(&mut tx, build, tenant, parked.position, place.next_offset).await?;
        let mut effects = played.effects;
        if Gate::of(&mut tx, build, &[place]).await?.is_open() {
            effects.retain_from(|_| place.silent_until);
            outbox::write(&mut tx, build, &effects).await?;
        } else {
            effects = Effects::default();
        }
        let done = match (played.poisoned, played.next) {
            (Some(poisoned), _) => {
                park_again(&mut tx, build, &poisoned).await?;
                Part::Parked(played.events, poisoned.position, poisoned.reason)
            }
            (None, Some(next)) => {
                move_on(&mut tx, build, tenant, next).await?;
                Part::More(played.events)
            }
            (None, None) => {
                unpark(&mut tx, build, tenant, partition).await?;
                Part::Live(played.events)
            }
        };
        tx.commit().await?;
        self.want(build, &effects);
        if matches!(done, Part::Live(_)) && build.is_live() {
            self.waiter()
                .reached(build.name(), partition, place.next_offset, place.parked > 1);
        }
        Ok(done)
    }
}

/// What a part of a tenant's events did.
pub(crate) struct Played {
    /// How many were replayed, whether or not the projection wanted them.
    pub(crate) events: usize,
    /// The position and the offset that the next part begins with; none at the end.
    pub(crate) next: Option<(i64, i64)>,
    /// The event that ended it.
    pub(crate) poisoned: Option<Poisoned>,
    /// What a policy wants done about them.
    pub(crate) effects: Effects,
}

/// Applies a part of a tenant's events: from this position on, and of those before this offset.
pub(crate) async fn play(
    tx: &mut PartitionTx,
    build: &Build,
    tenant: TenantId,
    position: i64,
    before: i64,
) -> Result<Played, Error> {
    let mut events = tx
        .read_tenant(tenant, position, MAX_EVENTS, MAX_BYTES)
        .await?;
    let read = events.len();
    events.retain(|event| event.offset < before);
    let projection = build.projection.as_ref();
    let applied = match select(projection, &events) {
        Ok(wanted) => park::apply_one(projection, &wanted, tx.connection()).await,
        Err(error) => Err(error.into()),
    };
    let Folded {
        mut poisoned,
        effects,
    } = applied.map_err(|failure| match failure {
        Failure::Other(error) => error,
        Failure::Impassable { offset, reason } => halted(build, &events, offset, reason),
        Failure::Poison { offset, reason } => {
            halted(build, &events, offset.unwrap_or_default(), reason)
        }
    })?;
    let poisoned = poisoned.pop();
    let end = poisoned.as_ref().map_or(i64::MAX, |one| one.offset);
    let whole = read > 0 && events.len() == read;
    Ok(Played {
        events: events.iter().filter(|event| event.offset < end).count(),
        next: events
            .last()
            .filter(|_| whole)
            .map(|last| (last.position + 1, last.offset + 1)),
        poisoned,
        effects,
    })
}

fn halted(build: &Build, events: &[RecordedEvent], offset: i64, reason: String) -> Error {
    Error::Halted {
        projection: build.name(),
        partition: events.first().map_or(0, |event| event.partition),
        offset,
        reason,
    }
}

async fn park_again(tx: &mut PartitionTx, build: &Build, poisoned: &Poisoned) -> Result<(), Error> {
    sqlx::query!(
        r#"update projection.parked
           set "offset" = $4, position = $5, event_id = $6, event_type = $7, error = $8, attempts = attempts + 1, tried_at = now()
           where projection = $1 and build = $2 and tenant_id = $3"#,
        build.name(),
        build.number,
        poisoned.tenant,
        poisoned.offset,
        poisoned.position,
        poisoned.event_id,
        poisoned.event_type,
        poisoned.reason
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn move_on(
    tx: &mut PartitionTx,
    build: &Build,
    tenant: TenantId,
    (position, offset): (i64, i64),
) -> Result<(), Error> {
    sqlx::query!(
        r#"update projection.parked set position = $4, "offset" = $5
           where projection = $1 and build = $2 and tenant_id = $3"#,
        build.name(),
        build.number,
        tenant.0,
        position,
        offset
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets a tenant go on, if it was parked. The checkpoint is locked.
pub(crate) async fn unpark(
    tx: &mut PartitionTx,
    build: &Build,
    tenant: TenantId,
    partition: u16,
) -> Result<(), Error> {
    sqlx::query!(
        "with parked as (
           delete from projection.parked where projection = $1 and build = $2 and tenant_id = $3 returning tenant_id)
         update projection.checkpoint set parked = parked - (select count(*)::int from parked)
         where projection = $1 and build = $2 and partition = $4",
        build.name(),
        build.number,
        tenant.0,
        narrow(partition)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
