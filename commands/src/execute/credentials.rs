//! What the commands of a batch did to credentials, waited for once: what was issued works with the answer, what was
//! revoked is refused from it on.

use std::{collections::BTreeMap, time::Duration};

use super::Bus;
use crate::registry::CredentialChange;

/// How long commands wait for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Changed credentials.
#[derive(Default)]
pub(super) struct Changed {
    /// The last offset of each partition that has a change.
    offsets: BTreeMap<u16, i64>,
    revoked: bool,
}

impl Changed {
    pub(super) fn add(&mut self, change: CredentialChange, partition: u16, offset: i64) {
        let last = self.offsets.entry(partition).or_insert(offset);
        *last = offset.max(*last);
        self.revoked |= change == CredentialChange::Revoked;
    }

    /// Returns once everybody goes by the changes, or after a while.
    pub(super) async fn settle(self, bus: &Bus) {
        let Some(settle) = bus.settle.as_ref().filter(|_| !self.offsets.is_empty()) else {
            return;
        };
        for (partition, offset) in self.offsets {
            if let Err(problem) = settle.settle(partition, offset, PATIENCE).await {
                // The command stands; only its effect on credentials may take a moment longer.
                tracing::warn!(?problem, "credentials did not settle in time");
            }
        }
        if self.revoked {
            settle.forgotten().await;
        }
    }
}
