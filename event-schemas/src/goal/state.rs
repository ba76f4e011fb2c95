//! A goal as it stands, folded from its events, for the compacted topic: its last progress and not the ones before, which
//! would grow for ever. Never what decisions go by.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{GoalEvent, GoalStatus, GoalTerms, MetricLink, ProgressSource};
use crate::{RecordedEvent, decimal::Decimal, state::State};

/// A goal as it stands.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoalState {
    /// Where it stands.
    pub status: GoalStatus,
    /// What was agreed on.
    pub terms: GoalTerms,
    /// From what its progress follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricLink>,
    /// How far it has come; absent before the first progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<LatestProgress>,
    /// How often something else was agreed on.
    pub adjustments: u32,
    /// When it was drafted.
    pub drafted_at: DateTime<Utc>,
    /// When it was activated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<DateTime<Utc>>,
    /// When it was closed; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
}

/// How far a goal has come.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatestProgress {
    /// The number of the last progress: how many there are.
    pub number: u32,
    /// The value.
    pub actual: Decimal,
    /// Whether it is as far as the target.
    pub reached: bool,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ProgressSource>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl State for GoalState {
    type Event = GoalEvent;

    fn after(before: Option<Self>, event: GoalEvent, recorded: &RecordedEvent) -> Option<Self> {
        let Some(mut goal) = before else {
            return match event {
                GoalEvent::GoalDrafted(drafted) => Some(Self {
                    status: GoalStatus::Draft,
                    terms: drafted.terms,
                    metric: None,
                    progress: None,
                    adjustments: 0,
                    drafted_at: recorded.occurred_at,
                    activated_at: None,
                    closed_at: None,
                }),
                _ => None,
            };
        };
        goal.status = GoalStatus::after(Some(goal.status), &event).unwrap_or(goal.status);
        match event {
            GoalEvent::GoalDrafted(_) => {}
            GoalEvent::GoalActivated(activated) => {
                goal.terms.settle(&activated);
                goal.activated_at.get_or_insert(recorded.occurred_at);
            }
            GoalEvent::GoalMetricLinked(linked) => goal.metric = Some(linked.metric),
            GoalEvent::GoalAdjusted(adjusted) => {
                goal.terms = adjusted.new;
                goal.adjustments = goal.adjustments.saturating_add(1);
                if let Some(progress) = &mut goal.progress {
                    progress.reached = adjusted.reached;
                }
            }
            GoalEvent::GoalProgressed(progressed) => {
                goal.progress = Some(LatestProgress {
                    number: progressed.number,
                    actual: progressed.actual,
                    reached: progressed.reached,
                    source: progressed.source,
                    recorded_at: recorded.occurred_at,
                });
            }
            GoalEvent::GoalAchieved(_) | GoalEvent::GoalMissed(_) | GoalEvent::GoalAbandoned(_) => {
                goal.closed_at.get_or_insert(recorded.occurred_at);
            }
        }
        Some(goal)
    }
}
