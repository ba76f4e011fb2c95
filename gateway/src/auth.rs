//! Who is calling and what they may do: the principal, its scopes and the seam behind which credentials are checked.
//! Never decides which permission something needs.

pub mod api_key;
mod bearer;
mod lookup;
mod scopes;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use event_schemas::{Actor, TenantId};
use http::request::Parts;

use crate::Problem;

pub use api_key::ApiKeys;
pub use bearer::bearer;
pub use lookup::FORGOTTEN_AFTER;
pub use scopes::Scopes;

/// Somebody whose credential was accepted. A request extension of every protected route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The organisation the credential belongs to; nothing in a request can change it.
    pub tenant: TenantId,
    /// Who it is, as events record it.
    pub actor: Actor,
    /// What they may do.
    pub scopes: Scopes,
}

impl Principal {
    /// Refuses with 403 unless the permission `context:action` is among the scopes.
    pub fn require(&self, context: &str, action: &str) -> Result<(), Problem> {
        if self.scopes.allows(context, action) {
            return Ok(());
        }
        let permission = format!("{context}:{action}");
        tracing::info!(
            permission,
            actor = self.actor.id,
            "refused: the permission is missing"
        );
        Err(Problem::forbidden(&permission))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    /// Fails with 401 on a route that is not protected: a handler never runs without its principal.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::unauthenticated)
    }
}

/// Turns a bearer token into a principal. API keys are one implementation; signed tokens will be another.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The principal of `token`: what follows `Bearer`, or what a socket's first message brought.
    ///
    /// Fails with 401, in the same words for every reason, or with 503 when the credentials cannot be looked up.
    async fn authenticate(&self, token: &str) -> Result<Principal, Problem>;
}
