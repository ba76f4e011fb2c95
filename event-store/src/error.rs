//! What can go wrong between Daybook and its log. Never carries SQL or a payload to a caller's eyes.

use uuid::Uuid;

/// An error of the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The queue in front of the log is full.
    #[error("the log is taking all it can; try again in {retry_after_seconds} s")]
    Overloaded {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The log cannot be reached, or refused for a reason of its own. Nothing was written.
    #[error("the database is not available, nothing was written; try again")]
    Unavailable(#[source] sqlx::Error),
    /// The connection was lost while an append was under way.
    #[error(
        "the connection to the database was lost during the append, which may or may not have happened; repeat it with the same idempotency key"
    )]
    OutcomeUnknown(#[source] sqlx::Error),
    /// This one command cannot be stored.
    #[error("the log refused the command: {0}")]
    Unstorable(String),
    /// The lane has shut down.
    #[error("the server is shutting down; try again in a moment")]
    ShuttingDown,
    /// Stored bytes that are not what was written, or numbers with a hole.
    #[error(
        "corrupt log: table log.event, column {column}, partition {partition} offset {offset}: {found}"
    )]
    Corrupt {
        /// The column that proves it.
        column: &'static str,
        /// The row's partition.
        partition: u16,
        /// The row's offset.
        offset: i64,
        /// What stands there.
        found: String,
    },
    /// Stored bytes of a loaded stream that are not what was written.
    #[error("corrupt log: table log.event, column {column}, event {event_id}: {found}")]
    CorruptEvent {
        /// The column that proves it.
        column: &'static str,
        /// The event.
        event_id: Uuid,
        /// What stands there.
        found: String,
    },
    /// The database lacks what this binary needs.
    #[error("{0}")]
    Setup(String),
    /// Any other failure of the database.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// A migration failed.
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// Of a statement that reads: appends know better what became of them.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_away(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Whether there was no database to ask, rather than one that refused.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Connection exceptions, too many connections, shutting down or starting up.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("08") || matches!(&*code, "53300" | "57P01" | "57P02" | "57P03")
        }),
        _ => false,
    }
}

impl Error {
    /// The same error for another caller of a call that failed for all of them. The cause is logged once, where it happened.
    pub(crate) fn for_another(&self) -> Self {
        let cause = || sqlx::Error::Protocol("see the log of the server".to_owned());
        match self {
            Self::OutcomeUnknown(_) => Self::OutcomeUnknown(cause()),
            Self::Setup(what) => Self::Setup(what.clone()),
            _ => Self::Unavailable(cause()),
        }
    }
}
