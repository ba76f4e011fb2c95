//! What a goal decides: one function per command, from the state and the command to one event.

use chrono::{DateTime, Utc};
use event_schemas::{
    Moment, Object, Source,
    decimal::Decimal,
    goal::{
        GoalAbandoned, GoalAchieved, GoalActivated, GoalAdjusted, GoalDrafted, GoalEvent,
        GoalMetricLinked, GoalMissed, GoalProgressed, GoalStatus, GoalTerms, MetricLink,
        ProgressSource,
    },
    number::Quantity,
};

use super::{
    AbandonGoal, AchieveGoal, AdjustGoal, DraftGoal, Goal, GoalCommand, GoalRejection,
    LinkGoalMetric, MissGoal, NewProgressSource, RecordGoalProgress,
};
use crate::{Decide, rules::Rules};

impl Goal {
    /// The event that follows from the command, or why there is none. That a goal exists and is open is structural: not
    /// even an import skips it.
    pub(super) fn decide(&self, decide: Decide<GoalCommand>) -> Result<GoalEvent, GoalRejection> {
        let rules = Rules::new(decide.is_import());
        let now = decide.occurred_at;
        let status = match (self.status, &decide.command) {
            (None, GoalCommand::Draft(_)) => GoalStatus::Draft,
            (None, _) => return Err(GoalRejection::NotFound),
            (Some(_), GoalCommand::Draft(_)) => return Err(GoalRejection::AlreadyDrafted),
            (Some(GoalStatus::Achieved), _) => return Err(GoalRejection::AlreadyAchieved),
            (Some(GoalStatus::Missed), _) => return Err(GoalRejection::AlreadyMissed),
            (Some(GoalStatus::Abandoned), _) => return Err(GoalRejection::AlreadyAbandoned),
            (Some(open @ (GoalStatus::Draft | GoalStatus::Active)), _) => open,
        };
        match decide.command {
            GoalCommand::Draft(command) => draft(command).map(Into::into),
            GoalCommand::Activate(_) => {
                // What a policy agrees on follows from what is told, perhaps when its time is over: it is a goal all the same,
                // and is achieved or missed at once.
                let may_be_over = decide.source == Source::Policy;
                self.activate(status, may_be_over, now, rules)
                    .map(Into::into)
            }
            GoalCommand::LinkMetric(command) => self.link(&command, status, rules).map(Into::into),
            GoalCommand::Adjust(command) => {
                self.adjust(command, status, now, rules).map(Into::into)
            }
            GoalCommand::RecordProgress(command) => {
                active(status)?;
                self.progress(command, now, rules).map(Into::into)
            }
            GoalCommand::Achieve(command) => {
                active(status)?;
                self.achieve(command, rules).map(Into::into)
            }
            GoalCommand::Miss(command) => {
                active(status)?;
                self.miss(command, now, rules).map(Into::into)
            }
            GoalCommand::Abandon(command) => Ok(abandon(command).into()),
        }
    }

    fn activate(
        &self,
        status: GoalStatus,
        may_be_over: bool,
        now: DateTime<Utc>,
        mut rules: Rules,
    ) -> Result<GoalActivated, GoalRejection> {
        if status == GoalStatus::Active {
            return Err(GoalRejection::AlreadyActive);
        }
        let terms = &self.terms;
        let unit = terms.unit.clone().ok_or(GoalRejection::WithoutUnit)?;
        let target = terms.target.ok_or(GoalRejection::WithoutTarget)?;
        let due_at = terms.due_at.ok_or(GoalRejection::WithoutDueDate)?;
        rules.require(may_be_over || due_at > now, GoalRejection::DueInThePast)?;
        let baseline = terms.baseline.unwrap_or(Decimal::ZERO);
        let starts_at = terms.starts_at.unwrap_or(now);
        coherent(Some(baseline), Some(target), Some(starts_at), Some(due_at))?;
        Ok(GoalActivated {
            unit,
            baseline,
            target,
            starts_at,
            due_at,
            metric: self.metric,
            waived: rules.waived(),
        })
    }

    fn link(
        &self,
        command: &LinkGoalMetric,
        status: GoalStatus,
        mut rules: Rules,
    ) -> Result<GoalMetricLinked, GoalRejection> {
        let metric = MetricLink {
            metric_id: command.metric_id,
            aggregation: command.aggregation,
        };
        rules.require(
            self.metric != Some(metric),
            GoalRejection::MetricAlreadyLinked,
        )?;
        Ok(GoalMetricLinked {
            metric,
            previous: self.metric,
            status,
            terms: self.terms.clone(),
            waived: rules.waived(),
        })
    }

