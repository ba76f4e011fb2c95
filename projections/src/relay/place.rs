//! How far one partition is published: on the topic of all events, and on each of the others. Decides what is due next; never
//! reads or publishes.

use std::collections::{BTreeMap, BTreeSet};

use event_schemas::RecordedEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::checkpoint::Checkpoint;
use crate::kafka::{Content, Output, Record, Settings};

/// How far a topic beside the one of all events is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reached {
    /// The first offset that was not looked at for it.
    pub(super) next: i64,
    /// The offset that its last record names; none where it has no records.
    pub(super) last: Option<i64>,
}

/// How far a partition is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Place {
    /// The first offset that is not on the topic of all events.
    pub(super) next: i64,
    /// The event before it.
    pub(super) last: Option<Uuid>,
    /// The other topics, in the order of the settings.
    pub(super) outputs: Vec<Reached>,
    /// Those that are not configured now, for the day when they are again.
    others: BTreeMap<String, Reached>,
    /// Topics that cannot go on while this lead lasts.
    failed: BTreeSet<usize>,
    /// Where the log cannot be read on.
    end: Option<i64>,
}

/// What is to be read of a partition, and for which topics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub(super) partition: u16,
    pub(super) from: i64,
    /// How many events at most.
    pub(super) most: i64,
    /// Whether for the topic of all events.
    pub(super) all: bool,
    /// For which others, by their place in the settings.
    pub(super) outputs: Vec<usize>,
}

impl Place {
    /// Where a checkpoint says, with `outputs` as the settings have them.
    pub(super) fn of(checkpoint: Option<Checkpoint>, outputs: &[Output]) -> Self {
        let Some(checkpoint) = checkpoint else {
            return Self {
                outputs: vec![Reached::default(); outputs.len()],
                ..Self::default()
            };
        };
        let mut others = checkpoint.topics;
        Self {
            next: checkpoint.offset + 1,
            last: Some(checkpoint.event_id),
            outputs: outputs
                .iter()
                .map(|output| others.remove(&output.name).unwrap_or_default())
                .collect(),
            others,
            ..Self::default()
        }
    }

    /// What is written down of it.
    pub(super) fn checkpoint(&self, settings: &Settings) -> Option<Checkpoint> {
        let mut topics = self.others.clone();
        for (output, reached) in settings.outputs().iter().zip(&self.outputs) {
            topics.insert(output.name.clone(), *reached);
        }
        Some(Checkpoint {
            offset: self.next - 1,
            event_id: self.last?,
            topics,
        })
    }

    /// What is due next, given the log's head, or in any case to `look`. Topics that are behind the one of all events catch up
    /// from where they are; with `behind`, they come first.
    pub(super) fn step(
        &self,
        partition: u16,
        head: i64,
        look: bool,
        behind: bool,
        most: i64,
    ) -> Option<Step> {
        let room = self.end.map_or(most, |end| most.min(end - self.next));
        let due = room > 0 && (look || head > self.next);
        let late = self.late();
        match late {
            Some((from, until)) if behind || !due => Some(Step {
                partition,
                from,
                most: most.min(until - from),
                all: false,
                outputs: self.at(from),
            }),
            _ => due.then(|| Step {
                partition,
                from: self.next,
                most: room,
                all: true,
                outputs: self.at(self.next),
            }),
        }
    }

    /// Whether a topic is behind.
    pub(super) fn is_late(&self) -> bool {
        self.late().is_some()
    }

    /// Whether the log cannot be read on from here.
    pub(super) fn is_stuck(&self) -> bool {
        self.end.is_some_and(|end| end <= self.next)
    }

    /// Takes note that these events are about to be published.
    pub(super) fn advance(&mut self, step: &Step, events: &[RecordedEvent], outputs: &[Output]) {
        let Some(last) = events.last() else { return };
        if step.all {
            self.next = last.offset + 1;
            self.last = Some(last.event_id);
        }
        for index in &step.outputs {
            if let (Some(reached), Some(output)) =
                (self.outputs.get_mut(*index), outputs.get(*index))
                && !self.failed.contains(index)
            {
                let own = events.iter().rev().find(|event| output.takes(event));
                reached.next = last.offset + 1;
                reached.last = own.map(|event| event.offset).or(reached.last);
            }
        }
    }

    /// Those of these topics that can go on.
    pub(super) fn going(&self, outputs: &[usize]) -> Vec<usize> {
        let going = |index: &&usize| !self.failed.contains(*index);
        outputs.iter().filter(going).copied().collect()
    }

    /// Leaves a topic where it is.
    pub(super) fn fail(&mut self, output: usize) {
        self.failed.insert(output);
    }

    /// Nothing can be read from `offset` on; true if that is news.
    pub(super) fn stop_at(&mut self, offset: i64) -> bool {
        if offset < self.next {
            // The topics before it cannot catch up.
            let before: Vec<usize> = (0..self.outputs.len())
                .filter(|index| self.is_behind(*index))
                .collect();
            self.failed.extend(&before);
            return !before.is_empty();
        }
        let news = self.end.is_none_or(|end| offset < end);
        self.end = Some(offset);
        news
    }

    /// The topics that end at this offset and can go on.
    fn at(&self, offset: i64) -> Vec<usize> {
        let all = self.outputs.iter().enumerate();
        all.filter(|(index, reached)| reached.next == offset && !self.failed.contains(index))
            .map(|(index, _)| index)
            .collect()
    }

    fn is_behind(&self, index: usize) -> bool {
        let reached = self.outputs.get(index);
        reached.is_some_and(|reached| reached.next < self.next) && !self.failed.contains(&index)
    }

    /// Where the last topic is, and where the one before it.
    fn late(&self) -> Option<(i64, i64)> {
        let nexts = || {
            let all = self.outputs.iter().enumerate();
            all.filter(|(index, _)| self.is_behind(*index))
                .map(|(_, reached)| reached.next)
        };
        let from = nexts().min()?;
        let until = nexts().filter(|next| *next > from).min();
        Some((from, until.unwrap_or(self.next)))
    }
}

/// How far a topic is at least that ends with this record.
pub(super) fn seen(last: Option<&Record>) -> Reached {
    let last = last.and_then(|record| record.number("ce_offset"));
    Reached {
        next: last.map_or(0, |last| last + 1),
        last,
    }
}

/// Whether a topic that is `reached` so far and ends with `last` is what was published. A topic that was made anew is filled
/// from the beginning: then it is nothing yet.
pub(super) fn agree(content: Content, reached: Reached, last: Option<&Record>) -> Option<Reached> {
    let Some(last) = last else {
        let anew = reached.last.is_some();
        return Some(if anew { Reached::default() } else { reached });
    };
    let (published, found) = (reached.last?, last.number("ce_offset")?);
    // Compaction may take the last records of a topic of states: those that say that something is gone.
    let fits = match content {
        Content::Events => found == published,
        Content::States(_) => found <= published,
    };
    fits.then_some(reached)
}

#[cfg(test)]
mod tests;
