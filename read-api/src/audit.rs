//! The audit trail for reading: the root fields and the entry. Never says who may do what, only who did.

mod causation;
pub mod export;
mod filter;
mod list;
mod row;

use async_graphql::{Context, Enum, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::{
    causation::Causation,
    filter::AuditFilter,
    list::{AuditSort, AuditTotal},
    row::AuditRow,
};
use crate::{
    failure::Failure,
    page::{self, Paging},
    scalar::BigInt,
    serial::Serial,
    session::Root,
};

/// The permission's context.
const CONTEXT: &str = "audit";

/// The query root's fields about the audit trail.
#[derive(Clone, Default)]
pub(crate) struct AuditQuery(pub(crate) Root);

#[Object]
impl AuditQuery {
    /// Who did what, when, from where and why, a page at a time. Needs `audit:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn audit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<AuditFilter>,
        #[graphql(desc = "The newest first, if not given.")] order_by: Option<AuditSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Serial<AuditEntry>, AuditTotal>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(list::page(snapshot, filter, order_by.unwrap_or_default(), &paging).await?)
    }

    /// What led to an entry of the audit trail, and what it led to. `null`: there is no such entry. Needs `audit:read`.
    #[graphql(complexity = "causation::cost(up, down) * child_complexity + 1")]
    async fn causation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry: an event's id.")] entry_id: Uuid,
        #[graphql(desc = "How many causes at most, 0 to 16.", default = 16)] up: i32,
        #[graphql(desc = "How many effects deep, 0 to 16.", default = 16)] down: i32,
    ) -> Result<Option<Causation>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        Ok(causation::read(&snapshot, entry_id, up, down).await?)
    }
}

/// What became of an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum AuditOutcome {
    /// It happened.
    Accepted,
    /// It was refused.
    Denied,
}

impl AuditOutcome {
    /// The outcome as it is stored.
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Denied => "denied",
        }
    }

    fn stored(name: &str, entry: &Uuid) -> Result<Self, Failure> {
        [Self::Accepted, Self::Denied]
            .into_iter()
            .find(|known| known.as_str() == name)
            .ok_or_else(|| Failure::corrupt("audit", "outcome", entry, name))
    }
}

/// Who acted.
#[derive(SimpleObject, Debug)]
pub(crate) struct AuditActor {
    /// What kind: `user`, `apiKey`, `operator` or `policy`.
    kind: Option<String>,
    /// The id: an API key's UUID, a user's UUID, the name of the operator's program.
    id: Option<String>,
    /// On whose behalf, if another's.
    on_behalf_of: Option<String>,
}

/// One entry of the audit trail.
#[derive(Clone, Debug)]
pub(crate) struct AuditEntry(AuditRow);

/// One entry of the audit trail: an event as its envelope tells it. What it says in detail is its context's to show.
#[Object]
impl AuditEntry {
    /// The event's id; of a denied action, an id of its own.
    async fn entry_id(&self) -> Uuid {
        self.0.entry_id
    }

    /// The organization's position of the event; of a denied action, that of the newest event there was.
    async fn position(&self) -> BigInt {
        self.0.position.into()
    }

    /// What became of it.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn outcome(&self) -> Result<AuditOutcome> {
        Ok(AuditOutcome::stored(&self.0.outcome, &self.0.entry_id)?)
    }

    /// Why it was denied.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The context, such as `order`.
    async fn context(&self) -> &str {
        &self.0.context
    }

    /// What happened: the event's type, such as `OrderPlaced`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// What it happened to: the stream, such as `order-` and the order's UUID.
    async fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// The event's number in its stream.
    async fn version(&self) -> Option<i32> {
        self.0.version
    }

    /// Who did it.
    async fn actor(&self) -> AuditActor {
        AuditActor {
            kind: self.0.actor_kind.clone(),
            id: self.0.actor_id.clone(),
            on_behalf_of: self.0.on_behalf_of.clone(),
        }
    }

    /// The way it came in: `api`, `import`, `policy` or `webhook`.
    async fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// The id of the request's W3C trace, 32 hexadecimal digits.
    async fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// The keyed hash of the client's address, where it was kept.
    async fn client(&self) -> Option<&str> {
        self.0.client.as_deref()
    }

    /// The legal basis of the processing, where one was given.
    async fn legal_basis(&self) -> Option<&str> {
        self.0.legal_basis.as_deref()
    }

    /// The command that wrote it.
    async fn command_id(&self) -> Option<Uuid> {
        self.0.command_id
    }

    /// The event or command that directly caused it.
    async fn causation_id(&self) -> Option<Uuid> {
        self.0.causation_id
    }

    /// The conversation it belongs to: the same for everything that one request caused.
    async fn correlation_id(&self) -> Option<Uuid> {
        self.0.correlation_id
    }

    /// When it happened in the business.
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.0.occurred_at
    }

    /// When it was written down.
    async fn recorded_at(&self) -> DateTime<Utc> {
        self.0.recorded_at
    }
}
