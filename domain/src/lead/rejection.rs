//! Why a lead refuses. Owns the codes, which are part of the API, and the words, which are not.

use crate::Rejection;

/// A state of the world in which a lead cannot do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LeadRejection {
    /// Nothing was captured under that id.
    #[error("there is no lead with this id; capture it first")]
    NotFound,
    /// It was captured before.
    #[error("this lead was already captured; use another id for a new one")]
    AlreadyCaptured,
    /// It was qualified before.
    #[error("this lead is already qualified")]
    AlreadyQualified,
    /// Nobody said yet that it may become a deal.
    #[error("this lead is not qualified yet; qualify it before you win it")]
    NotQualified,
    /// Nobody was named.
    #[error("name at least one person to assign the lead to")]
    WithoutAssignee,
    /// They see to it already.
    #[error("this lead is already assigned to them")]
    AlreadyAssigned,
    /// It became a deal.
    #[error("this lead was already won; capture a new lead for another deal")]
    AlreadyWon,
    /// Nothing came of it.
    #[error("this lead was already lost; capture a new lead if they come back")]
    AlreadyLost,
    /// The date of the deal has not come yet.
    #[error("this lead cannot be won in the future; correct the date or leave it out for now")]
    WonInTheFuture,
}

impl Rejection for LeadRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "lead-not-found",
            Self::AlreadyCaptured => "lead-already-captured",
            Self::AlreadyQualified => "lead-already-qualified",
            Self::NotQualified => "lead-not-qualified",
            Self::WithoutAssignee => "lead-without-assignee",
            Self::AlreadyAssigned => "lead-already-assigned",
            Self::AlreadyWon => "lead-already-won",
            Self::AlreadyLost => "lead-already-lost",
            Self::WonInTheFuture => "lead-won-in-the-future",
        }
    }
}
