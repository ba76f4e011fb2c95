//! The bounded queue in front of a lane, fair among tenants. Pure: it never waits and never talks to a database.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Instant,
};

use event_schemas::TenantId;
use uuid::Uuid;

use crate::{Append, QueueLimits};

/// What waits, by tenant, and whose turn it is.
pub(super) struct Queue<T> {
    limits: QueueLimits,
    tenants: HashMap<TenantId, Waiting<T>>,
    turns: VecDeque<TenantId>,
    commands: usize,
    bytes: usize,
}

struct Waiting<T> {
    entries: VecDeque<(Append, T, Instant)>,
    bytes: usize,
}

/// What goes as one call: the appends, whose they are and since when they waited.
pub(super) struct Batch<T> {
    pub(super) appends: Vec<Append>,
    pub(super) tickets: Vec<T>,
    pub(super) since: Vec<Instant>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            appends: Vec::new(),
            tickets: Vec::new(),
            since: Vec::new(),
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            tenants: HashMap::new(),
            turns: VecDeque::new(),
            commands: 0,
            bytes: 0,
        }
    }

    /// Takes an append in, unless the queue is full or its tenant's share is.
    pub(super) fn push(&mut self, append: Append, ticket: T) -> Result<(), T> {
        let bytes = append.bytes();
        let share = |n: usize| n * self.limits.tenant_percent.clamp(1, 100) / 100;
        let (mine, my_bytes) = self
            .tenants
            .get(&append.tenant)
            .map_or((0, 0), |w| (w.entries.len(), w.bytes));
        // An empty share takes any one append, however large: the log has its own limit for events.
        if self.commands >= self.limits.commands
            || (self.commands > 0 && self.bytes + bytes > self.limits.bytes)
            || mine >= share(self.limits.commands).max(1)
            || (mine > 0 && my_bytes + bytes > share(self.limits.bytes))
        {
            return Err(ticket);
        }
        self.commands += 1;
        self.bytes += bytes;
        let tenant = append.tenant;
        let waiting = self.tenants.entry(tenant).or_insert_with(|| {
            self.turns.push_back(tenant);
            Waiting {
                entries: VecDeque::new(),
                bytes: 0,
            }
        });
        waiting.bytes += bytes;
        waiting.entries.push_back((append, ticket, Instant::now()));
        Ok(())
    }

    /// The next batch: one append of each tenant in turn, until a cap is reached. An idempotency key and an event stand in
    /// a batch once; the tenant waits for the next batch with its second use of one.
    pub(super) fn take(&mut self) -> Batch<T> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        let mut ids: HashSet<(TenantId, Uuid)> = HashSet::new();
        let mut held_back = VecDeque::new();
        while batch.appends.len() < self.limits.batch_commands && bytes < self.limits.batch_bytes {
            let Some(tenant) = self.turns.pop_front() else {
                break;
            };
            let Some(waiting) = self.tenants.get_mut(&tenant) else {
                continue;
            };
            let twice = waiting.entries.front().is_some_and(|(append, ..)| {
                let key = append.request_hash.is_some() && !ids.insert((tenant, append.command_id));
                let event = append.all_events().next();
                key || event.is_some_and(|event| !ids.insert((tenant, event.event_id)))
            });
            if twice {
                held_back.push_back(tenant);
                continue;
            }
            if let Some((append, ticket, since)) = waiting.entries.pop_front() {
                let weight = append.bytes();
                bytes += weight;
                waiting.bytes -= weight;
                self.bytes -= weight;
                self.commands -= 1;
                batch.appends.push(append);
                batch.tickets.push(ticket);
                batch.since.push(since);
            }
            if waiting.entries.is_empty() {
                self.tenants.remove(&tenant);
            } else {
                self.turns.push_back(tenant);
            }
        }
        held_back.append(&mut self.turns);
        self.turns = held_back;
        batch
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::StreamId;

    use super::*;
    use crate::Expected;

    fn append(tenant: u128, command: u128, remembered: bool) -> Append {
        Append {
            request_hash: remembered.then_some([0; 32]),
            ..Append::new(
                Uuid::from_u128(tenant).into(),
                StreamId("s".into()),
                Expected::Any,
                Uuid::from_u128(command),
                Vec::new(),
                Vec::new(),
            )
        }
    }

    fn queue(commands: usize, batch: usize) -> Queue<u32> {
        Queue::new(QueueLimits {
            commands,
            batch_commands: batch,
            ..QueueLimits::default()
        })
    }

    #[test]
    fn a_flooding_tenant_neither_fills_the_queue_nor_delays_the_others() {
        let mut queue = queue(100, 4);
        let taken = (0..100)
            .filter(|n| queue.push(append(1, *n, false), 0).is_ok())
            .count();
        assert_eq!(taken, 50, "half of the queue is one tenant's share");
        assert_eq!(queue.push(append(2, 1000, false), 7), Ok(()));
        let tickets = queue.take().tickets;
        assert_eq!(
            tickets,
            [0, 7, 0, 0],
            "the second tenant has the second turn"
        );
    }

    #[test]
    fn a_full_queue_refuses() {
        let mut queue = queue(2, 4);
        assert_eq!(queue.push(append(1, 1, false), 1), Ok(()));
        assert_eq!(queue.push(append(2, 2, false), 2), Ok(()));
        assert_eq!(queue.push(append(3, 3, false), 3), Err(3));
    }

    #[test]
    fn one_key_stands_in_a_batch_once() {
        let mut queue = queue(100, 10);
        for ticket in [1, 2] {
            assert_eq!(queue.push(append(1, 9, true), ticket), Ok(()));
        }
        assert_eq!(queue.push(append(2, 9, true), 3), Ok(()));
        assert_eq!(queue.take().tickets, [1, 3]);
        assert_eq!(queue.take().tickets, [2]);
        assert!(queue.take().tickets.is_empty());
    }
}
