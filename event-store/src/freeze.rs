//! Freezes a tenant and ends the freeze: with an event, like every change of a tenant's state, in the system's own stream
//! `$log`.

use event_schemas::{Actor, ActorKind, Metadata, Source, StreamId, TenantId};
use serde_json::{Value, json};

use crate::{Append, Clock, Error, Expected, NewEvent, Outcome, Store, SystemClock, TenantChange};

/// The stream of what the log has to say about itself.
const STREAM: &str = "$log";

impl Store {
    /// Stops all of a tenant's appends; `why` names the number that does not follow.
    pub(crate) async fn freeze(&self, tenant: TenantId, why: &Value) -> Result<Outcome, Error> {
        let actor = Actor {
            kind: ActorKind::Policy,
            id: "log-guard".to_owned(),
            on_behalf_of: None,
        };
        self.note(tenant, TenantChange::Freeze, "TenantFrozen", actor, why)
            .await
    }

    /// Ends a freeze, after whatever caused it was dealt with. The tenant is then what it was before: active or suspended.
    pub async fn unfreeze(&self, tenant: TenantId, reason: &str) -> Result<Outcome, Error> {
        let actor = Actor {
            kind: ActorKind::Operator,
            id: "operator".to_owned(),
            on_behalf_of: None,
        };
        let why = json!({ "reason": reason });
        self.note(
            tenant,
            TenantChange::Unfreeze,
            "TenantUnfrozen",
            actor,
            &why,
        )
        .await
    }

    async fn note(
        &self,
        tenant: TenantId,
        change: TenantChange,
        event_type: &'static str,
        actor: Actor,
        payload: &Value,
    ) -> Result<Outcome, Error> {
        let (event_id, command_id) = (SystemClock.uuid_v7(), SystemClock.uuid_v7());
        let metadata = Metadata {
            command_id,
            correlation_id: command_id,
            causation_id: command_id,
            source: if change == TenantChange::Freeze {
                Source::Policy
            } else {
                Source::Api
            },
            actor,
            traceparent: None,
            legal_basis: None,
            ip_hash: None,
            depth: 0,
        };
        let event = NewEvent {
            event_id,
            event_type: event_type.into(),
            schema_version: 1,
            payload: payload.to_string().into_bytes(),
        };
        let append = Append {
            change: Some(change),
            ..Append::new(
                tenant,
                StreamId(STREAM.to_owned()),
                Expected::Any,
                command_id,
                serde_json::to_vec(&metadata).unwrap_or_default(),
                vec![event],
            )
        };
        let mut results = self.append(&[append]).await?;
        results.pop().unwrap_or(Err(Error::ShuttingDown))
    }
}
