//! Group commit: while one append is in flight the next ones queue, and go as one call. A lane owns some
//! partitions; it has no timer and never writes past its queue.

use std::sync::{Arc, Mutex, PoisonError};

use metrics::{counter, histogram};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::queue::Queue;
use crate::{Append, Error, Outcome, QueueLimits, Store};

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
    pub(crate) async fn run(self, store: Store, cancelled: CancellationToken) {
        loop {
            let (batch, tickets) = self.take();
            if !batch.is_empty() {
                flush(&store, &batch, tickets).await;
                continue;
            }
            if cancelled.is_cancelled() {
                let rest = self.close();
                if let Some(mut queue) = rest {
                    loop {
                        let (batch, tickets) = queue.take();
                        if batch.is_empty() {
                            return;
                        }
                        flush(&store, &batch, tickets).await;
                    }
                }
                return;
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = cancelled.cancelled() => {}
            }
        }
    }

    fn take(&self) -> (Vec<Append>, Vec<Ticket>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue
            .as_mut()
            .map_or_else(|| (Vec::new(), Vec::new()), Queue::take)
    }

    fn close(&self) -> Option<Queue<Ticket>> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

async fn flush(store: &Store, batch: &[Append], tickets: Vec<Ticket>) {
    let commands = u32::try_from(batch.len()).unwrap_or(u32::MAX);
    histogram!("append_batch_commands").record(f64::from(commands));
    match store.append(batch).await {
        Ok(results) => {
            for (ticket, result) in tickets.into_iter().zip(results) {
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
            for ticket in tickets {
                drop(ticket.send(Err(again(&error))));
            }
        }
    }
}

/// The same error for every caller of a failed call; the cause is logged once, above.
fn again(error: &Error) -> Error {
    let cause = || sqlx::Error::Protocol("see the log of the server".to_owned());
    match error {
        Error::OutcomeUnknown(_) => Error::OutcomeUnknown(cause()),
        _ => Error::Unavailable(cause()),
    }
}
