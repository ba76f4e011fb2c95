//! The handles: the only way to a connection. Each is of one role, a transaction but for `Identity`, and says what it may see.

use event_schemas::TenantId;
use sqlx::{PgConnection, PgPool, Postgres, Transaction, pool::PoolConnection};

use crate::{Error, context::Signer};

/// A read-only transaction as one tenant, with one snapshot; row-level security shows it nothing else.
pub struct TenantTx {
    tx: Transaction<'static, Postgres>,
    tenant: TenantId,
}

impl TenantTx {
    pub(crate) async fn begin(
        pool: &PgPool,
        signer: &Signer,
        tenant: TenantId,
    ) -> Result<Self, Error> {
        // One round trip: the ids are hexadecimal, so nothing needs escaping.
        let begin = format!(
            "begin isolation level repeatable read read only; select projection.enter('{tenant}', '{}')",
            signer.sign(tenant)
        );
        let tx = pool
            .begin_with(sqlx::AssertSqlSafe(begin))
            .await
            .map_err(Error::Unavailable)?;
        Ok(Self { tx, tenant })
    }

    /// The tenant it may see.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The connection, for this transaction's queries.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

/// A transaction across tenants: it reads the log by partition and writes read models.
pub struct PartitionTx(Transaction<'static, Postgres>);

impl PartitionTx {
    pub(crate) async fn begin(pool: &PgPool) -> Result<Self, Error> {
        Ok(Self(pool.begin().await.map_err(Error::Unavailable)?))
    }

    /// The connection, for this transaction's statements.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Keeps what it did.
    pub async fn commit(self) -> Result<(), Error> {
        self.0.commit().await.map_err(Error::Database)
    }
}

/// A read-only transaction of the operator, across tenants.
pub struct OperatorTx(Transaction<'static, Postgres>);

impl OperatorTx {
    pub(crate) async fn begin(pool: &PgPool) -> Result<Self, Error> {
        Ok(Self(
            pool.begin_with("begin read only; select projection.look()")
                .await
                .map_err(Error::Unavailable)?,
        ))
    }

    /// The connection, for this transaction's queries.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// A connection that looks up credentials, before any tenant is known. Each statement is a transaction of its own.
pub struct Identity(PoolConnection<Postgres>);

impl Identity {
    pub(crate) async fn acquire(pool: &PgPool) -> Result<Self, Error> {
        Ok(Self(pool.acquire().await.map_err(Error::Unavailable)?))
    }

    /// The connection, for one statement.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
