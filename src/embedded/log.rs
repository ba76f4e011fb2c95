//! The server's log: what it said since a start, and what that means. Must never be the only witness of success.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::Error;
use super::error::tells_of_full_disk;
use super::program::last_lines;

/// What the server says while it brings a crashed cluster back; each of its steps may take long.
const RECOVERING: [&str; 4] = [
    "was not properly shut down",
    "was interrupted",
    "redo in progress",
    "syncing data directory",
];
/// What it says when the remains of another server of the same cluster are still there.
const OCCUPIED: [&str; 2] = [
    "lock file \"postmaster.pid\" already exists",
    "pre-existing shared memory block",
];

/// The log's file, open for the server to write to.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

/// What the log says about a server that ended while starting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    DiskFull,
    PortTaken,
    /// Another server of this cluster is still ending.
    Occupied,
    Other,
}

impl Log {
    pub(super) fn new((path, file): (PathBuf, File)) -> Self {
        Self { path, file }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Another handle on it, for the server.
    pub(super) fn handle(&self) -> Result<File, Error> {
        self.file
            .try_clone()
            .map_err(|e| Error::file(&self.path, e))
    }

    /// Where it ends now, in bytes.
    pub(super) fn end(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// What was written since it ended at `start`, of that at most the last 64 KiB.
    pub(super) fn since(&self, start: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(
                start.max(self.end().saturating_sub(64 << 10)),
            ))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        // It only explains another error; one of its own would hide that.
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }

    /// The last lines since it ended at `start`.
    pub(super) fn tail(&self, start: u64) -> String {
        last_lines(self.since(start).trim_end(), 10)
    }
}

/// Whether the server is bringing back a crashed cluster.
pub(super) fn tells_of_recovery(text: &str) -> bool {
    RECOVERING.iter().any(|words| text.contains(words))
}

/// Why the server ended.
pub(super) fn ending(text: &str) -> Ending {
    if tells_of_full_disk(text) {
        Ending::DiskFull
    } else if text.contains("Address already in use") {
        Ending::PortTaken
    } else if OCCUPIED.iter().any(|words| text.contains(words)) {
        Ending::Occupied
    } else {
        Ending::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_endings() {
        let full = "FATAL:  could not write lock file \"postmaster.pid\": No space left on device";
        assert_eq!(ending(full), Ending::DiskFull);
        assert_eq!(
            ending("LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use"),
            Ending::PortTaken
        );
        let held = "FATAL:  lock file \"postmaster.pid\" already exists";
        assert_eq!(ending(held), Ending::Occupied);
        assert_eq!(ending("FATAL:  invalid value"), Ending::Other);
    }

    #[test]
    fn recovery_is_recognised() {
        assert!(tells_of_recovery(
            "LOG:  database system was not properly shut down; automatic recovery in progress"
        ));
        assert!(tells_of_recovery(
            "LOG:  redo in progress, elapsed time: 10.00 s, current LSN: 0/1A3B5C8"
        ));
        assert!(!tells_of_recovery(
            "LOG:  database system was shut down at 2026-01-01 00:00:00 UTC"
        ));
    }
}
