//! The seam behind which an answer waits for the read models. Never reads one.

use std::time::Duration;

use async_graphql::async_trait::async_trait;
use event_schemas::TenantId;
use event_store::Token;

/// Waits until read models have passed a token.
#[async_trait]
pub trait Waiter: Send + Sync {
    /// Returns as soon as every one of the projections has applied the tenant's event that `token` points at.
    ///
    /// Fails with [`WaitError::NotCaughtUp`] after `timeout`, and with [`WaitError::Parked`] where waiting does not help.
    async fn wait(
        &self,
        tenant: TenantId,
        token: Token,
        projections: &[&'static str],
        timeout: Duration,
    ) -> Result<(), WaitError>;
}

/// Why the waiting ended without the token being reached.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The time was too short.
    #[error("the read models are {lag_events} events behind; try again in a moment")]
    NotCaughtUp {
        /// How many events of the partition the slowest projection still has to apply to reach the token.
        lag_events: i64,
    },
    /// The tenant is parked in one of them.
    #[error("the read model '{projection}' stands still before event {position}")]
    Parked {
        /// Which one.
        projection: String,
        /// The position of the first event that it lacks.
        position: i64,
        /// How many events of the tenant it lacks.
        lag_events: i64,
    },
    /// The checkpoints cannot be read.
    #[error(transparent)]
    Failed(#[from] projections::Error),
}
