//! The log of a partition as the measure of a topic: its events, or those of one context, one after the other. Holds a page
//! at a time.

use std::collections::VecDeque;

use event_schemas::RecordedEvent;
use event_store::{
    Store,
    read::{MAX_PAGE, Span},
};

use crate::kafka::Error;

/// The bytes of a page.
const BYTES: i64 = 4 << 20;

/// A partition of the log, read from the beginning.
pub(super) struct Log<'a> {
    store: &'a Store,
    partition: u16,
    context: Option<&'a str>,
    /// The first offset that was not read.
    next: i64,
    page: VecDeque<RecordedEvent>,
}

impl<'a> Log<'a> {
    pub(super) fn new(store: &'a Store, partition: u16, context: Option<&'a str>) -> Self {
        Self {
            store,
            partition,
            context,
            next: 0,
            page: VecDeque::new(),
        }
    }

    /// The offset of the next event; none at the end.
    pub(super) async fn peek(&mut self) -> Result<Option<i64>, Error> {
        while self.page.is_empty() {
            let span = Span {
                partition: self.partition,
                from: self.next,
                most: MAX_PAGE,
            };
            let mut tx = self.store.partition_tx().await?;
            let read = tx.read_partitions(&[span], BYTES).await?;
            let Some(last) = read.iter().flatten().last() else {
                return Ok(None);
            };
            self.next = last.offset + 1;
            let context = self.context;
            let belongs = |event: &RecordedEvent| {
                context.is_none_or(|context| event.stream.context() == context)
            };
            self.page.extend(read.into_iter().flatten().filter(belongs));
        }
        Ok(self.page.front().map(|event| event.offset))
    }

    /// Takes the next event.
    pub(super) async fn next(&mut self) -> Result<Option<RecordedEvent>, Error> {
        self.peek().await?;
        Ok(self.page.pop_front())
    }

    /// The offset that the partition's next event will have.
    pub(super) async fn head(&self) -> Result<i64, Error> {
        let mut tx = self.store.partition_tx().await?;
        let head = sqlx::query_scalar!(
            "select next_offset from log.partition where partition = $1",
            i16::try_from(self.partition).unwrap_or(i16::MAX)
        )
        .fetch_optional(tx.connection())
        .await?;
        Ok(head.unwrap_or(0))
    }
}
