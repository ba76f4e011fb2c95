//! How the benchmarks put events into the log by themselves. The only place here that builds an `Append`.

use event_schemas::{Actor, ActorKind, Metadata, Source, StreamId, TenantId};
use event_store::{Append, Expected, NewEvent};
use uuid::Uuid;

/// One command's worth of one event.
pub(crate) struct NewAppend {
    pub(crate) tenant: TenantId,
    pub(crate) stream: StreamId,
    /// The event's number in its stream, from 1.
    pub(crate) version: i32,
    pub(crate) command_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: &'static str,
    pub(crate) payload: Vec<u8>,
    /// Whether the command carries an idempotency key.
    pub(crate) remembered: bool,
}

impl NewAppend {
    /// The append as the store takes it.
    pub(crate) fn build(self) -> Result<Append, serde_json::Error> {
        let event = NewEvent {
            event_id: self.event_id,
            event_type: self.event_type.into(),
            schema_version: 1,
            payload: self.payload,
        };
        Ok(Append {
            request_hash: self.remembered.then_some([7; 32]),
            ..Append::new(
                self.tenant,
                self.stream,
                Expected::at(self.version - 1),
                self.command_id,
                metadata(self.command_id, self.tenant)?,
                vec![event],
            )
        })
    }
}

/// Metadata as a command over HTTP has them.
pub(crate) fn metadata(command_id: Uuid, tenant: TenantId) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Metadata {
        command_id,
        correlation_id: command_id,
        causation_id: command_id,
        actor: Actor {
            kind: ActorKind::ApiKey,
            id: tenant.to_string(),
            on_behalf_of: None,
        },
        source: Source::Api,
        traceparent: Some(format!(
            "00-{}-{:016x}-01",
            command_id.simple(),
            command_id.as_u64_pair().1
        )),
        legal_basis: None,
        ip_hash: None,
    })
}
