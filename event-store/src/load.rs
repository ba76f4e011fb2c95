//! Loads streams for decisions: their events and whether an idempotency key was used before, in one round trip.

use event_schemas::{StreamId, TenantId, hash::content_hash};
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// A stream to load.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Want {
    /// Whose stream.
    pub tenant: TenantId,
    /// The stream.
    pub stream: StreamId,
}

/// An idempotency key whose earlier use matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyUse {
    /// Whose key.
    pub tenant: TenantId,
    /// The id derived from it.
    pub command_id: Uuid,
}

/// One event of a loaded stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvent {
    /// Its number in the stream, from 1.
    pub version: i32,
    /// Its number in the tenant, from 1.
    pub position: i64,
    /// Its number in the partition.
    pub offset: i64,
    /// Its id.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// The version of its payload's schema.
    pub schema_version: i16,
    /// The exact stored bytes.
    pub payload: Vec<u8>,
}

/// An earlier use of an idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// The hash of the request then.
    pub request_hash: Vec<u8>,
    /// The stream then.
    pub stream: StreamId,
    /// What was written then; `recorded_at` is not kept.
    pub first_position: i64,
    /// The version of its first event.
    pub first_version: i32,
    /// The offset of its first event.
    pub first_offset: i64,
    /// How many events.
    pub events: i32,
}

/// What was found for one [`Want`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Loaded {
    /// The stream's events, oldest first.
    pub events: Vec<StoredEvent>,
}

#[derive(serde::Deserialize)]
struct Response {
    stream: StreamId,
    position: i64,
    version: i32,
    offset: i64,
    events: i32,
}

pub(crate) async fn load(
    pool: &PgPool,
    wants: &[Want],
    keys: &[KeyUse],
) -> Result<(Vec<Loaded>, Vec<Option<Remembered>>), Error> {
    let tenants: Vec<_> = wants.iter().map(|w| w.tenant.0).collect();
    let streams: Vec<_> = wants.iter().map(|w| w.stream.0.clone()).collect();
    let key_tenants: Vec<_> = keys.iter().map(|k| k.tenant.0).collect();
    let commands: Vec<_> = keys.iter().map(|k| k.command_id).collect();
    let rows = sqlx::query!(
        r#"select ord as "ord!", kind as "kind!", version as "version!", event_position as "position!", event_offset as "offset!", event_id, event_type,
                  schema_version as "schema_version!", payload, metadata, hash as "hash!", response::text as response
           from log.load($1, $2, $3, $4)"#,
        &tenants,
        &streams,
        &key_tenants,
        &commands,
    )
    .fetch_all(pool)
    .await
    .map_err(Error::Unavailable)?;

    let mut loaded = vec![Loaded::default(); wants.len()];
    let mut uses = vec![None; keys.len()];
    for row in rows {
        let index = usize::try_from(row.ord - 1).unwrap_or(usize::MAX);
        match (
            row.kind,
            row.event_id,
            row.event_type,
            row.payload,
            row.metadata,
            row.response,
        ) {
            (0, .., Some(response)) => {
                let r: Response = serde_json::from_str(&response).map_err(|e| {
                    Error::Setup(format!(
                        "a row of log.command has an unreadable response: {e}"
                    ))
                })?;
                let Some(target) = uses.get_mut(index) else {
                    continue;
                };
                *target = Some(Remembered {
                    request_hash: row.hash,
                    stream: r.stream,
                    first_position: r.position,
                    first_version: r.version,
                    first_offset: r.offset,
                    events: r.events,
                });
            }
            (_, Some(event_id), Some(event_type), Some(payload), Some(metadata), _) => {
                let Some(target) = loaded.get_mut(index) else {
                    continue;
                };
                if content_hash(
                    event_id,
                    &event_type,
                    row.schema_version,
                    &metadata,
                    &payload,
                )
                .as_slice()
                    != row.hash
                {
                    return Err(Error::CorruptEvent {
                        column: "content_hash",
                        event_id,
                        found: "the stored bytes do not match it".to_owned(),
                    });
                }
                let expected = target.events.last().map_or(1, |e| e.version + 1);
                if row.version != expected {
                    return Err(Error::CorruptEvent {
                        column: "version",
                        event_id,
                        found: format!("{} where {expected} follows", row.version),
                    });
                }
                target.events.push(StoredEvent {
                    version: row.version,
                    position: row.position,
                    offset: row.offset,
                    event_id,
                    event_type,
                    schema_version: row.schema_version,
                    payload,
                });
            }
            _ => {
                return Err(Error::Setup(
                    "log.load answered a row of no known kind; run `daybook migrate`".to_owned(),
                ));
            }
        }
    }
    Ok((loaded, uses))
}
