//! Aggregates' states beside the log, as cqrs-es hands them over and takes them back. Never the only place where something
//! stands: what is missing is replayed.

use cqrs_es::{
    Aggregate,
    persist::{PersistenceError, SerializedSnapshot},
};
use event_schemas::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    error::{self, Error},
    record::Shared,
    stream::Name,
};
use crate::{NewSnapshot, Snapshot, Store, Want};

/// What is kept of a state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    aggregate: Value,
    current_snapshot: usize,
}

/// What marks a state as that of an aggregate of this type; whether it still fits is for cqrs-es to find out.
fn schema(name: &Name) -> [u8; 32] {
    Sha256::digest(format!("cqrs-es 0.5 snapshot of {}", name.kind())).into()
}

/// Keeps a state. A failure is logged and costs only a replay: the events before it stand.
pub(super) async fn keep(
    store: &Store,
    tenant: TenantId,
    name: &Name,
    version: i32,
    aggregate: Value,
    current_snapshot: usize,
) {
    let kept = Kept {
        aggregate,
        current_snapshot,
    };
    let state = match serde_json::to_vec(&kept) {
        Ok(state) => state,
        Err(error) => return lost(name, &error),
    };
    let new = NewSnapshot {
        tenant,
        stream: name.stream().clone(),
        version,
        state,
        schema: schema(name),
    };
    if let Err(error) = store.save_snapshots(&[new]).await {
        lost(name, &error);
    }
}

fn lost(name: &Name, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error, stream.id = %name.stream(), "a snapshot was not kept");
}

/// The aggregate's newest state. When one should have followed the stream's last event and did not, an aggregate store
/// would go on from an older state as if it were the newest; cqrs-es is made to replay instead.
pub(super) async fn find<A: Aggregate>(
    store: &Store,
    tenant: TenantId,
    name: &Name,
) -> Result<Option<SerializedSnapshot>, PersistenceError> {
    let want = Want {
        tenant,
        stream: name.stream().clone(),
        snapshot: Some(schema(name)),
    };
    let mut found = store.load(&[want], &[]).await.map_err(error::of_log)?;
    let loaded = found.streams.pop().unwrap_or_default();
    if let Some(last) = loaded.events.last() {
        let shared = Shared::read(&last.metadata).map_err(|source| Error::Undecodable {
            stream: name.stream().clone(),
            version: last.version,
            column: "metadata",
            source,
        })?;
        if shared.snapshot.is_some() {
            return replay::<A>(name).map(Some);
        }
    }
    match loaded.snapshot {
        None => Ok(None),
        Some(Snapshot { version, state }) => match serde_json::from_slice::<Kept>(&state) {
            Ok(kept) => Ok(Some(SerializedSnapshot {
                aggregate_id: name.id().to_owned(),
                aggregate: kept.aggregate,
                current_sequence: usize::try_from(version).unwrap_or(0),
                current_snapshot: kept.current_snapshot,
            })),
            Err(_) => replay::<A>(name).map(Some),
        },
    }
}

/// A state that cqrs-es cannot read: then it replays all the events, in each of its stores.
fn replay<A: Aggregate>(name: &Name) -> Result<SerializedSnapshot, PersistenceError> {
    let unreadable = |value: &Value| {
        let read = serde_json::from_value::<A>(value.clone()).map_err(PersistenceError::from);
        matches!(read, Err(PersistenceError::DeserializationError(_)))
    };
    let aggregate = [Value::Null, json!(false), json!(""), json!([]), json!({})]
        .into_iter()
        .find(unreadable)
        .ok_or_else(|| Error::SnapshotMissing(name.stream().clone()))?;
    Ok(SerializedSnapshot {
        aggregate_id: name.id().to_owned(),
        aggregate,
        current_sequence: 0,
        current_snapshot: 0,
    })
}
