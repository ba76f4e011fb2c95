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
    #[error("no projection is called {0}; the names are those of `daybook projections list`")]
    UnknownProjection(String),
    /// Nobody by that id.
    #[error("no tenant has the id {0}; `daybook tenant list` lists them")]
    UnknownTenant(uuid::Uuid),
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
    /// A new build cannot apply events that the build which serves has applied.
    #[error(
        "build {build} of projection {projection} does not take over: {tenants} tenants are parked in it that are not in the build which serves; mend what is wrong and run `daybook projections retry {projection} --tenant ID` with this binary (`daybook projections parked` lists them)"
    )]
    SetBack {
        /// The projection's name.
        projection: &'static str,
        /// The new build's number.
        build: i32,
        /// How many.
        tenants: i64,
    },
    /// Rows of parked tenants are not what the log makes of them.
    #[error(
        "{tenants} tenants are parked in projection {projection}, so its rows are not all that the log makes; let them go on first: `daybook projections parked` lists them, `retry` tries them"
    )]
    Parked {
        /// The projection's name.
        projection: &'static str,
        /// How many.
        tenants: i64,
    },
    /// A policy has events of a tenant to answer that making its state anew would pass over.
    #[error(
        "tenant {tenant} is parked in policy {policy}, which has yet to answer its events: run `daybook projections retry {policy} --tenant {tenant}` instead"
    )]
    Unanswered {
        /// The policy's name.
        policy: &'static str,
        /// The tenant.
        tenant: uuid::Uuid,
    },
    /// Another build of the same revision serves in its place.
    #[error("build {build} of projection {projection} was replaced by a newer one")]
    Replaced {
        /// The projection's name.
        projection: &'static str,
        /// The build's number.
        build: i32,
    },
    /// Another process has dropped the build.
    #[error(
        "build {build} of projection {projection} was dropped, for nobody seemed to feed it any more; restart this process"
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
            | Self::UnknownTenant(_)
            | Self::Install { .. }
            | Self::Halted { .. }
            | Self::SetBack { .. }
            | Self::Parked { .. }
            | Self::Unanswered { .. }
            | Self::Replaced { .. }
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

/// Why a batch failed: something in it, or something around it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An event of the batch, the one at this offset where it is known, cannot be applied: its tenant's trouble alone.
    Poison { offset: Option<i64>, reason: String },
    /// The event at this offset must not be passed by anybody: nobody knows what it means, or it is not as it was written.
    Impassable { offset: i64, reason: String },
    /// Anything else.
    Other(Error),
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Event { offset, reason } => Self::Poison {
                offset: Some(offset),
                reason,
            },
            ApplyError::Unknown { offset, reason } => Self::Impassable { offset, reason },
            ApplyError::Database(error) => Self::refused(error),
        }
    }
}

impl Failure {
    /// What the database said to the rows of a batch.
    fn refused(error: sqlx::Error) -> Self {
        let reason = match &error {
            sqlx::Error::Database(refusal) if is_about_rows(refusal.as_ref()) => {
                format!("the database refused its rows: {}", refusal.message())
            }
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                format!("its rows cannot be written: {error}")
            }
            _ => return Self::Other(error.into()),
        };
        Self::Poison {
            offset: None,
            reason,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<event_store::Error> for Failure {
    fn from(error: event_store::Error) -> Self {
        match error {
            event_store::Error::Corrupt { offset, .. } => Self::Impassable {
                offset,
                reason: error.to_string(),
            },
            other => Self::Other(other.into()),
        }
    }
}

/// Values, constraints, sizes and what functions raise. All else, such as a table that is missing, no event is to blame for.
fn is_about_rows(error: &dyn sqlx::error::DatabaseError) -> bool {
    let code = error.code();
    let class = code.as_deref().and_then(|code| code.get(..2));
    matches!(class, Some("21" | "22" | "23" | "44" | "54" | "P0"))
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
