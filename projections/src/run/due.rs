//! Where a projection stands in every partition, where there is something to do and what waits after a failure. Pure.

use std::time::{Duration, Instant};

use crate::Progress;

/// A partition that so many events wait in goes by itself: its batch is worth a transaction.
const FAR: i64 = 500;
/// The pauses after a failure that passes: from the first, doubled, up to the last.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(10);

/// The first offset of each partition that is not applied.
pub(super) struct Places(Vec<Place>);

#[derive(Clone, Copy)]
struct Place {
    reached: Reached,
    /// Where it failed with others or by itself: it goes alone until it succeeds, so that it takes nobody with it.
    apart: bool,
    /// Where it failed and may pass: nothing is tried before.
    until: Option<Instant>,
    /// The pause that led there; none since it succeeded.
    pause: Duration,
}

#[derive(Clone, Copy)]
enum Reached {
    /// It was not looked at yet.
    Unknown,
    At(i64),
    /// It cannot go on: nothing more is tried before the next start.
    Halted,
}

impl Place {
    fn new(reached: Reached) -> Self {
        Self {
            reached,
            apart: false,
            until: None,
            pause: Duration::ZERO,
        }
    }
}

/// The partitions with something to do.
#[derive(Default)]
pub(super) struct Due {
    /// Far behind, or set apart.
    pub(super) alone: Vec<u16>,
    /// Near the head, or not looked at yet.
    pub(super) near: Vec<u16>,
}

impl Due {
    pub(super) fn is_empty(&self) -> bool {
        self.alone.is_empty() && self.near.is_empty()
    }
}

impl Places {
    pub(super) fn new(partitions: u16) -> Self {
        Self(vec![Place::new(Reached::Unknown); usize::from(partitions)])
    }

    /// What there is to do, with the heads there.
    pub(super) fn due(&self, heads: &[i64], now: Instant) -> Due {
        let mut due = Due::default();
        for (partition, (place, head)) in (0..).zip(self.0.iter().zip(heads)) {
            let waiting = match place.reached {
                _ if place.until.is_some_and(|until| until > now) => continue,
                Reached::Unknown => None,
                Reached::At(next) if *head > next => Some(head - next),
                Reached::Halted | Reached::At(_) => continue,
            };
            if place.apart || waiting.is_some_and(|events| events >= FAR) {
                due.alone.push(partition);
            } else {
                due.near.push(partition);
            }
        }
        due
    }

    /// Where these stand, if that is known.
    pub(super) fn known(&self, partitions: &[u16]) -> Vec<(u16, i64)> {
        let place = |partition: &u16| {
            let place = self.0.get(usize::from(*partition))?;
            match place.reached {
                Reached::At(next) => Some((*partition, next)),
                Reached::Unknown | Reached::Halted => None,
            }
        };
        partitions.iter().filter_map(place).collect()
    }

    /// When the first of those that rest may be tried again.
    pub(super) fn rested(&self, now: Instant) -> Option<Instant> {
        let ends = self.0.iter().filter_map(|place| place.until);
        ends.filter(|until| *until > now).min()
    }

    /// Whether there is nothing left to do before the next start.
    pub(super) fn all_halted(&self) -> bool {
        let mut places = self.0.iter();
        places.all(|place| matches!(place.reached, Reached::Halted))
    }

    /// Takes in what a batch did; whether it left anything of what it found.
    pub(super) fn take_in(&mut self, done: Vec<(u16, Progress)>) -> bool {
        let mut more = false;
        for (partition, progress) in done {
            let reached = match progress {
                Progress::At {
                    next_offset, head, ..
                } => {
                    more |= head > next_offset;
                    Reached::At(next_offset)
                }
                Progress::Halted { .. } => Reached::Halted,
                Progress::Busy => continue,
            };
            self.each(&[partition], |place| *place = Place::new(reached));
        }
        more
    }

    /// From now on these are tried one by one, each until it succeeds.
    pub(super) fn set_apart(&mut self, partitions: &[u16]) {
        self.each(partitions, |place| place.apart = true);
    }

    /// These are tried together with the others again.
    pub(super) fn join(&mut self, partitions: &[u16]) {
        self.each(partitions, |place| place.apart = false);
    }

