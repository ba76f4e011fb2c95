//! What a writer remembers of the partitions it appends to, and how it numbers a batch from that. Pure: it never talks to
//! a database, and whatever it says counts only if the swap of `log.append_numbered` succeeds.

use std::collections::{BTreeMap, HashMap, HashSet};

use event_schemas::{StreamId, TenantId};
use uuid::Uuid;

use super::{Append, Appended, Outcome, TenantChange, Write};

/// How many entries a generation takes before it is the old one. A command's fact is rarely older than that.
const GENERATION: usize = 32_768;

/// What a writer remembers. It belongs to one connection, moves after a commit and is dropped on anything else.
#[derive(Default)]
pub(super) struct Memory {
    partitions: HashMap<u16, Chain>,
}

/// An unbroken run of this writer's own appends to one partition.
struct Chain {
    /// The partition's next offset.
    next: i64,
    /// From which offset on the young generation knows every append; before it, the old one.
    young_since: i64,
    /// From which offset on anything is known at all: what a fact says counts from here on.
    since: i64,
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    tenants: HashMap<TenantId, Known>,
    entries: usize,
}

/// What was appended for one tenant.
#[derive(Default)]
struct Known {
    position: i64,
    versions: HashMap<Box<str>, i32>,
    commands: HashSet<Uuid>,
}

/// A command with its numbers.
pub(super) struct Numbered<'a> {
    pub(super) append: &'a Append,
    /// Its place in the batch.
    pub(super) index: usize,
    pub(super) partition: u16,
    pub(super) first_offset: i64,
    pub(super) first_position: i64,
    /// The version before its first event.
    pub(super) version: i32,
}

/// The compare-and-swap of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Swap {
    pub(super) base: i64,
    pub(super) events: i64,
}

/// Why a command goes the checked way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// It asks for what only the database decides: any version, other streams, unique values, a tenant's state, a time.
    Asks,
    /// Nothing recent enough is known of its tenant or its stream.
    Unknown,
    /// Its expected version or its key does not fit what is known.
    Doubtful,
    /// It stands behind such a command of its tenant.
    Behind,
}

/// A batch, as far as it can be numbered.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) numbered: Vec<Numbered<'a>>,
    pub(super) swaps: BTreeMap<u16, Swap>,
    /// The rest, by their place in the batch.
    pub(super) checked: Vec<(usize, Why)>,
    positions: HashMap<TenantId, i64>,
    versions: HashMap<(TenantId, &'a str), i32>,
}

impl Memory {
    /// Numbers what it can of a batch, in its order.
    /// `checks`: whether it may prove by itself that nothing happened to a stream.
    pub(super) fn plan<'a>(
        &mut self,
        partitions: u16,
        batch: &[&'a Append],
        checks: bool,
    ) -> Plan<'a> {
        // A fact that is newer than the memory says that somebody else appended in between.
        for append in batch {
            if let Some(fact) = append.fact {
                let partition = append.tenant.partition(partitions);
                let stale = self
                    .partitions
                    .get(&partition)
                    .is_none_or(|chain| chain.next < fact.next_offset);
                if stale {
                    self.partitions
                        .insert(partition, Chain::at(fact.next_offset));
                }
            }
        }
        let mut plan = Plan::default();
        let mut diverted = HashSet::new();
        for (index, append) in batch.iter().copied().enumerate() {
            let partition = append.tenant.partition(partitions);
            let numbers = if diverted.contains(&append.tenant) {
                Err(Why::Behind)
            } else {
                self.number(&plan, partition, append, checks)
            };
            match numbers {
                Ok((base, position, version)) => {
                    plan.add(index, append, partition, base, position, version);
                }
                Err(why) => {
                    // The tenant's order stays: what follows of it goes the same way.
                    diverted.insert(append.tenant);
                    plan.checked.push((index, why));
                }
            }
        }
        plan
    }

    /// The partition's next offset, the tenant's position and the stream's version as this batch leaves them so far.
    fn number(
        &self,
        plan: &Plan<'_>,
        partition: u16,
        append: &Append,
        checks: bool,
    ) -> Result<(i64, i64, i32), Why> {
        let expected = append.expected.version().ok_or(Why::Asks)?;
        let only_checked = |other: &Write| checks && other.events.is_empty();
        // Only the database knows which event has a version.
        if append
            .parts()
            .any(|(_, expected, _)| expected.event().is_some())
            || !append.others.iter().all(only_checked)
            || !append.claims.is_empty()
            || append.change.is_some()
            || append.occurred_at.is_some()
        {
            return Err(Why::Asks);
        }
        let chain = self.partitions.get(&partition).ok_or(Why::Unknown)?;
        // What the load saw counts only if everything since is this writer's own and still remembered.
        let fact = append.fact.filter(|fact| fact.next_offset >= chain.since);
        let known = [&chain.young, &chain.old].map(|g| g.tenants.get(&append.tenant));
        let position = plan
            .positions
            .get(&append.tenant)
            .copied()
            .or_else(|| known.iter().flatten().next().map(|k| k.position))
            .or_else(|| fact.and_then(|fact| fact.position))
            .ok_or(Why::Unknown)?;
        let version_of = |stream: &StreamId| {
            let planned = plan.versions.get(&(append.tenant, stream.as_str()));
            let mut known = known.iter().flatten();
            planned
                .or_else(|| known.find_map(|k| k.versions.get(stream.as_str())))
                .copied()
        };
        let version = version_of(&append.stream);
        for other in &append.others {
            let expected = other.expected.version().ok_or(Why::Asks)?;
            // No key catches a wrong word about a stream that is not written: only what the database said counts.
            if version_of(&other.stream).ok_or(Why::Unknown)? != expected {
                return Err(Why::Doubtful);
            }
        }
        // A stream that must not exist needs no fact: a first event that is there already is caught by its key.
        if version.is_none() && fact.is_none() && expected > 0 {
            return Err(Why::Unknown);
        }
        let repeated = append.request_hash.is_some()
            && known
                .iter()
                .flatten()
                .any(|k| k.commands.contains(&append.command_id));
        if repeated || version.is_some_and(|version| version != expected) {
            return Err(Why::Doubtful);
        }
        Ok((chain.next, position, expected))
    }

    /// Takes in what was written as planned.
    pub(super) fn written(&mut self, plan: &Plan<'_>) {
        for numbered in &plan.numbered {
            if let Some(chain) = self.partitions.get_mut(&numbered.partition) {
                chain.remember(
                    numbered.append,
                    numbered.first_position + events_of(numbered.append) - 1,
                    numbered.first_versions(),
                );
            }
        }
        for (partition, swap) in &plan.swaps {
            if let Some(chain) = self.partitions.get_mut(partition) {
                chain.advance(swap.base + swap.events);
            }
        }
    }

    /// Takes in what a checked call of this writer did.
    pub(super) fn learn(&mut self, partitions: u16, batch: &[&Append], outcomes: &[Outcome]) {
        let appended = || {
            batch.iter().zip(outcomes).filter_map(|(append, outcome)| {
                let Outcome::Appended(numbers) = outcome else {
                    return None;
                };
                Some((*append, numbers, append.tenant.partition(partitions)))
            })
        };
        let mut ranges: BTreeMap<u16, (i64, i64)> = BTreeMap::new();
        for (_, numbers, partition) in appended() {
            let range = ranges
                .entry(partition)
                .or_insert((numbers.first_offset, numbers.last_offset()));
            *range = (
                range.0.min(numbers.first_offset),
                range.1.max(numbers.last_offset()),
            );
        }
        for (partition, (first, _)) in &ranges {
            // Under the partition's lock everything from its first offset on was this writer's.
            let chain = self
                .partitions
                .entry(*partition)
                .or_insert_with(|| Chain::at(*first));
            if chain.next != *first {
                *chain = Chain::at(*first);
            }
        }
        for (append, numbers, partition) in appended() {
            if let Some(chain) = self.partitions.get_mut(&partition) {
                let versions = numbers.first_versions.iter().copied();
                chain.remember(append, numbers.last_position(), versions);
            }
        }
        for (partition, (_, last)) in &ranges {
            if let Some(chain) = self.partitions.get_mut(partition) {
                chain.advance(last + 1);
            }
        }
        // A tenant's state is none of the facts: what was seen before it changed counts no more.
        for (append, _, partition) in appended() {
            let changed = append
                .change
                .is_some_and(|change| change != TenantChange::Register);
            if let Some(chain) = self.partitions.get_mut(&partition).filter(|_| changed) {
                *chain = Chain::at(chain.next);
            }
        }
    }

    /// Forgets everything.
    pub(super) fn drop_all(&mut self) {
        self.partitions.clear();
    }
}

