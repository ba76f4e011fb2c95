//! Counts which way appends took, for the metrics and for `daybook log stats`. It never waits.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use metrics::{counter, histogram};
use tokio_util::sync::CancellationToken;

use crate::{Clock, Store, SystemClock, stats::PathCount};

/// How often the counts are kept.
const KEEP: Duration = Duration::from_secs(5);

/// The way of an append.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Path {
    /// The writer numbered it, a compare-and-swap proved it.
    Numbered,
    /// The database decided and numbered it.
    Checked,
    /// No way yet: the queue in front of both.
    Queue,
}

impl Path {
    /// Its name in metrics and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numbered => "numbered",
            Self::Checked => "checked",
            Self::Queue => "queue",
        }
    }
}

/// What went one way for one reason since it was last taken.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Count {
    /// Commands.
    pub commands: u64,
    /// Their events.
    pub events: u64,
    /// Calls of the database; counted without a reason.
    pub batches: u64,
    /// How long the commands waited in the queue, all together.
    pub waited: Duration,
}

/// Counts by way and reason. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Paths(Arc<Mutex<BTreeMap<(Path, &'static str), Count>>>);

impl Paths {
    pub(crate) fn count(&self, path: Path, reason: &'static str, commands: usize, events: usize) {
        counter!("append_commands_total", "path" => path.name(), "reason" => reason)
            .increment(as_u64(commands));
        self.add(path, reason, |count| {
            count.commands += as_u64(commands);
            count.events += as_u64(events);
        });
    }

    pub(crate) fn batch(&self, path: Path) {
        self.add(path, "", |count| count.batches += 1);
    }

    /// How long the commands of a batch waited: the first of them, and all together.
    pub(crate) fn waited(&self, commands: usize, longest: Duration, together: Duration) {
        histogram!("append_wait_seconds").record(longest.as_secs_f64());
        self.add(Path::Queue, "", |count| {
            count.commands += as_u64(commands);
            count.batches += 1;
            count.waited += together;
        });
    }

    /// What was counted since the last time.
    pub(crate) fn take(&self) -> BTreeMap<(Path, &'static str), Count> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, path: Path, reason: &'static str, change: impl FnOnce(&mut Count)) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(counts.entry((path, reason)).or_default());
    }
}

/// Adds the counts to the log's own figures now and then, and when cancelled once more.
pub(crate) async fn keep(store: Store, cancelled: CancellationToken) {
    loop {
        let ending = tokio::select! {
            () = tokio::time::sleep(KEEP) => false,
            () = cancelled.cancelled() => true,
        };
        let day = SystemClock.now().date_naive();
        let counts: Vec<PathCount> = store
            .take_path_counts()
            .into_iter()
            .map(|((path, reason), count)| PathCount {
                day,
                path: path.name(),
                reason,
                commands: as_i64(count.commands),
                events: as_i64(count.events),
                batches: as_i64(count.batches),
                waited_us: i64::try_from(count.waited.as_micros()).unwrap_or(i64::MAX),
            })
            .collect();
        if !counts.is_empty()
            && let Err(error) = store.count_paths(&counts).await
        {
            // Figures for reading, nothing more.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "which way appends took was not kept"
            );
        }
        if ending {
            return;
        }
    }
}

fn as_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
