//! Feeds the replays of cqrs-es in pages. Whatever goes wrong is told in the stream; an end without an error is the end of
//! the events. What is written while a replay runs may be in it.

use cqrs_es::persist::{PersistenceError, ReplayFeed, ReplayStream, SerializedEvent};
use event_schemas::{RecordedEvent, TenantId};

use super::{
    error,
    stream::{Kind, Name},
};
use crate::{Store, read::Direction};

/// One aggregate's events, oldest first, at most twice `ahead` of them in memory.
pub(super) fn one(store: Store, tenant: TenantId, name: Name, ahead: usize) -> ReplayStream {
    let (mut feed, stream) = ReplayStream::new(ahead);
    tokio::spawn(async move {
        let mut from = 1;
        loop {
            let page = stream_page(&store, tenant, &name, from, limit(ahead)).await;
            let events = |event: &RecordedEvent| Some(name.own(event));
            match push(&mut feed, page, events).await {
                Some(last) if last.rows == ahead => from = last.version + 1,
                _ => return,
            }
        }
    });
    stream
}

/// The events of all aggregates of a type, in the order in which the tenant wrote them.
pub(super) fn all(store: Store, tenant: TenantId, kind: Kind, ahead: usize) -> ReplayStream {
    let (mut feed, stream) = ReplayStream::new(ahead);
    tokio::spawn(async move {
        let mut from = 1;
        loop {
            let page = tenant_page(&store, tenant, from, limit(ahead)).await;
            let events = |event: &RecordedEvent| {
                let found = kind.find(event)?;
                Some(found.map_err(PersistenceError::from))
            };
            match push(&mut feed, page, events).await {
                Some(last) if last.rows == ahead => from = last.position + 1,
                _ => return,
            }
        }
    });
    stream
}

fn limit(ahead: usize) -> i64 {
    i64::try_from(ahead).unwrap_or(i64::MAX)
}

/// Each page is a transaction of its own: none stays open while the reader takes its time.
async fn stream_page(
    store: &Store,
    tenant: TenantId,
    name: &Name,
    from: i32,
    limit: i64,
) -> Result<Vec<RecordedEvent>, crate::Error> {
    let mut tx = store.tenant_tx(tenant).await?;
    tx.read_stream(name.stream(), from, Direction::Forwards, limit)
        .await
}

async fn tenant_page(
    store: &Store,
    tenant: TenantId,
    from: i64,
    limit: i64,
) -> Result<Vec<RecordedEvent>, crate::Error> {
    store
        .tenant_tx(tenant)
        .await?
        .read_tenant(from, limit)
        .await
}

/// Where a page ended.
struct Last {
    rows: usize,
    version: i32,
    position: i64,
}

/// Feeds a page. Nothing when the replay is over: after an error of the log, behind which nobody knows what comes, or when
/// the reader went away. An event that cannot be read is told and passed.
async fn push(
    feed: &mut ReplayFeed,
    page: Result<Vec<RecordedEvent>, crate::Error>,
    event: impl Fn(&RecordedEvent) -> Option<Result<SerializedEvent, PersistenceError>>,
) -> Option<Last> {
    let page = match page {
        Ok(page) => page,
        Err(cause) => {
            // A reader that went away needs no error.
            drop(feed.push(Err(error::of_log(cause))).await);
            return None;
        }
    };
    let last = page.last().map(|last| Last {
        rows: page.len(),
        version: last.version,
        position: last.position,
    });
    for row in page {
        if let Some(result) = event(&row) {
            feed.push(result).await.ok()?;
        }
    }
    last
}