    /// These failed for a reason that may pass: they rest, all until the same time.
    pub(super) fn rest(&mut self, partitions: &[u16], now: Instant) {
        let mut longest = Duration::ZERO;
        self.each(partitions, |place| longest = longest.max(place.pause));
        let pause = (longest * 2).clamp(FIRST_RETRY, LAST_RETRY);
        self.each(partitions, |place| {
            place.pause = pause;
            place.until = Some(now + pause);
        });
    }

    /// These failed for a reason that stays.
    pub(super) fn halt(&mut self, partitions: &[u16]) {
        self.each(partitions, |place| *place = Place::new(Reached::Halted));
    }

    /// All are to be looked at again, but for those that halted; those that rest do so first.
    pub(super) fn forget(&mut self) {
        for place in &mut self.0 {
            if matches!(place.reached, Reached::At(_)) {
                place.reached = Reached::Unknown;
            }
        }
    }

    fn each(&mut self, partitions: &[u16], mut change: impl FnMut(&mut Place)) {
        for partition in partitions {
            if let Some(place) = self.0.get_mut(usize::from(*partition)) {
                change(place);
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

    fn halted() -> Progress {
        Progress::Halted {
            offset: 0,
            reason: String::new(),
        }
    }

    fn due(places: &Places, heads: &[i64], now: Instant) -> (Vec<u16>, Vec<u16>) {
        let due = places.due(heads, now);
        (due.alone, due.near)
    }

    #[test]
    fn what_is_due_follows_from_the_places_and_the_heads() {
        let (mut places, now) = (Places::new(4), Instant::now());
        assert_eq!(due(&places, &[0, 0, 0, 0], now), (vec![], vec![0, 1, 2, 3]));
        let done = vec![(0, at(10)), (1, at(10)), (2, halted()), (3, Progress::Busy)];
        assert!(!places.take_in(done));
        let heads = [10, 9 + FAR, 700, 0];
        assert_eq!(due(&places, &heads, now), (vec![], vec![1, 3]));
        assert_eq!(due(&places, &[10, 10 + FAR, 700, 0], now).0, [1]);
        places.forget();
        assert_eq!(due(&places, &[10, 10, 700, 0], now).1, [0, 1, 3]);
    }

    #[test]
    fn nothing_is_left_to_do_once_every_partition_has_halted() {
        let (mut places, now) = (Places::new(2), Instant::now());
        assert!(!places.all_halted());
        places.take_in(vec![(0, halted()), (1, at(3))]);
        assert!(!places.all_halted());
        places.halt(&[1]);
        assert!(places.all_halted());
        places.forget();
        assert!(places.all_halted() && places.due(&[9, 9], now).is_empty());
    }

    #[test]
    fn those_that_failed_together_go_one_by_one_until_each_succeeds() {
        let (mut places, now) = (Places::new(3), Instant::now());
        places.set_apart(&[0, 1]);
        assert_eq!(due(&places, &[5, 5, 5], now), (vec![0, 1], vec![2]));
        places.take_in(vec![(1, at(4))]);
        assert_eq!(due(&places, &[5, 5, 5], now), (vec![0], vec![1, 2]));
        places.forget();
        assert_eq!(due(&places, &[5, 5, 5], now), (vec![0], vec![1, 2]));
    }

    #[test]
    fn one_that_fails_rests_longer_each_time_and_the_others_go_on() {
        let (mut places, mut now) = (Places::new(2), Instant::now());
        assert_eq!(places.rested(now), None);
        for pause in [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000] {
            let ends = now + Duration::from_millis(pause);
            places.rest(&[0], now);
            places.forget();
            assert_eq!(places.rested(now), Some(ends));
            assert_eq!(due(&places, &[5, 5], now).1, [1]);
            assert_eq!(due(&places, &[5, 5], ends).1, [0, 1]);
            now = ends;
        }
        places.take_in(vec![(0, at(1))]);
        places.rest(&[0], now);
        assert_eq!(places.rested(now), Some(now + FIRST_RETRY));
    }

    #[test]
    fn those_that_miss_the_database_rest_and_go_on_together() {
        let (mut places, now) = (Places::new(3), Instant::now());
        places.set_apart(&[1]);
        places.rest(&[1], now);
        places.rest(&[0, 1, 2], now);
        places.join(&[0, 1, 2]);
        let ends = now + FIRST_RETRY * 2;
        assert_eq!(places.rested(now), Some(ends));
        assert!(places.due(&[5, 5, 5], now + FIRST_RETRY).is_empty());
        assert_eq!(due(&places, &[5, 5, 5], ends), (vec![], vec![0, 1, 2]));
    }
}
