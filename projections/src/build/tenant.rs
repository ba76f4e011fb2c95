//! One tenant's rows made anew, while everybody else's projection goes on: they grow in tables of their own and take the place
//! of the old ones in one transaction.

use event_schemas::TenantId;
use event_store::PartitionTx;

use super::{Build, install::Purpose};
use crate::{
    Engine, Error,
    digest::tables,
    engine::{
        Inner,
        lock::{lock_in_turn, prepare},
        narrow,
    },
    retry::{play, unpark},
};

/// How far the new rows are.
struct Grown {
    /// The first position that is not in them.
    position: i64,
    /// How many events were replayed.
    events: u64,
}

impl Engine {
    /// Makes a tenant's rows of a projection anew from the log, and lets the tenant go on if it was parked. How many of its events
    /// were replayed, whether or not the projection wanted them. If one cannot be applied, nothing has changed.
    pub async fn rebuild_tenant(&self, projection: &str, tenant: TenantId) -> Result<u64, Error> {
        let inner = self.inner();
        inner.known(tenant).await?;
        inner.discover().await?;
        let serving = inner.builds.get(projection)?;
        if serving.projection.is_policy() && inner.is_parked(&serving, tenant).await? {
            // What it has not answered yet is answered by that alone.
            return Err(Error::Unanswered {
                policy: serving.name(),
                tenant: tenant.0,
            });
        }
        let build = inner.new_build(&serving, Purpose::Check).await?;
        let replayed = inner.replace_rows(&serving, &build, tenant).await;
        inner.discard(&build).await?;
        replayed
    }
}

impl Inner {
    async fn is_parked(&self, build: &Build, tenant: TenantId) -> Result<bool, Error> {
        let mut tx = self.store.partition_tx().await?;
        let parked = sqlx::query_scalar!(
            r#"select exists (select from projection.parked
                              where projection = $1 and build = $2 and tenant_id = $3) as "parked!""#,
            build.name(),
            build.number,
            tenant.0
        )
        .fetch_one(tx.connection())
        .await?;
        Ok(parked)
    }

    async fn replace_rows(
        &self,
        serving: &Build,
        build: &Build,
        tenant: TenantId,
    ) -> Result<u64, Error> {
        let partition = tenant.partition(self.store.partitions());
        let mut grown = Grown {
            position: 1,
            events: 0,
        };
        // Most of it while the others go on.
        loop {
            let mut tx = self.store.partition_tx().await?;
            let before = next_offset(&mut tx, serving, partition).await?;
            let more = grow(&mut tx, build, tenant, before, &mut grown).await?;
            seen(&mut tx, build).await?;
            tx.commit().await?;
            if !more {
                break;
            }
        }
        // What came meanwhile while they wait.
        let mut tx = self.store.partition_tx().await?;
        let place = lock_in_turn(&mut tx, serving, partition).await?;
        while grow(&mut tx, build, tenant, place.next_offset, &mut grown).await? {}
        take_over(&mut tx, serving, build, tenant).await?;
        unpark(&mut tx, serving, tenant, partition).await?;
        tx.commit().await?;
        Ok(grown.events)
    }
}

/// Says that somebody is at the build, whose checkpoints stand still.
async fn seen(tx: &mut PartitionTx, build: &Build) -> Result<(), Error> {
    sqlx::query!(
        "update projection.build set seen_at = now() where projection = $1 and build = $2",
        build.name(),
        build.number
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn next_offset(tx: &mut PartitionTx, build: &Build, partition: u16) -> Result<i64, Error> {
    let found = sqlx::query_scalar!(
        "select next_offset from projection.checkpoint where projection = $1 and build = $2 and partition = $3",
        build.name(),
        build.number,
        narrow(partition)
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(found)
}

/// Applies one more part of the tenant's events to the new rows; whether there may be more.
async fn grow(
    tx: &mut PartitionTx,
    build: &Build,
    tenant: TenantId,
    before: i64,
    grown: &mut Grown,
) -> Result<bool, Error> {
    prepare(tx, build).await?;
    let played = play(tx, build, tenant, grown.position, before).await?;
    if let Some(poisoned) = played.poisoned {
        return Err(Error::Halted {
            projection: build.name(),
            partition: poisoned.partition,
            offset: poisoned.offset,
            reason: poisoned.reason,
        });
    }
    grown.events += played.events as u64;
    grown.position += i64::try_from(played.events).unwrap_or(i64::MAX);
    Ok(played.next.is_some())
}

/// Puts the new rows in the place of the old ones.
async fn take_over(
    tx: &mut PartitionTx,
    serving: &Build,
    build: &Build,
    tenant: TenantId,
) -> Result<(), Error> {
    for table in tables(tx, &serving.schema).await? {
        // Both schemas' names are made of a projection's name, hexadecimal digits and a number; the table's is quoted.
        let (old, new) = (&serving.schema, &build.schema);
        let statements = [
            format!("delete from {old}.{table} where tenant_id = $1"),
            format!("insert into {old}.{table} select * from {new}.{table} where tenant_id = $1"),
        ];
        for statement in statements {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(tenant.0)
                .execute(tx.connection())
                .await?;
        }
    }
    Ok(())
}
