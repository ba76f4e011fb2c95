//! What becomes of an append. Only the log says so; nothing here decides.

use chrono::{DateTime, Utc};

/// What became of an append.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is in the log.
    Appended(Appended),
    /// A stream is at another version than expected; nothing was written.
    Conflict {
        /// The stream's version now; 0 if it has no event.
        current_version: i32,
        /// Which of the append's streams: 0 for its first, then its others.
        stream: usize,
    },
    /// The command's id was used before, or its events are in their stream already: the original result.
    Duplicate {
        /// What was written then.
        original: Appended,
        /// The hash of the request then, if the command's id was remembered.
        request_hash: Option<Vec<u8>>,
    },
    /// It does not fit; nothing was written.
    Refused(Refusal),
}

/// The numbers of an append.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// The tenant's number of its first event.
    pub first_position: i64,
    /// The partition's number of its first event.
    pub first_offset: i64,
    /// How many events, in all its streams.
    pub events: i32,
    /// The number that the first event of each stream got in it, in the append's order; of a stream that was only
    /// checked, its version.
    pub first_versions: Vec<i32>,
    /// When they were written. Of an original result, when it was asked for.
    pub recorded_at: DateTime<Utc>,
}

impl Appended {
    /// The position of the last event.
    pub fn last_position(&self) -> i64 {
        self.first_position + i64::from(self.events) - 1
    }

    /// The offset of the last event.
    pub fn last_offset(&self) -> i64 {
        self.first_offset + i64::from(self.events) - 1
    }

    /// The number that the first event got in the append's first stream.
    pub fn first_version(&self) -> i32 {
        self.first_versions.first().copied().unwrap_or(0)
    }
}

/// Why an append does not fit the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No such tenant is registered.
    TenantUnknown,
    /// The tenant is suspended.
    TenantSuspended,
    /// The tenant's log is frozen after an alarm.
    TenantFrozen,
    /// An imported event older than the tenant's newest, or in the future.
    BehindNewest,
    /// The tenant is registered already.
    TenantExists,
    /// Another stream holds one of the unique values.
    ValueTaken {
        /// The stream that holds it.
        holder: String,
    },
}
