//! Groups loads: while one is under way the next ones gather and go as one call, like the appends. No timer.

use std::{collections::HashMap, sync::Arc};

use event_schemas::TenantId;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Found, KeyUse, Want, load};
use crate::Error;

/// Loads waiting at most; callers beyond that wait for their turn to wait.
const WAITING: usize = 4096;
/// Streams and keys in one call.
const CALL: usize = 512;

/// One caller's wants and keys, and where its answer goes.
struct Waiting {
    wants: Vec<Want>,
    keys: Vec<KeyUse>,
    answer: oneshot::Sender<Result<Found, Error>>,
}

/// The group. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Group {
    sender: mpsc::Sender<Waiting>,
    receiver: Arc<Mutex<mpsc::Receiver<Waiting>>>,
}

impl Group {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self {
            sender,
            receiver: Arc::new(Mutex::new(receiver)),
        }
    }

    /// Loads with whoever else is loading. Answers only while [`run`](Self::run) runs.
    pub(crate) async fn load(&self, wants: Vec<Want>, keys: Vec<KeyUse>) -> Result<Found, Error> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            wants,
            keys,
            answer,
        };
        if self.sender.send(waiting).await.is_err() {
            return Err(Error::ShuttingDown);
        }
        answered.await.unwrap_or(Err(Error::ShuttingDown))
    }

    /// One of the tasks that load. Ends when cancelled, after what waits is answered.
    pub(crate) async fn run(self, pool: PgPool, partitions: u16, cancelled: CancellationToken) {
        loop {
            let batch = {
                let mut receiver = self.receiver.lock().await;
                let first = tokio::select! {
                    biased;
                    first = receiver.recv() => first,
                    () = cancelled.cancelled() => {
                        receiver.close();
                        receiver.recv().await
                    }
                };
                let Some(first) = first else { return };
                gather(first, &mut receiver)
            };
            answer(&pool, partitions, batch).await;
        }
    }
}

fn gather(first: Waiting, receiver: &mut mpsc::Receiver<Waiting>) -> Vec<Waiting> {
    let mut size = first.wants.len() + first.keys.len();
    let mut batch = vec![first];
    while size < CALL {
        let Ok(next) = receiver.try_recv() else { break };
        size += next.wants.len() + next.keys.len();
        batch.push(next);
    }
    batch
}

/// What was found of one caller's tenants.
fn of<T: Clone>(wants: &[Want], found: &HashMap<TenantId, T>) -> HashMap<TenantId, T> {
    wants
        .iter()
        .filter_map(|w| Some((w.tenant, found.get(&w.tenant)?.clone())))
        .collect()
}

async fn answer(pool: &PgPool, partitions: u16, batch: Vec<Waiting>) {
    let wants: Vec<Want> = batch.iter().flat_map(|w| w.wants.iter().cloned()).collect();
    let keys: Vec<KeyUse> = batch.iter().flat_map(|w| w.keys.iter().copied()).collect();
    match load(pool, partitions, &wants, &keys).await {
        Ok(found) => {
            let (mut streams, mut keys) = (found.streams.into_iter(), found.keys.into_iter());
            for waiting in batch {
                let part = Found {
                    streams: streams.by_ref().take(waiting.wants.len()).collect(),
                    keys: keys.by_ref().take(waiting.keys.len()).collect(),
                    facts: of(&waiting.wants, &found.facts),
                    barred: of(&waiting.wants, &found.barred),
                };
                // A caller that went away needs no answer.
                drop(waiting.answer.send(Ok(part)));
            }
        }
        // One stream's damage must not be everybody's: each is loaded alone.
        Err(Error::CorruptEvent { .. }) if batch.len() > 1 => {
            for waiting in batch {
                let result = load(pool, partitions, &waiting.wants, &waiting.keys).await;
                drop(waiting.answer.send(result));
            }
        }
        Err(error) => {
            let mut batch = batch.into_iter();
            if let Some(first) = batch.next() {
                for waiting in batch {
                    drop(waiting.answer.send(Err(error.for_another())));
                }
                drop(first.answer.send(Err(error)));
            }
        }
    }
}
