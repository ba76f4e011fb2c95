//! The builds: one schema per projection and revision, filled from offset 0. Creates what is missing and decides which
//! build this process feeds; never touches a build that another revision made.

use std::sync::{Arc, atomic::AtomicBool};

use event_store::{PartitionTx, Store};
use sqlx::PgConnection;

use crate::{Error, Projection, projection::revision};

/// Any number that nothing else in the database is likely to lock on.
pub(crate) const INSTALL_LOCK: i64 = 0x0070_726f_6a65_6374;

/// A projection's tables that this process feeds.
pub(crate) struct Build {
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) number: i32,
    pub(crate) schema: String,
    /// Whether readers read it. Turns true once, when it has caught up with the one that served before.
    pub(crate) live: AtomicBool,
}

impl Build {
    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// Where its tables are.
    pub(crate) fn search_path(&self) -> String {
        format!("{}, extensions", self.schema)
    }
}

/// Finds or makes this binary's build of every projection. Several processes at once wait for each other.
pub(crate) async fn install(
    store: &Store,
    projections: Vec<Arc<dyn Projection>>,
) -> Result<Vec<Build>, Error> {
    let mut tx = store.partition_tx().await?;
    sqlx::query!("select pg_advisory_xact_lock($1) as locked", INSTALL_LOCK)
        .execute(tx.connection())
        .await?;
    let mut builds = Vec::with_capacity(projections.len());
    for projection in projections {
        builds.push(find_or_make(&mut tx, projection, store.partitions()).await?);
    }
    tx.commit().await?;
    Ok(builds)
}

async fn find_or_make(
    tx: &mut PartitionTx,
    projection: Arc<dyn Projection>,
    partitions: u16,
) -> Result<Build, Error> {
    let (name, revision) = (projection.name(), revision(projection.as_ref()));
    let live = sqlx::query_scalar!(
        "select build from projection.live where projection = $1",
        name
    )
    .fetch_optional(tx.connection())
    .await?;
    let found = sqlx::query!(
        "select build, schema_name from projection.build where projection = $1 and revision = $2
         order by build desc limit 1",
        name,
        revision
    )
    .fetch_optional(tx.connection())
    .await?;
    if let Some(found) = found {
        let live = AtomicBool::new(live == Some(found.build));
        return Ok(Build {
            projection,
            number: found.build,
            schema: found.schema_name,
            live,
        });
    }

    let number = sqlx::query_scalar!(
        r#"select coalesce(max(build), 0) + 1 as "number!" from projection.build where projection = $1"#,
        name
    )
    .fetch_one(tx.connection())
    .await?;
    let schema = format!(
        "p_{name}_{}_{number}",
        revision.get(..8).unwrap_or_default()
    );
    create(tx.connection(), &schema, projection.ddl())
        .await
        .map_err(|source| Error::Install {
            projection: name,
            source,
        })?;
    sqlx::query!(
        "insert into projection.build (projection, build, revision, schema_name, created_at) values ($1, $2, $3, $4, now())",
        name,
        number,
        revision,
        schema
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "insert into projection.checkpoint (projection, build, partition, updated_at)
         select $1, $2, generate_series(0, $3::int - 1)::smallint, now()",
        name,
        number,
        i32::from(partitions)
    )
    .execute(tx.connection())
    .await?;
    if live.is_none() {
        sqlx::query!(
            "insert into projection.live (projection, build, schema_name, switched_at) values ($1, $2, $3, now())",
            name,
            number,
            schema
        )
        .execute(tx.connection())
        .await?;
    } else {
        tracing::info!(
            projection = name,
            build = number,
            "a new revision: its tables are built beside those that serve"
        );
    }
    Ok(Build {
        projection,
        number,
        schema,
        live: AtomicBool::new(live.is_none()),
    })
}

async fn create(
    connection: &mut PgConnection,
    schema: &str,
    ddl: &'static str,
) -> Result<(), sqlx::Error> {
    // The schema's name is made of the projection's name, hexadecimal digits and a number: nothing to escape.
    let begin = format!(
        "create schema {schema}; \
         grant usage on schema {schema} to daybook_tenant, daybook_operator, daybook_identity; \
         set local search_path = {schema}, extensions"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(begin))
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(ddl).execute(&mut *connection).await?;
    // What follows names its schemas.
    sqlx::raw_sql("set local search_path = extensions")
        .execute(connection)
        .await?;
    Ok(())
}
