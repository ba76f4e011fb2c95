//! Events on their way from Kafka to the projections, bounded: of each partition that this process reads, what came and was
//! not taken. Never asks Kafka itself.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use event_schemas::RecordedEvent;
use metrics::{counter, gauge};
use tokio::sync::watch;

use crate::meter;

/// What waits of a partition at most, in events and in bytes of payloads, before Kafka is asked for no more.
const MOST: usize = 4_000;
const MOST_BYTES: usize = 4 << 20;

/// Events on their way from Kafka to the projections.
pub(crate) struct Feed {
    partitions: Vec<Mutex<Option<Buffer>>>,
    /// Of each partition the offset after the last event that came; 0 for those of other processes.
    heads: watch::Sender<Vec<i64>>,
}

/// What came of a partition and was not taken.
struct Buffer {
    events: VecDeque<RecordedEvent>,
    bytes: usize,
    /// The offset that comes next.
    next: i64,
}

/// What there is from an offset on.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken {
    /// These.
    Events(Vec<RecordedEvent>),
    /// Only what begins at a later offset.
    From(i64),
    /// Nothing yet.
    Nothing,
}

impl Feed {
    pub(crate) fn new(partitions: u16) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Mutex::default()).collect(),
            heads: watch::Sender::new(vec![0; usize::from(partitions)]),
        }
    }

    /// A receiver that is woken whenever something comes.
    pub(crate) fn heads(&self) -> watch::Receiver<Vec<i64>> {
        self.heads.subscribe()
    }

    /// Takes events from an offset on, and forgets those before it.
    pub(crate) fn take(&self, partition: u16, from: i64, most: i64, bytes: i64) -> Taken {
        let Some(mut buffer) = self.lock(partition) else {
            return Taken::Nothing;
        };
        let Some(buffer) = buffer.as_mut() else {
            return Taken::Nothing;
        };
        buffer.take(
            from,
            usize::try_from(most).unwrap_or(0),
            usize::try_from(bytes).unwrap_or(0),
        )
    }

    /// Takes in what comes; true if nothing more should come for now.
    pub(super) fn push(&self, event: RecordedEvent) -> bool {
        let (partition, offset) = (event.partition, event.offset);
        let Some(mut buffer) = self.lock(partition) else {
            return false;
        };
        let Some(buffer) = buffer.as_mut() else {
            return false;
        };
        if offset < buffer.next {
            return false;
        }
        if offset > buffer.next {
            // What is missing is read from the log, where it is missed: only what follows is here.
            tracing::warn!(
                partition,
                offset,
                expected = buffer.next,
                "events are missing on Kafka; they are read from the log"
            );
            counter!(meter::MISSING).increment(u64::try_from(offset - buffer.next).unwrap_or(0));
            buffer.events.clear();
            buffer.bytes = 0;
        }
        buffer.next = offset + 1;
        buffer.bytes += event.payload.len();
        buffer.events.push_back(event);
        let full = buffer.is_full();
        self.heads.send_modify(|heads| {
            if let Some(head) = heads.get_mut(usize::from(partition)) {
                *head = offset + 1;
            }
        });
        full
    }

    /// This process reads the partition from now on, from that offset.
    pub(super) fn assign(&self, partition: u16, next: i64) {
        if let Some(mut buffer) = self.lock(partition) {
            *buffer = Some(Buffer {
                events: VecDeque::new(),
                bytes: 0,
                next,
            });
        }
        self.set_head(partition, next);
    }

    /// Others read it.
    pub(super) fn revoke(&self, partition: u16) {
        if let Some(mut buffer) = self.lock(partition) {
            *buffer = None;
        }
        self.set_head(partition, 0);
    }

    fn set_head(&self, partition: u16, next: i64) {
        let ours = |partition: &Mutex<Option<Buffer>>| {
            let buffer = partition.lock().unwrap_or_else(PoisonError::into_inner);
            u32::from(buffer.is_some())
        };
        let count: u32 = self.partitions.iter().map(ours).sum();
        gauge!(meter::PARTITIONS).set(count);
        self.heads.send_modify(|heads| {
            if let Some(head) = heads.get_mut(usize::from(partition)) {
                *head = next;
            }
        });
    }

    pub(super) fn has_room(&self, partition: u16) -> bool {
        let buffer = self.lock(partition);
        buffer.is_none_or(|buffer| buffer.as_ref().is_none_or(|buffer| !buffer.is_half_full()))
    }

    fn lock(&self, partition: u16) -> Option<MutexGuard<'_, Option<Buffer>>> {
        let buffer = self.partitions.get(usize::from(partition))?;
        Some(buffer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Buffer {
    fn take(&mut self, from: i64, most: usize, bytes: usize) -> Taken {
        let start = self.events.front().map_or(self.next, |event| event.offset);
        if from < start {
            return Taken::From(start);
        }
        while self.events.front().is_some_and(|event| event.offset < from) {
            self.pop();
        }
        let (mut taken, mut size) = (Vec::new(), 0);
        while let Some(event) = self.events.front() {
            size += event.payload.len();
            if taken.len() == most || (size > bytes && !taken.is_empty()) {
                break;
            }
            taken.extend(self.pop());
        }
        if taken.is_empty() {
            Taken::Nothing
        } else {
            Taken::Events(taken)
        }
    }

    fn pop(&mut self) -> Option<RecordedEvent> {
        let event = self.events.pop_front()?;
        self.bytes -= event.payload.len();
        Some(event)
    }

    fn is_full(&self) -> bool {
        self.events.len() >= MOST || self.bytes >= MOST_BYTES
    }

    fn is_half_full(&self) -> bool {
        self.events.len() >= MOST / 2 || self.bytes >= MOST_BYTES / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::event;

    fn feed(next: i64, offsets: std::ops::Range<i64>) -> Feed {
        let feed = Feed::new(1);
        feed.assign(0, next);
        for offset in offsets {
            feed.push(event(offset));
        }
        feed
    }

    fn offsets(taken: Taken) -> Vec<i64> {
        match taken {
            Taken::Events(events) => events.iter().map(|event| event.offset).collect(),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn what_came_is_taken_once_and_in_pages() {
        let feed = feed(10, 10..20);
        assert_eq!(offsets(feed.take(0, 10, 3, 1_000)), [10, 11, 12]);
        assert_eq!(offsets(feed.take(0, 13, 100, 25)), [13, 14]);
        assert_eq!(offsets(feed.take(0, 15, 100, 1)), [15]);
        assert_eq!(offsets(feed.take(0, 18, 100, 1_000)), [18, 19]);
        assert_eq!(feed.take(0, 20, 100, 1_000), Taken::Nothing);
        assert_eq!(feed.take(0, 10, 100, 1_000), Taken::From(20));
        assert_eq!(*feed.heads().borrow(), [20]);
    }

    #[test]
    fn what_was_applied_before_is_left_out() {
        let feed = feed(12, 10..14);
        assert_eq!(offsets(feed.take(0, 12, 100, 1_000)), [12, 13]);
        assert_eq!(feed.take(0, 11, 100, 1_000), Taken::From(14));
    }

    #[test]
    fn what_is_missing_on_kafka_is_left_to_the_log() {
        let feed = feed(0, 0..2);
        feed.push(event(5));
        assert_eq!(feed.take(0, 0, 100, 1_000), Taken::From(5));
        assert_eq!(offsets(feed.take(0, 5, 100, 1_000)), [5]);
    }

    #[test]
    fn partitions_of_others_give_nothing() {
        let feed = feed(0, 0..3);
        feed.revoke(0);
        assert!(!feed.push(event(3)));
        assert_eq!(feed.take(0, 0, 100, 1_000), Taken::Nothing);
        assert_eq!(*feed.heads().borrow(), [0]);
    }

    #[test]
    fn a_full_buffer_asks_for_no_more_until_half_of_it_is_taken() {
        let feed = Feed::new(1);
        feed.assign(0, 0);
        let full = (0..10_000).find(|offset| feed.push(event(*offset)));
        assert_eq!(full.map(|offset| offset + 1), i64::try_from(MOST).ok());
        assert!(!feed.has_room(0));
        feed.take(0, 0, 2_001, i64::MAX);
        assert!(feed.has_room(0));
    }
}
