//! What a projection is: a name, a revision, the events it wants, the tables it owns, and a fold. Never reads the
//! log or keeps a checkpoint: that is the engine's.

use event_schemas::{CONTEXTS, DecodeError, Event, RecordedEvent, envelope::CONTENT_TYPE_JSON};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

/// Which streams a projection reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Those of one context.
    Context(&'static str),
    /// All of them, those of other programs too.
    Everything,
}

impl Interest {
    /// Whether a stream of this context is read.
    fn covers(self, context: &str) -> bool {
        match self {
            Self::Context(own) => own == context,
            Self::Everything => true,
        }
    }
}

/// A fold of the log into tables of its own.
#[async_trait::async_trait]
pub trait Projection: Send + Sync {
    /// Its name: lower-case letters, at most 32.
    fn name(&self) -> &'static str;

    /// The fold's number. Raise it whenever the same events give other rows.
    fn fold(&self) -> u32;

    /// The whole DDL of its tables, row-level security included.
    fn ddl(&self) -> &'static str;

    /// Which streams it reads.
    fn interest(&self) -> Interest;

    /// Every event type of these streams that this binary knows, with its newest schema version. Another one halts
    /// the partition: it may mean something for the tables. Streams of other programs may hold anything.
    fn known(&self) -> &'static [(&'static str, i16)];

    /// Whether the fold looks at events of a known type.
    fn wants(&self, event_type: &str) -> bool;

    /// Folds events, in order, and writes what changed; a few statements for all of them. What the tables hold
    /// afterwards never depends on where a batch ended. The search path is the build's schema.
    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError>;
}

/// Why a batch could not be applied. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// One event cannot be applied. The reason names no value of its payload, for tenants may read it.
    #[error("the event at offset {offset} cannot be applied: {reason}")]
    Event {
        /// The event's offset.
        offset: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// This binary does not know what an event means: it is newer. Unlike one that cannot be applied it is nobody's own trouble,
    /// and nothing behind it is applied.
    #[error("the event at offset {offset} is unknown: {reason}")]
    Unknown {
        /// The event's offset.
        offset: i64,
        /// What is not known of it.
        reason: String,
    },
    /// The database refused, or is away.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl ApplyError {
    /// This event cannot be applied.
    pub fn event(event: &RecordedEvent, reason: impl Into<String>) -> Self {
        Self::Event {
            offset: event.offset,
            reason: reason.into(),
        }
    }

    /// What this event means is not known.
    pub fn unknown(event: &RecordedEvent, reason: impl Into<String>) -> Self {
        Self::Unknown {
            offset: event.offset,
            reason: reason.into(),
        }
    }
}

/// What identifies the tables' content: a hash over the DDL and the fold's number, in hexadecimal.
pub fn revision(projection: &dyn Projection) -> String {
    hex::encode(
        Sha256::new()
            .chain_update(projection.fold().to_be_bytes())
            .chain_update(projection.ddl())
            .finalize(),
    )
}

/// The events among `events` that the projection wants, or the first one that this binary does not know.
pub(crate) fn select<'e>(
    projection: &dyn Projection,
    events: &'e [RecordedEvent],
) -> Result<Vec<&'e RecordedEvent>, ApplyError> {
    let mut wanted = Vec::new();
    for event in events
        .iter()
        .filter(|event| projection.interest().covers(event.stream.context()))
    {
        if !CONTEXTS.contains(&event.stream.context()) {
            wanted.push(event);
            continue;
        }
        let newest = projection
            .known()
            .iter()
            .find(|(name, _)| *name == event.event_type)
            .map(|(_, version)| *version);
        if !newest.is_some_and(|newest| (1..=newest).contains(&event.schema_version)) {
            let (name, version) = (&event.event_type, event.schema_version);
            let reason = format!(
                "event type {name} version {version} is unknown to this binary; upgrade it and restart"
            );
            return Err(ApplyError::unknown(event, reason));
        }
        if projection.wants(&event.event_type) {
            wanted.push(event);
        }
    }
    Ok(wanted)
}

/// The event, decoded.
pub(crate) fn decode<E: Event>(event: &RecordedEvent) -> Result<E, ApplyError> {
    if event.content_type != CONTENT_TYPE_JSON {
        return Err(ApplyError::unknown(
            event,
            format!(
                "content type {} is unknown to this binary; upgrade it and restart",
                event.content_type
            ),
        ));
    }
    E::decode(&event.event_type, event.schema_version, &event.payload).map_err(|error| {
        let place = match &error {
            DecodeError::Payload { source, .. } => {
                format!(" (line {}, column {})", source.line(), source.column())
            }
            DecodeError::Upcast { source, .. } => format!(": {source}"),
            // What serde says of a value may repeat it.
            DecodeError::Lifted { .. } | DecodeError::Unknown { .. } => String::new(),
        };
        ApplyError::event(event, format!("{error}{place}"))
    })
}

/// The id of the aggregate the event is about.
pub(crate) fn aggregate(event: &RecordedEvent) -> Result<Uuid, ApplyError> {
    event
        .stream
        .uuid()
        .ok_or_else(|| ApplyError::event(event, "its stream's name does not end in a UUID"))
}
