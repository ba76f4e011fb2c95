//! Looks keys up in the read model. A key that opens is remembered for a moment, and whoever revokes one is answered only
//! when every process has forgotten it; so a revoked key is refused from that answer on, and no process tells another
//! anything. While one look-up is under way the next ones gather and go as one query.
//!
//! The idea is that of a lease: C. Gray and D. Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed file
//! cache consistency", SOSP 1989.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use event_store::Store;
use quick_cache::sync::Cache;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::Problem;

/// How long a key that opens is remembered, from before it was asked for.
const REMEMBERED: Duration = Duration::from_millis(500);
/// When every process has forgotten a key that was revoked: clocks that tell durations differ by far less than the rest.
pub const FORGOTTEN_AFTER: Duration = Duration::from_millis(550);
/// Keys remembered at once.
const MOST_REMEMBERED: usize = 16_384;
/// Queries under way at once.
const QUERIES: usize = 2;
/// Keys in one query.
const KEYS: usize = 1_024;

/// One row of `api_key`.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: Uuid,
    pub(super) tenant: Uuid,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) revoked_at: Option<DateTime<Utc>>,
}

type Hash = [u8; 32];
type Found = Result<Vec<Key>, Problem>;

/// The way to the keys. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookup {
    store: Store,
    queue: Arc<Mutex<Queue>>,
    remembered: Arc<Cache<Hash, (Instant, Key)>>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(Hash, oneshot::Sender<Found>)>,
    queries: usize,
}

impl Lookup {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            queue: Arc::default(),
            remembered: Arc::new(Cache::new(MOST_REMEMBERED)),
        }
    }

    /// The keys with this hash: more than one only if something is wrong.
    pub(super) async fn find(&self, hash: Hash) -> Found {
        if let Some((asked, key)) = self.remembered.get(&hash)
            && asked.elapsed() < REMEMBERED
        {
            return Ok(vec![key]);
        }
        let (ticket, found) = oneshot::channel();
        let starts = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waiting.push((hash, ticket));
            let starts = queue.queries < QUERIES;
            queue.queries += usize::from(starts);
            starts
        };
        if starts {
            // A task of its own: a caller that goes away must not take the others' answers along.
            tokio::spawn(self.clone().work());
        }
        let gone = || Err(Problem::internal_because("a key's look-up ended early"));
        found.await.unwrap_or_else(|_| gone())
    }

    async fn work(self) {
        loop {
            let batch = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                let size = queue.waiting.len().min(KEYS);
                if size == 0 {
                    queue.queries -= 1;
                    return;
                }
                queue.waiting.drain(..size).collect::<Vec<_>>()
            };
            let hashes: Vec<&[u8]> = batch.iter().map(|(hash, _)| hash.as_slice()).collect();
            let asked = Instant::now();
            let found = query(&self.store, &hashes).await;
            for (hash, ticket) in batch {
                let keys = match &found {
                    Ok(found) => Ok(found.get(hash.as_slice()).cloned().unwrap_or_default()),
                    Err(problem) => Err(problem.clone()),
                };
                if let Ok([key]) = keys.as_deref()
                    && key.revoked_at.is_none()
                {
                    self.remembered.insert(hash, (asked, key.clone()));
                }
                drop(ticket.send(keys));
            }
        }
    }
}

async fn query(store: &Store, hashes: &[&[u8]]) -> Result<HashMap<Vec<u8>, Vec<Key>>, Problem> {
    let mut identity = store.identity().await?;
    let rows = sqlx::query!(
        r#"select secret_hash as "secret_hash!", key_id as "id!", tenant_id as "tenant!", scopes as "scopes!", expires_at, revoked_at
           from projection.keys($1)"#,
        hashes as &[&[u8]]
    )
    .fetch_all(identity.connection())
    .await
    .map_err(event_store::Error::from)?;
    let mut found: HashMap<Vec<u8>, Vec<Key>> = HashMap::new();
    for row in rows {
        found.entry(row.secret_hash).or_default().push(Key {
            id: row.id,
            tenant: row.tenant,
            scopes: row.scopes,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        });
    }
    Ok(found)
}
