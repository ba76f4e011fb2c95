//! Pages of the log, read once for all projections of this process. Owns a few recent pages per partition, bounded in
//! events and bytes; never holds a page back because a projection is slow.

use std::{collections::VecDeque, sync::Arc};

use event_schemas::RecordedEvent;
use event_store::{PartitionTx, read::Span};
use tokio::sync::Mutex;

use crate::{error::Failure, source::Source};

/// The most events of a page.
pub(crate) const MAX_EVENTS: i64 = 2_000;
/// The most bytes of payloads and metadata that are read at once, but for single events that have more.
const MAX_BYTES: i64 = 2 << 20;
/// The fewest events that a page may have.
const FEW: i64 = 16;
/// Pages kept per partition, for projections that are a little behind the others.
const KEPT: usize = 4;

/// The events of a partition from some offset on.
#[derive(Default)]
pub(crate) struct Slice {
    page: Arc<Vec<RecordedEvent>>,
    start: usize,
    end: usize,
}

impl Slice {
    pub(crate) fn events(&self) -> &[RecordedEvent] {
        self.page.get(self.start..self.end).unwrap_or_default()
    }

    /// What of it is before this offset.
    pub(crate) fn before(mut self, offset: i64) -> Self {
        let within = self.events().partition_point(|event| event.offset < offset);
        self.end = self.start + within;
        self
    }
}

/// The recent pages of every partition.
pub(crate) struct Pages(Vec<Mutex<VecDeque<Arc<Vec<RecordedEvent>>>>>);

impl Pages {
    pub(crate) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| Mutex::default()).collect())
    }

    /// The same as `read`, if all of it is in recent pages.
    pub(crate) async fn recent(&self, places: &[(u16, i64)], most: i64) -> Option<Vec<Slice>> {
        let most = share(places, most);
        let mut slices = Vec::with_capacity(places.len());
        for (partition, from) in places {
            let pages = self.0.get(usize::from(*partition))?.lock().await;
            slices.push(pages.iter().find_map(|page| cut(page, *from, most))?);
        }
        Some(slices)
    }

    /// Events from these offsets on, about `most` in all: from recent pages, or read in this transaction while the others
    /// that want the same pages wait for them. The partitions ascend, so that nobody waits in a circle.
    pub(crate) async fn read(
        &self,
        source: &Source,
        tx: &mut PartitionTx,
        places: &[(u16, i64)],
        most: i64,
    ) -> Result<Vec<Slice>, Failure> {
        let most = share(places, most);
        let mut slices = Vec::with_capacity(places.len());
        let mut missing = Vec::new();
        for (partition, from) in places {
            let Some(pages) = self.0.get(usize::from(*partition)) else {
                slices.push(Slice::default());
                continue;
            };
            let pages = pages.lock().await;
            if let Some(slice) = pages.iter().find_map(|page| cut(page, *from, most)) {
                slices.push(slice);
                continue;
            }
            let span = Span {
                partition: *partition,
                from: *from,
                most,
            };
            missing.push((slices.len(), span, pages));
            slices.push(Slice::default());
        }
        if missing.is_empty() {
            return Ok(slices);
        }
        let spans: Vec<Span> = missing.iter().map(|(_, span, _)| *span).collect();
        let bytes = MAX_BYTES / i64::try_from(spans.len()).unwrap_or(1);
        let found = source.read(tx, &spans, bytes).await?;
        for ((place, span, mut pages), page) in missing.into_iter().zip(found) {
            let page = Arc::new(page);
            let Some(slice) = cut(&page, span.from, most) else {
                // Nothing follows: whoever is here has no use for the pages, and memory has.
                pages.clear();
                continue;
            };
            pages.push_front(page);
            pages.truncate(KEPT);
            if let Some(place) = slices.get_mut(place) {
                *place = slice;
            }
        }
        Ok(slices)
    }
}

/// How many events each of these places may have of `most` in all.
fn share(places: &[(u16, i64)], most: i64) -> i64 {
    let each = i64::try_from(places.len()).map_or(most, |count| most / count.max(1));
    each.max(FEW.min(most))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::event;

    fn page(offsets: std::ops::Range<i64>) -> Arc<Vec<RecordedEvent>> {
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
