//! Lets a parked tenant go on: what it lacks is replayed up to the checkpoint, a part at a time, and the others wait for no
//! more than one part. Never passes over what cannot be applied.

use std::sync::atomic::Ordering;

use event_schemas::{RecordedEvent, TenantId};
use event_store::PartitionTx;

use crate::{
    Engine, Error,
    engine::{Inner, lock::lock_in_turn, narrow},
    error::Failure,
    install::Build,
    park::{self, Poisoned},
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
        let build = inner.build(projection)?;
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
        let mut events = tx
            .read_tenant(tenant, parked.position, MAX_EVENTS, MAX_BYTES)
            .await?;
        let read = events.len();
        // What comes after the checkpoint is applied with everybody else's.
        events.retain(|event| event.offset < place.next_offset);
        let poisoned = self.apply_part(build, &events, &mut tx).await?;
        let done = match poisoned {
            Some(poisoned) => {
                let replayed = events.iter().filter(|e| e.offset < poisoned.event.offset);
                let replayed = replayed.count();
                park_again(&mut tx, build, &poisoned).await?;
                Part::Parked(replayed, poisoned.event.position, poisoned.reason)
            }
            None if read > 0 && events.len() == read => {
                let last = events.last().map_or(parked.position, |e| e.position + 1);
                let offset = events.last().map_or(place.next_offset, |e| e.offset + 1);
                move_on(&mut tx, build, tenant, last, offset).await?;
                Part::More(events.len())
            }
            None => {
                unpark(&mut tx, build, tenant, partition).await?;
                Part::Live(events.len())
            }
        };
        tx.commit().await?;
        if matches!(done, Part::Live(_)) && build.live.load(Ordering::Acquire) {
            self.waiter()
                .reached(build.name(), partition, place.next_offset, place.parked > 1);
        }
        Ok(done)
    }

    async fn apply_part<'e>(
        &self,
        build: &Build,
        events: &'e [RecordedEvent],
        tx: &mut PartitionTx,
    ) -> Result<Option<Poisoned<'e>>, Error> {
        let projection = build.projection.as_ref();
        let applied = match select(projection, events) {
            Ok(wanted) => park::apply_one(projection, &wanted, tx.connection()).await,
            Err(error) => Err(error.into()),
        };
        applied.map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::Impassable { offset, reason } => halted(build, events, offset, reason),
            Failure::Poison { offset, reason } => {
                halted(build, events, offset.unwrap_or_default(), reason)
            }
        })
    }
}

fn halted(build: &Build, events: &[RecordedEvent], offset: i64, reason: String) -> Error {
    Error::Halted {
        projection: build.name(),
        partition: events.first().map_or(0, |event| event.partition),
        offset,
        reason,
    }
}

async fn park_again(
    tx: &mut PartitionTx,
    build: &Build,
    poisoned: &Poisoned<'_>,
) -> Result<(), Error> {
    let event = poisoned.event;
    sqlx::query!(
        r#"update projection.parked
           set "offset" = $4, position = $5, event_id = $6, event_type = $7, error = $8, attempts = attempts + 1, tried_at = now()
           where projection = $1 and build = $2 and tenant_id = $3"#,
        build.name(),
        build.number,
        event.tenant.0,
        event.offset,
        event.position,
        event.event_id,
        event.event_type,
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
    position: i64,
    offset: i64,
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

async fn unpark(
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
