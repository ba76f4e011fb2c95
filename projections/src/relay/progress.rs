//! How far this process has published, to be written down for those who watch. Never what anybody relies on.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::slot;

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

    /// Takes what is to be written down of a slot.
    pub(super) fn take_of(&self, slot: u16) -> Vec<(u16, i64)> {
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moved
            .extract_if(.., |partition, _| slot::of(*partition) == slot)
            .collect()
    }

    /// Puts back what could not be written down, but for what has moved on since.
    pub(super) fn put_back(&self, taken: Vec<(u16, i64)>) {
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, next) in taken {
            moved.entry(partition).or_insert(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_back_never_goes_behind_what_moved_since() {
        let progress = Progress::default();
        progress.moved(1, 10);
        progress.moved(2, 20);
        let taken = progress.take();
        progress.moved(1, 11);
        progress.put_back(taken);
        assert_eq!(progress.take(), [(1, 11), (2, 20)]);
        assert!(progress.take().is_empty());
    }

    #[test]
    fn a_slot_is_taken_alone() {
        let progress = Progress::default();
        progress.moved(0, 10);
        progress.moved(1, 20);
        let first = slot::of(0);
        assert_ne!(slot::of(1), first);
        assert_eq!(progress.take_of(first), [(0, 10)]);
        assert_eq!(progress.take(), [(1, 20)]);
    }
}
