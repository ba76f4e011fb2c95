//! Why a goal refuses. Owns the codes, which are part of the API, and the words, which are not.

use crate::Rejection;

/// A state of the world in which a goal cannot do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GoalRejection {
    /// Nothing was drafted under that id.
    #[error("there is no goal with this id; draft it first")]
    NotFound,
    /// It was drafted before.
    #[error("this goal was already drafted; use another id for a new one")]
    AlreadyDrafted,
    /// It was activated before.
    #[error("this goal is already active")]
    AlreadyActive,
    /// It is a draft.
    #[error("this goal is still a draft; activate it first")]
    NotActive,
    /// Nobody said in what it is measured.
    #[error("this goal has no unit; say with an adjustment in what it is measured")]
    WithoutUnit,
    /// Nobody said what is to be reached.
    #[error("this goal has no target; say with an adjustment what is to be reached")]
    WithoutTarget,
    /// Nobody said by when.
    #[error("this goal has no due date; say with an adjustment by when it is to be reached")]
    WithoutDueDate,
    /// There would be nothing to reach.
    #[error("the target is where the goal begins; give another target or another baseline")]
    TargetIsBaseline,
    /// The span would have no length.
    #[error(
        "the goal would be due before its span begins; give a later due date or an earlier start"
    )]
    DueBeforeStart,
    /// It could not be reached any more.
    #[error("the due date does not lie in the future; give a later one")]
    DueInThePast,
    /// Nothing would be different.
    #[error("this is what is agreed on already; give something that differs")]
    Unchanged,
    /// Values were recorded in that unit.
    #[error("progress was recorded in this goal's unit; draft a new goal for another unit")]
    UnitInUse,
    /// The link is there already.
    #[error("this goal's progress already follows from this metric in this way")]
    MetricAlreadyLinked,
    /// The value comes from another metric than the linked one.
    #[error("this goal's progress does not follow from this metric; link it first")]
    MetricNotLinked,
    /// The span has not begun.
    #[error("this goal's span has not begun; adjust its start, or record the progress later")]
    NotStarted,
    /// The value was recorded before.
    #[error("this value is already recorded as the goal's last progress")]
    ProgressUnchanged,
    /// The recorded value is not as far as the target.
    #[error("the recorded progress has not reached the target; record what was reached first")]
    TargetNotReached,
    /// The recorded value is as far as the target.
    #[error("the recorded progress has reached the target; achieve the goal instead")]
    TargetReached,
    /// The span has not ended.
    #[error("this goal is not due yet; wait for its due date, or abandon it")]
    NotDue,
    /// Its target was reached.
    #[error("this goal was already achieved; draft a new one to go on")]
    AlreadyAchieved,
    /// Its span ended before its target was reached.
    #[error("this goal was already missed; draft a new one to try again")]
    AlreadyMissed,
    /// Nobody wanted it any more.
    #[error("this goal was already abandoned; draft a new one to take it up again")]
    AlreadyAbandoned,
}

impl Rejection for GoalRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "goal-not-found",
            Self::AlreadyDrafted => "goal-already-drafted",
            Self::AlreadyActive => "goal-already-active",
            Self::NotActive => "goal-not-active",
            Self::WithoutUnit => "goal-without-unit",
            Self::WithoutTarget => "goal-without-target",
            Self::WithoutDueDate => "goal-without-due-date",
            Self::TargetIsBaseline => "goal-target-is-baseline",
            Self::DueBeforeStart => "goal-due-before-start",
            Self::DueInThePast => "goal-due-in-the-past",
            Self::Unchanged => "goal-unchanged",
            Self::UnitInUse => "goal-unit-in-use",
            Self::MetricAlreadyLinked => "goal-metric-already-linked",
            Self::MetricNotLinked => "goal-metric-not-linked",
            Self::NotStarted => "goal-not-started",
            Self::ProgressUnchanged => "goal-progress-unchanged",
            Self::TargetNotReached => "goal-target-not-reached",
            Self::TargetReached => "goal-target-reached",
            Self::NotDue => "goal-not-due",
            Self::AlreadyAchieved => "goal-already-achieved",
            Self::AlreadyMissed => "goal-already-missed",
            Self::AlreadyAbandoned => "goal-already-abandoned",
        }
    }
}
