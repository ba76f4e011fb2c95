//! Group commit: while one append is in flight the next ones queue, and go as one call. A lane owns some
//! partitions; it has no timer and never writes past its queue.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use metrics::{counter, histogram};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    queue::{Batch, Queue},
    writer::Writer,
};
use crate::{Append, Error, Outcome, QueueLimits, paths::Paths};

type Ticket = oneshot::Sender<Result<Outcome, Error>>;

/// A lane: its queue, and the bell that wakes its task.
#[derive(Clone)]
pub(crate) struct Lane {
    queue: Arc<Mutex<Option<Queue<Ticket>>>>,
    bell: Arc<Notify>,
}

impl Lane {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            queue: Arc::new(Mutex::new(Some(Queue::new(limits)))),
            bell: Arc::new(Notify::new()),
        }
    }

    pub(crate) async fn submit(&self, append: Append) -> Result<Outcome, Error> {
        let (ticket, answer) = oneshot::channel();
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(queue) = queue.as_mut() else {
                return Err(Error::ShuttingDown);
            };
            if queue.push(append, ticket).is_err() {
                counter!("append_refused_total").increment(1);
                return Err(Error::Overloaded {
                    retry_after_seconds: 1,
                });
            }
        }
        self.bell.notify_one();
        answer.await.unwrap_or(Err(Error::ShuttingDown))
    }

    /// Flushes until cancelled, then what is still queued, and refuses from then on.
    pub(crate) async fn run(self, mut writer: Writer, paths: Paths, cancelled: CancellationToken) {
        loop {
            let batch = self.take();
            if !batch.appends.is_empty() {
                flush(&mut writer, &paths, batch).await;
                continue;
            }
            if cancelled.is_cancelled() {
                if let Some(mut rest) = self.close() {
                    loop {
                        let batch = rest.take();
                        if batch.appends.is_empty() {
                            break;
                        }
                        flush(&mut writer, &paths, batch).await;
                    }
                }
                writer.close().await;
                return;
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = cancelled.cancelled() => {}
            }
        }
    }

    fn take(&self) -> Batch<Ticket> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_mut().map_or_else(Batch::default, Queue::take)
    }

    fn close(&self) -> Option<Queue<Ticket>> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

async fn flush(writer: &mut Writer, paths: &Paths, batch: Batch<Ticket>) {
    let commands = u32::try_from(batch.appends.len()).unwrap_or(u32::MAX);
    histogram!("append_batch_commands").record(f64::from(commands));
    let waits = || batch.since.iter().map(std::time::Instant::elapsed);
    paths.waited(
        batch.appends.len(),
        waits().max().unwrap_or(Duration::ZERO),
        waits().sum(),
    );
    match writer.append(&batch.appends).await {
        Ok(results) => {
            for (ticket, result) in batch.tickets.into_iter().zip(results) {
                // A caller that went away does not need its answer: the append stands all the same.
                drop(ticket.send(result));
            }
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                commands,
                "an append failed"
            );
            for ticket in batch.tickets {
                drop(ticket.send(Err(error.for_another())));
            }
        }
    }
}
