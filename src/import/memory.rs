//! Peak memory of the processes that take part in an import, from `/proc`. Linux only; elsewhere it knows nothing.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Peaks in bytes; absent where they are not known.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peaks {
    /// This process.
    pub importer: Option<u64>,
    /// The server that runs beside it.
    pub server: Option<u64>,
    /// PostgreSQL: all its processes together, shared memory counted once.
    pub postgres: Option<u64>,
}

/// Watches PostgreSQL's processes, for the kernel keeps no peak of a group.
pub struct Watch {
    postmaster: Option<u32>,
    server: Option<u32>,
    peak: Arc<AtomicU64>,
}

impl Watch {
    /// Watches the processes below `postmaster` and the one process `server`, where they run on this machine.
    pub fn new(postmaster: Option<u32>, server: Option<u32>) -> Self {
        Self {
            postmaster,
            server,
            peak: Arc::default(),
        }
    }

    /// Samples until cancelled.
    pub async fn run(&self, cancelled: CancellationToken) {
        let Some(postmaster) = self.postmaster else {
            return;
        };
        loop {
            let sum = descendants(postmaster)
                .into_iter()
                .filter_map(proportional)
                .sum();
            self.peak.fetch_max(sum, Ordering::Relaxed);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
                () = cancelled.cancelled() => return,
            }
        }
    }

    /// The peaks so far.
    pub fn peaks(&self) -> Peaks {
        let postgres = self.peak.load(Ordering::Relaxed);
        Peaks {
            importer: field("/proc/self/status", "VmHWM:"),
            server: self
                .server
                .and_then(|pid| field(&format!("/proc/{pid}/status"), "VmHWM:")),
            postgres: (postgres > 0).then_some(postgres),
        }
    }
}

/// The resident memory of a process, its part of what it shares.
fn proportional(pid: u32) -> Option<u64> {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// A field of a `/proc` file that counts in kB, in bytes.
fn field(path: &str, name: &str) -> Option<u64> {
    number(path, name).map(|kib| kib * 1024)
}

/// The number of a field of a `/proc` file.
fn number(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn descendants(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let children = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let parent = number(&format!("/proc/{pid}/status"), "PPid:")?;
            (parent == u64::from(root)).then_some(pid)
        });
    found.extend(children);
    found
}
