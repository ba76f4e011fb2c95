//! What goes into the log and what comes of it. Never decides whether a command is allowed: only whether it fits.

pub mod flush;
pub mod lane;
mod queue;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use event_schemas::{StreamId, TenantId, envelope::CONTENT_TYPE_JSON, hash::content_hash};
use uuid::Uuid;

/// What version the stream must be at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Any, none included.
    Any,
    /// The stream must have no event yet.
    NoStream,
    /// The stream must have an event.
    StreamExists,
    /// Exactly this version, from 1.
    Exact(i32),
}

impl Expected {
    fn code(self) -> i32 {
        match self {
            Self::Any => -1,
            Self::StreamExists => -2,
            Self::NoStream => 0,
            Self::Exact(version) => version,
        }
    }
}

/// One event to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEvent {
    /// Its id.
    pub event_id: Uuid,
    /// Its type, such as `OrderPlaced`; 1 to 128 bytes.
    pub event_type: Cow<'static, str>,
    /// The version of the payload's schema, from 1.
    pub schema_version: i16,
    /// The exact bytes to store, at most 512 KiB.
    pub payload: Vec<u8>,
}

/// One command's events, to be appended to one stream atomically.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// Whose they are.
    pub tenant: TenantId,
    /// The stream; a name of 1 to 255 bytes.
    pub stream: StreamId,
    /// What version it must be at.
    pub expected: Expected,
    /// The command's id.
    pub command_id: Uuid,
    /// The hash of the request, if the command's id is to be remembered as its idempotency key.
    pub request_hash: Option<[u8; 32]>,
    /// Whether this registers the tenant: its first event.
    pub registers: bool,
    /// When it happened, for imports; else the time of recording counts.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The bytes of the metadata, shared by all the events.
    pub metadata: Vec<u8>,
    /// The events, at least one.
    pub events: Vec<NewEvent>,
}

impl Append {
    /// What it weighs in the queue, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let events: usize = self
            .events
            .iter()
            .map(|e| e.payload.len() + self.metadata.len() + 256)
            .sum();
        events + 256
    }

    pub(crate) fn hash(&self, event: &NewEvent) -> [u8; 32] {
        content_hash(
            event.event_id,
            &event.event_type,
            event.schema_version,
            &self.metadata,
            &event.payload,
        )
    }

    pub(crate) const CONTENT_TYPE: i16 = CONTENT_TYPE_JSON;
}

/// What became of an append.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is in the log.
    Appended(Appended),
    /// The stream is at another version than expected; nothing was written.
    Conflict {
        /// The stream's version now; 0 if it has no event.
        current_version: i32,
    },
    /// The command's id was used before: the original result.
    Duplicate {
        /// What was written then.
        original: Appended,
        /// The hash of the request then.
        request_hash: Vec<u8>,
    },
    /// It does not fit; nothing was written.
    Refused(Refusal),
}

/// The numbers of an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// The tenant's number of its first event.
    pub first_position: i64,
    /// The stream's number of its first event.
    pub first_version: i32,
    /// The partition's number of its first event.
    pub first_offset: i64,
    /// How many events.
    pub events: i32,
    /// When they were written.
    pub recorded_at: DateTime<Utc>,
}

impl Appended {
    /// The position of the last event.
    pub fn last_position(&self) -> i64 {
        self.first_position + i64::from(self.events) - 1
    }

    /// The version of the last event.
    pub fn last_version(&self) -> i32 {
        self.first_version + self.events - 1
    }

    /// The offset of the last event.
    pub fn last_offset(&self) -> i64 {
        self.first_offset + i64::from(self.events) - 1
    }
}

/// Why an append does not fit the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
}
