//! A new revision takes over from the build that serves, and what nobody reads any more is dropped. Never goes back to
//! an older build.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{
    Error,
    engine::Inner,
    install::{Build, INSTALL_LOCK},
};

/// A new build takes over once it is at most this many events behind the one that serves, all partitions together.
const CLOSE: i64 = 5_000;
/// The most time the one that serves is held still for that.
const HELD: Duration = Duration::from_secs(4);

impl Inner {
    /// Lets `build` serve if it has caught up with the build that does. The one that serves stands still meanwhile, so
    /// that no reader ever sees an event go away.
    pub(crate) async fn swap(&self, build: &Build) -> Result<(), Error> {
        if build.live.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut tx = self.store.partition_tx().await?;
        let serving = sqlx::query_scalar!(
            "select build from projection.live where projection = $1 for update skip locked",
            build.name()
        )
        .fetch_optional(tx.connection())
        .await?;
        match serving {
            Some(serving) if serving < build.number => {}
            Some(serving) => {
                build.live.store(serving == build.number, Ordering::Release);
                return Ok(());
            }
            // Another process is at it.
            None => return Ok(()),
        }
        let old = sqlx::query!(
            "select old.partition, old.next_offset, new.next_offset as reached
             from projection.live l
             join projection.checkpoint old on old.projection = l.projection and old.build = l.build
             join projection.checkpoint new on new.projection = l.projection and new.partition = old.partition
             where l.projection = $1 and new.build = $2
             order by old.partition for update of old",
            build.name(),
            build.number
        )
        .fetch_all(tx.connection())
        .await?;
        if old
            .iter()
            .map(|row| (row.next_offset - row.reached).max(0))
            .sum::<i64>()
            > CLOSE
        {
            return Ok(());
        }
        let rest = async {
            for row in &old {
                if row.reached < row.next_offset {
                    self.reach(
                        build,
                        u16::try_from(row.partition).unwrap_or(0),
                        row.next_offset,
                    )
                    .await?;
                }
            }
            Ok::<_, Error>(())
        };
        let Ok(reached) = tokio::time::timeout(HELD, rest).await else {
            return Ok(());
        };
        reached?;
        // Nobody's tables go back to an event that the serving build is past.
        let set_back = sqlx::query_scalar!(
            r#"select count(*) as "set_back!" from projection.parked n
               where n.projection = $1 and n.build = $2 and not exists (
                 select from projection.parked o join projection.live l on l.projection = o.projection and l.build = o.build
                 where o.projection = $1 and o.tenant_id = n.tenant_id)"#,
            build.name(),
            build.number
        )
        .fetch_one(tx.connection())
        .await?;
        if set_back > 0 {
            return Err(Error::SetBack {
                projection: build.name(),
                build: build.number,
                tenants: set_back,
            });
        }
        sqlx::query!(
            "update projection.live set build = $2, schema_name = $3, switched_at = now() where projection = $1",
            build.name(),
            build.number,
            build.schema
        )
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        build.live.store(true, Ordering::Release);
        tracing::info!(
            projection = build.name(),
            build = build.number,
            "a new revision serves"
        );
        Ok(())
    }

    /// Drops the builds that were replaced so long ago that no transaction can still read them.
    pub(crate) async fn drop_replaced(&self) -> Result<(), Error> {
        let mut tx = self.store.partition_tx().await?;
        let unlocked = sqlx::query_scalar!(
            r#"select pg_try_advisory_xact_lock($1) as "locked!""#,
            INSTALL_LOCK
        )
        .fetch_one(tx.connection())
        .await?;
        if !unlocked {
            return Ok(());
        }
        let replaced = sqlx::query!(
            r#"select b.projection, b.build, quote_ident(b.schema_name) as "schema!"
               from projection.build b join projection.live l on l.projection = b.projection
               where b.build < l.build and l.switched_at < now() - interval '1 minute'"#
        )
        .fetch_all(tx.connection())
        .await?;
        for old in replaced {
            // A reader that holds a table up must not hold up those who come after us.
            let statement = format!(
                "set local lock_timeout = '1s'; drop schema if exists {} cascade",
                old.schema
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(tx.connection())
                .await?;
            sqlx::query!(
                "delete from projection.checkpoint where projection = $1 and build = $2",
                old.projection,
                old.build
            )
            .execute(tx.connection())
            .await?;
            sqlx::query!(
                "delete from projection.build where projection = $1 and build = $2",
                old.projection,
                old.build
            )
            .execute(tx.connection())
            .await?;
            tracing::info!(
                projection = old.projection,
                build = old.build,
                "a replaced build was dropped"
            );
        }
        tx.commit().await?;
        Ok(())
    }
}
