//! Executes commands: load, decide, append, try again where another writer was first. One batch costs at most two round
//! trips, whatever its size, unless it has to be decided again. Owns no rule of any context.

mod credentials;
mod needs;
mod plan;
mod round;
mod turns;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use event_schemas::{Actor, Metadata, Source, StreamId, TenantId};
use event_store::{Clock, NewSnapshot, Store};
use gateway::Problem;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use needs::Doubts;
use turns::{Size, Turn, Turns};

use crate::{
    Accepted, Spec,
    cache::{Aggregates, Target},
};

/// How often a command is decided anew when other writers were first, before its caller hears of it.
const ROUNDS: u32 = 64;
/// Bytes of recent aggregates, if not told otherwise.
const CACHE: u64 = 32 << 20;
/// Snapshots on their way at once.
const SNAPSHOTS: usize = 2;

/// One command, ready to be decided.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose.
    pub tenant: TenantId,
    /// Who asks.
    pub actor: Actor,
    /// The way it came in.
    pub source: Source,
    /// Which command.
    pub spec: &'static Spec,
    /// The aggregate's id.
    pub id: Uuid,
    /// The JSON object of its fields.
    pub data: Bytes,
    /// The idempotency key, 1 to 255 bytes.
    pub key: Option<String>,
    /// The version the stream must be at, if the caller says so.
    pub expected_version: Option<i32>,
    /// When it happened, for imports.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Decide only, write nothing.
    pub dry_run: bool,
    /// The conversation it belongs to.
    pub correlation_id: Uuid,
    /// The W3C trace context.
    pub traceparent: Option<String>,
    /// The event that it answers, for a policy's command.
    pub cause: Option<Cause>,
    /// A keyed hash of the client's address.
    pub ip_hash: Option<String>,
}

/// The event that a policy's command answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Its id.
    pub event_id: Uuid,
    /// How many policies led to the command, its own included.
    pub depth: u8,
}

impl Request {
    pub(crate) fn stream(&self) -> StreamId {
        StreamId::new(self.spec.context, self.id)
    }

    pub(crate) fn target(&self) -> Target {
        (self.tenant, self.stream())
    }

    /// The id that the idempotency key stands for: of this tenant and principal.
    pub(crate) fn derived_command_id(&self) -> Option<Uuid> {
        self.key.as_ref().map(|key| {
            let name = format!("{:?}:{}\0{key}", self.actor.kind, self.actor.id);
            Uuid::new_v5(&self.tenant.0, name.as_bytes())
        })
    }

    /// Imports meet their own events again; everyone else's keys are remembered beside the log.
    pub(crate) fn remembers(&self) -> bool {
        self.key.is_some() && self.source != Source::Import
    }

    /// What is recorded beside the events of the command.
    pub(crate) fn metadata(&self, command_id: Uuid) -> Metadata {
        Metadata {
            command_id,
            correlation_id: self.correlation_id,
            causation_id: self.cause.map_or(command_id, |cause| cause.event_id),
            actor: self.actor.clone(),
            source: self.source,
            traceparent: self.traceparent.clone(),
            legal_basis: None,
            ip_hash: self.ip_hash.clone(),
            depth: self.cause.map_or(0, |cause| cause.depth),
        }
    }

    /// What tells one request from another under the same key: the command, the aggregate and the fields, however
    /// they are spaced or ordered.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let canonical = serde_json::from_slice::<serde_json::Value>(&self.data).map_or_else(
            |_| self.data.to_vec(),
            |value| value.to_string().into_bytes(),
        );
        Sha256::new()
            .chain_update(&self.spec.kind)
            .chain_update(self.id.as_bytes())
            .chain_update(canonical)
            .finalize()
            .into()
    }
}

/// Waits until everybody goes by the credentials that a command changed.
#[async_trait]
pub trait Settle: Send + Sync {
    /// Returns once the event at `offset` of `partition` counts, or after `timeout`.
    async fn settle(&self, partition: u16, offset: i64, timeout: Duration) -> Result<(), Problem>;

    /// Returns once nobody goes by a credential that they remember from before.
    async fn forgotten(&self);
}

/// The way to the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Behind the lanes: fair among tenants, grouped with other callers. For servers.
    Lanes,
    /// One call per batch, in its order. For the operator's own bulk work.
    Direct,
}

/// Executes commands on one store. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settle: Option<Arc<dyn Settle>>,
    pub(crate) way: Way,
    pub(crate) aggregates: Arc<Aggregates>,
    turns: Turns,
    /// How many snapshots may be on their way to the log.
    snapshots: Arc<Semaphore>,
}

impl Bus {
    /// A bus. Without `settle`, commands that change credentials answer as soon as they are in the log.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        settle: Option<Arc<dyn Settle>>,
        way: Way,
    ) -> Self {
        Self {
            turns: Turns::new(store.queue_limits()),
            store,
            clock,
            settle,
            way,
            aggregates: Arc::new(Aggregates::new(CACHE)),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
        }
    }

    /// The same with a cache of about so many bytes, 0 for none.
    #[must_use]
    pub fn with_cache(mut self, bytes: u64) -> Self {
        self.aggregates = Arc::new(Aggregates::new(bytes));
        self
    }

    /// Servers wait for the tenant's turn.
    async fn turn(&self, requests: &[Request]) -> Result<Option<Turn>, Problem> {
        let Some(first) = requests.first().filter(|_| self.way == Way::Lanes) else {
            return Ok(None);
        };
        let size = Size {
            commands: requests.len(),
            bytes: requests.iter().map(|request| request.data.len()).sum(),
        };
        self.turns.take(first.tenant, size).await.map(Some)
    }

    /// Keeps snapshots beside the answers. One that does not get through is taken another time.
    fn keep_snapshots(&self, snapshots: Vec<NewSnapshot>) {
        if snapshots.is_empty() {
            return;
        }
        let Ok(place) = self.snapshots.clone().try_acquire_owned() else {
            return;
        };
        let store = self.store.clone();
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = store.save_snapshots(&snapshots).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "snapshots were not kept"
                );
            }
        });
    }

    /// Executes one command.
    pub async fn execute(&self, request: Request) -> Result<Accepted, Problem> {
        let mut answers = self.execute_all(std::slice::from_ref(&request)).await;
        answers
            .pop()
            .unwrap_or_else(|| Err(Problem::internal_because("a command got no answer")))
    }

    /// Executes a batch: one answer each, in order. Commands of one stream see each other in that order; a refused one
    /// never keeps another from being executed. Behind the lanes it waits for its tenant's turn, the first command's.
    pub async fn execute_all(&self, requests: &[Request]) -> Vec<Result<Accepted, Problem>> {
        let _turn = match self.turn(requests).await {
            Ok(turn) => turn,
            Err(problem) => return requests.iter().map(|_| Err(problem.clone())).collect(),
        };
        let mut answers: Vec<Option<Result<Accepted, Problem>>> =
            requests.iter().map(|_| None).collect();
        let mut open: Vec<usize> = (0..requests.len()).collect();
        let mut doubts = Doubts::default();
        for _ in 0..ROUNDS {
            if let Err(problem) = round::run(self, requests, &open, &mut doubts, &mut answers).await
            {
                for index in &open {
                    if let Some(answer) = answers.get_mut(*index).filter(|answer| answer.is_none())
                    {
                        *answer = Some(Err(problem.clone()));
                    }
                }
            }
            open.retain(|index| answers.get(*index).is_some_and(Option::is_none));
            if open.is_empty() {
                break;
            }
        }
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err(Problem::overloaded(1))))
            .collect()
    }
}
