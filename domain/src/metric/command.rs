//! What may be asked of a metric. Owns the shape and the limits of the input; decides nothing.

use event_schemas::{
    List, Moment, Object, Text, TimeZone,
    decimal::Decimal,
    metric::{Aggregation, Feed},
    number::Quantity,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Metric;

/// Says what is to be measured.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefineMetric {
    /// What it is called.
    pub name: Text<1, 200>,
    /// In what it is measured, such as `kg` or `visits`.
    pub unit: Text<1, 64>,
    /// How several observations become one number.
    pub aggregation: Aggregation,
    /// In words.
    pub description: Option<Text<1, 2000>>,
    /// What measures it, if nobody else does.
    pub feed: Option<Feed>,
    /// Which goal each month has: of a sum alone.
    pub monthly_goal: Option<Object<NewMonthlyGoal>>,
}

/// Gives each month a goal: what the last month with observations came to, and so much more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMonthlyGoal {
    /// How much more, in per cent: above -100 and at most 10000.
    pub growth_percent: Decimal,
    /// Where the months begin and end: UTC unless it is said.
    pub time_zone: Option<TimeZone>,
}

/// One measurement.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewObservation {
    /// When it was measured.
    pub observed_at: Moment,
    /// What was measured, in the metric's unit.
    pub value: Decimal,
    /// Where it comes from, such as the row of a file.
    pub source: Option<Text<1, 200>>,
}

/// Notes measurements: 1 to 500 at once. They get the metric's next numbers, in the order in which they are given.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObserveMetric {
    /// What was measured.
    pub observations: List<Object<NewObservation>, 1, 500>,
}

/// Puts a measurement right. The old value stays in its history.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CorrectObservation {
    /// The observation's number within the metric.
    pub number: Quantity,
    /// What it should have been.
    pub value: Decimal,
    /// Why, in words.
    pub reason: Option<Text<1, 500>>,
}

/// Everything that may be asked of a metric.
#[derive(Clone, Debug)]
pub enum MetricCommand {
    /// See [`DefineMetric`].
    Define(DefineMetric),
    /// See [`ObserveMetric`].
    Observe(ObserveMetric),
    /// See [`CorrectObservation`].
    Correct(CorrectObservation),
}

crate::command::commands! {
    Metric {
        DefineMetric = "define" creates => MetricCommand::Define,
        ObserveMetric = "observe" => MetricCommand::Observe,
        CorrectObservation = "correct" => MetricCommand::Correct,
    }
}
