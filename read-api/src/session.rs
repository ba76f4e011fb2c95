//! One query root's view of the read models: one snapshot, opened when the first field needs it and after the token is
//! reached. Never writes, and never shows one tenant to another.

use std::{ops::DerefMut, sync::Arc};

use async_graphql::Context;
use event_schemas::TenantId;
use event_store::{TenantTx, Token};
use gateway::Principal;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::{
    as_of::{self, AsOf, Past, WholeOperation},
    failure::Failure,
    http::{Consistency, consistency::OnTimeout},
    operation::{Freshness, Operation},
    page::Cursors,
    selection,
    waiter::WaitError,
};

/// The session of one query root.
pub(crate) struct Session {
    /// Answer no older than this; without it, than what the request asks for.
    after: Option<String>,
    /// Opened once, or failed once: its fields do not each wait anew.
    snapshot: OnceCell<Result<Arc<Snapshot>, Failure>>,
}

/// Everything the fields of one query root read: the same moment for all of them.
pub(crate) struct Snapshot {
    transaction: Arc<Mutex<TenantTx>>,
    principal: Principal,
    cursors: Cursors,
    /// Set where it is seen as it was earlier.
    past: Option<Past>,
}

/// A query root: the operation's own, or one that answers no older than a command.
#[derive(Clone, Default)]
pub(crate) struct Root(Option<Arc<Session>>);

impl Root {
    pub(crate) fn no_older_than(token: String) -> Self {
        Self(Some(Arc::new(Session::new(
            Some(token).filter(|token| !token.is_empty()),
        ))))
    }

    /// The snapshot, for somebody who may read this context: `context:read` is needed.
    pub(crate) async fn read(
        &self,
        ctx: &Context<'_>,
        context: &str,
    ) -> Result<Arc<Snapshot>, Failure> {
        allowed(ctx, context)?;
        self.open(ctx).await
    }

    /// The same, as it was at an earlier moment, if one is given.
    pub(crate) async fn read_as_of(
        &self,
        ctx: &Context<'_>,
        context: &'static str,
        as_of: Option<AsOf>,
    ) -> Result<Arc<Snapshot>, Failure> {
        allowed(ctx, context)?;
        let snapshot = self.now(ctx).await?;
        match as_of.or_else(|| WholeOperation::of(ctx)) {
            None => Ok(snapshot),
            Some(as_of) => as_of::look_back(ctx, snapshot, context, as_of).await,
        }
    }

    /// The snapshot, for whoever is signed in. There is none for an operation about an earlier moment, which would show another.
    pub(crate) async fn open(&self, ctx: &Context<'_>) -> Result<Arc<Snapshot>, Failure> {
        if WholeOperation::of(ctx).is_some() {
            let field = ctx.field().name();
            return Err(Failure::input(format!(
                "{field} cannot be asked for an earlier moment; ask for it without extensions.asOf"
            )));
        }
        self.now(ctx).await
    }

    async fn now(&self, ctx: &Context<'_>) -> Result<Arc<Snapshot>, Failure> {
        let operation = operation(ctx)?;
        let session = self.0.as_ref().unwrap_or(&operation.root);
        session
            .snapshot
            .get_or_init(|| session.open(ctx, operation))
            .await
            .clone()
    }
}

impl Session {
    pub(crate) fn new(after: Option<String>) -> Self {
        Self {
            after,
            snapshot: OnceCell::new(),
        }
    }

    async fn open(
        &self,
        ctx: &Context<'_>,
        operation: &Operation,
    ) -> Result<Arc<Snapshot>, Failure> {
        let principal = principal(ctx)?.clone();
        let consistency = ctx.data_opt::<Consistency>().cloned().unwrap_or_default();
        // A replayed command brings back its old token: the newer of the two counts.
        let tokens = [self.after.as_deref(), consistency.after.as_deref()];
        let tokens: Result<Vec<Token>, _> = tokens
            .into_iter()
            .flatten()
            .map(|token| operation.store.read_token(principal.tenant, token))
            .collect();
        let tokens = tokens.map_err(|error| Failure::input(error.to_string()))?;
        if let Some(token) = tokens.into_iter().max_by_key(|token| token.offset) {
            wait(ctx, operation, principal.tenant, token, &consistency).await?;
        }
        let transaction = operation.store.tenant_tx(principal.tenant).await?;
        Ok(Arc::new(Snapshot {
            transaction: Arc::new(Mutex::new(transaction)),
            cursors: Cursors::new(operation.store.cursor_key(), principal.tenant),
            principal,
            past: None,
        }))
    }
}

