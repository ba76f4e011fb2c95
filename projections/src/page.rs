//! Pages of the log, read once for all projections of this process. Owns a few recent pages per partition, bounded in
//! events and bytes; never holds a page back because a projection is slow.

use std::{collections::VecDeque, sync::Arc};

use event_schemas::RecordedEvent;
use event_store::{PartitionTx, Store};
use tokio::sync::Mutex;

use crate::error::Failure;

/// The most events of a page.
pub(crate) const MAX_EVENTS: i64 = 2_000;
/// The most bytes of a page's payloads and metadata, unless a single event has more.
const MAX_BYTES: i64 = 2 << 20;
/// Pages of this many events are short enough to be read without looking at their size: an event has half a MiB at most.
const SHORT: i64 = 16;
/// Pages kept per partition, for projections that are a little behind the others.
const KEPT: usize = 4;

/// The events of a partition from some offset on.
pub(crate) struct Slice {
    page: Arc<Vec<RecordedEvent>>,
    start: usize,
    end: usize,
}

impl Slice {
    pub(crate) fn events(&self) -> &[RecordedEvent] {
        self.page.get(self.start..self.end).unwrap_or_default()
    }
}

/// The recent pages of every partition.
pub(crate) struct Pages(Vec<Mutex<VecDeque<Arc<Vec<RecordedEvent>>>>>);

impl Pages {
    pub(crate) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| Mutex::default()).collect())
    }

    /// Up to `most` events from offset `from` on: from a recent page, or read in this transaction while the others
    /// that want the same page wait for it.
    pub(crate) async fn read(
        &self,
        store: &Store,
        tx: &mut PartitionTx,
        partition: u16,
        from: i64,
        most: i64,
    ) -> Result<Slice, Failure> {
        let Some(pages) = self.0.get(usize::from(partition)) else {
            return Ok(Slice {
                page: Arc::default(),
                start: 0,
                end: 0,
            });
        };
        let mut pages = pages.lock().await;
        if let Some(slice) = pages.iter().find_map(|page| cut(page, from, most)) {
            return Ok(slice);
        }
        let behind = store.heads().get(partition) - from;
        let limit = if (1..=SHORT).contains(&behind) {
            SHORT
        } else {
            bounded(tx, partition, from, most).await?
        };
        let page = Arc::new(tx.read_partition(partition, from, limit.min(most)).await?);
        let Some(slice) = cut(&page, from, most) else {
            // Nothing follows: whoever is here has no use for the pages, and memory has.
            pages.clear();
            return Ok(Slice {
                page,
                start: 0,
                end: 0,
            });
        };
        pages.push_front(page);
        pages.truncate(KEPT);
        Ok(slice)
    }
}

fn cut(page: &Arc<Vec<RecordedEvent>>, from: i64, most: i64) -> Option<Slice> {
    let start = usize::try_from(from - page.first()?.offset)
        .ok()
        .filter(|start| *start < page.len())?;
    let end = start
        .saturating_add(usize::try_from(most).unwrap_or(0))
        .min(page.len());
    Some(Slice {
        page: Arc::clone(page),
        start,
        end,
    })
}

/// How many events from `from` on fit into a page; at least one.
async fn bounded(
    tx: &mut PartitionTx,
    partition: u16,
    from: i64,
    most: i64,
) -> Result<i64, sqlx::Error> {
    let partition = i16::try_from(partition).unwrap_or(i16::MAX);
    let fitting = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select sum(octet_length(payload) + octet_length(metadata)) over (order by "offset") as bytes
             from log.event where partition = $1 and "offset" >= $2 order by "offset" limit $3) as page
           where bytes <= $4"#,
        partition,
        from,
        most.clamp(1, MAX_EVENTS),
        MAX_BYTES
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(fitting.max(1))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use event_schemas::{StreamId, TenantId};
    use uuid::Uuid;

    use super::*;

    fn page(offsets: std::ops::Range<i64>) -> Arc<Vec<RecordedEvent>> {
        let event = |offset| RecordedEvent {
            partition: 0,
            offset,
            tenant: TenantId(Uuid::nil()),
            position: offset + 1,
            stream: StreamId("a-b".into()),
            version: 1,
            event_id: Uuid::nil(),
            event_type: "A".into(),
            schema_version: 1,
            payload: vec![],
            content_type: 1,
            metadata: vec![],
            content_hash: vec![],
            occurred_at: DateTime::UNIX_EPOCH,
            recorded_at: DateTime::UNIX_EPOCH,
        };
        Arc::new(offsets.map(event).collect())
    }

    #[test]
    fn a_page_serves_what_is_in_it() {
        let page = page(10..20);
        let offsets = |from, most| {
            cut(&page, from, most).map(|slice| {
                slice
                    .events()
                    .iter()
                    .map(|event| event.offset)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(offsets(10, 3), Some(vec![10, 11, 12]));
        assert_eq!(offsets(18, 5), Some(vec![18, 19]));
        assert_eq!(offsets(9, 5), None);
        assert_eq!(offsets(20, 5), None);
    }
}
