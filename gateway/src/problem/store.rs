//! What the log's failures mean to a caller.

use event_store::Error;

use super::{Problem, construct::chain};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Overloaded {
                retry_after_seconds,
            } => Self::overloaded(retry_after_seconds),
            Error::ShuttingDown => Self::unavailable(),
            Error::Unstorable(why) => Self::rejected(
                "unstorable",
                format!("This cannot be stored: {why}. Change the request and send it again."),
            ),
            Error::Unavailable(_) => {
                tracing::error!(cause = chain(&error), "the database is not available");
                Self::unavailable()
            }
            Error::OutcomeUnknown(_) => {
                tracing::error!(cause = chain(&error), "an append was interrupted");
                Self::outcome_unknown()
            }
            Error::Corrupt { .. }
            | Error::CorruptEvent { .. }
            | Error::Setup(_)
            | Error::Database(_)
            | Error::Migration(_) => Self::internal(&error),
        }
    }
}
