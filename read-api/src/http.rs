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
mod failure;
mod json;
mod media;
mod parameter;
mod serve;
mod variable;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_graphql::{Executor, ObjectType, SchemaBuilder, SubscriptionType};
use axum::{Router, routing::get};

pub use self::{consistency::Consistency, graphiql::graphiql, limit::Limits, trusted::Trusted};

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
#[derive(Clone)]
struct Endpoint<E> {
    executor: E,
    options: Arc<Options>,
}

/// Makes the engine fit this transport: operations on the schema have a bounded, reported cost, and failed fields are
/// null as the specification wants.
///
/// A list field says by how much it multiplies the cost of what it holds:
/// `#[graphql(complexity = "first.unwrap_or(20) as usize * child_complexity + 1")]`.
pub fn prepare<Q, M, S>(builder: SchemaBuilder<Q, M, S>, limits: Limits) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    builder
        .limit_recursive_depth(limits.nesting)
        .extension(limit::Cost { limits })
        .extension(completion::Completion)
}

/// The route `/graphql`, for callers who are authenticated already: without a `gateway::Principal` among the request's
/// extensions it answers 401. The schema must come from [`prepare`].
pub fn router<E: Executor>(executor: E, options: Options) -> Router {
    let endpoint = Endpoint {
        executor,
        options: Arc::new(options),
    };
    Router::new()
        .route(
            "/graphql",
            get(serve::get::<E>)
                .post(serve::post::<E>)
                .fallback(serve::method_not_allowed),
        )
        .with_state(endpoint)
}
