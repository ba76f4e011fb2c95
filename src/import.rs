//! Imports history from other systems, in the operator's process. Owns the way from prepared lines to the log, through
//! the same executor as the bulk API; what a source's rows mean is its own module's business. Events of another log
//! ([`postgres_es`]) are no commands: they go to the store as they are.

pub mod memory;
pub mod olist;
pub mod postgres_es;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use commands::{Bus, Request, registry};
use event_schemas::{Actor, ActorKind, Source, TenantId};
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Lines that are loaded, decided and appended as one batch.
const BATCH: usize = 1_000;
/// Batches that may wait between the reader and the executor.
const AHEAD: usize = 2;
/// Refused lines that the report shows one by one.
const EXAMPLES: usize = 20;

/// What became of the lines.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Lines executed.
    pub lines: u64,
    /// Lines that appended events now.
    pub appended: u64,
    /// Events appended now.
    pub events: u64,
    /// Lines whose events were in the log already.
    pub replayed: u64,
    /// Lines that were refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// The first of them, with their keys and reasons.
    pub examples: Vec<String>,
}

/// Executes `lines` in their order; calls `progress` with the number done after each batch. Blocks its worker thread
/// until it is done, so it needs a runtime with several.
pub fn execute<E: std::error::Error + Send + Sync + 'static>(
    bus: &Bus,
    name: &str,
    lines: impl Iterator<Item = Result<olist::Line, E>> + Send,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Written> {
    let actor = Actor {
        kind: ActorKind::Operator,
        id: format!("import:{name}"),
        on_behalf_of: None,
    };
    let (sender, receiver) = mpsc::channel::<Result<Vec<Request>>>(AHEAD);
    let mut written = Written::default();
    let consume = async {
        let mut receiver = receiver;
        while let Some(batch) = receiver.recv().await {
            let batch = batch?;
            let answers = bus.execute_all(&batch).await;
            for (request, answer) in batch.iter().zip(answers) {
                written.note(request, answer)?;
            }
            progress(written.lines);
        }
        anyhow::Ok(())
    };
    let produce = move || {
        let mut batch = Vec::with_capacity(BATCH);
        for line in lines {
            match line
                .map_err(anyhow::Error::from)
                .and_then(|line| request(line, &actor))
            {
                Ok(request) => batch.push(request),
                Err(error) => return drop(sender.blocking_send(Err(error))),
            }
            // Nobody receives any more: the executor has failed and says why itself.
            if batch.len() == BATCH
                && sender
                    .blocking_send(Ok(std::mem::take(&mut batch)))
                    .is_err()
            {
                return;
            }
        }
        if !batch.is_empty() {
            drop(sender.blocking_send(Ok(batch)));
        }
    };
    // The reader merges from disk on a thread of its own, so that the executor never waits for it.
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|threads| {
            threads.spawn(produce);
            runtime.block_on(consume)
        })
    })?;
    Ok(written)
}

fn request(line: olist::Line, actor: &Actor) -> Result<Request> {
    let spec = registry()
        .by_kind(line.command)
        .with_context(|| format!("there is no command {}", line.command))?;
    Ok(Request {
        tenant: TenantId(line.tenant),
        actor: actor.clone(),
        source: Source::Import,
        spec,
        id: line.id,
        data: line.data.into(),
        key: Some(line.key),
        expected_version: None,
        occurred_at: Some(line.occurred_at),
        dry_run: false,
        // The same in every run, so that an interrupted import leaves the same bytes as an uninterrupted one.
        correlation_id: Uuid::new_v5(&line.tenant, actor.id.as_bytes()),
        traceparent: None,
        cause: None,
        ip_hash: None,
    })
}

impl Written {
    fn note(
        &mut self,
        request: &Request,
        answer: Result<commands::Accepted, gateway::Problem>,
    ) -> Result<()> {
        self.lines += 1;
        match answer {
            Ok(accepted) if accepted.replayed => self.replayed += 1,
            Ok(accepted) => {
                self.appended += 1;
                self.events += u64::try_from(accepted.events.len())?;
            }
            Err(problem) if problem.status().is_server_error() => {
                anyhow::bail!(
                    "{}; import again to go on where it stopped",
                    problem.detail()
                );
            }
            Err(problem) => {
                *self.refused.entry(problem.code().to_owned()).or_default() += 1;
                if self.examples.len() < EXAMPLES {
                    let key = request.key.as_deref().unwrap_or_default();
                    self.examples
                        .push(format!("{key}: {} ({})", problem.detail(), problem.code()));
                }
            }
        }
        Ok(())
    }
}
