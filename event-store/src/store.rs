//! The store: the pools, the lanes and the heads of one database. It hands out handles, never a pool.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use event_schemas::{StreamId, TenantId};
use futures::future::join_all;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Append, Claim, Error, Found, Heads, Identity, OperatorTx, Outcome, PartitionTx, TenantTx, Want,
    append::{
        lane::Lane,
        thread,
        writer::{Shared, Writer},
    },
    context::{Secret, Signer},
    expiry, guard, head,
    load::{self, Group, KeyUse},
    paths::{self, Count, Path, Paths},
    role::Role,
    stats::{self, PathCount},
    token::{InvalidToken, Token, Tokens},
};

/// How to reach a database and how much of it to take.
#[derive(Clone, Debug)]
pub struct Options {
    /// The administrator's URL, `postgres://user:password@host:port/database`. The roles' names and passwords
    /// take the place of its own.
    pub url: SecretString,
    /// The secret from which the roles' passwords are derived; the URL's password if none is given.
    pub secret: Option<SecretString>,
    /// Connections per handle.
    pub connections: Connections,
    /// Lanes of the group commit: each owns some partitions and has one append under way at a time.
    pub lanes: u16,
    /// The bounds of the queue in front of each lane.
    pub queue: QueueLimits,
    /// What the database proves of an append.
    pub proofs: Proofs,
    /// Settings of every session, by name.
    pub session: Vec<(&'static str, String)>,
}

/// What the database proves of an append whose numbers the writer knows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proofs {
    /// That nobody else appended to its partitions since the writer looked, and that its offsets fill the range.
    #[default]
    Offsets,
    /// Also that each tenant is active, and every position and version follows the last one.
    Full,
    /// Everything: the writer numbers nothing, the database decides each append.
    Checked,
}

/// Tasks that load: while one waits for the database, another does.
const LOADERS: usize = 2;

/// The most connections each handle opens.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Appends and loads.
    pub append: u32,
    /// Tenants' reads.
    pub tenant: u32,
    /// Projections and tails.
    pub partition: u32,
    /// The operator's commands.
    pub operator: u32,
    /// Key lookups.
    pub identity: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            append: 6,
            tenant: 12,
            partition: 8,
            operator: 2,
            identity: 4,
        }
    }
}

/// The bounds of a lane's queue. Past them an append is refused at once, with the time after which to try again.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Commands waiting, of all tenants.
    pub commands: usize,
    /// Bytes waiting, of all tenants.
    pub bytes: usize,
    /// The share of both that one tenant may take, in percent.
    pub tenant_percent: usize,
    /// Commands in one flush.
    pub batch_commands: usize,
    /// Bytes in one flush.
    pub batch_bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            commands: 8192,
            bytes: 32 << 20,
            tenant_percent: 50,
            batch_commands: 512,
            batch_bytes: 4 << 20,
        }
    }
}

/// One database with the log in it. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    append: PgPool,
    tenant: PgPool,
    partition: PgPool,
    operator: PgPool,
    identity: PgPool,
    signer: Signer,
    tokens: Tokens,
    cursor_key: [u8; 32],
    claim_key: [u8; 32],
    partitions: u16,
    queue: QueueLimits,
    lanes: Vec<Lane>,
    loads: Group,
    heads: Heads,
    writers: Shared,
    guard: PgConnectOptions,
    /// Writers past the lanes, when nobody uses them, and how many there may be.
    idle: Mutex<Vec<Writer>>,
    direct: Semaphore,
}

