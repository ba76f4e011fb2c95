//! A thread for the lanes. A flush is waited for by everybody in it and needs the processor only briefly, so it must not queue
//! behind the tasks of a busy server: the operating system lets a thread that has slept run at once.

use std::io;

use tokio::{runtime::Builder, sync::oneshot};
use tokio_util::task::TaskTracker;

/// Runs `lanes` on a thread of their own; `tasks` waits for them. Where there is no such thread, among the other tasks.
pub(crate) fn spawn<T>(lanes: impl Future<Output = T> + Send + 'static, tasks: &TaskTracker)
where
    T: Send + 'static,
{
    let (hand_over, handed_over) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    match start(handed_over, ended) {
        Ok(()) => {
            // The thread waits for exactly this.
            drop(hand_over.send(lanes));
            tasks.spawn(end);
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the lanes get no thread of their own"
            );
            tasks.spawn(lanes);
        }
    }
}

fn start<F: Future + Send + 'static>(
    lanes: oneshot::Receiver<F>,
    ended: oneshot::Sender<F::Output>,
) -> io::Result<()>
where
    F::Output: Send,
{
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("daybook-lanes".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                if let Ok(lanes) = lanes.await {
                    // Whoever waited has gone only when the process ends.
                    drop(ended.send(lanes.await));
                }
            });
        })?;
    Ok(())
}
