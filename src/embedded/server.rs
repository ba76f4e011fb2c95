//! The server process and its watchdog: start, wait for readiness, stop. Must never outlive its daybook by more than
//! a shutdown.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::cluster::Cluster;
use super::log::{Ending, ending, tells_of_recovery};
use super::{Error, leftover};
use crate::leash::Leash;

/// How long the server may take to answer, counted anew from each word of progress while it recovers.
const READY: Duration = Duration::from_mins(1);
/// How often a start is tried again because the remains of another server are still ending, or because somebody
/// took the free port in between.
const ATTEMPTS: usize = 20;
/// How long a fast shutdown may take, its checkpoint included.
const FAST: Duration = Duration::from_mins(1);
/// How long a hard one may take.
const HARD: Duration = Duration::from_secs(15);

/// For one machine that does other things too. Everything that makes data safe stays on.
const SETTINGS: [&str; 11] = [
    "listen_addresses=127.0.0.1",
    // A socket in /tmp would be open to everybody on the machine.
    "unix_socket_directories=",
    "shared_buffers=128MB",
    "max_connections=100",
    "max_wal_size=2GB",
    "synchronous_commit=on",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    // The words that the start is judged by.
    "lc_messages=C",
];

/// The server and its watchdog, both children of ours.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pid: u32,
    leash: Leash,
}

impl Server {
    /// Ends what an earlier start left behind, starts the server and waits for it. Returns it and its port.
    pub(super) async fn start(cluster: &Cluster, port: u16) -> Result<(Self, u16), Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            leftover::end(&cluster.data()).await?;
            let chosen = choose_port(
                port,
                if attempts == 1 {
                    cluster.last_port()
                } else {
                    None
                },
            )?;
            let mark = cluster.log.end();
            let mut server = Self::spawn(cluster, chosen).await?;
            let Some(status) = server.ready(cluster, mark).await? else {
                cluster.remember_port(chosen)?;
                return Ok((server, chosen));
            };
            server.stop().await?;
            let retry = attempts < ATTEMPTS;
            match ending(&cluster.log.since(mark)) {
                Ending::DiskFull => {
                    return Err(Error::DiskFull {
                        path: cluster.data(),
                    });
                }
                Ending::PortTaken if port != 0 => return Err(Error::PortInUse { port }),
                Ending::PortTaken | Ending::Occupied if retry => {
                    sleep(Duration::from_millis(500)).await;
                }
                Ending::PortTaken | Ending::Occupied | Ending::Other => {
                    return Err(Error::DidNotStart {
                        status: status.to_string(),
                        log: cluster.log.path().to_owned(),
                        tail: cluster.log.tail(mark),
                    });
                }
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// A fast shutdown; a hard one if that takes too long.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        let stopped = self.end(Signal::SIGINT, FAST).await || {
            if !self.end(Signal::SIGQUIT, HARD).await {
                self.end(Signal::SIGKILL, HARD).await;
            }
            false
        };
        self.leash.untie().await;
        if stopped {
            Ok(())
        } else {
            Err(Error::StopTimeout {
                pid: self.pid,
                seconds: FAST.as_secs(),
            })
        }
    }

    /// Both get process groups of their own: a Ctrl-C in the terminal is daybook's to handle.
    async fn spawn(cluster: &Cluster, port: u16) -> Result<Self, Error> {
        let path = cluster.programs.path("postgres");
        let mut postgres = cluster.programs.command("postgres", &cluster.account);
        postgres
            .arg("-D")
            .arg(cluster.data())
            .args(["-p", &port.to_string()]);
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        if !cluster.thrown_away.is_empty() {
            postgres.args(["-c", "fsync=off"]);
        }
        postgres
            .stdin(Stdio::null())
            .stdout(cluster.log.handle()?)
            .stderr(cluster.log.handle()?)
            .process_group(0);
        let mut child = postgres.spawn().map_err(|source| Error::Program {
            program: path.clone(),
            source,
        })?;
        let pid = child.id().unwrap_or_default();

        match Leash::tie(pid, "INT", &cluster.thrown_away) {
            Ok(leash) => Ok(Self { child, pid, leash }),
            Err(source) => {
                // Nothing would end it if we were killed; the reason why is the error to tell.
                drop(child.kill().await);
                Err(Error::Program {
                    program: Path::new("/bin/sh").to_owned(),
                    source,
                })
            }
        }
    }

    /// Waits until the server accepts connections; returns how it ended if it did that instead. Its own status file
    /// tells, without a connection's cost.
    async fn ready(&mut self, cluster: &Cluster, mark: u64) -> Result<Option<ExitStatus>, Error> {
        let status_file = cluster.data().join("postmaster.pid");
        let mut deadline = Instant::now() + READY;
        let mut end = mark;
        loop {
            let ended = self.child.try_wait();
            let ended = ended.map_err(|source| Error::Program {
                program: cluster.programs.path("postgres"),
                source,
            })?;
            if ended.is_some() || says_ready(&status_file, self.pid) {
                return Ok(ended);
            }
            if cluster.log.end() != end && tells_of_recovery(&cluster.log.since(mark)) {
                end = cluster.log.end();
                deadline = Instant::now() + READY;
            }
            if Instant::now() > deadline {
                let tail = cluster.log.tail(mark);
                return Err(Error::NotReady {
                    seconds: READY.as_secs(),
                    log: cluster.log.path().to_owned(),
                    tail,
                });
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it ended in time.
    async fn end(&mut self, signal: Signal, patience: Duration) -> bool {
        // Until it has been waited for, its number cannot belong to another process.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _gone_already = kill(Pid::from_raw(pid), signal);
        }
        timeout(patience, self.child.wait()).await.is_ok()
    }
}

/// The first line of `postmaster.pid` is the server's number, the eighth its status.
fn says_ready(file: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines();
    lines
        .next()
        .is_some_and(|first| first.trim() == pid.to_string())
        && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

/// The port asked for if it is free; for 0 the last one if it is free, else any.
fn choose_port(asked: u16, last: Option<u16>) -> Result<u16, Error> {
    let free = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr())
    };
    if asked == 0
        && let Some(last) = last
        && free(last).is_ok()
    {
        return Ok(last);
    }
    match free(asked) {
        Ok(address) => Ok(address.port()),
        Err(e) if e.kind() == ErrorKind::AddrInUse => Err(Error::PortInUse { port: asked }),
        Err(source) => Err(Error::Port {
            port: asked,
            source,
        }),
    }
}
