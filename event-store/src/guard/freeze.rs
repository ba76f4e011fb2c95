//! Freezes a tenant: with an event, like every change of a tenant's state. An event of the system's own stream `$log`.

use event_schemas::{Actor, ActorKind, Metadata, Source, StreamId};
use serde_json::json;

use super::sequence::Break;
use crate::{Append, Clock, Error, Expected, NewEvent, Store, SystemClock, TenantChange};

/// The stream of what the log has to say about itself.
const STREAM: &str = "$log";

pub(super) async fn freeze(store: &Store, found: &Break) -> Result<(), Error> {
    let clock = SystemClock;
    let command_id = clock.uuid_v7();
    let metadata = Metadata {
        command_id,
        correlation_id: command_id,
        causation_id: command_id,
        actor: Actor {
            kind: ActorKind::Policy,
            id: "log-guard".to_owned(),
            on_behalf_of: None,
        },
        source: Source::Policy,
        traceparent: None,
        legal_basis: None,
        ip_hash: None,
    };
    let what = json!({
        "column": found.column, "partition": found.partition, "offset": found.offset, "stream": found.stream,
        "expected": (found.expected >= 0).then_some(found.expected), "found": found.found,
    });
    let event = NewEvent {
        event_id: clock.uuid_v7(),
        event_type: "TenantFrozen".into(),
        schema_version: 1,
        payload: what.to_string().into_bytes(),
    };
    let append = Append {
        change: Some(TenantChange::Freeze),
        ..Append::new(
            found.tenant,
            StreamId(STREAM.to_owned()),
            Expected::Any,
            command_id,
            serde_json::to_vec(&metadata).unwrap_or_default(),
            vec![event],
        )
    };
    for result in store.append(&[append]).await? {
        result?;
    }
    Ok(())
}
