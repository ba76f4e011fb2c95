//! Loads streams for decisions: their events, whether an idempotency key was used before, and what the append may take as
//! known, in one round trip and of one snapshot.

mod group;
mod row;

use std::collections::HashMap;

use event_schemas::{StreamId, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Error, Refusal, TenantChange, append::Fact};

pub(crate) use group::Group;

/// A stream to load.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Want {
    /// Whose stream.
    pub tenant: TenantId,
    /// The stream.
    pub stream: StreamId,
    /// The hash of the state that a snapshot may stand for the older events with; none for all the events.
    pub snapshot: Option<[u8; 32]>,
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
    /// The bytes of its metadata.
    pub metadata: Vec<u8>,
}

/// An earlier use of an idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// The hash of the request then.
    pub request_hash: Vec<u8>,
    /// The position of its first event.
    pub first_position: i64,
    /// The version of its first event, in its first stream.
    pub first_version: i32,
    /// The offset of its first event.
    pub first_offset: i64,
    /// How many events.
    pub events: i32,
}

/// A state that stands for a stream's first events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The version of the last event in it.
    pub version: i32,
    /// The state's bytes.
    pub state: Vec<u8>,
}

/// What was found for one [`Want`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Loaded {
    /// A state that fits, if there is one.
    pub snapshot: Option<Snapshot>,
    /// The stream's events after it, oldest first.
    pub events: Vec<StoredEvent>,
}

impl Loaded {
    /// The stream's version, 0 for none.
    pub fn version(&self) -> i32 {
        self.events.last().map_or_else(
            || self.snapshot.as_ref().map_or(0, |s| s.version),
            |e| e.version,
        )
    }
}

/// Everything that was found, of one snapshot of the database.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Per want.
    pub streams: Vec<Loaded>,
    /// Per key.
    pub keys: Vec<Option<Remembered>>,
    /// What an append of each active tenant may take as known.
    pub facts: HashMap<TenantId, Fact>,
    /// The tenants that are not active, and what the log says to their appends.
    pub barred: HashMap<TenantId, Refusal>,
}

impl Found {
    /// Whether the log would refuse an append of one of the loaded tenants for that tenant's state, and why. For decisions
    /// that are not appended: of those that are, the append has the last word.
    pub fn refusal(&self, tenant: TenantId, change: Option<TenantChange>) -> Option<Refusal> {
        use TenantChange::{Freeze, Register, Resume, Unfreeze};
        match (self.barred.get(&tenant), change) {
            (Some(Refusal::TenantUnknown), Some(Register))
            | (Some(Refusal::TenantSuspended), Some(Resume | Freeze))
            | (Some(Refusal::TenantFrozen), Some(Freeze | Unfreeze)) => None,
            (_, Some(Register)) => Some(Refusal::TenantExists),
            (barred, _) => barred.cloned(),
        }
    }
}

pub(crate) async fn load(
    pool: &PgPool,
    partitions: u16,
    wants: &[Want],
    keys: &[KeyUse],
) -> Result<Found, Error> {
    let tenants: Vec<_> = wants.iter().map(|w| w.tenant.0).collect();
    let streams: Vec<_> = wants.iter().map(|w| w.stream.as_str()).collect();
    let schemas: Vec<Option<&[u8]>> = wants
        .iter()
        .map(|w| w.snapshot.as_ref().map(<[u8; 32]>::as_slice))
        .collect();
    let key_tenants: Vec<_> = keys.iter().map(|k| k.tenant.0).collect();
    let commands: Vec<_> = keys.iter().map(|k| k.command_id).collect();
    let mut distinct: Vec<TenantId> = wants.iter().map(|w| w.tenant).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let fact_tenants: Vec<_> = distinct.iter().map(|t| t.0).collect();
    let fact_partitions: Vec<_> = distinct
        .iter()
        .map(|t| i16::try_from(TenantId::partition(*t, partitions)).unwrap_or(i16::MAX))
        .collect();
    let rows = sqlx::query_as!(
        row::Row,
        r#"select ord as "ord!", kind as "kind!", version as "version!", event_position as "position!",
                  event_offset as "offset!", event_id, event_type, schema_version as "schema_version!", payload, metadata,
                  hash as "hash!", response::text as response
           from log.load($1, $2, $3, $4, $5, $6, $7)"#,
        &tenants,
        &streams as &[&str],
        &schemas as &[Option<&[u8]>],
        &key_tenants,
        &commands,
        &fact_tenants,
        &fact_partitions,
    )
    .fetch_all(pool)
    .await
    .map_err(Error::Unavailable)?;

    let mut found = Found {
        streams: vec![Loaded::default(); wants.len()],
        keys: vec![None; keys.len()],
        facts: HashMap::with_capacity(distinct.len()),
        barred: HashMap::new(),
    };
    for row in rows {
        row.place(&mut found, &distinct)?;
    }
    Ok(found)
}
