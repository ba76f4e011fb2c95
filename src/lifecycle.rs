//! Starting and stopping: the one tracker of all tasks, and the signals that end them. Nothing runs detached.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of a process, and the word that ends them.
#[derive(Clone, Default)]
pub struct Lifecycle {
    /// Every spawned task.
    pub tasks: TaskTracker,
    /// Cancelled when the process is to end.
    pub cancelled: CancellationToken,
}

impl Lifecycle {
    /// Ends on SIGINT and SIGTERM.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        let cancelled = self.cancelled.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = cancelled.cancelled() => {}
            }
            cancelled.cancel();
        });
        Ok(())
    }

    /// Tells every task to end and waits for them, at most `patience`. True if all ended.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.cancelled.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_ok()
    }
}
