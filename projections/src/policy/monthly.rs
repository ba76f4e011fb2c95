//! The policy that gives each month a goal: what the last month with observations came to, and so much more. Owns which metrics
//! have such goals, and the fold over a batch; where a month begins is in `month`, the statements are in `table`. Never follows a
//! goal once it is active: that is `progress`.
//!
//! A metric's first month has no goal, for there is nothing to go by. What is told of a month after a later one has begun counts
//! for no target.

mod month;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use event_schemas::{
    Event, RecordedEvent, TimeZone, decimal::Decimal, goal::GoalAggregation, metric::MetricEvent,
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use self::month::Month;
use super::{Effects, Wanted};
use crate::{
    ApplyError, Known, Projection,
    projection::{aggregate, decode},
};

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct Monthly;

/// Millionths of a per cent in the whole.
const WHOLE: i128 = 100_000_000;
/// The most characters of a goal's title.
const TITLE: usize = 200;

/// Tenant and metric.
type Key = (Uuid, Uuid);
/// Tenant, metric and the observation's number.
type Number = (Uuid, Uuid, i32);

/// A metric whose months have goals. Values are in millionths.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Metric {
    name: String,
    unit: String,
    growth_percent: i64,
    time_zone: TimeZone,
    /// The newest month with observations, and their sum.
    month: Option<Month>,
    total: i128,
    /// That month's observations: those of this batch, and those that are corrected in it.
    observations: BTreeMap<i32, i64>,
    /// The numbers of those that are not stored like that.
    unsaved: BTreeSet<i32>,
    /// Whether those that are stored are of an earlier month.
    outdated: bool,
    /// Whether the row differs from what is stored.
    changed: bool,
}

/// A decoded event.
type Fact<'a> = (&'a RecordedEvent, Key, MetricEvent);

#[async_trait::async_trait]
impl Projection for Monthly {
    fn name(&self) -> &'static str {
        "monthly"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../../migrations/read-models/monthly.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "metric",
            types: MetricEvent::TYPES,
        }]
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    fn is_policy(&self) -> bool {
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        self.react(events, connection).await.map(drop)
    }

    async fn react(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<Effects, ApplyError> {
        let (mut facts, mut corrected) = (Vec::<Fact>::new(), BTreeSet::new());
        for recorded in events {
            let key = (recorded.tenant.0, aggregate(recorded)?);
            let event = decode(recorded)?;
            if let MetricEvent::ObservationCorrected(event) = &event {
                corrected.insert((key.0, key.1, number(recorded, event.number)?));
            }
            facts.push((recorded, key, event));
        }
        let keys = facts.iter().map(|(_, key, _)| *key).collect();
        let mut metrics = table::load(&keys, connection).await?;
        table::load_observations(&corrected, &mut metrics, connection).await?;
        let effects = fold(&mut metrics, facts)?;
        table::save(&metrics, connection).await?;
        Ok(effects)
    }
}

/// What is wanted because of the events, which change the metrics.
fn fold(metrics: &mut BTreeMap<Key, Metric>, facts: Vec<Fact>) -> Result<Effects, ApplyError> {
    let mut effects = Effects::default();
    for (recorded, key, event) in facts {
        match event {
            MetricEvent::MetricDefined(defined) => {
                let Some(goal) = defined.monthly_goal else {
                    continue;
                };
                let metric = Metric {
                    name: defined.name,
                    unit: defined.unit,
                    growth_percent: goal.growth_percent.micros(),
                    time_zone: goal.time_zone,
                    month: None,
                    total: 0,
                    observations: BTreeMap::new(),
                    unsaved: BTreeSet::new(),
                    outdated: false,
                    changed: true,
                };
                metrics.insert(key, metric);
            }
            MetricEvent::MetricObserved(observed) => {
                let Some(metric) = metrics.get_mut(&key) else {
                    continue;
                };
                let mut seen = Vec::new();
                for (at, one) in (observed.first_number..).zip(observed.observations) {
                    seen.push((one.observed_at, number(recorded, at)?, one.value.micros()));
                }
                // What is told at once is taken in as it happened.
                seen.sort_unstable();
                for (at, number, value) in seen {
                    metric.observe(recorded, key.1, at, number, value, &mut effects)?;
                }
            }
            MetricEvent::ObservationCorrected(corrected) => {
                if let Some(metric) = metrics.get_mut(&key) {
                    metric.correct(
                        number(recorded, corrected.number)?,
                        corrected.value.micros(),
                    );
                }
            }
        }
    }
    Ok(effects)
}

