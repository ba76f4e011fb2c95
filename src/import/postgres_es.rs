//! Brings the events of a postgres-es database into one tenant: the same streams, sequences and payload bytes. Owns what
//! an event becomes and how an interrupted import goes on; what may come over is the source's reader's business.
//!
//! # What an event becomes
//!
//! * **Stream** `<aggregate type>-<aggregate id>`, **version** = sequence.
//! * **Event id** = `UUIDv5`(namespace: the tenant, name: type, id and sequence, separated by zero bytes), so that a second
//!   import meets its own events.
//! * **Type** as it is, **schema version** = the major part of the event version.
//! * **Payload**: the text that the source has, byte by byte.
//! * **Metadata**: ours, with `source = import`, and the source's as they are under [`METADATA_KEY`].

#[cfg(test)]
mod tests;
mod verify;

use anyhow::{Context, Result, bail, ensure};
use event_schemas::{Actor, ActorKind, Metadata, Source, TenantId, hash::content_hash};
use event_store::{
    Append, Expected, NewEvent, Outcome, Refusal, Store,
    postgres_es::{Source as Reader, SourceEvent},
};
use futures::{Stream, TryStreamExt};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

pub use verify::{Difference, verify};

/// The key under which an event's metadata keep the source's.
pub const METADATA_KEY: &str = "original";
/// The most events of a batch.
const EVENTS: usize = 500;
/// The most bytes of a batch's payloads, unless a single one has more.
const BYTES: usize = 2 << 20;

/// What became of the events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Written {
    /// Events of the source looked at.
    pub events: u64,
    /// Those appended now.
    pub appended: u64,
    /// Those that were in the log already.
    pub met: u64,
}

/// Our metadata with the source's among them.
#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(flatten)]
    ours: Metadata,
    original: &'a RawValue,
}

/// The actor of the import.
pub fn actor() -> Actor {
    Actor {
        kind: ActorKind::Operator,
        id: "import:postgres-es".to_owned(),
        on_behalf_of: None,
    }
}

/// What all of an import into a tenant belongs to: the same in every run, so that an interrupted import leaves the same
/// bytes as an uninterrupted one.
pub fn correlation(tenant: TenantId) -> Uuid {
    Uuid::new_v5(&tenant.0, actor().id.as_bytes())
}

/// Appends all events of `source` that the tenant does not have yet; calls `progress` with the number done after each
/// batch.
///
/// # Errors
/// At the first event that is in the log with another content, or that the log refuses; what came before it stays.
pub async fn bring(
    store: &Store,
    tenant: TenantId,
    source: &mut Reader,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Written> {
    let mut written = Written::default();
    let mut events = std::pin::pin!(source.events());
    loop {
        let batch = batch(tenant, events.as_mut()).await?;
        if batch.is_empty() {
            return Ok(written);
        }
        let rest = unmet(store, tenant, batch, &mut written).await?;
        append(store, &rest).await?;
        written.appended += u64::try_from(rest.len())?;
        progress(written.events);
    }
}

/// The next events, as appends of one event each.
async fn batch(
    tenant: TenantId,
    mut events: std::pin::Pin<
        &mut impl Stream<Item = Result<SourceEvent, event_store::postgres_es::Error>>,
    >,
) -> Result<Vec<Append>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < EVENTS && bytes < BYTES {
        let Some(event) = events.try_next().await? else {
            break;
        };
        bytes += event.payload.len() + event.metadata.len();
        let name = format!("{}, sequence {}", event.stream(), event.sequence);
        batch.push(to_append(tenant, event).with_context(|| name)?);
    }
    Ok(batch)
}

fn to_append(tenant: TenantId, event: SourceEvent) -> Result<Append> {
    let (kind, id) = (&event.aggregate_type, &event.aggregate_id);
    // PostgreSQL's texts have no zero bytes, so no two names are the same.
    let name = format!("{kind}\0{id}\0{}", event.sequence);
    let event_id = Uuid::new_v5(&tenant.0, name.as_bytes());
    let command_id = Uuid::new_v5(&event_id, b"import");
    let original = RawValue::from_string(event.metadata.clone())
        .context("its metadata are not JSON as RFC 8259 has it")?;
    let metadata = serde_json::to_vec(&Envelope {
        ours: Metadata {
            command_id,
            correlation_id: correlation(tenant),
            causation_id: command_id,
            actor: actor(),
            source: Source::Import,
            traceparent: None,
            legal_basis: None,
            ip_hash: None,
            depth: 0,
        },
        original: &original,
    })?;
    let (stream, occurred_at) = (event.stream(), event.occurred_at);
    let expected = Expected::at(event.sequence - 1);
    let new = NewEvent {
        event_id,
        event_type: event.event_type.into(),
        schema_version: event.schema_version,
        payload: event.payload.into_bytes(),
    };
    Ok(Append {
        occurred_at,
        ..Append::new(tenant, stream, expected, command_id, metadata, vec![new])
    })
}

fn version(append: &Append) -> i32 {
    match append.expected {
        Expected::Exact(before)
        | Expected::After {
            version: before, ..
        } => before + 1,
        Expected::NoStream | Expected::Any | Expected::StreamExists => 1,
    }
}

/// Those of a batch that the log does not have. One that it has with another content ends the import.
async fn unmet(
    store: &Store,
    tenant: TenantId,
    batch: Vec<Append>,
    written: &mut Written,
) -> Result<Vec<Append>> {
    let streams: Vec<_> = batch.iter().map(|append| append.stream.0.clone()).collect();
    let versions: Vec<_> = batch.iter().map(version).collect();
    let hashes = store
        .operator_tx()
        .await?
        .content_hashes(tenant, &streams, &versions)
        .await?;
    let mut rest = Vec::with_capacity(batch.len());
    for (append, hash) in batch.into_iter().zip(hashes) {
        written.events += 1;
        match hash {
            None => rest.push(append),
            Some(hash) => {
                ensure!(
                    append.events.iter().all(|event| content_hash(
                        event.event_id,
                        &event.event_type,
                        event.schema_version,
                        &append.metadata,
                        &event.payload
                    ) == hash.as_slice()),
                    "stream {} has another event under sequence {} than the source; import into a tenant that nothing \
                     else writes to, from a source whose events do not change",
                    append.stream,
                    version(&append)
                );
                written.met += 1;
            }
        }
    }
    Ok(rest)
}

async fn append(store: &Store, batch: &[Append]) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let outcomes = store.append(batch).await?;
    for (append, outcome) in batch.iter().zip(outcomes) {
        let (stream, sequence) = (&append.stream, version(append));
        let event = || format!("stream {stream}, sequence {sequence}");
        match outcome.with_context(event)? {
            Outcome::Appended(_) | Outcome::Duplicate { .. } => {}
            Outcome::Conflict {
                current_version, ..
            } => bail!(
                "stream {stream} is at version {current_version} where sequence {sequence} of the source follows; somebody \
                 else writes to it: stop that, and import again"
            ),
            Outcome::Refused(Refusal::BehindNewest) => bail!(
                "{} happened before the tenant's newest event, or is dated to the future; stop the source's writers, and \
                 import into a tenant of its own, which the import registers itself with --name",
                event()
            ),
            Outcome::Refused(refusal) => bail!("the log refuses {}: {refusal:?}", event()),
        }
    }
    Ok(())
}
