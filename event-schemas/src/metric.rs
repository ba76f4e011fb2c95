//! The events of a metric: something that is measured again and again. Never decides whether something may happen.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{TimeZone, decimal::Decimal};

mod state;

pub use state::MetricState;

/// How several observations become one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Aggregation {
    /// They are added, as sales are.
    Sum,
    /// The last one counts, as with a balance.
    Last,
    /// Their mean counts, as with a temperature.
    Average,
}

impl Aggregation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sum, Self::Last, Self::Average];

    /// The aggregation as it stands in JSON and in read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Last => "last",
            Self::Average => "average",
        }
    }

    /// The aggregation of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|found| found.as_str() == name)
    }
}

/// What measures by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Feed {
    /// Every order that is placed from then on is an observation of what its goods are worth, without freight, in the currency that
    /// is the metric's unit.
    OrderRevenue,
}

impl Feed {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::OrderRevenue];

    /// The feed as it stands in JSON and in read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderRevenue => "orderRevenue",
        }
    }

    /// The feed of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|found| found.as_str() == name)
    }
}

/// Each month has a goal: what the last month with observations came to, and so much more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthlyGoal {
    /// How much more, in per cent: above -100 and at most 10000.
    pub growth_percent: Decimal,
    /// Where the months begin and end.
    pub time_zone: TimeZone,
}

/// One measurement.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// When it was measured.
    pub observed_at: DateTime<Utc>,
    /// What was measured, in the metric's unit.
    pub value: Decimal,
    /// Where it comes from, such as the row of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Somebody wants to measure something.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricDefined {
    /// What it is called.
    pub name: String,
    /// In what it is measured, such as `kg` or `visits`.
    pub unit: String,
    /// How several observations become one number.
    pub aggregation: Aggregation,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What measures it, if nobody else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
    /// Which goal each month has, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_goal: Option<MonthlyGoal>,
}

/// Measurements were taken. They have the numbers `firstNumber`, `firstNumber` + 1 … of the metric.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricObserved {
    /// The number of the first of them: 1 for the metric's first of all.
    pub first_number: u32,
    /// What was measured, in the order in which it was told.
    pub observations: Vec<Observation>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// A measurement was wrong. The old value stays in history.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservationCorrected {
    /// The observation's number within the metric.
    pub number: u32,
    /// What it should have been.
    pub value: Decimal,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

crate::events! {
    /// What happens to a metric.
    MetricEvent {
        MetricDefined = 1,
        MetricObserved = 1,
        ObservationCorrected = 1,
    }
}
