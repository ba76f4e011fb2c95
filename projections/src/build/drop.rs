//! Drops the builds that nobody reads any more. Never the newest that serves a projection.

use super::{Build, install};
use crate::{Error, engine::Inner};

impl Inner {
    /// Says that this process feeds its builds, and drops those that were replaced so long ago that no transaction can still read
    /// them, and those that no process has fed for so long that none will.
    pub(crate) async fn clean(&self) -> Result<(), Error> {
        let builds = self.builds.all();
        let mut tx = self.store.partition_tx().await?;
        sqlx::query!(
            "update projection.build b set seen_at = now()
             from unnest($1::text[], $2::int[]) mine(projection, build)
             where b.projection = mine.projection and b.build = mine.build",
            &builds
                .iter()
                .map(|build| build.name().to_owned())
                .collect::<Vec<_>>(),
            &builds.iter().map(|build| build.number).collect::<Vec<_>>()
        )
        .execute(tx.connection())
        .await?;
        tx.commit().await?;

        let mut tx = self.store.partition_tx().await?;
        if !install::try_lock(&mut tx).await? {
            return Ok(());
        }
        let unread = sqlx::query!(
            r#"select b.projection, b.build, quote_ident(b.schema_name) as "schema!"
               from projection.build b
               left join projection.live l on l.projection = b.projection and l.revision = b.revision
               cross join lateral (
                 select max(c.updated_at) as at from projection.checkpoint c
                 where c.projection = b.projection and c.build = b.build) fed
               where (b.purpose = 'serve' and b.build < l.build and l.switched_at < now() - interval '1 minute')
                  or (greatest(b.seen_at, fed.at) < now() - interval '10 minutes' and b.build is distinct from (
                        select max(n.build) from projection.live n where n.projection = b.projection and n.caught_up))"#
        )
        .fetch_all(tx.connection())
        .await?;
        for build in unread {
            // A reader that holds a table up must not hold up those who come after us. Autovacuum gives way after 1 s.
            drop_one(&mut tx, &build.projection, build.build, &build.schema, "3s").await?;
            tracing::info!(
                projection = build.projection,
                build = build.build,
                "a build that nobody reads any more was dropped"
            );
        }
        tx.commit().await?;
        Ok(())
    }

    /// Drops a build that was made for a check. Nobody reads it; what else may be at its tables, such as autovacuum, is waited for.
    pub(crate) async fn discard(&self, build: &Build) -> Result<(), Error> {
        let mut tx = self.store.partition_tx().await?;
        install::lock(&mut tx).await?;
        drop_one(&mut tx, build.name(), build.number, &build.schema, "1min").await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn drop_one(
    tx: &mut event_store::PartitionTx,
    projection: &str,
    build: i32,
    schema: &str,
    patience: &str,
) -> Result<(), Error> {
    let statement =
        format!("set local lock_timeout = '{patience}'; drop schema if exists {schema} cascade");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(tx.connection())
        .await?;
    for statement in [
        "delete from projection.live where projection = $1 and build = $2",
        "delete from projection.checkpoint where projection = $1 and build = $2",
        "delete from projection.build where projection = $1 and build = $2",
    ] {
        sqlx::query(statement)
            .bind(projection)
            .bind(build)
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}
