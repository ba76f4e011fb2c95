//! The PostgreSQL of the benchmarks: one throw-away server that waits for its disk, and a fresh database for every run,
//! copied from a template in which the log is installed, the tenants are registered and the peers have their tables.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use commands::{Bus, Way};
use daybook::{
    app,
    config::Config,
    embedded::{EmbeddedPostgres, Options},
    lifecycle::Lifecycle,
    verb::tenant::request,
};
use event_store::{Proofs, QueueLimits, Store, SystemClock};
use secrecy::SecretString;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::{peer, workload};

/// Connections for commands: the same for Daybook's appends and loads as for a peer's pool.
pub(crate) const CONNECTIONS: u32 = 10;
/// How many partitions the log has.
pub(crate) const PARTITIONS: u16 = 16;
const TEMPLATE: &str = "bench_template";

/// The running server.
pub(crate) struct Server {
    postgres: EmbeddedPostgres,
    data: TempDir,
    databases: AtomicU32,
}

/// A database of one run.
pub(crate) struct Database {
    name: String,
    /// The administrator's URL.
    pub(crate) url: String,
}

impl Server {
    /// Starts PostgreSQL with its data in a new folder under `parent`, and makes the template.
    pub(crate) async fn start(parent: &Path) -> Result<Self> {
        Self::start_with(parent, "replica").await
    }

    /// The same, whose log can be decoded: what Debezium reads.
    pub(crate) async fn start_logical(parent: &Path) -> Result<Self> {
        Self::start_with(parent, "logical").await
    }

    async fn start_with(parent: &Path, wal_level: &str) -> Result<Self> {
        let data = tempfile::Builder::new()
            .prefix("daybook-bench-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(parent)
            .with_context(|| {
                format!(
                    "cannot make a folder in {}; choose another with --data",
                    parent.display()
                )
            })?;
        let options = Options {
            data_dir: data.path().to_owned(),
            port: 0,
        };
        let mut postgres = EmbeddedPostgres::start(&options).await?;
        let mut admin = PgConnection::connect(postgres.url()).await?;
        let found: String = sqlx::query_scalar("show wal_level")
            .fetch_one(&mut admin)
            .await?;
        if found != wal_level {
            run(
                &mut admin,
                &format!("alter system set wal_level = {wal_level}"),
            )
            .await?;
            postgres.stop().await?;
            postgres = EmbeddedPostgres::start(&options).await?;
        }
        let server = Self {
            postgres,
            data,
            databases: AtomicU32::new(0),
        };
        if let Err(error) = server.make_template().await {
            server.stop().await?;
            return Err(error);
        }
        Ok(server)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.postgres.pid()
    }

    /// Where its data are.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// A connection of the superuser to the server's own database.
    pub(crate) async fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(self.postgres.url()).await?)
    }

    async fn make_template(&self) -> Result<()> {
        let mut admin = self.admin().await?;
        let fsync: String = sqlx::query_scalar("show fsync")
            .fetch_one(&mut admin)
            .await?;
        let commit: String = sqlx::query_scalar("show synchronous_commit")
            .fetch_one(&mut admin)
            .await?;
        ensure!(
            fsync == "on" && commit == "on",
            "the server does not wait for its disk (fsync {fsync}, synchronous_commit {commit})"
        );
        run(&mut admin, &format!("create database {TEMPLATE}")).await?;
        admin.close().await?;
        let template = self.database(TEMPLATE);
        app::migrate(
            &config()?.store(SecretString::from(template.url.clone())),
            PARTITIONS,
        )
        .await?;
        let mut connection = template.admin().await?;
        sqlx::raw_sql(peer::TABLES).execute(&mut connection).await?;
        sqlx::raw_sql(include_str!("../sql/bare.sql"))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        let store = template.store(&StoreOptions::default()).await?;
        register(&store, 0..workload::TENANTS).await?;
        store.close().await;
        Ok(())
    }

    fn database(&self, name: &str) -> Database {
        let start = self
            .postgres
            .url()
            .rsplit_once('/')
            .map_or("", |(start, _)| start);
        Database {
            name: name.to_owned(),
            url: format!("{start}/{name}"),
        }
    }

    /// A fresh copy of the template.
    pub(crate) async fn fresh(&self) -> Result<Database> {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin = self.admin().await?;
        run(
            &mut admin,
            &format!("create database {name} template {TEMPLATE} strategy file_copy"),
        )
        .await?;
        // Rights on a database are not copied with it.
        run(
            &mut admin,
            &format!("grant connect, create on database {name} to daybook_migrator, daybook_partition, daybook_owner"),
        )
        .await?;
        run(&mut admin, "checkpoint").await?;
        admin.close().await?;
        Ok(self.database(&name))
    }

    /// Drops the database of a run that is over.
    pub(crate) async fn discard(&self, database: Database) -> Result<()> {
        let mut admin = self.admin().await?;
        run(
            &mut admin,
            &format!("drop database {} with (force)", database.name),
        )
        .await?;
        admin.close().await?;
        Ok(())
    }

    /// Ends the server and removes its data.
    pub(crate) async fn stop(self) -> Result<()> {
        let Self { postgres, data, .. } = self;
        postgres.stop().await?;
        let path = data.path().to_owned();
        data.close()
            .with_context(|| format!("cannot remove {}", path.display()))
    }
}

