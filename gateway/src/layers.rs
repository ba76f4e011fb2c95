//! The layers around every route, in their order: request id and trace, security headers, problem mapping, metrics,
//! panics, body limit, authentication, tenant. Never looks into a body.

mod client;
mod context;
mod mapping;
mod tenant;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    middleware,
};
use event_store::Clock;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Authenticate, metrics};

pub use client::{Client, Clients};
pub use context::RequestContext;

/// The largest body a route takes unless it says otherwise with its own [`DefaultBodyLimit`]: 1 MiB, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// Puts the layers around everything, public and protected. To be called once, on the finished router.
///
/// A route sets another body limit with its own [`DefaultBodyLimit`] layer, a time limit with tower-http's
/// `TimeoutLayer` (answering 504), and another content security policy with that header.
pub fn edge(router: Router, clock: Arc<dyn Clock>, clients: Clients) -> Router {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CatchPanicLayer::custom(mapping::panicked))
        .layer(middleware::from_fn(metrics::measure))
        .layer(middleware::from_fn(mapping::map))
        .layer(middleware::from_fn(mapping::secure))
        .layer(middleware::from_fn_with_state(
            (clock, clients),
            context::enter,
        ))
}

/// Puts authentication before these routes, which must be at least one. Handlers find the [`crate::Principal`].
pub fn protected(router: Router, authenticate: Arc<dyn Authenticate>) -> Router {
    router.route_layer(middleware::from_fn_with_state(authenticate, tenant::enter))
}

/// The state of a layer.
type Shared<T> = State<Arc<T>>;

#[cfg(test)]
mod tests;
