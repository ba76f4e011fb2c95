//! Why a field has no value. Owns the codes a client sees and what it may read about a fault; never retries.
//!
//! [`Failure`] does not implement `Display`: the engine turns anything that does into an error without a code.

use std::error::Error;

use async_graphql::ErrorExtensions;

use crate::waiter::WaitError;

/// What a client reads instead of the text of a fault of ours.
const MASK: &str =
    "something went wrong on our side; try again, and quote the trace id if it persists";

/// A refusal or a fault, as `extensions.code` tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// A value given by the client does not fit.
    Input(String),
    /// Nobody is signed in.
    Unauthenticated,
    /// The permission `context:action` is missing.
    Forbidden(String),
    /// The read models have not reached the token in time, by so many events.
    NotCaughtUp(i64),
    /// A read model stands still for this organization since the event at this position.
    Parked(String, i64),
    /// A statement took too long.
    Timeout,
    /// The database cannot be reached.
    Unavailable,
    /// A fault of ours, which is in the log.
    Internal,
}

impl Failure {
    /// A value given by the client does not fit: `what` says how, and what to send instead.
    pub(crate) fn input(what: impl Into<String>) -> Self {
        Self::Input(what.into())
    }

    /// A fault of ours. Logs it: callers pass the failure on and never log it again.
    pub(crate) fn fault(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a read model could not be read");
        Self::Internal
    }

    /// A stored value that this binary does not understand.
    pub(crate) fn corrupt(
        table: &'static str,
        column: &'static str,
        key: &dyn std::fmt::Display,
        found: &str,
    ) -> Self {
        tracing::error!(table, column, %key, found, "corrupt read model");
        Self::Internal
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Input(_) => "BAD_USER_INPUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotCaughtUp(_) => "NOT_CAUGHT_UP",
            Self::Parked(..) => "PROJECTION_PARKED",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Input(what) => what.clone(),
            Self::Unauthenticated => "nobody is signed in; send an API key".to_owned(),
            Self::Forbidden(permission) => {
                format!("the permission {permission} is missing; use a key whose scopes include it")
            }
            Self::NotCaughtUp(lag) => format!(
                "the answer would be {lag} events older than the command asked for; try again in a moment, or ask \
                 for stale answers with consistency.onTimeout: STALE"
            ),
            Self::Parked(projection, position) => format!(
                "the read model '{projection}' stands still for your organization before event {position}, which it cannot apply; \
                 waiting does not help until that is mended: `projections` says why. Ask for stale answers with \
                 consistency.onTimeout: STALE meanwhile"
            ),
            Self::Timeout => {
                "the database took too long to answer; ask for less, or filter more".to_owned()
            }
            Self::Unavailable => "the database is not available; try again in a moment".to_owned(),
            Self::Internal => MASK.to_owned(),
        }
    }
}

impl From<Failure> for async_graphql::Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.message()).extend_with(|_, extensions| {
            extensions.set("code", failure.code());
            match failure {
                Failure::NotCaughtUp(lag) => extensions.set("lagEvents", lag.to_string()),
                Failure::Parked(projection, position) => {
                    extensions.set("projection", projection);
                    extensions.set("position", position.to_string());
                }
                _ => {}
            }
        })
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let gone = matches!(
            error,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_)
        );
        match error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .as_deref()
        {
            // query_canceled, transaction_timeout
            Some("57014" | "25P04") => Self::Timeout,
            // admin_shutdown, crash_shutdown, cannot_connect_now
            Some("57P01" | "57P02" | "57P03") => Self::unavailable(&error),
            // in_failed_sql_transaction: the statement that failed has been logged.
            Some("25P02") => Self::Internal,
            None if gone => Self::unavailable(&error),
            Some(_) | None => Self::fault(&error),
        }
    }
}

impl From<event_store::Error> for Failure {
    fn from(error: event_store::Error) -> Self {
        match error {
            event_store::Error::Unavailable(error) | event_store::Error::Database(error) => {
                Self::from(error)
            }
            error => Self::fault(&error),
        }
    }
}

impl From<projections::Error> for Failure {
    fn from(error: projections::Error) -> Self {
        match error {
            projections::Error::Store(error) => Self::from(error),
            projections::Error::Database(error) => Self::from(error),
            error => Self::fault(&error),
        }
    }
}

impl From<WaitError> for Failure {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::NotCaughtUp { lag_events } => Self::NotCaughtUp(lag_events),
            WaitError::Parked {
                projection,
                position,
                ..
            } => Self::Parked(projection, position),
            WaitError::Failed(error) => Self::from(error),
        }
    }
}

impl Failure {
    fn unavailable(error: &(dyn Error + 'static)) -> Self {
        tracing::warn!(error, "the read models cannot be reached");
        Self::Unavailable
    }
}