/// How a run differs from the product's defaults.
#[derive(Default)]
pub(crate) struct StoreOptions {
    /// The most commands of one flush.
    pub(crate) batch: Option<usize>,
    /// What the database proves of an append.
    pub(crate) proofs: Proofs,
}

impl Database {
    /// A connection of the superuser.
    pub(crate) async fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// The log's store, as `daybook serve` has it but for [`CONNECTIONS`].
    pub(crate) async fn store(&self, options: &StoreOptions) -> Result<Store> {
        let mut store = config()?.store(SecretString::from(self.url.clone()));
        store.connections.append = CONNECTIONS;
        store.proofs = options.proofs;
        if let Some(batch) = options.batch {
            store.queue = QueueLimits {
                batch_commands: batch,
                ..store.queue
            };
        }
        Ok(Store::connect(&store).await?)
    }

    /// Which way the appends of stopped stores took, for the report; nothing if there were none.
    pub(crate) async fn ways(&self) -> Result<BTreeMap<&'static str, f64>> {
        let (numbered, all, calls): (f64, f64, f64) = sqlx::query_as(
            "select coalesce(sum(commands) filter (where path = 'numbered'), 0)::float8,
                    coalesce(sum(commands), 0)::float8, coalesce(sum(batches), 0)::float8
             from log.path_stat where path <> 'queue'",
        )
        .fetch_one(&mut self.admin().await?)
        .await?;
        let mut ways = BTreeMap::new();
        if all > 0.0 && calls > 0.0 {
            ways.insert("% numbered", numbered / all * 100.0);
            ways.insert("commands a call", all / calls);
        }
        Ok(ways)
    }

    /// The store with its lanes running.
    pub(crate) async fn running(&self, options: &StoreOptions) -> Result<Running> {
        let store = self.store(options).await?;
        let lifecycle = Lifecycle::default();
        store.start(&lifecycle.tasks, &lifecycle.cancelled);
        Ok(Running { store, lifecycle })
    }
}

/// A store whose lanes run.
pub(crate) struct Running {
    pub(crate) store: Store,
    lifecycle: Lifecycle,
}

impl Running {
    pub(crate) async fn stop(self) -> Result<()> {
        let ended = self.lifecycle.stop(Duration::from_secs(20)).await;
        self.store.close().await;
        ensure!(ended, "the lanes did not end");
        Ok(())
    }
}

/// Registers the tenants of these ranks.
pub(crate) async fn register(store: &Store, ranks: Range<usize>) -> Result<()> {
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
    let requests = workload::tenants(ranks.end)
        .into_iter()
        .skip(ranks.start)
        .map(|tenant| {
            request(
                tenant,
                "organization.register",
                &json!({ "name": "A shop" }),
            )
        })
        .collect::<Result<Vec<_>>>()?;
    for some in requests.chunks(500) {
        for answer in bus.execute_all(some).await {
            answer.map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))?;
        }
    }
    Ok(())
}

pub(crate) fn config() -> Result<Config> {
    Config::load(None)
}

/// Runs a statement of ours that takes no parameters.
pub(crate) async fn run(connection: &mut PgConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}
