//! Where the projections' events come from: the log, or Kafka with the log behind it. Both have the same numbers, so that one
//! cursor serves both and a projection may change from one to the other at any time.

use std::sync::Arc;

use event_schemas::RecordedEvent;
use event_store::{PartitionTx, Store, read::Span};
use metrics::counter;
use tokio::sync::watch;

use crate::{
    kafka::{Feed, Taken},
    meter,
};

/// A source of events.
#[derive(Clone)]
pub(crate) enum Source {
    /// The log itself.
    Log,
    /// What came from Kafka. What it has not any more, or never had, is read from the log.
    Kafka(Arc<Feed>),
}

impl Source {
    /// The first offsets that are not there yet, by partition.
    pub(crate) fn heads(&self, store: &Store) -> watch::Receiver<Vec<i64>> {
        match self {
            Self::Log => store.heads().subscribe(),
            Self::Kafka(feed) => feed.heads(),
        }
    }

    /// The head of one partition.
    pub(crate) fn head(&self, store: &Store, partition: u16) -> i64 {
        match self {
            Self::Log => store.heads().get(partition),
            Self::Kafka(feed) => {
                let heads = feed.heads();
                let head = heads.borrow().get(usize::from(partition)).copied();
                head.unwrap_or(0)
            }
        }
    }

    /// A page of each span, as [`PartitionTx::read_partitions`] gives it.
    pub(crate) async fn read(
        &self,
        tx: &mut PartitionTx,
        spans: &[Span],
        bytes: i64,
    ) -> Result<Vec<Vec<RecordedEvent>>, event_store::Error> {
        let Self::Kafka(feed) = self else {
            return tx.read_partitions(spans, bytes).await;
        };
        let mut pages = Vec::with_capacity(spans.len());
        let mut missing = Vec::new();
        for (place, span) in spans.iter().enumerate() {
            pages.push(
                match feed.take(span.partition, span.from, span.most, bytes) {
                    Taken::Events(events) => events,
                    Taken::From(start) => {
                        let most = span.most.min(start - span.from);
                        missing.push((place, Span { most, ..*span }));
                        Vec::new()
                    }
                    Taken::Nothing => Vec::new(),
                },
            );
        }
        if missing.is_empty() {
            return Ok(pages);
        }
        let spans: Vec<Span> = missing.iter().map(|(_, span)| *span).collect();
        let read = tx.read_partitions(&spans, bytes).await?;
        for ((place, _), page) in missing.into_iter().zip(read) {
            counter!(meter::FROM_LOG).increment(page.len() as u64);
            if let Some(slot) = pages.get_mut(place) {
                *slot = page;
            }
        }
        Ok(pages)
    }
}
