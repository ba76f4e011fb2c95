//! What one GraphQL operation shares, and the engine extension that makes it. Never reads a row.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{
    Request, Response, ServerResult, async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest, NextRequest},
    value,
};
use event_store::Store;

use crate::{session::Session, waiter::Waiter};

/// The engine extension without which [`Query`](crate::Query) cannot be executed: it gives every operation its session
/// and reports in the answer's `extensions.daybook` how fresh it is.
#[derive(Clone)]
pub struct Reads {
    store: Store,
    waiter: Arc<dyn Waiter>,
}

impl Reads {
    /// Reads from this store, after `waiter` has seen the token.
    pub fn new(store: Store, waiter: Arc<dyn Waiter>) -> Self {
        Self { store, waiter }
    }
}

impl ExtensionFactory for Reads {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Shared(Arc::new(Operation {
            store: self.store.clone(),
            waiter: Arc::clone(&self.waiter),
            root: Arc::new(Session::new(None)),
            freshness: Mutex::default(),
        })))
    }
}

/// What the query roots of one operation share.
pub(crate) struct Operation {
    pub(crate) store: Store,
    pub(crate) waiter: Arc<dyn Waiter>,
    /// The session of the operation's own query root.
    pub(crate) root: Arc<Session>,
    freshness: Mutex<Option<Freshness>>,
}

/// How the waiting for a token ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Freshness {
    /// The tenant's position that was waited for.
    pub(crate) position: i64,
    /// Which projections had to reach it.
    pub(crate) projections: Vec<&'static str>,
    /// By how many events they did not; `None` when they did.
    pub(crate) lag_events: Option<i64>,
}

impl Operation {
    /// Notes how a session's waiting ended. Of several, the answer reports the newest position and the worst lag.
    pub(crate) fn note(&self, session: Freshness) {
        let mut noted = self
            .freshness
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let freshness = match noted.take() {
            None => session,
            Some(mut earlier) => {
                earlier.position = earlier.position.max(session.position);
                earlier.lag_events = earlier.lag_events.max(session.lag_events);
                earlier.projections.extend(session.projections);
                earlier.projections.sort_unstable();
                earlier.projections.dedup();
                earlier
            }
        };
        *noted = Some(freshness);
    }
}

struct Shared(Arc<Operation>);

#[async_trait::async_trait]
impl Extension for Shared {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        next.run(ctx, request.data(Arc::clone(&self.0))).await
    }

    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let response = next.run(ctx).await;
        let freshness = self
            .0
            .freshness
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(freshness) = freshness else {
            return response;
        };
        response.extension(
            "daybook",
            value!({
                "position": (freshness.position.to_string()),
                "stale": (freshness.lag_events.is_some()),
                "lagEvents": (freshness.lag_events.unwrap_or(0).to_string()),
                "projections": (freshness.projections),
            }),
        )
    }
}
