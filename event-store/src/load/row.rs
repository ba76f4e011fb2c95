//! One row of `log.load`, and where it belongs. Every event is checked: bytes that do not match their hash or a number that is
//! not the next one stop the load.

use event_schemas::{TenantId, hash::content_hash};
use uuid::Uuid;

use super::{Found, Remembered, Snapshot, StoredEvent};
use crate::{Error, Refusal, append::Fact};

pub(super) struct Row {
    pub(super) ord: i32,
    pub(super) kind: i16,
    pub(super) version: i32,
    pub(super) position: i64,
    pub(super) offset: i64,
    pub(super) event_id: Option<Uuid>,
    pub(super) event_type: Option<String>,
    pub(super) schema_version: i16,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) metadata: Option<Vec<u8>>,
    pub(super) hash: Vec<u8>,
    pub(super) response: Option<String>,
}

/// What `log.command` keeps of a result.
#[derive(serde::Deserialize)]
struct Response {
    position: i64,
    version: i32,
    offset: i64,
    events: i32,
}

impl Row {
    pub(super) fn place(self, found: &mut Found, tenants: &[TenantId]) -> Result<(), Error> {
        let index = usize::try_from(self.ord - 1).unwrap_or(usize::MAX);
        match self.kind {
            0 => {
                let slot = found.keys.get_mut(index).ok_or_else(unknown)?;
                *slot = Some(self.remembered()?);
            }
            1 => {
                let tenant = tenants.get(index).ok_or_else(unknown)?;
                let barred = match self.version {
                    1 => {
                        let fact = Fact {
                            next_offset: self.offset,
                            position: Some(self.position),
                        };
                        found.facts.insert(*tenant, fact);
                        return Ok(());
                    }
                    0 => Refusal::TenantUnknown,
                    2 => Refusal::TenantSuspended,
                    3 => Refusal::TenantFrozen,
                    _ => return Err(unknown()),
                };
                found.barred.insert(*tenant, barred);
            }
            2 => {
                let stream = found.streams.get_mut(index).ok_or_else(unknown)?;
                stream.snapshot = Some(Snapshot {
                    version: self.version,
                    state: self.payload.ok_or_else(unknown)?,
                });
            }
            3 => {
                let stream = found.streams.get_mut(index).ok_or_else(unknown)?;
                let event = self.event(stream.version() + 1)?;
                stream.events.push(event);
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn remembered(self) -> Result<Remembered, Error> {
        let text = self.response.ok_or_else(unknown)?;
        let response: Response = serde_json::from_str(&text).map_err(|e| {
            Error::Setup(format!(
                "a row of log.command has an unreadable response: {e}"
            ))
        })?;
        Ok(Remembered {
            request_hash: self.hash,
            first_position: response.position,
            first_version: response.version,
            first_offset: response.offset,
            events: response.events,
        })
    }

    fn event(self, expected: i32) -> Result<StoredEvent, Error> {
        let (Some(event_id), Some(event_type), Some(payload), Some(metadata)) =
            (self.event_id, self.event_type, self.payload, self.metadata)
        else {
            return Err(unknown());
        };
        let corrupt = |column, found| Error::CorruptEvent {
            column,
            event_id,
            found,
        };
        let hash = content_hash(
            event_id,
            &event_type,
            self.schema_version,
            &metadata,
            &payload,
        );
        if hash.as_slice() != self.hash {
            return Err(corrupt(
                "content_hash",
                "the stored bytes do not match it".to_owned(),
            ));
        }
        if self.version != expected {
            return Err(corrupt(
                "version",
                format!("{} where {expected} follows", self.version),
            ));
        }
        Ok(StoredEvent {
            version: self.version,
            position: self.position,
            offset: self.offset,
            event_id,
            event_type,
            schema_version: self.schema_version,
            payload,
            metadata,
        })
    }
}

fn unknown() -> Error {
    Error::Setup("log.load answered a row of no known kind; run `daybook migrate`".to_owned())
}
