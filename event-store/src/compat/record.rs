//! How an event of cqrs-es is written into the log and read from it again, unchanged. Never talks to a database.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use cqrs_es::persist::{PersistenceError, SerializedEvent};
use event_schemas::{Actor, ActorKind, Metadata, RecordedEvent, Source, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{error::Error, stream::Name};
use crate::{Append, Clock, Expected, NewEvent};

/// What cqrs-es says of an event that the log has no column for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aside {
    /// The program's own metadata; none for events that others wrote.
    #[serde(default = "no_metadata")]
    original: Value,
    /// The event version, if it is not `<schema version>.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_version: Option<String>,
}

/// The same for an append's events, which share their metadata in the log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shared {
    #[serde(flatten)]
    first: Aside,
    /// The aggregate's type, which the stream's name alone does not tell for sure; none for imported events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aggregate_type: Option<String>,
    /// Where something else is said from: the version, and what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    later: Vec<(i32, Aside)>,
    /// The counter of the snapshot that was due after these events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snapshot: Option<usize>,
}

/// The metadata as written: the envelope of every event, and beside it what cqrs-es says.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    envelope: Metadata,
    #[serde(flatten)]
    shared: &'a Shared,
}

fn no_metadata() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Aside {
    fn of(event: &SerializedEvent) -> Self {
        let told = event.event_version == version_of(schema_version(&event.event_version));
        Self {
            original: event.metadata.clone(),
            event_version: (!told).then(|| event.event_version.clone()),
        }
    }
}

/// The major part of an event version; 1 where there is none from 1 on.
fn schema_version(event_version: &str) -> i16 {
    let major = event_version.split('.').next().unwrap_or_default();
    major.parse().map_or(1, |major: i16| major.max(1))
}

fn version_of(schema_version: i16) -> String {
    format!("{schema_version}.0")
}

/// The append of one aggregate's new events, and the version of the last one. Events whose sequences do not follow each
/// other are those of a program that overlooked some.
pub(super) fn append(
    tenant: TenantId,
    name: &Name,
    events: &[SerializedEvent],
    snapshot: Option<usize>,
    clock: &dyn Clock,
) -> Result<(Append, i32), PersistenceError> {
    let mut shared: Option<Shared> = None;
    let mut new = Vec::with_capacity(events.len());
    let mut expected = Expected::NoStream;
    let mut version = 0;
    for event in events {
        if event.aggregate_id != name.id() {
            return Err(Error::Mixed {
                first: name.id().to_owned(),
                other: event.aggregate_id.clone(),
            }
            .into());
        }
        let sequence = i32::try_from(event.sequence).map_err(|_| Error::TooLong(event.sequence))?;
        let aside = Aside::of(event);
        match &mut shared {
            None => {
                if sequence < 1 {
                    return Err(PersistenceError::OptimisticLockError);
                }
                expected = Expected::at(sequence - 1);
                shared = Some(Shared {
                    first: aside,
                    aggregate_type: Some(name.kind().to_owned()),
                    later: Vec::new(),
                    snapshot,
                });
            }
            Some(_) if sequence != version + 1 => {
                return Err(PersistenceError::OptimisticLockError);
            }
            Some(shared) => {
                if *shared.at(version) != aside {
                    shared.later.push((sequence, aside));
                }
            }
        }
        version = sequence;
        new.push(NewEvent {
            event_id: clock.uuid_v7(),
            event_type: Cow::Owned(event.event_type.clone()),
            schema_version: schema_version(&event.event_version),
            payload: serde_json::to_vec(&event.payload)?,
        });
    }
    let command_id = clock.uuid_v7();
    let metadata = match &shared {
        Some(shared) => serde_json::to_vec(&Written {
            envelope: envelope(command_id),
            shared,
        })?,
        None => Vec::new(),
    };
    let append = Append::new(
        tenant,
        name.stream().clone(),
        expected,
        command_id,
        metadata,
        new,
    );
    Ok((append, version))
}

fn envelope(command_id: uuid::Uuid) -> Metadata {
    Metadata {
        command_id,
        correlation_id: command_id,
        causation_id: command_id,
        actor: Actor {
            kind: ActorKind::Policy,
            id: "cqrs-es".to_owned(),
            on_behalf_of: None,
        },
        source: Source::Api,
        traceparent: None,
        legal_basis: None,
        ip_hash: None,
        depth: 0,
    }
}

impl Shared {
    pub(super) fn read(metadata: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(metadata)
    }

    /// What is said of the event of this version.
    fn at(&self, version: i32) -> &Aside {
        let later = self.later.iter().rev().find(|(from, _)| *from <= version);
        later.map_or(&self.first, |(_, aside)| aside)
    }
}

/// A stored event as cqrs-es knows it. Where nobody wrote down the aggregate's type, it is taken to be `kind`.
pub(super) fn read(event: &RecordedEvent, kind: &str, id: &str) -> Result<SerializedEvent, Error> {
    let undecodable = |column| {
        move |source| Error::Undecodable {
            stream: event.stream.clone(),
            version: event.version,
            column,
            source,
        }
    };
    let shared = Shared::read(&event.metadata).map_err(undecodable("metadata"))?;
    let payload = serde_json::from_slice(&event.payload).map_err(undecodable("payload"))?;
    let aside = shared.at(event.version);
    let event_version = aside.event_version.clone();
    Ok(SerializedEvent {
        aggregate_id: id.to_owned(),
        // Versions are numbers from 1.
        sequence: usize::try_from(event.version).unwrap_or(0),
        event_type: event.event_type.clone(),
        event_version: event_version.unwrap_or_else(|| version_of(event.schema_version)),
        payload,
        metadata: aside.original.clone(),
        aggregate_type: shared.aggregate_type.unwrap_or_else(|| kind.to_owned()),
    })
}
