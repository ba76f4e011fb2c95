//! The metric: what is measured, and the measurements. Owns the state its decisions need, which is a count and no
//! measurement: it stays small however many there are.

use cqrs_es::{Aggregate, event_sink::EventSink};
use event_schemas::{
    List, Object, Source, TimeZone,
    decimal::Decimal,
    metric::{
        Aggregation, Feed, MetricDefined, MetricEvent, MetricObserved, MonthlyGoal, Observation,
        ObservationCorrected,
    },
    money::Currency,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decide, Entity, rules::Rules};

mod command;
mod rejection;
#[cfg(test)]
mod tests;

pub use command::{
    CorrectObservation, DefineMetric, MetricCommand, NewMonthlyGoal, NewObservation, ObserveMetric,
};
pub use rejection::MetricRejection;

/// The most observations of one metric: what a GraphQL `Int` and a PostgreSQL `integer` hold.
const MAX_OBSERVATIONS: u32 = i32::MAX.unsigned_abs();

/// By how many millionths of a per cent a monthly goal grows: more than the first, at most the second.
const GROWTH: (i64, i64) = (-100_000_000, 10_000_000_000);

/// What a metric must remember to decide.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    defined: bool,
    /// Whether it is measured by itself.
    fed: bool,
    /// How many observations there are: the number of the last one.
    observations: u32,
}

impl Metric {
    fn decide(&self, decide: Decide<MetricCommand>) -> Result<MetricEvent, MetricRejection> {
        if self.defined == matches!(decide.command, MetricCommand::Define(_)) {
            return Err(if self.defined {
                MetricRejection::AlreadyDefined
            } else {
                MetricRejection::NotFound
            });
        }
        let mut rules = Rules::new(decide.is_import());
        match decide.command {
            MetricCommand::Define(command) => {
                let is_sum = command.aggregation == Aggregation::Sum;
                let is_money = is_sum && Currency::try_new(command.unit.as_str()).is_some();
                if command.feed == Some(Feed::OrderRevenue) && !is_money {
                    return Err(MetricRejection::FeedNeedsCurrency);
                }
                if let Some(Object(goal)) = &command.monthly_goal {
                    if !is_sum {
                        return Err(MetricRejection::MonthlyGoalNeedsSum);
                    }
                    if !can_grow_by(goal.growth_percent) {
                        return Err(MetricRejection::GrowthOutOfRange);
                    }
                }
                Ok(define(command).into())
            }
            MetricCommand::Observe(command) => {
                rules.require(
                    !self.fed || decide.source == Source::Policy,
                    MetricRejection::MeasuredByItself,
                )?;
                let observations = observations(command.observations);
                rules.require(
                    observations
                        .iter()
                        .all(|observation| observation.observed_at <= decide.now),
                    MetricRejection::ObservedInTheFuture,
                )?;
                // Numbers beyond that could not be read: this is structural.
                u32::try_from(observations.len())
                    .ok()
                    .and_then(|more| self.observations.checked_add(more))
                    .filter(|all| *all <= MAX_OBSERVATIONS)
                    .ok_or(MetricRejection::TooManyObservations)?;
                Ok(MetricObserved {
                    first_number: self.observations + 1,
                    observations,
                    waived: rules.waived(),
                }
                .into())
            }
            MetricCommand::Correct(command) => {
                let number = command.number.get();
                if number > self.observations {
                    return Err(MetricRejection::ObservationNotFound);
                }
                Ok(ObservationCorrected {
                    number,
                    value: command.value,
                    reason: command.reason.map(Into::into),
                }
                .into())
            }
        }
    }
}

impl Aggregate for Metric {
    const TYPE: &'static str = "metric";
    type Command = Decide<MetricCommand>;
    type Event = MetricEvent;
    type Error = MetricRejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), MetricRejection> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: MetricEvent) {
        match event {
            MetricEvent::MetricDefined(defined) => {
                self.defined = true;
                self.fed = defined.feed.is_some();
            }
            MetricEvent::MetricObserved(observed) => {
                let more = u32::try_from(observed.observations.len()).unwrap_or(u32::MAX);
                self.observations = self.observations.saturating_add(more).min(MAX_OBSERVATIONS);
            }
            MetricEvent::ObservationCorrected(_) => {}
        }
    }
}

impl Entity for Metric {
    type Decision = MetricCommand;
    type Fact = MetricEvent;
    type Refusal = MetricRejection;
    const PLURAL: &'static str = "metrics";
}

fn define(command: DefineMetric) -> MetricDefined {
    MetricDefined {
        name: command.name.into(),
        unit: command.unit.into(),
        aggregation: command.aggregation,
        description: command.description.map(Into::into),
        feed: command.feed,
        monthly_goal: command.monthly_goal.map(|Object(goal)| MonthlyGoal {
            growth_percent: goal.growth_percent,
            time_zone: goal.time_zone.unwrap_or(TimeZone::UTC),
        }),
    }
}

fn can_grow_by(percent: Decimal) -> bool {
    let (above, most) = GROWTH;
    above < percent.micros() && percent.micros() <= most
}

fn observations<const MIN: usize, const MAX: usize>(
    given: List<Object<NewObservation>, MIN, MAX>,
) -> Vec<Observation> {
    given
        .into_vec()
        .into_iter()
        .map(|Object(observation)| Observation {
            observed_at: observation.observed_at.get(),
            value: observation.value,
            source: observation.source.map(Into::into),
        })
        .collect()
}
