//! Readers who follow the log while it is written: every partition, and every tenant. They keep what they saw.

use std::time::Duration;

use event_schemas::{RecordedEvent, TenantId};
use event_store::{Error, Store, read::Span};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::check::{Event, Outages, Seen};

/// How often a reader looks.
const PACE: Duration = Duration::from_millis(4);
/// Events per look: small, so that readers come by in the middle of batches.
const PAGE: i64 = 40;

/// Starts the readers. They end once they find nothing more after `stop`.
pub fn start(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    store: &Store,
    tenants: &[TenantId],
    outages: Outages,
) -> Vec<JoinHandle<Seen>> {
    // Two of a kind: they come by at different moments.
    let partitions = ["partitions", "partitions again"].map(|name| {
        let pages = (0..store.partitions())
            .map(|partition| (Page::Partition(partition), 0))
            .collect();
        tasks.spawn(follow(name, store.clone(), pages, stop.clone(), outages))
    });
    let pages = tenants
        .iter()
        .map(|tenant| (Page::Tenant(*tenant), 1))
        .collect();
    let of_tenants = tasks.spawn(follow(
        "tenants",
        store.clone(),
        pages,
        stop.clone(),
        outages,
    ));
    partitions.into_iter().chain([of_tenants]).collect()
}

/// A sequence of the log.
#[derive(Clone, Copy, Debug)]
enum Page {
    Partition(u16),
    Tenant(TenantId),
}

impl Page {
    async fn read(self, store: &Store, from: i64) -> Result<Vec<RecordedEvent>, Error> {
        match self {
            Self::Partition(partition) => {
                let span = Span {
                    partition,
                    from,
                    most: PAGE,
                };
                store
                    .partition_tx()
                    .await?
                    .read_partitions(&[span], i64::MAX)
                    .await
                    .map(|pages| pages.into_iter().flatten().collect())
            }
            Self::Tenant(tenant) => store.tenant_tx(tenant).await?.read_tenant(from, PAGE).await,
        }
    }
}

async fn follow(
    name: &'static str,
    store: Store,
    mut pages: Vec<(Page, i64)>,
    stop: CancellationToken,
    outages: Outages,
) -> Seen {
    let mut seen = Seen::new(name);
    loop {
        let (last, mut found) = (stop.is_cancelled(), 0);
        for (page, next) in &mut pages {
            match page.read(&store, *next).await {
                Ok(events) => {
                    found += events.len();
                    *next += i64::try_from(events.len()).unwrap();
                    seen.events.extend(events.iter().map(Event::of));
                }
                Err(Error::Unavailable(_) | Error::Database(_)) if outages == Outages::Expected => {
                }
                Err(error) => {
                    seen.errors
                        .push(format!("{name}: {page:?} from {next}: {error}"));
                    return seen;
                }
            }
        }
        if found == 0 {
            if last {
                return seen;
            }
            let _ = timeout(PACE, stop.cancelled()).await;
        }
    }
}
