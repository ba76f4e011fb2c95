//! What can go wrong between a cqrs-es program and the log, and what cqrs-es calls it. Never decides what the program does
//! about it.

use cqrs_es::persist::PersistenceError;
use event_schemas::{StreamId, TenantId};

use crate::Refusal;

/// An error of the repository. cqrs-es carries it inside its own [`PersistenceError`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A type that cannot begin the name of a stream.
    #[error(
        "the aggregate type {0:?} cannot begin the name of a stream: it must not be empty, nor begin with `$`, nor with one \
         of Daybook's own contexts ({own}) before the first `-`; give `Aggregate::TYPE` another name",
        own = event_schemas::CONTEXTS.join(", ")
    )]
    Type(String),
    /// Events of more than one aggregate in one append.
    #[error(
        "events of the aggregates {first:?} and {other:?} in one append; append those of each aggregate by themselves"
    )]
    Mixed {
        /// The first event's aggregate.
        first: String,
        /// Another event's.
        other: String,
    },
    /// More events than a stream can have.
    #[error("sequence {0} is past the end of a stream, {max}", max = i32::MAX)]
    TooLong(usize),
    /// The log takes nothing from the tenant.
    #[error("the log takes no events of the tenant {tenant}: {why}")]
    Refused {
        /// The tenant.
        tenant: TenantId,
        /// Why, and what to do.
        why: &'static str,
    },
    /// The same name made of another type and id, such as `a-b` and `c` for `a` and `b-c`.
    #[error(
        "the stream {stream} holds an aggregate of type {found:?}, not {asked:?}; choose ids that keep the two apart"
    )]
    Foreign {
        /// The stream.
        stream: StreamId,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        asked: String,
    },
    /// An event whose bytes are not what cqrs-es understands.
    #[error("event {version} of the stream {stream} has a {column} that cannot be read: {source}")]
    Undecodable {
        /// The stream.
        stream: StreamId,
        /// The event's number in it.
        version: i32,
        /// Which column.
        column: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A snapshot is missing, and the aggregate cannot be told to replay.
    #[error(
        "the newest snapshot of the stream {0} was not kept, and its aggregate reads any JSON as a state, so cqrs-es cannot \
         be told to replay; load it with `PersistedEventStore::new_event_store`"
    )]
    SnapshotMissing(StreamId),
}

impl Error {
    pub(super) fn refused(tenant: TenantId, refusal: &Refusal) -> Self {
        let why = match refusal {
            Refusal::TenantUnknown => {
                "it is not registered; create it with `daybook tenant create`"
            }
            Refusal::TenantSuspended => {
                "it is suspended; the operator ends that with `daybook tenant resume`"
            }
            Refusal::TenantFrozen => {
                "it is frozen after an alarm; the operator has to look into it"
            }
            // Only of appends that are dated, register or claim; ours never do.
            Refusal::BehindNewest => "they are older than its newest",
            Refusal::TenantExists => "it is registered already",
            Refusal::ValueTaken { .. } => "another stream holds one of their unique values",
        };
        Self::Refused { tenant, why }
    }
}

impl From<Error> for PersistenceError {
    fn from(error: Error) -> Self {
        match error {
            Error::Undecodable { .. } => Self::DeserializationError(Box::new(error)),
            Error::Type(_)
            | Error::Mixed { .. }
            | Error::TooLong(_)
            | Error::Refused { .. }
            | Error::Foreign { .. }
            | Error::SnapshotMissing(_) => Self::UnknownError(Box::new(error)),
        }
    }
}

/// What cqrs-es calls an error of the log.
pub(super) fn of_log(error: crate::Error) -> PersistenceError {
    let connection = match &error {
        crate::Error::Overloaded { .. }
        | crate::Error::Unavailable(_)
        | crate::Error::OutcomeUnknown(_)
        | crate::Error::ShuttingDown => true,
        crate::Error::Database(cause) => lost(cause),
        crate::Error::Unstorable(_)
        | crate::Error::Corrupt { .. }
        | crate::Error::CorruptEvent { .. }
        | crate::Error::Setup(_)
        | crate::Error::Migration(_) => false,
    };
    if connection {
        PersistenceError::ConnectionError(Box::new(error))
    } else {
        PersistenceError::UnknownError(Box::new(error))
    }
}

/// Whether the connection is gone: the classes 08 (connection exception) and 57 (operator intervention), or no answer at all.
fn lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(e) => e
            .code()
            .is_some_and(|code| code.starts_with("08") || code.starts_with("57")),
        _ => false,
    }
}
