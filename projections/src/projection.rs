//! What a projection is: a name, a revision, the events it wants, the tables it owns, and a fold. Never reads the
//! log or keeps a checkpoint: that is the engine's.

use event_schemas::{CONTEXTS, DecodeError, Event, RecordedEvent, envelope::CONTENT_TYPE_JSON};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::policy::Effects;

/// A fold of the log into tables of its own.
#[async_trait::async_trait]
pub trait Projection: Send + Sync {
    /// Its name: lower-case letters, at most 32.
    fn name(&self) -> &'static str;

    /// The fold's number. Raise it whenever the same events give other rows.
    fn fold(&self) -> u32;

    /// The whole DDL of its tables, row-level security included.
    fn ddl(&self) -> &'static str;

    /// The contexts whose streams it reads, with the event types of each that this binary knows. Another type halts the
    /// partition: it may mean something for the tables.
    fn known(&self) -> &'static [Known];

    /// Whether it looks at the streams of other programs too, which may hold anything.
    fn reads_others(&self) -> bool {
        false
    }

    /// Whether the fold looks at events of a known type.
    fn wants(&self, event_type: &str) -> bool;

    /// Whether it looks at who caused an event, and why. Kafka does not tell that, so it is always fed from the log.
    fn needs_metadata(&self) -> bool {
        self.is_policy()
    }

    /// Whether it is a policy, whose tables are the state that it decides by: [`react`](Self::react) says what it wants done.
    fn is_policy(&self) -> bool {
        false
    }

    /// Folds events, in order, and writes what changed; a few statements for all of them. What the tables hold
    /// afterwards never depends on where a batch ended. The search path is the build's schema.
    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError>;

    /// The same, and what it wants done about these events, which follows from them and from the tables alone.
    async fn react(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<Effects, ApplyError> {
        self.apply(events, connection).await?;
        Ok(Effects::default())
    }
}

/// A context, and the event types of it that this binary knows, each with its newest schema version.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The context's name.
    pub context: &'static str,
    /// Its event types.
    pub types: &'static [(&'static str, i16)],
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
    let contexts = projection.known();
    for event in events {
        let of = event.stream.context();
        let Some(known) = contexts.iter().find(|known| known.context == of) else {
            if projection.reads_others() && !CONTEXTS.contains(&of) {
                wanted.push(event);
            }
            continue;
        };
        let newest = known
            .types
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
