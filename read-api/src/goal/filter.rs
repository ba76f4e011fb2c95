//! Which goals: the filter's fields and where they stand. Never reads a row.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::{DateTime, Utc};

use super::GoalStatus;
use crate::{
    failure::Failure,
    filter::{
        Clause, Column,
        input::{RangeFilter, StringFilter, UuidFilter, group, words},
    },
};

/// What a goal can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GoalField {
    GoalId,
    Title,
    Status,
    Unit,
    OwnerId,
    MetricId,
    DraftedAt,
    DueAt,
    ClosedAt,
}

impl GoalField {
    /// Where it stands for `goal g`.
    pub(crate) fn column(self) -> Column {
        Column::of(match self {
            Self::GoalId => "g.goal_id",
            Self::Title => "g.title",
            Self::Status => "g.status",
            Self::Unit => "g.unit",
            Self::OwnerId => "g.owner_id",
            Self::MetricId => "g.metric_id",
            Self::DraftedAt => "g.drafted_at",
            Self::DueAt => "g.due_at",
            Self::ClosedAt => "g.closed_at",
        })
    }
}

/// Conditions on the status of a goal. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct GoalStatusFilter {
    /// It is this.
    eq: MaybeUndefined<GoalStatus>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<GoalStatus>>,
}

/// Which goals. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct GoalFilter {
    /// The UUID.
    goal_id: Option<UuidFilter>,
    /// What it is called.
    title: Option<StringFilter>,
    /// Where it stands.
    status: Option<GoalStatusFilter>,
    /// In what it is measured.
    unit: Option<StringFilter>,
    /// The id of who sees to it.
    owner_id: Option<StringFilter>,
    /// The metric that its progress follows from.
    metric_id: Option<UuidFilter>,
    /// When it was drafted.
    drafted_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When its span has ended.
    due_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When it was closed.
    closed_at: Option<RangeFilter<DateTime<Utc>>>,
    /// All of these.
    and: Option<Vec<GoalFilter>>,
    /// At least one of these.
    or: Option<Vec<GoalFilter>>,
    /// Not this.
    not: Option<Box<GoalFilter>>,
}

impl GoalFilter {
    /// The conditions, checked for their size.
    pub(crate) fn checked(self) -> Result<Clause<GoalField>, Failure> {
        let clause = self.clause()?;
        clause.check()?;
        Ok(clause)
    }

    fn clause(self) -> Result<Clause<GoalField>, Failure> {
        use GoalField as F;
        let status =
            |test: GoalStatusFilter| words(F::Status, test.eq, test.any_of, GoalStatus::as_str);
        let own = [
            self.goal_id.map(|test| test.clause(F::GoalId)),
            self.title.map(|test| test.clause(F::Title)),
            self.status.map(status),
            self.unit.map(|test| test.clause(F::Unit)),
            self.owner_id.map(|test| test.clause(F::OwnerId)),
            self.metric_id.map(|test| test.clause(F::MetricId)),
            self.drafted_at.map(|test| test.clause(F::DraftedAt)),
            self.due_at.map(|test| test.clause(F::DueAt)),
            self.closed_at.map(|test| test.clause(F::ClosedAt)),
        ];
        let own = own.into_iter().flatten().collect::<Result<_, _>>()?;
        group(
            own,
            self.and,
            self.or,
            self.not.map(|not| *not),
            Self::clause,
        )
    }
}
