//! Where a projection stands in every partition, and where there is something to do. Pure.

use crate::Progress;

/// A partition that so many events wait in goes by itself: its batch is worth a transaction.
const FAR: i64 = 500;

/// The first offset of each partition that is not applied.
pub(super) struct Places(Vec<Place>);

#[derive(Clone, Copy)]
enum Place {
    /// It was not looked at yet.
    Unknown,
    At(i64),
    /// An event cannot be applied: nothing more is tried before the next start.
    Halted,
}

/// The partitions with something to do.
#[derive(Default)]
pub(super) struct Due {
    /// Far behind.
    pub(super) far: Vec<u16>,
    /// Near the head, or not looked at yet.
    pub(super) near: Vec<u16>,
}

impl Due {
    pub(super) fn partitions(&self) -> usize {
        self.far.len() + self.near.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partitions() == 0
    }
}

impl Places {
    pub(super) fn new(partitions: u16) -> Self {
        Self(vec![Place::Unknown; usize::from(partitions)])
    }

    /// What there is to do, with the heads there.
    pub(super) fn due(&self, heads: &[i64]) -> Due {
        let mut due = Due::default();
        for (partition, (place, head)) in (0..).zip(self.0.iter().zip(heads)) {
            match place {
                Place::Unknown => due.near.push(partition),
                Place::At(next) if head - next >= FAR => due.far.push(partition),
                Place::At(next) if head > next => due.near.push(partition),
                Place::At(_) | Place::Halted => {}
            }
        }
        due
    }

    /// Takes in what a batch did; whether it left anything of what it found.
    pub(super) fn take_in(&mut self, done: Vec<(u16, Progress)>) -> bool {
        let mut more = false;
        for (partition, progress) in done {
            let Some(place) = self.0.get_mut(usize::from(partition)) else {
                continue;
            };
            match progress {
                Progress::At {
                    next_offset, head, ..
                } => {
                    *place = Place::At(next_offset);
                    more |= head > next_offset;
                }
                Progress::Halted { .. } => *place = Place::Halted,
                Progress::Busy => {}
            }
        }
        more
    }

    /// All are to be looked at again, but for those that halted.
    pub(super) fn forget(&mut self) {
        for place in &mut self.0 {
            if matches!(place, Place::At(_)) {
                *place = Place::Unknown;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(next_offset: i64) -> Progress {
        Progress::At {
            applied: 0,
            next_offset,
            head: 0,
        }
    }

    #[test]
    fn what_is_due_follows_from_the_places_and_the_heads() {
        let mut places = Places::new(4);
        assert_eq!(places.due(&[0, 0, 0, 0]).near, [0, 1, 2, 3]);
        let halted = Progress::Halted {
            offset: 0,
            reason: String::new(),
        };
        let done = vec![(0, at(10)), (1, at(10)), (2, halted), (3, Progress::Busy)];
        assert!(!places.take_in(done));
        let due = places.due(&[10, 9 + FAR, 700, 0]);
        assert_eq!((due.far, due.near), (vec![], vec![1, 3]));
        assert_eq!(places.due(&[10, 10 + FAR, 700, 0]).far, [1]);
        places.forget();
        assert_eq!(places.due(&[10, 10, 700, 0]).near, [0, 1, 3]);
    }
}
