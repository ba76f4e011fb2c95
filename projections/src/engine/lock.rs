//! The lock on checkpoints that whoever writes a build's tables holds, and what it prepares in the transaction: the build's
//! schema; plans by index whatever the statistics of a fresh table say; and a commit that does not wait for the disk, because
//! what a crash takes away is taken from the checkpoint too and applied again.

use event_store::PartitionTx;

use super::{Inner, narrow};
use crate::{Error, build::Build};

/// A checkpoint that is locked.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) partition: u16,
    /// The first offset that is not applied.
    pub(crate) next_offset: i64,
    /// How many tenants are parked there.
    pub(crate) parked: i32,
    /// Before this offset a policy answers nothing.
    pub(crate) silent_until: i64,
}

impl Inner {
    /// Takes those that nobody else has.
    pub(super) async fn lock(
        &self,
        tx: &mut PartitionTx,
        build: &Build,
        partitions: &[u16],
    ) -> Result<Vec<Place>, Error> {
        let asked: Vec<i16> = partitions.iter().copied().map(narrow).collect();
        let locked = sqlx::query!(
            r#"with prepared as materialized (
                 select set_config('search_path', $4, true), set_config('synchronous_commit', 'off', true),
                        set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
                        set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true))
               select c.partition, c.next_offset, c.parked, c.silent_until, c.replaced, c.halted_at is not null as "halted!"
               from prepared, projection.checkpoint c
               where c.projection = $1 and c.build = $2 and c.partition = any($3)
               order by c.partition
               for no key update of c skip locked"#,
            build.name(),
            build.number,
            &asked,
            build.search_path()
        )
        .fetch_all(tx.connection())
        .await?;
        if locked.is_empty() {
            exists(tx, build, &asked).await?;
        }
        if locked.iter().any(|row| row.replaced) {
            return Err(Error::Replaced {
                projection: build.name(),
                build: build.number,
            });
        }
        let live = build.is_live();
        let mut places = Vec::with_capacity(locked.len());
        for row in locked {
            let Ok(partition) = u16::try_from(row.partition) else {
                continue;
            };
            if live {
                self.waiter
                    .reached(build.name(), partition, row.next_offset, row.parked > 0);
                if row.halted {
                    self.waiter.halted(build.name(), partition);
                }
            }
            places.push(Place {
                partition,
                next_offset: row.next_offset,
                parked: row.parked,
                silent_until: row.silent_until,
            });
        }
        Ok(places)
    }
}

/// Prepares a transaction on a build that nobody else writes to.
pub(crate) async fn prepare(tx: &mut PartitionTx, build: &Build) -> Result<(), Error> {
    sqlx::query!(
        r#"select set_config('search_path', $1, true) as path, set_config('enable_seqscan', 'off', true) as seqscan,
                  set_config('enable_bitmapscan', 'off', true) as bitmapscan,
                  set_config('enable_hashjoin', 'off', true) as hashjoin, set_config('enable_mergejoin', 'off', true) as mergejoin"#,
        build.search_path()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(())
}

/// Takes one, however long somebody else has it.
pub(crate) async fn lock_in_turn(
    tx: &mut PartitionTx,
    build: &Build,
    partition: u16,
) -> Result<Place, Error> {
    let locked = sqlx::query!(
        r#"with prepared as materialized (
             select set_config('search_path', $4, true), set_config('enable_seqscan', 'off', true),
                    set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
                    set_config('enable_mergejoin', 'off', true))
           select c.next_offset, c.parked, c.silent_until, c.replaced from prepared, projection.checkpoint c
           where c.projection = $1 and c.build = $2 and c.partition = $3
           for no key update of c"#,
        build.name(),
        build.number,
        narrow(partition),
        build.search_path()
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(row) = locked else {
        return Err(dropped(build));
    };
    if row.replaced {
        return Err(Error::Replaced {
            projection: build.name(),
            build: build.number,
        });
    }
    Ok(Place {
        partition,
        next_offset: row.next_offset,
        parked: row.parked,
        silent_until: row.silent_until,
    })
}

/// Fails if the build is gone.
async fn exists(tx: &mut PartitionTx, build: &Build, partitions: &[i16]) -> Result<(), Error> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from projection.checkpoint
                          where projection = $1 and build = $2 and partition = any($3)) as "exists!""#,
        build.name(),
        build.number,
        partitions
    )
    .fetch_one(tx.connection())
    .await?;
    if exists { Ok(()) } else { Err(dropped(build)) }
}

fn dropped(build: &Build) -> Error {
    Error::Dropped {
        projection: build.name(),
        build: build.number,
    }
}
