//! The store: the pools, the lanes and the heads of one database. It hands out handles, never a pool.

use std::sync::Arc;

use event_schemas::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Append, Error, Heads, IdentityTx, Loaded, OperatorTx, Outcome, PartitionTx, TenantTx, Want,
    append::{flush, lane::Lane},
    context::{Secret, Signer},
    head,
    load::{self, KeyUse, Remembered},
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
}

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
    partitions: u16,
    lanes: Vec<Lane>,
    heads: Heads,
}

impl Store {
    /// Connects to an installed log. Fails with [`Error::Setup`] when it was never migrated or the secret is wrong.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        let admin = admin_options(&options.url)?;
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
        Self(Arc::new(Inner {
            append,
            tenant: pool(Role::Tenant, options.connections.tenant),
            partition: pool(Role::Partition, options.connections.partition),
            operator: pool(Role::Operator, options.connections.operator),
            identity: pool(Role::Identity, options.connections.identity),
            signer: Signer::new(secret),
            tokens: Tokens::new(secret.key("token")),
            cursor_key: secret.key("cursor"),
            partitions,
            lanes,
            heads,
        }))
    }

    /// Starts the lanes and the watch on the heads. They end when `cancelled`, after what was queued is flushed.
    pub fn start(&self, tasks: &TaskTracker, cancelled: &CancellationToken) {
        for lane in &self.0.lanes {
            tasks.spawn(lane.clone().run(self.clone(), cancelled.clone()));
        }
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

    /// Appends a batch in one call, in the given order, past the lanes: for the operator's own bulk work.
    pub async fn append(&self, batch: &[Append]) -> Result<Vec<Result<Outcome, Error>>, Error> {
        flush::flush(&self.0.append, &self.0.heads, self.0.partitions, batch).await
    }

    /// Adds to the figures of which way appends took.
    pub async fn count_paths(&self, counts: &[PathCount]) -> Result<(), Error> {
        stats::count(&self.0.append, counts).await
    }

    /// Loads what decisions about some streams need, and the earlier uses of some idempotency keys, in one round trip.
    pub async fn load(
        &self,
        wants: &[Want],
        keys: &[KeyUse],
    ) -> Result<(Vec<Loaded>, Vec<Option<Remembered>>), Error> {
        load::load(&self.0.append, wants, keys).await
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

    /// A transaction across tenants, for projections and tails.
    pub async fn partition_tx(&self) -> Result<PartitionTx, Error> {
        PartitionTx::begin(&self.0.partition).await
    }

    /// A transaction of the operator.
    pub async fn operator_tx(&self) -> Result<OperatorTx, Error> {
        OperatorTx::begin(&self.0.operator).await
    }

    /// A transaction that looks up credentials.
    pub async fn identity_tx(&self) -> Result<IdentityTx, Error> {
        IdentityTx::begin(&self.0.identity).await
    }

    /// Closes every connection.
    pub async fn close(&self) {
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
