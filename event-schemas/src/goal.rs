//! The events of a goal: what is to be reached by when, and how far it has come. Never decides whether something may
//! happen.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decimal::Decimal;

mod state;
pub mod status;

pub use state::GoalState;
pub use status::GoalStatus;

/// How the observations within a goal's span become its actual value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GoalAggregation {
    /// They are added, as sales are.
    Sum,
    /// The last one counts, as with a balance.
    Last,
    /// Their mean counts, as with a score.
    Average,
    /// The smallest counts, as with a best time.
    Minimum,
    /// The largest counts, as with a record.
    Maximum,
}

impl GoalAggregation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Sum,
        Self::Last,
        Self::Average,
        Self::Minimum,
        Self::Maximum,
    ];

    /// The aggregation as it stands in JSON and in read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Last => "last",
            Self::Average => "average",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
        }
    }

    /// The aggregation of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|found| found.as_str() == name)
    }
}

/// What was agreed on. A draft may leave open what an active goal has.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalTerms {
    /// What the goal is called.
    pub title: String,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The id of who sees to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    /// In what it is measured, such as `EUR` or `visits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Where it begins: a target below it is a goal to decrease something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Decimal>,
    /// What is to be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Decimal>,
    /// When its span begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// When its span has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
}

impl GoalTerms {
    /// Whether a value is as far from the baseline as the target, or farther. Never without both of them.
    pub fn are_reached_by(&self, actual: Decimal) -> bool {
        match (self.baseline, self.target) {
            (Some(baseline), Some(target)) if target < baseline => actual <= target,
            (Some(_), Some(target)) => actual >= target,
            _ => false,
        }
    }

    /// Takes in what an activation made of what was open.
    pub fn settle(&mut self, activated: &GoalActivated) {
        self.unit = Some(activated.unit.clone());
        self.baseline = Some(activated.baseline);
        self.target = Some(activated.target);
        self.starts_at = Some(activated.starts_at);
        self.due_at = Some(activated.due_at);
    }
}

/// The metric from whose observations a goal's progress follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricLink {
    /// Which metric.
    pub metric_id: Uuid,
    /// How its observations within the goal's span become the goal's actual value.
    pub aggregation: GoalAggregation,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressSource {
    /// The metric that it was computed from.
    pub metric_id: Uuid,
    /// The number of the newest observation that it takes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation_number: Option<u32>,
    /// The event that it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Uuid>,
}

/// Somebody wants to reach something.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalDrafted {
    /// What is known of it so far.
    pub terms: GoalTerms,
}

/// The goal is meant: from now on its progress counts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalActivated {
    /// In what it is measured.
    pub unit: String,
    /// Where it begins.
    pub baseline: Decimal,
    /// What is to be reached; another number than the baseline.
    pub target: Decimal,
    /// When its span begins.
    pub starts_at: DateTime<Utc>,
    /// When its span has ended; later than its beginning.
    pub due_at: DateTime<Utc>,
    /// From what its progress follows, if a metric was linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricLink>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The progress follows from a metric, or from another one than before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalMetricLinked {
    /// From what.
    pub metric: MetricLink,
    /// From what it followed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<MetricLink>,
    /// Where the goal stands: draft or active.
    pub status: GoalStatus,
    /// What was agreed on, as it stands.
    pub terms: GoalTerms,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// Something else was agreed on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalAdjusted {
    /// What was agreed on before, all of it.
    pub old: GoalTerms,
    /// What is agreed on now, all of it.
    pub new: GoalTerms,
    /// Where the goal stands: draft or active.
    pub status: GoalStatus,
    /// From what its progress follows, if a metric is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricLink>,
    /// Whether what was recorded last is as far as the target now.
    pub reached: bool,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The goal has come to another value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalProgressed {
    /// The number of this progress: 1 for the goal's first.
    pub number: u32,
    /// The value, in the goal's unit.
    pub actual: Decimal,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Decimal>,
    /// Whether it is as far as the target.
    pub reached: bool,
    /// Where it comes from. Absent: somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ProgressSource>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The target was reached: the goal is closed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalAchieved {
    /// What it came to. Only imported history may not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Decimal>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The span ended before the target was reached: the goal is closed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalMissed {
    /// What it came to. Absent: no progress was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Decimal>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// Nobody wants it any more: the goal is closed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalAbandoned {
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

crate::events! {
    /// What happens to a goal.
    GoalEvent {
        GoalDrafted = 1,
        GoalActivated = 1,
        GoalMetricLinked = 1,
        GoalAdjusted = 1,
        GoalProgressed = 1,
        GoalAchieved = 1,
        GoalMissed = 1,
        GoalAbandoned = 1,
    }
}
