//! Why a metric refuses. Owns the codes, which are part of the API, and the words, which are not.

use crate::Rejection;

/// A state of the world in which a metric cannot do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetricRejection {
    /// Nothing was defined under that id.
    #[error("there is no metric with this id; define it first")]
    NotFound,
    /// It was defined before.
    #[error("this metric was already defined; use another id for a new one")]
    AlreadyDefined,
    /// What feeds it is an amount of money.
    #[error(
        "a metric that follows the orders' revenue is a sum in a currency: give the unit as its ISO 4217 code, such as BRL, and the aggregation sum"
    )]
    FeedNeedsCurrency,
    /// Months are added up.
    #[error(
        "only a metric that is a sum has monthly goals; give the aggregation sum, or leave monthlyGoal out"
    )]
    MonthlyGoalNeedsSum,
    /// No month could reach that, or every one would.
    #[error(
        "a monthly goal grows by more than -100 and at most 10000 per cent; give a growthPercent between them"
    )]
    GrowthOutOfRange,
    /// It is measured by itself.
    #[error(
        "this metric is measured by itself; correct an observation that is wrong, or define another metric"
    )]
    MeasuredByItself,
    /// Something cannot have been measured yet.
    #[error("an observation lies in the future; correct its time and send them all again")]
    ObservedInTheFuture,
    /// There is no observation of that number.
    #[error("this metric has no observation with this number; look it up among its observations")]
    ObservationNotFound,
    /// Their numbers would be beyond what the system can hold.
    #[error("a metric holds at most 2,147,483,647 observations; define another one")]
    TooManyObservations,
}

impl Rejection for MetricRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "metric-not-found",
            Self::AlreadyDefined => "metric-already-defined",
            Self::FeedNeedsCurrency => "feed-needs-currency",
            Self::MonthlyGoalNeedsSum => "monthly-goal-needs-sum",
            Self::GrowthOutOfRange => "growth-out-of-range",
            Self::MeasuredByItself => "measured-by-itself",
            Self::ObservedInTheFuture => "observed-in-the-future",
            Self::ObservationNotFound => "observation-not-found",
            Self::TooManyObservations => "too-many-observations",
        }
    }
}
