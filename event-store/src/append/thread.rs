//! A thread for the lanes. A flush is waited for by everybody in it and needs the processor only briefly, so it must not queue
//! behind the tasks of a busy server: the operating system lets a thread that has slept run at once.

use std::{io, sync::mpsc};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};
use tokio_util::task::TaskTracker;

/// Runs `lanes` on a thread of their own; `tasks` waits for them. Where there is no such thread, among the other tasks.
pub(crate) fn spawn<T>(lanes: impl Future<Output = T> + Send + 'static, tasks: &TaskTracker)
where
    T: Send + 'static,
{
    let (hand_over, handed_over) = mpsc::channel();
    let (ended, end) = oneshot::channel();
    match start(handed_over, ended) {
        Ok(runtime) => {
            // The thread waits for exactly this.
            drop(hand_over.send((runtime, lanes)));
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

/// The thread, which waits for what it is to run.
fn start<F: Future + Send + 'static>(
    handed_over: mpsc::Receiver<(Runtime, F)>,
    ended: oneshot::Sender<F::Output>,
) -> io::Result<Runtime>
where
    F::Output: Send,
{
    let thread = std::thread::Builder::new().name("daybook-lanes".to_owned());
    thread.spawn(move || {
        if let Ok((runtime, lanes)) = handed_over.recv() {
            let _whole = AllOrNothing;
            // Whoever waited has gone only when the process ends.
            drop(ended.send(runtime.block_on(lanes)));
        }
    })?;
    Builder::new_current_thread().enable_all().build()
}

/// A server without its lanes would take commands and never answer them. The log loses nothing by a process that ends at once.
struct AllOrNothing;

impl Drop for AllOrNothing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the lanes failed; the process ends, so that it is started anew");
            std::process::abort();
        }
    }
}