impl Metric {
    fn observe(
        &mut self,
        recorded: &RecordedEvent,
        id: Uuid,
        at: DateTime<Utc>,
        number: i32,
        value: i64,
        effects: &mut Effects,
    ) -> Result<(), ApplyError> {
        let month = Month::of(at, self.time_zone);
        match self.month {
            Some(newest) if month < newest => return Ok(()),
            Some(newest) if month == newest => {}
            before => {
                if let Some(before) = before {
                    for wanted in self.goal(recorded, id, before, month)? {
                        effects.command(recorded, wanted);
                    }
                }
                self.month = Some(month);
                self.total = 0;
                self.observations.clear();
                self.unsaved.clear();
                self.outdated |= before.is_some();
            }
        }
        self.total += i128::from(value);
        self.observations.insert(number, value);
        self.unsaved.insert(number);
        self.changed = true;
        Ok(())
    }

    /// Corrects an observation, if it is one of the newest month.
    fn correct(&mut self, number: i32, value: i64) {
        if let Some(old) = self.observations.get_mut(&number) {
            self.total += i128::from(value) - i128::from(*old);
            *old = value;
            self.unsaved.insert(number);
            self.changed = true;
        }
    }

    /// The commands that make the goal of a month from what the newest one before has come to; none where there is nothing to
    /// reach.
    fn goal(
        &self,
        recorded: &RecordedEvent,
        id: Uuid,
        before: Month,
        month: Month,
    ) -> Result<Vec<Wanted>, ApplyError> {
        let wrong = |what| move || ApplyError::event(recorded, what);
        let target = target(self.total, self.growth_percent)
            .map_err(|()| wrong("a month's goal is out of range")())?;
        let Some((base, target)) = target else {
            return Ok(Vec::new());
        };
        let out_of_time = wrong("a month has no beginning");
        let starts_at = month.begins(self.time_zone).ok_or_else(&out_of_time)?;
        let next = month.next().and_then(|next| next.begins(self.time_zone));
        let due_at = next.ok_or_else(&out_of_time)?;
        let of_month = format!(", {}", month.words());
        let name = self.name.chars().take(TITLE - of_month.len());
        let goal = Uuid::new_v5(&id, month.to_string().as_bytes());
        let wanted = |command, data| Wanted {
            command,
            id: goal,
            data,
        };
        Ok(vec![
            wanted(
                "goal.draft",
                json!({
                    "title": name.collect::<String>() + &of_month,
                    "description": self.because(before, base),
                    "unit": self.unit,
                    "target": target,
                    "startsAt": starts_at,
                    "dueAt": due_at,
                }),
            ),
            wanted(
                "goal.linkMetric",
                json!({ "metricId": id, "aggregation": GoalAggregation::Sum.as_str() }),
            ),
            wanted("goal.activate", json!({})),
        ])
    }

    /// Where a target comes from, in words.
    fn because(&self, before: Month, base: Decimal) -> String {
        let (unit, before) = (&self.unit, before.words());
        let growth = Decimal::from_micros(self.growth_percent.abs()).unwrap_or_default();
        let growth = match self.growth_percent {
            ..0 => format!(", and {growth} % less"),
            0 => String::new(),
            1.. => format!(", and {growth} % more"),
        };
        format!("What {before} came to, {base} {unit}{growth}.")
    }
}

/// What a month came to and the target that follows from it, halves of a millionth rounded up; none where that is nothing to
/// reach. An error if it is out of range.
fn target(total: i128, growth_percent: i64) -> Result<Option<(Decimal, Decimal)>, ()> {
    if total <= 0 {
        return Ok(None);
    }
    let twice = total
        .checked_mul(WHOLE + i128::from(growth_percent))
        .and_then(|product| product.checked_mul(2))
        .and_then(|product| product.checked_add(WHOLE))
        .ok_or(())?;
    let decimal = |micros: i128| {
        let micros = i64::try_from(micros).ok()?;
        Decimal::from_micros(micros)
    };
    let base = decimal(total).ok_or(())?;
    let target = decimal(twice / (2 * WHOLE)).ok_or(())?;
    Ok((target > Decimal::ZERO).then_some((base, target)))
}

fn number(recorded: &RecordedEvent, number: u32) -> Result<i32, ApplyError> {
    i32::try_from(number)
        .map_err(|_| ApplyError::event(recorded, "an observation's number is out of range"))
}
