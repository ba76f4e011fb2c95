//! The policy by which goals follow their metrics: what a metric's observations within a goal's span come to is the goal's
//! progress, a goal that has reached its target is achieved, and one whose span ends before that is missed. Owns the fold over a
//! batch; what a goal has come to is in `goal`, the statements are in `table`.
//!
//! Events are taken in one by one, so that what is wanted never depends on where a batch ends. Most change a sum; a link or another
//! span needs the observations of before, and reads them.

mod goal;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use event_schemas::{
    Event, RecordedEvent,
    decimal::Decimal,
    goal::{GoalEvent, GoalTerms, MetricLink},
    metric::MetricEvent,
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use self::goal::{Goal, Seen};
use super::{Effects, Wanted};
use crate::{
    ApplyError, Known, Projection,
    projection::{aggregate, decode},
};

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct Progress;

/// Tenant, and goal or metric.
type Key = (Uuid, Uuid);
/// Tenant, metric and the observation's number.
type Number = (Uuid, Uuid, i32);

/// What a batch finds and changes.
#[derive(Default)]
struct Batch {
    goals: BTreeMap<Key, Goal>,
    /// Those whose rows differ from what is stored.
    changed: BTreeSet<Key>,
    /// Those that are closed: their rows go.
    closed: BTreeSet<Key>,
    /// Observations that are new or were corrected, or may be.
    observations: BTreeMap<Number, Seen>,
    /// Those that are not stored yet.
    unsaved: BTreeSet<Number>,
    effects: Effects,
}

/// One event, decoded.
enum Fact {
    Goal(Box<GoalEvent>),
    Metric(MetricEvent),
}

#[async_trait::async_trait]
impl Projection for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../../migrations/read-models/progress.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[
            Known {
                context: "metric",
                types: MetricEvent::TYPES,
            },
            Known {
                context: "goal",
                types: GoalEvent::TYPES,
            },
        ]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type != "MetricDefined"
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
        let (mut facts, mut goals, mut metrics) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut corrected = BTreeSet::new();
        for recorded in events {
            let key = (recorded.tenant.0, aggregate(recorded)?);
            let fact = if recorded.stream.context() == "goal" {
                goals.insert(key);
                Fact::Goal(Box::new(decode(recorded)?))
            } else {
                metrics.insert(key);
                Fact::Metric(decode(recorded)?)
            };
            if let Fact::Metric(MetricEvent::ObservationCorrected(event)) = &fact {
                corrected.insert((key.0, key.1, number(recorded, event.number)?));
            }
            facts.push((*recorded, key, fact));
        }
        let mut batch = Batch {
            goals: table::load(&goals, &metrics, connection).await?,
            observations: table::load_observations(&corrected, connection).await?,
            ..Batch::default()
        };
        for (recorded, key, fact) in facts {
            match fact {
                Fact::Metric(event) => batch.measure(recorded, key, event, connection).await?,
                Fact::Goal(event) => batch.agree(recorded, key, *event, connection).await?,
            }
        }
        batch.save(connection).await?;
        Ok(batch.effects)
    }
}

impl Batch {
    /// Takes in what was measured.
    async fn measure(
        &mut self,
        recorded: &RecordedEvent,
        metric: Key,
        event: MetricEvent,
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let mut again = BTreeSet::new();
        let newest = match event {
            MetricEvent::MetricDefined(_) => return Ok(()),
            MetricEvent::MetricObserved(observed) => {
                let mut newest = observed.first_number;
                for (at, observation) in (observed.first_number..).zip(observed.observations) {
                    newest = at;
                    let seen = Seen {
                        number: number(recorded, at)?,
                        at: observation.observed_at,
                        value: observation.value.micros(),
                    };
                    self.note(metric, seen);
                    for (key, goal) in following(&mut self.goals, metric) {
                        if goal.take_in(seen) {
                            self.changed.insert(*key);
                        }
                    }
                }
                newest
            }
            MetricEvent::ObservationCorrected(corrected) => {
                let at = (metric.0, metric.1, number(recorded, corrected.number)?);
                let old = *self.observations.get(&at).ok_or_else(|| {
                    ApplyError::event(recorded, "the metric has no observation of that number")
                })?;
                let new = Seen {
                    value: corrected.value.micros(),
                    ..old
                };
                self.note(metric, new);
                for (key, goal) in following(&mut self.goals, metric) {
                    if goal.spans(old.at) && !goal.correct(old, new) {
                        again.insert(*key);
                    }
                    self.changed.insert(*key);
                }
                corrected.number
            }
        };
        for key in again {
            self.read_anew(key, connection).await?;
        }
        let touched: Vec<Key> = following(&mut self.goals, metric)
            .map(|(key, _)| *key)
            .collect();
        for key in touched {
            self.tell(recorded, key, Some(newest))?;
        }
        Ok(())
    }

