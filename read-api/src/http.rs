//! GraphQL over HTTP: owns how an operation arrives, is bounded and is answered; never what a field means.
//!
//! Follows the GraphQL-over-HTTP specification (2025 draft). `async_graphql` executes; this module decides what reaches
//! it and what leaves: negotiation, status codes, limits, masking.

pub mod consistency;
pub mod graphiql;
pub mod limit;
pub mod trusted;

mod answer;
mod as_of;
mod completion;
mod document;
mod engine;
mod failure;
mod json;
mod media;
mod order;
mod parameter;
mod serve;
mod variable;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_graphql::ObjectType;
use axum::{Router, routing::get};

pub use self::{
    consistency::Consistency, document::Document, engine::Engine, graphiql::graphiql,
    limit::Limits, trusted::Trusted,
};

/// How the endpoint behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a document may ask for before it is validated.
    pub limits: Limits,
    /// The longest an operation may take, from its arrival to its result.
    pub timeout: Duration,
    /// The largest body, in bytes.
    pub body: usize,
    /// The documents that are known, and whether others are executed.
    pub trusted: Trusted,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeout: Duration::from_secs(10),
            body: 256 * 1024,
            trusted: Trusted::default(),
        }
    }
}

/// What a request is served with.
struct Endpoint<Q, M> {
    engine: Engine<Q, M>,
    options: Options,
}

/// The route `/graphql`, for callers who are authenticated already: without a `gateway::Principal` among the request's
/// extensions it answers 401.
pub fn router<Q, M>(engine: Engine<Q, M>, options: Options) -> Router
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
{
    let endpoint = Arc::new(Endpoint { engine, options });
    Router::new()
        .route(
            "/graphql",
            get(serve::get::<Q, M>)
                .post(serve::post::<Q, M>)
                .fallback(serve::method_not_allowed),
        )
        .with_state(endpoint)
}
