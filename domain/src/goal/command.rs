//! What may be asked of a goal. Owns the shape and the limits of the input; decides nothing.

use event_schemas::{
    Moment, Object, Text, decimal::Decimal, goal::GoalAggregation, number::Quantity,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::Goal;

/// Writes down what is to be reached. All but the title may follow with `adjust`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DraftGoal {
    /// What it is called.
    pub title: Text<1, 200>,
    /// In words.
    pub description: Option<Text<1, 2000>>,
    /// The id of who sees to it.
    pub owner_id: Option<Text<1, 64>>,
    /// In what it is measured, such as `EUR` or `visits`.
    pub unit: Option<Text<1, 64>>,
    /// Where it begins: 0 unless it is said before the activation. A target below it is a goal to decrease something.
    pub baseline: Option<Decimal>,
    /// What is to be reached.
    pub target: Option<Decimal>,
    /// When its span begins: with the activation unless it is said before.
    pub starts_at: Option<Moment>,
    /// When its span has ended: an instant with its offset, such as `2026-04-01T00:00:00-03:00` for the end of March in
    /// São Paulo.
    pub due_at: Option<Moment>,
}

/// Begins to count: the goal needs a unit, a target and a due date in the future.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivateGoal {}

/// Says from which metric the progress follows. Another link takes the place of the one before.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkGoalMetric {
    /// Which metric.
    pub metric_id: Uuid,
    /// How its observations within the goal's span become the goal's actual value.
    pub aggregation: GoalAggregation,
}

/// Agrees on something else. What is left out stays as it is; at least one field is needed, besides the reason.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct AdjustGoal {
    /// What it is called.
    pub title: Option<Text<1, 200>>,
    /// In words.
    pub description: Option<Text<1, 2000>>,
    /// The id of who sees to it.
    pub owner_id: Option<Text<1, 64>>,
    /// In what it is measured. It stays once progress was recorded in it.
    pub unit: Option<Text<1, 64>>,
    /// Where it begins.
    pub baseline: Option<Decimal>,
    /// What is to be reached.
    pub target: Option<Decimal>,
    /// When its span begins.
    pub starts_at: Option<Moment>,
    /// When its span has ended.
    pub due_at: Option<Moment>,
    /// Why, in words.
    pub reason: Option<Text<1, 500>>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProgressSource {
    /// The metric that it was computed from: the linked one.
    pub metric_id: Uuid,
    /// The number of the newest observation that it takes in.
    pub observation_number: Option<Quantity>,
    /// The event that it follows from.
    pub event_id: Option<Uuid>,
}

/// Notes the value that the goal has come to: the whole value, not what was added.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordGoalProgress {
    /// The value, in the goal's unit.
    pub actual: Decimal,
    /// Where it comes from. Left out: you say so.
    pub source: Option<Object<NewProgressSource>>,
    /// In words.
    pub note: Option<Text<1, 500>>,
}

/// Closes a goal whose recorded value is as far as its target.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AchieveGoal {
    /// In words.
    pub note: Option<Text<1, 500>>,
}

/// Closes a goal whose span ended before its target was reached.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissGoal {
    /// In words.
    pub note: Option<Text<1, 500>>,
}

/// Closes a goal that nobody wants any more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AbandonGoal {
    /// Why, in words.
    pub reason: Option<Text<1, 500>>,
}

/// Everything that may be asked of a goal.
#[derive(Clone, Debug)]
pub enum GoalCommand {
    /// See [`DraftGoal`].
    Draft(DraftGoal),
    /// See [`ActivateGoal`].
    Activate(ActivateGoal),
    /// See [`LinkGoalMetric`].
    LinkMetric(LinkGoalMetric),
    /// See [`AdjustGoal`].
    Adjust(AdjustGoal),
    /// See [`RecordGoalProgress`].
    RecordProgress(RecordGoalProgress),
    /// See [`AchieveGoal`].
    Achieve(AchieveGoal),
    /// See [`MissGoal`].
    Miss(MissGoal),
    /// See [`AbandonGoal`].
    Abandon(AbandonGoal),
}

crate::command::commands! {
    Goal {
        DraftGoal = "draft" creates => GoalCommand::Draft,
        ActivateGoal = "activate" => GoalCommand::Activate,
        LinkGoalMetric = "linkMetric" => GoalCommand::LinkMetric,
        AdjustGoal = "adjust" => GoalCommand::Adjust,
        RecordGoalProgress = "recordProgress" => GoalCommand::RecordProgress,
        AchieveGoal = "achieve" => GoalCommand::Achieve,
        MissGoal = "miss" => GoalCommand::Miss,
        AbandonGoal = "abandon" => GoalCommand::Abandon,
    }
}
