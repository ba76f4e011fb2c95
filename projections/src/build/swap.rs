//! A build takes over: from the one that serves its revision, or, as the first of its revision, beside those of others. Never
//! goes back to an older one, and never shows anybody less than was shown before.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use event_store::PartitionTx;
use futures::{TryStreamExt, stream};

use super::Build;
use crate::{Error, engine::Inner};

/// A new build takes over once it is at most this many events behind the one that serves, all partitions together.
const CLOSE: i64 = 1_000;
/// The most time the one that serves is held still for that: those who wait for their writes do so for 2 s by default.
const HELD: Duration = Duration::from_secs(1);

/// How many times as long as an attempt took to leave the build that serves alone before the next.
const REST: u32 = 10;

/// How many partitions at once.
const SIDE_BY_SIDE: usize = 3;

/// What serves, seen by a build that wants to.
struct Serving {
    /// The build that serves its revision, or is to.
    own: i32,
    /// The build that readers read now.
    build: i32,
}

/// How long to leave the build that serves alone after an attempt to take over: it is not held still for long again and again.
pub(crate) fn rest_after(began: Instant) -> Duration {
    began.elapsed() * REST
}

impl Inner {
    /// Lets `build` serve if it has caught up with the build that does. That one stands still meanwhile, so that no reader ever
    /// sees an event go away.
    pub(crate) async fn swap(&self, build: &Build) -> Result<(), Error> {
        if build.is_live() {
            return Ok(());
        }
        let mut tx = self.store.partition_tx().await?;
        // Nobody, if another process is at it.
        let Some(serving) = serving(&mut tx, build).await? else {
            return Ok(());
        };
        if serving.build != build.number && !self.pass(&mut tx, build, serving.build).await? {
            return Ok(());
        }
        self.switch(&mut tx, build, serving.own).await?;
        tx.commit().await?;
        self.discover().await?;
        tracing::info!(
            projection = build.name(),
            build = build.number,
            "a new build serves"
        );
        Ok(())
    }

    /// Brings `build` to where `old` is and holds that one there until the transaction ends. False if it is too far behind.
    async fn pass(&self, tx: &mut PartitionTx, build: &Build, old: i32) -> Result<bool, Error> {
        let held = sqlx::query!(
            "select old.partition, old.next_offset, new.next_offset as reached
             from projection.checkpoint old
             join projection.checkpoint new on new.projection = old.projection and new.partition = old.partition
             where old.projection = $1 and old.build = $2 and new.build = $3
             order by old.partition for update of old",
            build.name(),
            old,
            build.number
        )
        .fetch_all(tx.connection())
        .await?;
        let behind = held
            .iter()
            .map(|row| (row.next_offset - row.reached).max(0));
        if behind.sum::<i64>() > CLOSE {
            return Ok(false);
        }
        let behind = held.iter().filter(|row| row.reached < row.next_offset);
        let rest = stream::iter(behind.map(Ok)).try_for_each_concurrent(SIDE_BY_SIDE, |row| {
            let partition = u16::try_from(row.partition).unwrap_or(0);
            self.reach(build, partition, row.next_offset)
        });
        build.awaited.store(true, Ordering::Release);
        let reached = tokio::time::timeout(HELD, rest).await;
        build.awaited.store(false, Ordering::Release);
        let Ok(reached) = reached else {
            return Ok(false);
        };
        reached?;
        // Nobody's tables go back to an event that the serving build is past.
        let tenants = sqlx::query_scalar!(
            r#"select count(*) as "tenants!" from projection.parked n
               where n.projection = $1 and n.build = $2 and not exists (
                 select from projection.parked o where o.projection = $1 and o.build = $3 and o.tenant_id = n.tenant_id)"#,
            build.name(),
            build.number,
            old
        )
        .fetch_one(tx.connection())
        .await?;
        if tenants > 0 {
            return Err(Error::SetBack {
                projection: build.name(),
                build: build.number,
                tenants,
            });
        }
        Ok(true)
    }

    async fn switch(&self, tx: &mut PartitionTx, build: &Build, own: i32) -> Result<(), Error> {
        sqlx::query!(
            "with switched as (
               update projection.live set build = $3, schema_name = $4, switched_at = now(), caught_up = true
               where projection = $1 and revision = $2)
             update projection.checkpoint set replaced = true where projection = $1 and build = $5 and build <> $3",
            build.name(),
            build.revision,
            build.number,
            build.schema,
            own
        )
        .execute(tx.connection())
        .await?;
        if build.projection.is_policy() {
            succeed(tx, build).await?;
        }
        Ok(())
    }
}

/// A policy has one build that serves, whatever the revision: this one now, which goes on where that one stood still.
async fn succeed(tx: &mut PartitionTx, build: &Build) -> Result<(), Error> {
    sqlx::query!(
        "with gone as (
           delete from projection.live where projection = $1 and revision <> $3 returning build),
         stopped as (
           update projection.checkpoint set replaced = true where projection = $1 and build in (select build from gone))
         update projection.checkpoint c set silent_until = o.silent_until
         from (select partition, max(silent_until) as silent_until from projection.checkpoint
               where projection = $1 and build <> $2 group by partition) o
         where c.projection = $1 and c.build = $2 and c.partition = o.partition",
        build.name(),
        build.number,
        build.revision
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes the right to switch the revision's build. None if that is not for this one to do.
async fn serving(tx: &mut PartitionTx, build: &Build) -> Result<Option<Serving>, Error> {
    let own = sqlx::query!(
        "select build, caught_up from projection.live where projection = $1 and revision = $2 for update skip locked",
        build.name(),
        build.revision
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(own) = own.filter(|own| own.build <= build.number) else {
        return Ok(None);
    };
    let serves = if own.caught_up {
        Some(own.build)
    } else {
        sqlx::query_scalar!(
            r#"select max(build) as build from projection.live where projection = $1 and caught_up"#,
            build.name()
        )
        .fetch_one(tx.connection())
        .await?
    };
    Ok(Some(Serving {
        own: own.build,
        build: serves.unwrap_or(build.number),
    }))
}
