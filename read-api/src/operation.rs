//! What one GraphQL operation shares, and what makes it. Never reads a row.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Value, value};
use event_store::Store;

use crate::{session::Session, waiter::Waiter};

/// Gives every operation on [`Query`](crate::Query) what its fields share.
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

    /// What a new operation shares.
    pub(crate) fn operation(&self) -> Arc<Operation> {
        Arc::new(Operation {
            store: self.store.clone(),
            waiter: Arc::clone(&self.waiter),
            root: Arc::new(Session::new(None)),
            freshness: Mutex::default(),
        })
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

    /// How fresh the answer is, as the answer's `extensions.daybook` tells it; nothing where nobody waited.
    pub(crate) fn freshness(&self) -> Option<Value> {
        let mut noted = self
            .freshness
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        noted.take().map(|freshness| {
            value!({
                "position": (freshness.position.to_string()),
                "stale": (freshness.lag_events.is_some()),
                "lagEvents": (freshness.lag_events.unwrap_or(0).to_string()),
                "projections": (freshness.projections),
            })
        })
    }
}
