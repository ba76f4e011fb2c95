//! Stream names: `<context>-<uuid>` for our own aggregates. Never decides what a stream contains.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, fmt::Hyphenated};

/// The longest stream name the log takes, in bytes.
pub const MAX_STREAM_BYTES: usize = 255;

/// The name of a stream: a consistency boundary and its events.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub String);

impl StreamId {
    /// The stream of the aggregate `id` of `context`.
    pub fn new(context: &str, id: Uuid) -> Self {
        let mut name = String::with_capacity(context.len() + 1 + Hyphenated::LENGTH);
        name.push_str(context);
        name.push('-');
        name.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        Self(name)
    }

    /// The part before the first `-`.
    pub fn context(&self) -> &str {
        self.0
            .split_once('-')
            .map_or(self.0.as_str(), |(context, _)| context)
    }

    /// The aggregate's id, where the name is one of ours.
    pub fn uuid(&self) -> Option<Uuid> {
        self.0
            .split_once('-')
            .and_then(|(_, id)| Uuid::parse_str(id).ok())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
