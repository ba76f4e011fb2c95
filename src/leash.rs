//! A leash for a server that was started: it ends with us, however we end. Never ends anything else.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, Command},
    time::timeout,
};

/// Waits for a word or for our end; the signal, the server's number and the folders to remove after it are its arguments.
const WATCHDOG: &str = "
signal=$1
server=$2
shift 2
read -r word || kill -$signal $server
[ $# -eq 0 ] && exit
while kill -0 $server; do sleep 0.05; done
rm -rf -- \"$@\"
";
/// How long the watchdog may take to end after its server.
const PATIENCE: Duration = Duration::from_secs(15);

/// Holds a server: it is sent the signal when this process ends without a word.
#[derive(Debug)]
pub(crate) struct Leash {
    /// The watchdog acts when this pipe closes without a word; the system closes it if we are killed.
    pipe: ChildStdin,
    /// Held so that it is reaped.
    watchdog: Child,
}

impl Leash {
    /// Ties the process `server`, a child of ours. The folders are removed once it has gone.
    pub(crate) fn tie(server: u32, signal: &str, thrown_away: &[PathBuf]) -> io::Result<Self> {
        let mut watchdog = Command::new("/bin/sh");
        watchdog
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .args(["-c", WATCHDOG, "daybook-watchdog", signal])
            .arg(server.to_string())
            .args(thrown_away)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C in the terminal is daybook's to handle.
            .process_group(0);
        let mut watchdog = watchdog.spawn()?;
        let pipe = watchdog
            .stdin
            .take()
            .ok_or_else(|| io::Error::from(ErrorKind::BrokenPipe))?;
        Ok(Self { pipe, watchdog })
    }

    /// Lets go: the server has ended, and its number may belong to another process soon.
    pub(crate) async fn untie(mut self) {
        // A watchdog that is gone already cannot act either.
        drop(self.pipe.write_all(b"stopped\n").await);
        drop(self.pipe);
        drop(timeout(PATIENCE, self.watchdog.wait()).await);
    }
}
