//! What can go wrong in the engine, and which of it passes by waiting. Never carries a payload.

use crate::ApplyError;

/// What a standby that is not promoted yet answers to a write.
const STANDBY: &str = "25006";

/// An error of the projection engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] event_store::Error),
    /// The database failed while a read model was written; nothing of the batch was kept.
    #[error("the database failed while a read model was written, nothing of the batch was kept")]
    Database(#[from] sqlx::Error),
    /// Two tasks of this process disagree about what there is.
    #[error("no projection is called {0}; the names are those of `daybook projections`")]
    UnknownProjection(String),
    /// A projection's tables could not be made.
    #[error(
        "the tables of projection {projection} could not be created; check its file in migrations/read-models"
    )]
    Install {
        /// Its name.
        projection: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// An event cannot be applied.
    #[error(
        "projection {projection} is halted in partition {partition} at offset {offset}: {reason}"
    )]
    Halted {
        /// The projection's name.
        projection: &'static str,
        /// The partition.
        partition: u16,
        /// The offset of the event that cannot be applied.
        offset: i64,
        /// Why.
        reason: String,
    },
    /// Another process has dropped the build, for a newer one serves.
    #[error(
        "build {build} of projection {projection} was dropped because a newer one serves; restart this process with the newer binary"
    )]
    Dropped {
        /// The projection's name.
        projection: &'static str,
        /// The build's number.
        build: i32,
    },
}

impl Error {
    /// Whether waiting may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => is_transient(error),
            Self::Store(error) => is_transient_in_store(error),
            Self::UnknownProjection(_)
            | Self::Install { .. }
            | Self::Halted { .. }
            | Self::Dropped { .. } => false,
        }
    }

    /// Whether there is no database to ask, or none that may be written to: it matters not what it was asked for.
    pub(crate) fn is_away(&self) -> bool {
        match self {
            Self::Store(event_store::Error::Unavailable(_)) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().as_deref() == Some(STANDBY)
            }
            _ => false,
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Event { offset, reason } => Self::Poison {
                offset: Some(offset),
                reason,
            },
            ApplyError::Database(error) => error.into(),
        }
    }
}

/// Why a batch failed: something in it, or something around it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An event of the batch, at this offset where it is known, cannot be applied.
    Poison { offset: Option<i64>, reason: String },
    /// Anything else.
    Other(Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) if !is_transient(&error) => Self::Poison {
                offset: None,
                reason: format!("the database refused its rows: {}", refusal.message()),
            },
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                Self::Poison {
                    offset: None,
                    reason: format!("its rows cannot be written: {error}"),
                }
            }
            _ => Self::Other(error.into()),
        }
    }
}

impl From<event_store::Error> for Failure {
    fn from(error: event_store::Error) -> Self {
        match error {
            event_store::Error::Corrupt { offset, .. } => Self::Poison {
                offset: Some(offset),
                reason: error.to_string(),
            },
            other => Self::Other(other.into()),
        }
    }
}

/// Connections, resources, conflicts, shutdowns and a standby that is not promoted yet pass; what a row says does not.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(code.get(..2), Some("08" | "40" | "53" | "55" | "57" | "58"))
                || code == STANDBY
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

fn is_transient_in_store(error: &event_store::Error) -> bool {
    match error {
        event_store::Error::Unavailable(_) | event_store::Error::Overloaded { .. } => true,
        event_store::Error::Database(error) => is_transient(error),
        _ => false,
    }
}