impl Chain {
    /// Nothing known but the next offset.
    fn at(next: i64) -> Self {
        Self {
            next,
            young_since: next,
            since: next,
            young: Generation::default(),
            old: Generation::default(),
        }
    }

    /// `versions` are the numbers of the first events of the append's streams; of one that was only checked, its version.
    fn remember(&mut self, append: &Append, position: i64, versions: impl Iterator<Item = i32>) {
        let known = self.young.tenants.entry(append.tenant).or_default();
        known.position = known.position.max(position);
        if append.request_hash.is_some() {
            known.commands.insert(append.command_id);
        }
        self.young.entries += 2;
        for ((stream, _, events), first) in append.parts().zip(versions) {
            let more = i32::try_from(events.len().saturating_sub(1)).unwrap_or(i32::MAX);
            let version = first + more;
            known.versions.insert(stream.as_str().into(), version);
            self.young.entries += 1;
        }
    }

    fn advance(&mut self, next: i64) {
        self.next = next;
        if self.young.entries >= GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.since = self.young_since;
            self.young_since = next;
        }
    }
}

impl<'a> Plan<'a> {
    fn add(
        &mut self,
        index: usize,
        append: &'a Append,
        partition: u16,
        base: i64,
        position: i64,
        version: i32,
    ) {
        let events = events_of(append);
        let swap = self
            .swaps
            .entry(partition)
            .or_insert(Swap { base, events: 0 });
        self.numbered.push(Numbered {
            append,
            index,
            partition,
            first_offset: swap.base + swap.events,
            first_position: position + 1,
            version,
        });
        swap.events += events;
        self.positions.insert(append.tenant, position + events);
        let version = version + i32::try_from(events).unwrap_or(i32::MAX);
        self.versions
            .insert((append.tenant, append.stream.as_str()), version);
    }
}

impl Numbered<'_> {
    /// Its numbers as an answer.
    pub(super) fn appended(&self, recorded_at: chrono::DateTime<chrono::Utc>) -> Appended {
        Appended {
            first_position: self.first_position,
            first_offset: self.first_offset,
            events: i32::try_from(self.append.events.len()).unwrap_or(i32::MAX),
            first_versions: self.first_versions().collect(),
            recorded_at,
        }
    }
}

impl Numbered<'_> {
    /// The number of its first event, and the versions of the streams that it checked.
    fn first_versions(&self) -> impl Iterator<Item = i32> {
        let others = self.append.others.iter();
        std::iter::once(self.version + 1).chain(others.filter_map(|other| other.expected.version()))
    }
}

fn events_of(append: &Append) -> i64 {
    i64::try_from(append.events.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
