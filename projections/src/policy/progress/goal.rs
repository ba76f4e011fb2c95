//! A goal as the policy knows it, and what the observations of its span have come to. Pure.

use chrono::{DateTime, Utc};
use event_schemas::{
    decimal::Decimal,
    goal::{GoalAggregation, GoalTerms, MetricLink},
};

/// A goal that is not closed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Goal {
    pub(super) active: bool,
    pub(super) link: Option<MetricLink>,
    pub(super) baseline: Option<i64>,
    pub(super) target: Option<i64>,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) sum: Sum,
    /// What was said last that it has come to, in millionths.
    pub(super) told: Option<i64>,
    /// Whether it was said to be achieved.
    pub(super) closing: bool,
}

/// An observation. Values are in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) number: i32,
    pub(super) at: DateTime<Utc>,
    pub(super) value: i64,
}

/// What observations come to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Sum {
    pub(super) count: i64,
    pub(super) total: i128,
    pub(super) last: Option<Seen>,
    pub(super) least: Option<i64>,
    pub(super) most: Option<i64>,
}

impl Goal {
    /// Takes in what is agreed on now.
    pub(super) fn agree(&mut self, terms: &GoalTerms, link: Option<MetricLink>) {
        self.baseline = terms.baseline.map(Decimal::micros);
        self.target = terms.target.map(Decimal::micros);
        self.starts_at = terms.starts_at;
        self.due_at = terms.due_at;
        self.link = link;
    }

    /// Whether something observed then counts: from the start on, and before the due time.
    pub(super) fn spans(&self, at: DateTime<Utc>) -> bool {
        self.starts_at.is_some_and(|start| start <= at) && self.due_at.is_some_and(|due| at < due)
    }

    /// Counts an observation; whether it counts.
    pub(super) fn take_in(&mut self, seen: Seen) -> bool {
        let counts = self.spans(seen.at);
        if counts {
            let sum = &mut self.sum;
            sum.count += 1;
            sum.total += i128::from(seen.value);
            let is_later = |last: Seen| (last.at, last.number) < (seen.at, seen.number);
            if sum.last.is_none_or(is_later) {
                sum.last = Some(seen);
            }
            sum.least = Some(sum.least.map_or(seen.value, |least| least.min(seen.value)));
            sum.most = Some(sum.most.map_or(seen.value, |most| most.max(seen.value)));
        }
        counts
    }

    /// Corrects an observation that counts. False if the sum cannot tell what comes of it: the smallest or largest one was
    /// corrected.
    pub(super) fn correct(&mut self, old: Seen, new: Seen) -> bool {
        let sum = &mut self.sum;
        sum.total += i128::from(new.value) - i128::from(old.value);
        if let Some(last) = sum.last.as_mut().filter(|last| last.number == new.number) {
            last.value = new.value;
        }
        let was_at_the_edge = sum.least == Some(old.value) || sum.most == Some(old.value);
        sum.least = sum.least.map(|least| least.min(new.value));
        sum.most = sum.most.map(|most| most.max(new.value));
        !was_at_the_edge
    }

    /// Takes what was counted elsewhere.
    pub(super) fn come_to(&mut self, sum: Sum) {
        self.sum = sum;
    }

    /// The goal's value; none before the first observation. An error if it is out of range. Means are rounded to the nearest
    /// millionth, halves away from zero.
    pub(super) fn actual(&self) -> Result<Option<Decimal>, ()> {
        let sum = &self.sum;
        let Some(link) = self.link.filter(|_| sum.count > 0) else {
            return Ok(None);
        };
        let micros = match link.aggregation {
            GoalAggregation::Sum => Some(sum.total),
            GoalAggregation::Last => sum.last.map(|last| i128::from(last.value)),
            GoalAggregation::Average => Some(mean(sum.total, i128::from(sum.count))),
            GoalAggregation::Minimum => sum.least.map(i128::from),
            GoalAggregation::Maximum => sum.most.map(i128::from),
        };
        let Some(micros) = micros else {
            return Ok(None);
        };
        let micros = i64::try_from(micros).ok().and_then(Decimal::from_micros);
        micros.map(Some).ok_or(())
    }

    /// Whether a value is as far from the baseline as the target, or farther.
    pub(super) fn is_reached_by(&self, actual: Decimal) -> bool {
        let terms = GoalTerms {
            baseline: self.baseline.and_then(Decimal::from_micros),
            target: self.target.and_then(Decimal::from_micros),
            ..GoalTerms::default()
        };
        terms.are_reached_by(actual)
    }
}

fn mean(total: i128, count: i128) -> i128 {
    let half = if total < 0 { -count } else { count };
    (2 * total + half) / (2 * count)
}