    fn adjust(
        &self,
        command: AdjustGoal,
        status: GoalStatus,
        now: DateTime<Utc>,
        mut rules: Rules,
    ) -> Result<GoalAdjusted, GoalRejection> {
        let old = self.terms.clone();
        let new = GoalTerms {
            title: command.title.map_or(old.title.clone(), Into::into),
            description: command
                .description
                .map(Into::into)
                .or(old.description.clone()),
            owner_id: command.owner_id.map(Into::into).or(old.owner_id.clone()),
            unit: command.unit.map(Into::into).or(old.unit.clone()),
            baseline: command.baseline.or(old.baseline),
            target: command.target.or(old.target),
            starts_at: command.starts_at.map(Moment::get).or(old.starts_at),
            due_at: command.due_at.map(Moment::get).or(old.due_at),
        };
        if new == old {
            return Err(GoalRejection::Unchanged);
        }
        coherent(new.baseline, new.target, new.starts_at, new.due_at)?;
        if status == GoalStatus::Active {
            rules.require(
                new.due_at.is_some_and(|due| due > now),
                GoalRejection::DueInThePast,
            )?;
        }
        rules.require(
            self.actual.is_none() || new.unit == old.unit,
            GoalRejection::UnitInUse,
        )?;
        Ok(GoalAdjusted {
            reached: self.has_reached(&new),
            old,
            new,
            status,
            metric: self.metric,
            reason: command.reason.map(Into::into),
            waived: rules.waived(),
        })
    }

    fn progress(
        &self,
        command: RecordGoalProgress,
        now: DateTime<Utc>,
        mut rules: Rules,
    ) -> Result<GoalProgressed, GoalRejection> {
        let source = command.source.map(source);
        rules.require(
            self.terms.starts_at.is_some_and(|start| start <= now),
            GoalRejection::NotStarted,
        )?;
        rules.require(
            source.is_none_or(|source| {
                self.metric
                    .is_some_and(|metric| metric.metric_id == source.metric_id)
            }),
            GoalRejection::MetricNotLinked,
        )?;
        // A policy that computes the same once more has nothing to say.
        rules.require(
            self.actual != Some(command.actual),
            GoalRejection::ProgressUnchanged,
        )?;
        Ok(GoalProgressed {
            number: self.progress.saturating_add(1),
            actual: command.actual,
            previous: self.actual,
            reached: self.terms.are_reached_by(command.actual),
            source,
            note: command.note.map(Into::into),
            waived: rules.waived(),
        })
    }

    fn achieve(
        &self,
        command: AchieveGoal,
        mut rules: Rules,
    ) -> Result<GoalAchieved, GoalRejection> {
        rules.require(
            self.has_reached(&self.terms),
            GoalRejection::TargetNotReached,
        )?;
        Ok(GoalAchieved {
            actual: self.actual,
            note: command.note.map(Into::into),
            waived: rules.waived(),
        })
    }

    fn miss(
        &self,
        command: MissGoal,
        now: DateTime<Utc>,
        mut rules: Rules,
    ) -> Result<GoalMissed, GoalRejection> {
        rules.require(!self.has_reached(&self.terms), GoalRejection::TargetReached)?;
        rules.require(
            self.terms.due_at.is_some_and(|due| due <= now),
            GoalRejection::NotDue,
        )?;
        Ok(GoalMissed {
            actual: self.actual,
            note: command.note.map(Into::into),
            waived: rules.waived(),
        })
    }
}

/// Only an active goal comes closer to its end.
fn active(status: GoalStatus) -> Result<(), GoalRejection> {
    if status == GoalStatus::Active {
        Ok(())
    } else {
        Err(GoalRejection::NotActive)
    }
}

/// Something must lie between the baseline and the target, and between start and due date: shares are of that.
fn coherent(
    baseline: Option<Decimal>,
    target: Option<Decimal>,
    starts_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
) -> Result<(), GoalRejection> {
    if baseline.is_some() && baseline == target {
        return Err(GoalRejection::TargetIsBaseline);
    }
    if starts_at
        .zip(due_at)
        .is_some_and(|(start, due)| start >= due)
    {
        return Err(GoalRejection::DueBeforeStart);
    }
    Ok(())
}

fn draft(command: DraftGoal) -> Result<GoalDrafted, GoalRejection> {
    let terms = GoalTerms {
        title: command.title.into(),
        description: command.description.map(Into::into),
        owner_id: command.owner_id.map(Into::into),
        unit: command.unit.map(Into::into),
        baseline: command.baseline,
        target: command.target,
        starts_at: command.starts_at.map(Moment::get),
        due_at: command.due_at.map(Moment::get),
    };
    coherent(terms.baseline, terms.target, terms.starts_at, terms.due_at)?;
    Ok(GoalDrafted { terms })
}

fn abandon(command: AbandonGoal) -> GoalAbandoned {
    GoalAbandoned {
        reason: command.reason.map(Into::into),
    }
}

fn source(Object(given): Object<NewProgressSource>) -> ProgressSource {
    ProgressSource {
        metric_id: given.metric_id,
        observation_number: given.observation_number.map(Quantity::get),
        event_id: given.event_id,
    }
}
