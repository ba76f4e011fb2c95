//! How far this process has published, to be written down for those who watch. Never what anybody relies on.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The partitions that moved since they were last written down.
#[derive(Default)]
pub(super) struct Progress(Mutex<BTreeMap<u16, i64>>);

impl Progress {
    /// Everything before `next` is published.
    pub(super) fn moved(&self, partition: u16, next: i64) {
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moved.insert(partition, next);
    }

    /// Takes what is to be written down.
    pub(super) fn take(&self) -> Vec<(u16, i64)> {
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *moved).into_iter().collect()
    }
}
