//! Recent aggregates, in bounded memory. What it holds may be stale: an accepted command is proved by the log, everything
//! else is decided again on what the log has.

use event_schemas::{StreamId, TenantId};
use quick_cache::{Weighter, sync::Cache};

use crate::registry::State;

/// A stream of a tenant.
pub(crate) type Target = (TenantId, StreamId);

/// A state, and a next offset of the partition at which it was the newest.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) state: State,
    pub(crate) next_offset: i64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Target, Kept> for Weight {
    fn weight(&self, (_, stream): &Target, kept: &Kept) -> u64 {
        // The maps' own share and the aggregate's fields, roughly, beside what was folded into it.
        let bytes = 256 + stream.as_str().len() + kept.state.weight;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// The cache.
pub(crate) struct Aggregates(Cache<Target, Kept, Weight>);

impl Aggregates {
    /// One that takes about `bytes`; none at all for 0.
    pub(crate) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / 512).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(items, bytes, Weight))
    }

    pub(crate) fn get(&self, target: &Target) -> Option<Kept> {
        self.0.get(target)
    }

    /// Keeps what a command left or read, unless something later is there already.
    pub(crate) fn keep(&self, target: Target, kept: Kept) {
        let newer = self
            .0
            .peek(&target)
            .is_some_and(|known| known.state.version >= kept.state.version);
        if !newer {
            self.0.insert(target, kept);
        }
    }

    pub(crate) fn forget(&self, target: &Target) {
        self.0.remove(target);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;

    fn kept(version: i32) -> Kept {
        Kept {
            state: State::of(Arc::new(()), version),
            next_offset: 0,
        }
    }

    fn target(n: u128) -> Target {
        (TenantId(Uuid::from_u128(n)), StreamId("order-a".into()))
    }

    #[test]
    fn the_later_version_stays() {
        let cache = Aggregates::new(1 << 20);
        for version in [2, 3, 1] {
            cache.keep(target(1), kept(version));
        }
        assert_eq!(cache.get(&target(1)).map(|k| k.state.version), Some(3));
        cache.forget(&target(1));
        assert!(cache.get(&target(1)).is_none());
    }

    #[test]
    fn a_cache_of_nothing_keeps_nothing_and_a_full_one_no_more_than_it_may() {
        let none = Aggregates::new(0);
        none.keep(target(1), kept(1));
        assert!(none.get(&target(1)).is_none());
        let small = Aggregates::new(100 << 10);
        for n in 0..10_000 {
            small.keep(target(n), kept(1));
        }
        let held = (0..10_000).filter(|n| small.get(&target(*n)).is_some());
        // 100 KiB of at least 256 bytes each.
        assert!((1..=400).contains(&held.count()));
    }
}
