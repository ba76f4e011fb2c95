//! The heads of the partitions: the first offset that is not there yet. They tell a reader when to look; what is
//! there is only ever learnt by reading.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

const CHANNEL: &str = "daybook_log";
/// How often to look when other processes' appends announce themselves.
const LISTENING: Duration = Duration::from_secs(1);
/// The least time between two announcements.
const GATHER: Duration = Duration::from_millis(5);
/// How often to look when they cannot.
const DEAF: Duration = Duration::from_millis(50);

/// The heads as far as this process knows them, by partition. Cheap to clone.
#[derive(Clone)]
pub struct Heads {
    offsets: Arc<watch::Sender<Vec<i64>>>,
    unannounced: Arc<Notify>,
}

impl Heads {
    pub(crate) fn new(partitions: u16) -> Self {
        let (offsets, _) = watch::channel(vec![0; usize::from(partitions)]);
        Self {
            offsets: Arc::new(offsets),
            unannounced: Arc::new(Notify::new()),
        }
    }

    /// A receiver that is woken whenever a head moves.
    pub fn subscribe(&self) -> watch::Receiver<Vec<i64>> {
        self.offsets.subscribe()
    }

    /// The head of one partition, 0 for one that does not exist.
    pub fn get(&self, partition: u16) -> i64 {
        self.offsets
            .borrow()
            .get(usize::from(partition))
            .copied()
            .unwrap_or(0)
    }

    /// Moves heads forward after this process's own append, and has that announced to the others.
    pub(crate) fn advance(&self, heads: impl Iterator<Item = (u16, i64)>) {
        if self.learn(heads) {
            self.unannounced.notify_one();
        }
    }

    fn learn(&self, heads: impl Iterator<Item = (u16, i64)>) -> bool {
        self.offsets.send_if_modified(|offsets| {
            let mut moved = false;
            for (partition, head) in heads {
                if let Some(offset) = offsets
                    .get_mut(usize::from(partition))
                    .filter(|offset| **offset < head)
                {
                    *offset = head;
                    moved = true;
                }
            }
            moved
        })
    }

    fn describe(&self) -> String {
        self.offsets
            .borrow()
            .iter()
            .map(i64::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// Announces this process's appends to the others, coalesced, after their commit: a NOTIFY inside the append would
/// take a cluster-wide lock at every commit.
pub(crate) async fn announce(heads: Heads, pool: PgPool, cancelled: CancellationToken) {
    loop {
        tokio::select! {
            () = heads.unannounced.notified() => {}
            () = cancelled.cancelled() => return,
        }
        let told = sqlx::query!("select pg_notify($1, $2)", CHANNEL, heads.describe())
            .execute(&pool)
            .await;
        if let Err(error) = told {
            // The others still poll.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "appends could not be announced"
            );
            tokio::time::sleep(DEAF).await;
        }
        // What is appended meanwhile is announced together.
        tokio::time::sleep(GATHER).await;
    }
}

/// Learns of other processes' appends: by their announcements, and by looking.
pub(crate) async fn watch(heads: Heads, pool: PgPool, cancelled: CancellationToken) {
    let mut listener: Option<PgListener> = None;
    loop {
        if listener.is_none() {
            listener = listen(&pool).await;
        }
        match look(&pool).await {
            Ok(found) => {
                heads.learn(found.into_iter());
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the heads could not be read"
            ),
        }
        let pause = if listener.is_some() { LISTENING } else { DEAF };
        tokio::select! {
            lost = hear(&heads, listener.as_mut()) => {
                if lost {
                    listener = None;
                }
            }
            () = tokio::time::sleep(pause) => {}
            () = cancelled.cancelled() => return,
        }
    }
}

async fn listen(pool: &PgPool) -> Option<PgListener> {
    let mut listener = PgListener::connect_with(pool).await.ok()?;
    listener.listen(CHANNEL).await.ok()?;
    Some(listener)
}

/// Takes announcements in until the connection is lost.
async fn hear(heads: &Heads, listener: Option<&mut PgListener>) -> bool {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    while let Ok(Some(told)) = listener.try_recv().await {
        let offsets = told.payload().split(',').filter_map(|n| n.parse().ok());
        heads.learn((0_u16..).zip(offsets));
    }
    true
}

async fn look(pool: &PgPool) -> Result<Vec<(u16, i64)>, sqlx::Error> {
    let rows = sqlx::query!("select partition, next_offset from log.partition")
        .fetch_all(pool)
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|r| Some((u16::try_from(r.partition).ok()?, r.next_offset)))
        .collect())
}
