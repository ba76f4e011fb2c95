//! How the benchmarks put events into the log by themselves. The only place here that builds an `Append`.

use std::{collections::HashMap, sync::Arc};

use event_schemas::{Actor, ActorKind, Metadata, Source, StreamId, TenantId};
use event_store::{Append, Error, Expected, Fact, NewEvent, Store, Want};
use uuid::Uuid;

use crate::workload::Population;

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
    /// What the command's load would have seen of its tenant.
    pub(crate) fact: Option<Fact>,
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
            fact: self.fact,
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

/// What loads see of tenants: every command has that, so an append on its own needs it too.
#[derive(Clone, Default)]
pub(crate) struct Facts(Arc<HashMap<TenantId, Fact>>);

impl Facts {
    /// Looks at all tenants of a population.
    pub(crate) async fn load(store: &Store, population: &Population) -> Result<Self, Error> {
        let mut facts = HashMap::new();
        let wants: Vec<Want> = population
            .tenants()
            .map(|tenant| Want {
                tenant,
                stream: StreamId::new("bench", Uuid::nil()),
                snapshot: None,
            })
            .collect();
        for some in wants.chunks(500) {
            facts.extend(store.load(some, &[]).await?.facts);
        }
        Ok(Self(Arc::new(facts)))
    }

    /// What was seen of one.
    pub(crate) fn of(&self, tenant: TenantId) -> Option<Fact> {
        self.0.get(&tenant).copied()
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
        depth: 0,
    })
}
