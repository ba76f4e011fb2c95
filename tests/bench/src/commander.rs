//! The callers of B1: one order's command after the other, to Daybook's command path or to the peer's.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use commands::{Bus, Request, Way, registry};
use event_schemas::{Actor, ActorKind, Source};
use event_store::{Store, SystemClock};

use crate::{
    measure::Caller,
    peer::Peer,
    workload::{Command, Orders},
};

/// Who executes commands.
#[derive(Clone)]
pub(crate) enum Side {
    Daybook(Bus),
    Peer(Arc<Peer>),
}

impl Side {
    /// Daybook's command path behind its lanes, as a server has it.
    pub(crate) fn daybook(store: &Store) -> Self {
        Self::Daybook(Bus::new(
            store.clone(),
            Arc::new(SystemClock),
            None,
            Way::Lanes,
        ))
    }

    pub(crate) async fn execute(&self, command: Command) -> Result<()> {
        match self {
            Self::Daybook(bus) => {
                bus.execute(request(command)?)
                    .await
                    .map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))?;
                Ok(())
            }
            Self::Peer(peer) => peer.execute(command).await,
        }
    }
}

/// The command as the gateway hands it over.
pub(crate) fn request(command: Command) -> Result<Request> {
    let kind = command.step.kind();
    let spec = registry()
        .by_kind(kind)
        .ok_or_else(|| anyhow!("there is no command {kind}"))?;
    Ok(Request {
        tenant: command.tenant,
        actor: Actor {
            kind: ActorKind::ApiKey,
            id: command.key_id.to_string(),
            on_behalf_of: None,
        },
        source: Source::Api,
        spec,
        id: command.order,
        data: command.data,
        key: None,
        expected_version: None,
        occurred_at: None,
        dry_run: false,
        correlation_id: command.correlation_id,
        traceparent: Some(command.traceparent),
        cause: None,
        ip_hash: None,
    })
}

/// A caller.
pub(crate) struct Commander {
    pub(crate) side: Side,
    pub(crate) orders: Orders,
}

impl Caller for Commander {
    async fn turn(&mut self) -> Result<u64> {
        let (command, _) = self.orders.next();
        self.side.execute(command).await?;
        Ok(1)
    }
}
