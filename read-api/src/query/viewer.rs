//! Who is asking. Never decides what they may do.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use event_schemas::ActorKind;
use uuid::Uuid;

use crate::session::principal;

/// The query root's fields about the caller.
#[derive(Clone, Default)]
pub(crate) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who you are and what you may do. Needs no permission.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        let principal = principal(ctx)?;
        Ok(Viewer {
            tenant_id: principal.tenant.0,
            kind: principal.actor.kind.into(),
            actor_id: principal.actor.id.clone(),
            scopes: principal.scopes.iter().map(str::to_owned).collect(),
        })
    }
}

/// What kind of caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "ActorKind")]
pub(crate) enum ViewerKind {
    /// A person with a login.
    User,
    /// A program with an API key.
    ApiKey,
    /// The operator of the installation.
    Operator,
    /// A rule of the system itself.
    Policy,
}

/// The caller.
#[derive(SimpleObject, Debug)]
pub(crate) struct Viewer {
    /// The UUID of your organization: it comes from your credential alone.
    tenant_id: Uuid,
    /// What kind of caller you are.
    kind: ViewerKind,
    /// The id under which events record what you do: an API key's UUID.
    actor_id: String,
    /// What you may do: `*`, or `<context>:<action>`, or `<context>:*`.
    scopes: Vec<String>,
}
