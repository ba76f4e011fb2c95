//! The names of aggregates' streams, and whose event a stored one is. Never reads the log.

use cqrs_es::persist::{PersistenceError, SerializedEvent};
use event_schemas::{CONTEXTS, RecordedEvent, StreamId};

use super::{error::Error, record};

/// An aggregate type, which begins the names of its streams.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    name: String,
    prefix: String,
}

impl Kind {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        let prefix = format!("{name}-");
        let stream = StreamId(prefix.clone());
        if name.is_empty() || name.starts_with('$') || CONTEXTS.contains(&stream.context()) {
            return Err(Error::Type(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            prefix,
        })
    }

    /// The event as cqrs-es knows it, if its aggregate is of this type.
    pub(super) fn find(&self, event: &RecordedEvent) -> Option<Result<SerializedEvent, Error>> {
        let id = event.stream.as_str().strip_prefix(&self.prefix)?;
        let read = record::read(event, &self.name, id);
        // The same beginning may be that of a longer type's name.
        let other = matches!(&read, Ok(read) if read.aggregate_type != self.name);
        (!other).then_some(read)
    }
}

/// One aggregate.
#[derive(Clone, Debug)]
pub(super) struct Name {
    kind: Kind,
    id: String,
    stream: StreamId,
}

impl Name {
    pub(super) fn new(kind: &str, id: &str) -> Result<Self, Error> {
        let kind = Kind::new(kind)?;
        Ok(Self {
            id: id.to_owned(),
            stream: StreamId(format!("{}{id}", kind.prefix)),
            kind,
        })
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind.name
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// An event of its stream, as cqrs-es knows it.
    pub(super) fn own(&self, event: &RecordedEvent) -> Result<SerializedEvent, PersistenceError> {
        let read = record::read(event, self.kind(), self.id())?;
        if read.aggregate_type == self.kind() {
            return Ok(read);
        }
        Err(Error::Foreign {
            stream: self.stream.clone(),
            found: read.aggregate_type,
            asked: self.kind().to_owned(),
        }
        .into())
    }
}
