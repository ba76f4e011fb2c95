//! The server that a crashed daybook left on the cluster: found and ended. Must never signal a process that is not
//! a server of this very cluster.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use super::Error;

/// How long a shutdown may take before the next harder one.
const PATIENCE: [(Signal, Duration); 2] = [
    (Signal::SIGINT, Duration::from_mins(1)),
    (Signal::SIGQUIT, Duration::from_secs(15)),
];

/// Ends the server that runs on the data, if one does. The caller holds the folder's lock, so no living daybook
/// needs it; usually its watchdog has begun to end it already.
pub(super) async fn end(data: &Path) -> Result<(), Error> {
    for (signal, patience) in PATIENCE {
        let deadline = Instant::now() + patience;
        let Some(pid) = find(data)? else {
            return Ok(());
        };
        // It may end on its own in between; whether it did is looked up below.
        let _gone_already = kill(Pid::from_raw(pid), signal);
        while Instant::now() < deadline {
            if find(data)?.is_none() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    find(data)?.map_or(Ok(()), |pid| {
        Err(Error::Leftover {
            data: data.to_owned(),
            pid,
        })
    })
}

/// The process that the data's `postmaster.pid` names, if it is a server of this data. If another process has got
/// its number since (after a restart of the machine, say), the file is removed: the server would take that process
/// for itself and refuse to start.
fn find(data: &Path) -> Result<Option<i32>, Error> {
    let file = data.join("postmaster.pid");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(e) => return Err(Error::file(&file, e)),
    };
    let Some(pid) = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse::<i32>().ok())
        .filter(|pid| *pid > 1)
    else {
        // Cut short by a full disk or a crash; its writer cannot be alive, or we would not have the lock.
        fs::remove_file(&file).map_err(|e| Error::file(&file, e))?;
        return Ok(None);
    };
    let Ok(arguments) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return Ok(None);
    };
    if arguments
        .split(|byte| *byte == 0)
        .any(|argument| argument == data.as_os_str().as_bytes())
    {
        return Ok(Some(pid));
    }
    // A process that has just ended has no arguments any more.
    if !arguments.is_empty() {
        fs::remove_file(&file).map_err(|e| Error::file(&file, e))?;
    }
    Ok(None)
}
