//! Makes builds: one of each projection of this binary's revision, if there is none, and new ones when asked. Never touches a
//! build of another revision.

use std::sync::Arc;

use event_store::{PartitionTx, Store};
use sqlx::PgConnection;

use super::Build;
use crate::{Error, Projection, projection::revision};

/// Any number that nothing else in the database is likely to lock on.
const INSTALL_LOCK: i64 = 0x0070_726f_6a65_6374;

/// What a build is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve its revision.
    Serve,
    /// For this process alone, which drops it.
    Check,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Check => "check",
        }
    }
}

/// Finds or makes this binary's builds of every projection. Several processes at once wait for each other.
pub(crate) async fn install(
    store: &Store,
    projections: Vec<Arc<dyn Projection>>,
) -> Result<Vec<Build>, Error> {
    let mut tx = store.partition_tx().await?;
    lock(&mut tx).await?;
    let mut builds = Vec::with_capacity(projections.len());
    for projection in projections {
        let found = find(&mut tx, &projection).await?;
        if found.is_empty() {
            builds.push(first(&mut tx, projection, store.partitions()).await?);
        } else {
            builds.extend(found);
        }
    }
    tx.commit().await?;
    Ok(builds)
}

/// Whoever makes or drops builds does so alone.
pub(super) async fn lock(tx: &mut PartitionTx) -> Result<(), Error> {
    sqlx::query!("select pg_advisory_xact_lock($1) as locked", INSTALL_LOCK)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The same, unless somebody else does so right now.
pub(super) async fn try_lock(tx: &mut PartitionTx) -> Result<bool, Error> {
    let locked = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock($1) as "locked!""#,
        INSTALL_LOCK
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(locked)
}

/// The builds of this revision: the one that serves it, and newer ones.
async fn find(tx: &mut PartitionTx, projection: &Arc<dyn Projection>) -> Result<Vec<Build>, Error> {
    let revision = revision(projection.as_ref());
    let rows = sqlx::query!(
        r#"select b.build, b.schema_name, l.build = b.build and l.caught_up as "live!"
           from projection.live l
           join projection.build b on b.projection = l.projection and b.revision = l.revision and b.build >= l.build
           where l.projection = $1 and l.revision = $2 and b.purpose = 'serve'
           order by b.build"#,
        projection.name(),
        revision
    )
    .fetch_all(tx.connection())
    .await?;
    let builds = rows.into_iter().map(|row| {
        let (projection, revision) = (Arc::clone(projection), revision.clone());
        let build = Build::new(projection, revision, row.build, row.schema_name);
        build.set_live(row.live);
        build
    });
    Ok(builds.collect())
}

/// The first build of a revision. Where no other revision serves, it does at once, while it fills.
async fn first(
    tx: &mut PartitionTx,
    projection: Arc<dyn Projection>,
    partitions: u16,
) -> Result<Build, Error> {
    let build = make(tx, projection, partitions, Purpose::Serve).await?;
    let live = sqlx::query_scalar!(
        r#"insert into projection.live (projection, revision, build, schema_name, switched_at, caught_up)
           values ($1, $2, $3, $4, now(),
                   not exists (select from projection.live l where l.projection = $1 and l.caught_up))
           returning caught_up"#,
        build.name(),
        build.revision,
        build.number,
        build.schema
    )
    .fetch_one(tx.connection())
    .await?;
    build.set_live(live);
    if live && build.projection.is_policy() {
        silence(tx, &build).await?;
    }
    if !live {
        tracing::info!(
            projection = build.name(),
            build = build.number,
            "a new revision: its tables are built beside those that serve"
        );
    }
    Ok(build)
}

/// Has a policy answer nothing that was in the log before it.
async fn silence(tx: &mut PartitionTx, build: &Build) -> Result<(), Error> {
    sqlx::query!(
        "update projection.checkpoint c set silent_until = p.next_offset from log.partition p
         where c.projection = $1 and c.build = $2 and p.partition = c.partition",
        build.name(),
        build.number
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// An empty build.
pub(super) async fn make(
    tx: &mut PartitionTx,
    projection: Arc<dyn Projection>,
    partitions: u16,
    purpose: Purpose,
) -> Result<Build, Error> {
    let (name, revision) = (projection.name(), revision(projection.as_ref()));
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
        "insert into projection.build (projection, build, revision, schema_name, created_at, purpose)
         values ($1, $2, $3, $4, now(), $5)",
        name,
        number,
        revision,
        schema,
        purpose.as_str()
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
    Ok(Build::new(projection, revision, number, schema))
}

/// Has PostgreSQL plan for a large tenant, whatever the average is: a plan for a few rows sorts all of a large tenant's to show a
/// page, and a plan for all of the table reads the others' too. 200 is what it takes where it knows nothing; what rows once were is
/// looked up by their ids, and for that a tenant seems to have still more of them. Not where words are searched: the fewer rows a
/// tenant seems to have, the less their index seems worth.
const LARGE_TENANTS: &str = "do $$
declare
  t regclass;
begin
  for t in
    select a.attrelid from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and a.attname = 'tenant_id'
      and not exists (
        select from pg_index i join pg_class n on n.oid = i.indexrelid join pg_am m on m.oid = n.relam
        where i.indrelid = c.oid and m.amname = 'gin')
  loop
    execute format(
      'alter table %s alter column tenant_id set (n_distinct = %s)', t, case when right(t::text, 5) = '_past' then 20 else 200 end);
  end loop;
end $$";

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
    sqlx::raw_sql(LARGE_TENANTS)
        .execute(&mut *connection)
        .await?;
    // What follows names its schemas.
    sqlx::raw_sql("set local search_path = extensions")
        .execute(connection)
        .await?;
    Ok(())
}
