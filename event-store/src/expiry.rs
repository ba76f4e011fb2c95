//! Forgets the idempotency keys whose time is over, so that `log.command` does not grow for ever. Never touches an event, and
//! never keeps an append waiting for longer than a small batch takes. One process does it at a time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::counter;
use tokio_util::sync::CancellationToken;

use crate::{Error, Store};

/// Between two looks for keys that expired meanwhile.
const PERIOD: Duration = Duration::from_mins(1);
/// Keys of one batch, each a transaction of milliseconds: an append that uses one of them again waits for it.
const BATCH: i32 = 2_000;
/// Between two batches, so that forgetting a lot takes little of the database.
const PAUSE: Duration = Duration::from_millis(50);

/// Prunes until cancelled.
pub(crate) async fn run(store: Store, cancelled: CancellationToken) {
    let pruning = async {
        loop {
            if let Err(error) = store.prune_commands().await {
                // They wait for the next time.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "expired idempotency keys could not be forgotten"
                );
            }
            tokio::time::sleep(PERIOD).await;
        }
    };
    tokio::select! {
        () = pruning => {}
        () = cancelled.cancelled() => {}
    }
}

impl Store {
    /// Forgets every idempotency key that has expired, in batches, and answers how many they were. While another process is
    /// at it there is nothing to do. A store that was [started](Self::start) does this every minute itself.
    ///
    /// # Errors
    /// When the database cannot be asked; the batches until then stay done.
    pub async fn prune_commands(&self) -> Result<u64, Error> {
        let (mut all, mut since) = (0, None::<DateTime<Utc>>);
        loop {
            let batch = sqlx::query!(
                r#"select pruned as "pruned!", until from log.prune_commands($1, $2)"#,
                since,
                BATCH
            )
            .fetch_optional(self.append_pool())
            .await?;
            let Some(batch) = batch else {
                return Ok(all);
            };
            let pruned = u64::try_from(batch.pruned).unwrap_or(0);
            counter!("log_commands_pruned_total").increment(pruned);
            all += pruned;
            if batch.pruned < i64::from(BATCH) {
                return Ok(all);
            }
            since = batch.until;
            tokio::time::sleep(PAUSE).await;
        }
    }
}
