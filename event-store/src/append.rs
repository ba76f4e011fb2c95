//! What goes into the log. Never decides whether a command is allowed: only whether it fits.

mod arrays;
mod checked;
mod connection;
pub(crate) mod lane;
mod lookup;
mod memory;
mod numbered;
mod outcome;
mod queue;
pub(crate) mod thread;
pub(crate) mod writer;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use event_schemas::{StreamId, TenantId, envelope::CONTENT_TYPE_JSON, hash::content_hash};
use uuid::Uuid;

pub use outcome::{Appended, Outcome, Refusal};

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
    /// Exactly this version, and this event there: for what was decided on events that are still on their way to the log,
    /// and may be refused while somebody else's take their numbers.
    After {
        /// The version, from 1.
        version: i32,
        /// The id of the event that has it.
        event: Uuid,
    },
}

impl Expected {
    /// The stream at `version`, 0 for none.
    pub fn at(version: i32) -> Self {
        if version == 0 {
            Self::NoStream
        } else {
            Self::Exact(version)
        }
    }

    fn code(self) -> i32 {
        match self {
            Self::Any => -1,
            Self::StreamExists => -2,
            Self::NoStream => 0,
            Self::Exact(version) | Self::After { version, .. } => version,
        }
    }

    /// The event that must be the stream's last, if it matters which.
    fn event(self) -> Option<Uuid> {
        match self {
            Self::After { event, .. } => Some(event),
            Self::Any | Self::NoStream | Self::StreamExists | Self::Exact(_) => None,
        }
    }

    /// The one version that fits, if there is only one.
    fn version(self) -> Option<i32> {
        match self {
            Self::Any | Self::StreamExists => None,
            Self::NoStream => Some(0),
            Self::Exact(version) | Self::After { version, .. } => Some(version),
        }
    }
}

/// One event to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEvent {
    /// Its id. An append whose first event is in its stream already, at the version that it expected, is answered with the
    /// original result; where any version will do, if it is among the stream's newest 1,024.
    pub event_id: Uuid,
    /// Its type, such as `OrderPlaced`; 1 to 128 bytes.
    pub event_type: Cow<'static, str>,
    /// The version of the payload's schema, from 1.
    pub schema_version: i16,
    /// The exact bytes to store, at most 512 KiB.
    pub payload: Vec<u8>,
}

/// One more stream of a command: more events, atomically with the first stream's, or with none only its check
/// ("nothing happened to it since").
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// The stream; a command names each of its streams once.
    pub stream: StreamId,
    /// What version it must be at.
    pub expected: Expected,
    /// The events, maybe none.
    pub events: Vec<NewEvent>,
}

/// A value that only one stream of a tenant may hold, taken or given back together with an append.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// What kind of value, such as `customer-email`; 1 to 64 bytes.
    pub kind: String,
    /// The keyed hash of the value, from [`Store::claim_value`](crate::Store::claim_value).
    pub value: [u8; 32],
    /// The stream that holds it; one that takes it is written to by the same append.
    pub stream: StreamId,
    /// Whether it is taken; else it is given back.
    pub takes: bool,
}

/// What an append does to its tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TenantChange {
    /// Registers it: its first event.
    Register,
    /// Nothing more is appended until it is resumed.
    Suspend,
    /// Ends the suspension.
    Resume,
    /// Stops all appends after an alarm.
    Freeze,
    /// Ends the freeze: the tenant is what it was before.
    Unfreeze,
}

impl TenantChange {
    fn code(change: Option<Self>) -> i16 {
        match change {
            None => 0,
            Some(Self::Register) => 1,
            Some(Self::Suspend) => 2,
            Some(Self::Resume) => 3,
            Some(Self::Freeze) => 4,
            Some(Self::Unfreeze) => 5,
        }
    }
}

/// What a load saw of a tenant. It lets the writer number the append itself, as long as nobody else appended to the
/// partition since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fact {
    /// The partition's next offset in the snapshot that the expected version comes from.
    pub next_offset: i64,
    /// The tenant's newest position in that snapshot, if it was looked at.
    pub position: Option<i64>,
}

/// One command's events, to be appended atomically.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// Whose they are.
    pub tenant: TenantId,
    /// The stream; a name of 1 to 255 bytes.
    pub stream: StreamId,
    /// What version it must be at.
    pub expected: Expected,
    /// The events; at least one, here or in `others`.
    pub events: Vec<NewEvent>,
    /// More streams of the same tenant, to be written or only checked.
    pub others: Vec<Write>,
    /// Unique values to take or give back.
    pub claims: Vec<Claim>,
    /// What it does to its tenant.
    pub change: Option<TenantChange>,
    /// The command's id.
    pub command_id: Uuid,
    /// The hash of the request, if the command's id is to be remembered as its idempotency key.
    pub request_hash: Option<[u8; 32]>,
    /// When it happened, for imports; else the time of recording counts.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The bytes of the metadata, shared by all the events.
    pub metadata: Vec<u8>,
    /// What was seen when it was decided; without it the append is checked by the database.
    pub fact: Option<Fact>,
}

impl Append {
    /// An append of events to one stream and nothing else.
    pub fn new(
        tenant: TenantId,
        stream: StreamId,
        expected: Expected,
        command_id: Uuid,
        metadata: Vec<u8>,
        events: Vec<NewEvent>,
    ) -> Self {
        Self {
            tenant,
            stream,
            expected,
            events,
            others: Vec::new(),
            claims: Vec::new(),
            change: None,
            command_id,
            request_hash: None,
            occurred_at: None,
            metadata,
            fact: None,
        }
    }

    /// Its streams, the first one first.
    fn parts(&self) -> impl Iterator<Item = (&StreamId, Expected, &[NewEvent])> {
        let first = (&self.stream, self.expected, self.events.as_slice());
        let others = self
            .others
            .iter()
            .map(|w| (&w.stream, w.expected, w.events.as_slice()));
        std::iter::once(first).chain(others)
    }

    /// All its events, of all its streams.
    fn all_events(&self) -> impl Iterator<Item = &NewEvent> {
        self.parts().flat_map(|(_, _, events)| events)
    }

    /// Why it can never be appended, if so.
    fn defect(&self) -> Option<&'static str> {
        if self.all_events().next().is_none() {
            return Some("an append needs an event");
        }
        let twice = |(n, write): (usize, &Write)| {
            write.stream == self.stream
                || self.others.iter().take(n).any(|w| w.stream == write.stream)
        };
        if self.others.iter().enumerate().any(twice) {
            return Some("an append names one of its streams twice");
        }
        let unwritten = |claim: &Claim| {
            let mut parts = self.parts();
            claim.takes
                && !parts.any(|(stream, _, events)| *stream == claim.stream && !events.is_empty())
        };
        self.claims
            .iter()
            .any(unwritten)
            .then_some("an append takes a unique value for a stream that it writes nothing to")
    }

    /// What it weighs in the queue, in bytes.
    fn bytes(&self) -> usize {
        let events: usize = self
            .all_events()
            .map(|e| e.payload.len() + self.metadata.len() + 256)
            .sum();
        events + 256
    }

    fn hash(&self, event: &NewEvent) -> [u8; 32] {
        content_hash(
            event.event_id,
            &event.event_type,
            event.schema_version,
            &self.metadata,
            &event.payload,
        )
    }

    const CONTENT_TYPE: i16 = CONTENT_TYPE_JSON;
}
