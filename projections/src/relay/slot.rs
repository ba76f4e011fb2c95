//! Slots: fixed sets of partitions that are published together, by one producer and in one transaction. Never changes the
//! sets: a slot's transactional id is what fences its former leaders.

/// How many there are. Fixed for ever.
pub(crate) const SLOTS: u16 = 4;

/// The slots of a log.
pub(crate) fn all(partitions: u16) -> impl Iterator<Item = u16> {
    0..SLOTS.min(partitions)
}

/// The partitions of a slot, ascending.
pub(crate) fn partitions(slot: u16, partitions: u16) -> Vec<u16> {
    (slot..partitions).step_by(usize::from(SLOTS)).collect()
}

/// The slot of a partition.
pub(crate) fn of(partition: u16) -> u16 {
    partition % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_is_in_one_slot() {
        for count in [1, 3, 16, 17] {
            let mut seen: Vec<u16> = all(count)
                .flat_map(|slot| partitions(slot, count))
                .collect();
            for slot in all(count) {
                assert!(partitions(slot, count).iter().all(|p| of(*p) == slot));
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }
}