    /// Takes in what was agreed on.
    async fn agree(
        &mut self,
        recorded: &RecordedEvent,
        key: Key,
        event: GoalEvent,
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let goal = self.goals.entry(key).or_default();
        self.changed.insert(key);
        match event {
            GoalEvent::GoalDrafted(_) => return Ok(()),
            GoalEvent::GoalProgressed(progressed) => {
                goal.told = Some(progressed.actual.micros());
                return Ok(());
            }
            GoalEvent::GoalAchieved(_) | GoalEvent::GoalMissed(_) | GoalEvent::GoalAbandoned(_) => {
                self.goals.remove(&key);
                self.changed.remove(&key);
                self.closed.insert(key);
                self.effects.cancel_timer(recorded, timer(key));
                return Ok(());
            }
            GoalEvent::GoalActivated(activated) => {
                let mut terms = GoalTerms::default();
                terms.settle(&activated);
                goal.active = true;
                goal.agree(&terms, activated.metric);
            }
            GoalEvent::GoalMetricLinked(linked) => goal.agree(&linked.terms, Some(linked.metric)),
            GoalEvent::GoalAdjusted(adjusted) => goal.agree(&adjusted.new, adjusted.metric),
        }
        goal.closing = false;
        if !goal.active {
            return Ok(());
        }
        if let Some(due_at) = goal.due_at {
            let miss = Wanted {
                command: "goal.miss",
                id: key.1,
                data: json!({}),
            };
            self.effects.set_timer(recorded, timer(key), due_at, miss);
        }
        self.read_anew(key, connection).await?;
        self.tell(recorded, key, None)
    }

    /// Counts a goal's observations from those that are stored.
    async fn read_anew(
        &mut self,
        key: Key,
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        self.save_observations(connection).await?;
        if let Some(goal) = self.goals.get_mut(&key) {
            goal.come_to(table::sum(key.0, goal, connection).await?);
        }
        Ok(())
    }

    /// Has a goal's progress recorded, if it is another than was told.
    fn tell(
        &mut self,
        recorded: &RecordedEvent,
        key: Key,
        newest: Option<u32>,
    ) -> Result<(), ApplyError> {
        let Some(goal) = self.goals.get_mut(&key) else {
            return Ok(());
        };
        let Some(link) = goal.link.filter(|_| goal.active && !goal.closing) else {
            return Ok(());
        };
        let actual = goal
            .actual()
            .map_err(|()| ApplyError::event(recorded, "what a goal has come to is out of range"))?;
        let Some(actual) = actual else { return Ok(()) };
        if goal.told != Some(actual.micros()) {
            goal.told = Some(actual.micros());
            self.changed.insert(key);
            let wanted = record(key.1, actual, link, newest, recorded.event_id);
            self.effects.command(recorded, wanted);
        }
        if goal.is_reached_by(actual) {
            goal.closing = true;
            self.changed.insert(key);
            let achieve = Wanted {
                command: "goal.achieve",
                id: key.1,
                data: json!({}),
            };
            self.effects.command(recorded, achieve);
            // A goal whose time is over already would be missed behind that.
            self.effects.cancel_timer(recorded, timer(key));
        }
        Ok(())
    }

    fn note(&mut self, metric: Key, seen: Seen) {
        let at = (metric.0, metric.1, seen.number);
        self.observations.insert(at, seen);
        self.unsaved.insert(at);
    }

    async fn save_observations(&mut self, connection: &mut PgConnection) -> Result<(), ApplyError> {
        let unsaved = std::mem::take(&mut self.unsaved);
        let rows: Vec<(Number, Seen)> = unsaved
            .into_iter()
            .filter_map(|at| Some((at, *self.observations.get(&at)?)))
            .collect();
        Ok(table::save_observations(&rows, connection).await?)
    }

    async fn save(&mut self, connection: &mut PgConnection) -> Result<(), ApplyError> {
        self.save_observations(connection).await?;
        let changed = self
            .changed
            .iter()
            .filter_map(|key| Some((*key, self.goals.get(key)?)));
        table::save(&changed.collect::<Vec<_>>(), connection).await?;
        let gone = self.closed.difference(&self.changed).copied();
        Ok(table::remove(&gone.collect::<Vec<_>>(), connection).await?)
    }
}

/// The active goals that follow a metric, in the order of their ids.
fn following(
    goals: &mut BTreeMap<Key, Goal>,
    metric: Key,
) -> impl Iterator<Item = (&Key, &mut Goal)> {
    goals.iter_mut().filter(move |(key, goal)| {
        let follows = goal.link.is_some_and(|link| link.metric_id == metric.1);
        key.0 == metric.0 && goal.active && follows
    })
}

fn record(
    goal: Uuid,
    actual: Decimal,
    link: MetricLink,
    newest: Option<u32>,
    event_id: Uuid,
) -> Wanted {
    let mut source = json!({ "metricId": link.metric_id, "eventId": event_id });
    if let (Some(number), Some(source)) = (newest, source.as_object_mut()) {
        source.insert("observationNumber".to_owned(), json!(number));
    }
    Wanted {
        command: "goal.recordProgress",
        id: goal,
        data: json!({ "actual": actual, "source": source }),
    }
}

/// The key of a goal's timer.
fn timer(key: Key) -> String {
    key.1.to_string()
}

fn number(recorded: &RecordedEvent, number: u32) -> Result<i32, ApplyError> {
    i32::try_from(number)
        .map_err(|_| ApplyError::event(recorded, "an observation's number is out of range"))
}
