//! The goal, from the draft to its end. Owns the state its decisions need, which is what was agreed on and the last
//! progress; decisions are in `decision`, rejections in `rejection`.

use cqrs_es::{Aggregate, event_sink::EventSink};
use event_schemas::{
    decimal::Decimal,
    goal::{GoalEvent, GoalStatus, GoalTerms, MetricLink},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decide, Entity};

mod command;
mod decision;
mod rejection;
#[cfg(test)]
mod tests;

pub use command::{
    AbandonGoal, AchieveGoal, ActivateGoal, AdjustGoal, DraftGoal, GoalCommand, LinkGoalMetric,
    MissGoal, NewProgressSource, RecordGoalProgress,
};
pub use rejection::GoalRejection;

/// What a goal must remember to decide.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// Where it stands; `None` before it is drafted.
    status: Option<GoalStatus>,
    /// What was agreed on.
    terms: GoalTerms,
    /// From what its progress follows.
    metric: Option<MetricLink>,
    /// How often progress was recorded: the number of the last one.
    progress: u32,
    /// What was recorded last.
    actual: Option<Decimal>,
}

impl Goal {
    /// Whether what was recorded last is as far as the target of these terms.
    fn has_reached(&self, terms: &GoalTerms) -> bool {
        self.actual
            .is_some_and(|actual| terms.are_reached_by(actual))
    }
}

impl Aggregate for Goal {
    const TYPE: &'static str = "goal";
    type Command = Decide<GoalCommand>;
    type Event = GoalEvent;
    type Error = GoalRejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), GoalRejection> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: GoalEvent) {
        self.status = GoalStatus::after(self.status, &event);
        match event {
            GoalEvent::GoalDrafted(drafted) => self.terms = drafted.terms,
            GoalEvent::GoalActivated(activated) => self.terms.settle(&activated),
            GoalEvent::GoalMetricLinked(linked) => self.metric = Some(linked.metric),
            GoalEvent::GoalAdjusted(adjusted) => self.terms = adjusted.new,
            GoalEvent::GoalProgressed(progressed) => {
                self.progress = progressed.number;
                self.actual = Some(progressed.actual);
            }
            GoalEvent::GoalAchieved(_) | GoalEvent::GoalMissed(_) | GoalEvent::GoalAbandoned(_) => {
            }
        }
    }
}

impl Entity for Goal {
    type Decision = GoalCommand;
    type Fact = GoalEvent;
    type Refusal = GoalRejection;
    const PLURAL: &'static str = "goals";
}
