//! Partitions whose checkpoints are behind what was passed, because nothing in between was wanted. Pure.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::due::Due;

/// For how long a checkpoint may be behind: processes that have no engine wait as long.
const LATEST: Duration = Duration::from_millis(100);

/// Those partitions, and since when the first of them is one.
#[derive(Default)]
pub(super) struct Unwritten {
    partitions: BTreeSet<u16>,
    since: Option<Instant>,
}

impl Unwritten {
    pub(super) fn add(&mut self, partitions: BTreeSet<u16>) {
        self.partitions.extend(partitions);
        self.since.get_or_insert_with(Instant::now);
    }

    /// When they must be written.
    pub(super) fn until(&self) -> Option<Instant> {
        self.since.map(|since| since + LATEST)
    }

    /// Puts them to what is due if it is time, or if a batch is due anyway.
    pub(super) fn join(&mut self, due: &mut Due, now: Instant) {
        let written: BTreeSet<u16> = due.near.iter().chain(&due.alone).copied().collect();
        let all = !due.near.is_empty() || self.until().is_some_and(|until| until <= now);
        if all {
            due.near.extend(self.partitions.difference(&written));
            due.near.sort_unstable();
            *self = Self::default();
        } else {
            self.partitions.retain(|one| !written.contains(one));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_in_time_or_with_others() {
        let mut unwritten = Unwritten::default();
        assert_eq!(unwritten.until(), None);
        unwritten.add([3, 1].into());
        let (mut due, now) = (Due::default(), Instant::now());
        unwritten.join(&mut due, now);
        assert!(due.is_empty() && unwritten.until().is_some());
        unwritten.join(&mut due, now + LATEST);
        assert_eq!((due.near, unwritten.until()), (vec![1, 3], None));

        unwritten.add([3, 1].into());
        let mut due = Due {
            alone: vec![1],
            near: vec![2],
        };
        unwritten.join(&mut due, now);
        assert_eq!((due.near, unwritten.until()), (vec![2, 3], None));
    }
}