impl Snapshot {
    /// The connection, for one statement: others wait.
    pub(crate) async fn statement(&self) -> impl DerefMut<Target = PgConnection> + '_ {
        MutexGuard::map(self.transaction.lock().await, TenantTx::connection)
    }

    /// The transaction, for what the log tells: others wait.
    pub(crate) async fn transaction(&self) -> MutexGuard<'_, TenantTx> {
        self.transaction.lock().await
    }

    /// The same snapshot, seen as it was.
    pub(crate) fn at(&self, past: Past) -> Self {
        Self {
            transaction: Arc::clone(&self.transaction),
            principal: self.principal.clone(),
            cursors: self.cursors.clone(),
            past: Some(past),
        }
    }

    /// A later snapshot for the same reader.
    pub(crate) fn anew(&self, transaction: TenantTx) -> Self {
        Self {
            transaction: Arc::new(Mutex::new(transaction)),
            principal: self.principal.clone(),
            cursors: self.cursors.clone(),
            past: self.past,
        }
    }

    /// The earlier moment that it is seen at.
    pub(crate) fn past(&self) -> Option<&Past> {
        self.past.as_ref()
    }

    /// The beginning of a statement, which names its tables without a schema.
    pub(crate) fn query(&self, sql: &str) -> QueryBuilder<Postgres> {
        let Some(past) = &self.past else {
            return QueryBuilder::new(sql);
        };
        let mut query = QueryBuilder::new("with ");
        past.push(&mut query);
        query.push(" ").push(sql);
        query
    }

    /// Refuses unless the permission `context:read` is there.
    pub(crate) fn allow(&self, context: &str) -> Result<(), Failure> {
        allow(&self.principal, context)
    }

    pub(crate) fn cursors(&self) -> &Cursors {
        &self.cursors
    }
}

/// Who is asking.
pub(crate) fn principal<'a>(ctx: &Context<'a>) -> Result<&'a Principal, Failure> {
    ctx.data_opt::<Principal>().ok_or(Failure::Unauthenticated)
}

/// Who is asking, if they may read this context.
pub(crate) fn allowed<'a>(ctx: &Context<'a>, context: &str) -> Result<&'a Principal, Failure> {
    let principal = principal(ctx)?;
    allow(principal, context)?;
    Ok(principal)
}

pub(crate) fn operation<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Operation>, Failure> {
    ctx.data_opt::<Arc<Operation>>().ok_or_else(|| {
        tracing::error!("the engine was made without `Reads`");
        Failure::Internal
    })
}

fn allow(principal: &Principal, context: &str) -> Result<(), Failure> {
    if principal.scopes.allows(context, "read") {
        Ok(())
    } else {
        Err(Failure::Forbidden(format!("{context}:read")))
    }
}

/// Waits until what the query needs is no older than the token, and notes how that ended.
async fn wait(
    ctx: &Context<'_>,
    operation: &Operation,
    tenant: TenantId,
    token: Token,
    consistency: &Consistency,
) -> Result<(), Failure> {
    let projections = selection::projections(ctx);
    let waited = operation
        .waiter
        .wait(tenant, token, &projections, consistency.timeout)
        .await;
    let lag_events = match (waited, consistency.on_timeout) {
        (Ok(()), _) => None,
        (
            Err(WaitError::NotCaughtUp { lag_events } | WaitError::Parked { lag_events, .. }),
            OnTimeout::Stale,
        ) => Some(lag_events),
        (Err(error), _) => return Err(error.into()),
    };
    operation.note(Freshness {
        position: token.position,
        projections,
        lag_events,
    });
    Ok(())
}