impl Store {
    /// Connects to an installed log. Fails with [`Error::Setup`] when it was never migrated or the secret is wrong.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        let admin = admin_options(&options.url)?.options(options.session.iter().cloned());
        let secret = secret_of(options)?;
        let append = Role::Append.pool(&admin, &secret, options.connections.append);
        let partitions = installed_partitions(&append).await?;
        Ok(Self::assemble(&admin, &secret, options, append, partitions))
    }

    /// A store that reaches no database: every handle fails. For what only looks at the shape of things.
    pub fn unconnected() -> Self {
        let options = Options {
            url: SecretString::from(""),
            secret: None,
            connections: Connections::default(),
            lanes: 1,
            queue: QueueLimits::default(),
            proofs: Proofs::default(),
            session: Vec::new(),
        };
        // Port 0 takes no connections.
        let admin = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(0);
        let secret = Secret::new(SecretString::from(""));
        let append = Role::Append.pool(&admin, &secret, 1);
        Self::assemble(&admin, &secret, &options, append, 1)
    }

    fn assemble(
        admin: &PgConnectOptions,
        secret: &Secret,
        options: &Options,
        append: PgPool,
        partitions: u16,
    ) -> Self {
        let pool = |role: Role, size: u32| role.pool(admin, secret, size);
        let heads = Heads::new(partitions);
        let lanes = (0..options.lanes.clamp(1, partitions))
            .map(|_| Lane::new(options.queue))
            .collect();
        let writers = Shared {
            options: Role::Append.options(admin, secret),
            partitions,
            proofs: options.proofs,
            heads: heads.clone(),
            paths: Paths::default(),
        };
        let direct = usize::try_from(options.connections.append.max(1)).unwrap_or(1);
        Self(Arc::new(Inner {
            append,
            tenant: pool(Role::Tenant, options.connections.tenant),
            partition: pool(Role::Partition, options.connections.partition),
            operator: pool(Role::Operator, options.connections.operator),
            identity: pool(Role::Identity, options.connections.identity),
            signer: Signer::new(secret),
            tokens: Tokens::new(secret.key("token")),
            cursor_key: secret.key("cursor"),
            claim_key: secret.key("claim"),
            partitions,
            queue: options.queue,
            lanes,
            loads: Group::new(),
            heads,
            writers,
            guard: Role::Partition.options(admin, secret),
            idle: Mutex::new(Vec::new()),
            direct: Semaphore::new(direct),
        }))
    }

    /// Starts the lanes, the loaders, the watch on the heads, the guard, and the forgetting of expired keys. They end when
    /// `cancelled`, after what was queued is flushed.
    pub fn start(&self, tasks: &TaskTracker, cancelled: &CancellationToken) {
        let lanes = self.0.lanes.iter().map(|lane| {
            let writer = Writer::new(self.0.writers.clone());
            let paths = self.0.writers.paths.clone();
            lane.clone().run(writer, paths, cancelled.clone())
        });
        thread::spawn(join_all(lanes), tasks);
        for _ in 0..LOADERS {
            let loads = self.0.loads.clone();
            tasks.spawn(loads.run(self.0.append.clone(), self.0.partitions, cancelled.clone()));
        }
        tasks.spawn(guard::run(self.clone(), cancelled.clone()));
        tasks.spawn(paths::keep(self.clone(), cancelled.clone()));
        tasks.spawn(expiry::run(self.clone(), cancelled.clone()));
        tasks.spawn(head::announce(
            self.0.heads.clone(),
            self.0.append.clone(),
            cancelled.clone(),
        ));
        tasks.spawn(head::watch(
            self.0.heads.clone(),
            self.0.partition.clone(),
            cancelled.clone(),
        ));
    }

    /// The number of partitions, fixed when the log was installed.
    pub fn partitions(&self) -> u16 {
        self.0.partitions
    }

    /// The newest offsets, as far as this process knows them.
    pub fn heads(&self) -> &Heads {
        &self.0.heads
    }

    /// Queues one append behind its lane: fair among tenants, grouped into one call with what waits beside it.
    pub async fn submit(&self, append: Append) -> Result<Outcome, Error> {
        let partition = append.tenant.partition(self.0.partitions);
        let index = usize::from(partition) % self.0.lanes.len().max(1);
        match self.0.lanes.get(index) {
            Some(lane) => lane.submit(append).await,
            None => Err(Error::ShuttingDown),
        }
    }

    /// Appends a batch in one call, in the given order, past the lanes: for the operator's own bulk work. An event's id
    /// must not stand in it twice.
    pub async fn append(&self, batch: &[Append]) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let _place = self
            .0
            .direct
            .acquire()
            .await
            .map_err(|_| Error::ShuttingDown)?;
        let idle = || self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut writer = kept.unwrap_or_else(|| Writer::new(self.0.writers.clone()));
        let results = writer.append(batch).await;
        idle().push(writer);
        results
    }

    /// Adds to the figures of which way appends took.
    pub async fn count_paths(&self, counts: &[PathCount]) -> Result<(), Error> {
        stats::count(&self.0.append, counts).await
    }

    /// Loads what decisions about some streams need, and the earlier uses of some idempotency keys, in one round trip.
    pub async fn load(&self, wants: &[Want], keys: &[KeyUse]) -> Result<Found, Error> {
        load::load(&self.0.append, self.0.partitions, wants, keys).await
    }

    /// The same, together with whoever else is loading; only while the store is [started](Self::start).
    pub async fn load_grouped(&self, wants: Vec<Want>, keys: Vec<KeyUse>) -> Result<Found, Error> {
        self.0.loads.load(wants, keys).await
    }

    /// The keyed hash under which a unique value is claimed: of this installation, tenant and kind alone.
    pub fn claim_value(&self, tenant: TenantId, kind: &str, value: &str) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0.claim_key) else {
            return [0; 32];
        };
        mac.update(tenant.0.as_bytes());
        mac.update(&(kind.len() as u64).to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(value.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// What takes a unique value for a stream.
    pub fn claim(&self, tenant: TenantId, kind: &str, value: &str, stream: &StreamId) -> Claim {
        Claim {
            kind: kind.to_owned(),
            value: self.claim_value(tenant, kind, value),
            stream: stream.clone(),
            takes: true,
        }
    }

    /// A connection of the guard's own: it holds a lock for as long as it lasts.
    pub(crate) async fn guard_connection(&self) -> Result<PgConnection, Error> {
        PgConnection::connect_with(&self.0.guard)
            .await
            .map_err(Error::Unavailable)
    }

    /// The pool of the append functions, for what else may execute them.
    pub(crate) fn append_pool(&self) -> &PgPool {
        &self.0.append
    }

    /// Which way appends went since this was last asked. A store that was [started](Self::start) asks every few seconds
    /// itself, for `daybook log stats`.
    pub fn take_path_counts(&self) -> BTreeMap<(Path, &'static str), Count> {
        self.0.writers.paths.take()
    }

    /// The token that says "no older than this event" to one tenant's queries.
    pub fn issue_token(&self, tenant: TenantId, position: i64, offset: i64) -> String {
        self.0.tokens.issue(
            tenant,
            Token {
                partition: tenant.partition(self.0.partitions),
                position,
                offset,
            },
        )
    }

    /// Reads a token that was issued to this tenant.
    pub fn read_token(&self, tenant: TenantId, token: &str) -> Result<Token, InvalidToken> {
        self.0.tokens.read(tenant, token)
    }

    /// The key under which lists sign their cursors.
    pub fn cursor_key(&self) -> [u8; 32] {
        self.0.cursor_key
    }

    /// A read-only transaction as one tenant: one snapshot for all it reads.
    pub async fn tenant_tx(&self, tenant: TenantId) -> Result<TenantTx, Error> {
        TenantTx::begin(&self.0.tenant, &self.0.signer, tenant).await
    }

    /// How much may wait in front of a lane.
    pub fn queue_limits(&self) -> QueueLimits {
        self.0.queue
    }

    /// A transaction across tenants, for projections and tails.
    pub async fn partition_tx(&self) -> Result<PartitionTx, Error> {
        PartitionTx::begin(&self.0.partition).await
    }

    /// A transaction of the operator.
    pub async fn operator_tx(&self) -> Result<OperatorTx, Error> {
        OperatorTx::begin(&self.0.operator).await
    }

    /// A connection that looks up credentials.
    pub async fn identity(&self) -> Result<Identity, Error> {
        Identity::acquire(&self.0.identity).await
    }

    /// Closes every connection. The lanes close theirs when they end.
    pub async fn close(&self) {
        self.0.direct.close();
        let idle = std::mem::take(&mut *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for writer in idle {
            writer.close().await;
        }
        for pool in [
            &self.0.append,
            &self.0.tenant,
            &self.0.partition,
            &self.0.operator,
            &self.0.identity,
        ] {
            pool.close().await;
        }
    }
}

async fn installed_partitions(pool: &PgPool) -> Result<u16, Error> {
    let found = sqlx::query_scalar!("select partitions from log.installation")
        .fetch_optional(pool)
        .await;
    match found {
        Ok(Some(n)) => u16::try_from(n).map_err(|e| Error::Setup(e.to_string())),
        Ok(None) => Err(Error::Setup(
            "the log is not installed yet; run `daybook migrate`".to_owned(),
        )),
        Err(sqlx::Error::Database(e)) => match e.code().as_deref() {
            Some("28P01" | "28000" | "42P01" | "3F000" | "42501") => Err(Error::Setup(format!(
                "the database is not set up for this binary ({}); run `daybook migrate` with the same secret",
                e.message()
            ))),
            _ => Err(Error::Unavailable(sqlx::Error::Database(e))),
        },
        Err(e) => Err(Error::Unavailable(e)),
    }
}

pub(crate) fn admin_options(url: &SecretString) -> Result<PgConnectOptions, Error> {
    url.expose_secret().parse().map_err(|e| {
        Error::Setup(format!(
            "the database URL is not of the form postgres://user:password@host:port/database: {e}"
        ))
    })
}

pub(crate) fn secret_of(options: &Options) -> Result<Secret, Error> {
    if let Some(secret) = &options.secret {
        return Ok(Secret::new(secret.clone()));
    }
    let url = options.url.expose_secret();
    let password = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'))
        .and_then(|(credentials, _)| credentials.split_once(':'))
        .map(|(_, password)| password.to_owned())
        .filter(|password| !password.is_empty())
        .ok_or_else(|| {
            Error::Setup(
                "no secret for the database roles: set DAYBOOK__DATABASE__ROLES_SECRET, or put a password into the \
                 database URL"
                    .to_owned(),
            )
        })?;
    Ok(Secret::new(password.into()))
}
