//! A PostgreSQL of a test's own: it waits for its disk as in production, and it can be killed with all its processes,
//! restarted on the same port, and copied into a standby. Must never signal a process that it did not start.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use daybook::{
    app,
    embedded::{EmbeddedPostgres, Options},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::harness;

/// How a server ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// SIGKILL of the postmaster and all its processes at once.
    Killed,
    /// As `pg_ctl stop -m immediate`: without a checkpoint, so that the next start recovers.
    Immediate,
    /// As `pg_ctl stop -m fast`: sessions are ended, everything is written.
    Fast,
}

/// The server, migrated.
pub struct Postgres {
    running: Option<EmbeddedPostgres>,
    url: String,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    pub async fn start() -> Self {
        let (folder, port) = (folder(), free_port());
        let running = embedded(folder.path(), port).await;
        let url = running.url().to_owned();
        app::migrate(&harness::options_for(&url), 16).await.unwrap();
        // Before it recovers from a crash it syncs its data: all of it with one call instead of one for each file.
        sqlx::raw_sql("alter system set recovery_init_sync_method = syncfs")
            .execute(&mut connect(&url).await)
            .await
            .unwrap();
        Self {
            running: Some(running),
            url,
            port,
            folder,
        }
    }

    /// The superuser's URL, the same after every restart.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub async fn end(&mut self, how: End) {
        let running = self.running.take().expect("it runs");
        match how {
            End::Killed => kill_all(running.pid()),
            End::Immediate => kill(number(running.pid()), Signal::SIGQUIT).unwrap(),
            End::Fast => {}
        }
        running.stop().await.unwrap();
    }

    /// Starts it again where it was, after [`end`](Self::end).
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "it has ended");
        self.running = Some(embedded(self.folder.path(), self.port).await);
    }

    pub async fn restart(&mut self, how: End) {
        self.end(how).await;
        self.start_again().await;
    }

    pub async fn admin(&self) -> sqlx::PgConnection {
        connect(&self.url).await
    }

    /// A copy that follows this server; from now on no commit is answered before it is on the standby's disk too.
    pub async fn standby(&self) -> Standby {
        let standby = Standby::start(self).await;
        let mut admin = self.admin().await;
        sqlx::raw_sql("alter system set synchronous_standby_names = '*'")
            .execute(&mut admin)
            .await
            .unwrap();
        sqlx::raw_sql("select pg_reload_conf()")
            .execute(&mut admin)
            .await
            .unwrap();
        let synchronous = "select count(*) = 1 from pg_stat_replication where sync_state = 'sync'";
        until("a synchronous standby", async || {
            holds(&mut admin, synchronous).await
        })
        .await;
        standby
    }
}

/// A server that follows another one until it is promoted. Killed when dropped.
pub struct Standby {
    server: Child,
    url: String,
    port: u16,
    _folder: TempDir,
}

impl Standby {
    async fn start(primary: &Postgres) -> Self {
        let (folder, port) = (folder(), free_port());
        let postmaster = primary.running.as_ref().expect("it runs").pid();
        let programs = fs::read_link(format!("/proc/{postmaster}/exe")).unwrap();
        let program = |name: &str| as_owner_of(postmaster, &programs.with_file_name(name));
        // Root's server runs under another account, which must own its data.
        let owner = fs::metadata(format!("/proc/{postmaster}")).unwrap();
        chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();

        let data: PathBuf = folder.path().join("data");
        let source = primary.url.rsplit_once('/').unwrap().0;
        let copied = program("pg_basebackup")
            .arg("--pgdata")
            .arg(&data)
            .args(["--dbname", source, "--write-recovery-conf"])
            .args(["--checkpoint=fast", "--wal-method=stream"])
            .output()
            .await
            .unwrap();
        assert!(copied.status.success(), "{copied:?}");
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let server = program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let url = primary
            .url
            .replace(&format!(":{}/", primary.port), &format!(":{port}/"));
        Self {
            server,
            url,
            port,
            _folder: folder,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub async fn admin(&self) -> sqlx::PgConnection {
        connect(&self.url).await
    }

    /// Makes it the primary, after the other one has gone.
    pub async fn promote(&self) {
        let promoted = holds(&mut self.admin().await, "select pg_promote(true, 30)").await;
        assert!(promoted, "the standby was not promoted within 30 s");
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        if let Some(pid) = self.server.id() {
            kill_all(pid);
        }
    }
}

/// Whether a statement that answers one boolean says so.
pub async fn holds(admin: &mut sqlx::PgConnection, sql: &'static str) -> bool {
    sqlx::query_scalar(sql).fetch_one(admin).await.unwrap()
}

/// Waits for a condition that other processes bring about.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(2);
    while !holds().await {
        assert!(
            std::time::Instant::now() < deadline,
            "{what} did not come about within 2 min"
        );
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

pub async fn connect(url: &str) -> sqlx::PgConnection {
    <sqlx::PgConnection as sqlx::Connection>::connect(url)
        .await
        .unwrap()
}

async fn embedded(folder: &Path, port: u16) -> EmbeddedPostgres {
    let options = Options {
        data_dir: folder.to_owned(),
        port,
    };
    EmbeddedPostgres::start(&options).await.unwrap()
}

/// Nothing of it remains in the end, and root's server can reach it.
fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("daybook-it-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

/// A port that no outgoing connection takes while the server is away: those come from 32768 on.
fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let candidates = std::iter::repeat_with(|| TRIED.fetch_add(7, Ordering::Relaxed));
    candidates
        .take(12_000)
        .map(|n| u16::try_from(20_000 + (std::process::id() + n) % 12_000).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free")
}

/// A program under the account of a process, without our environment.
fn as_owner_of(pid: u32, program: &Path) -> Command {
    let owner = fs::metadata(format!("/proc/{pid}")).unwrap();
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("TZ", "UTC")
        .current_dir("/")
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    if nix::unistd::Uid::effective().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

/// Kills a postmaster and everything that it forked. Stopped first, it forks no more in between.
fn kill_all(postmaster: u32) {
    let _gone_already = kill(number(postmaster), Signal::SIGSTOP);
    for child in children(postmaster) {
        let _gone_already = kill(number(child), Signal::SIGKILL);
    }
    let _gone_already = kill(number(postmaster), Signal::SIGKILL);
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // After the name in parentheses: the state, then the parent.
            let rest = stat.rsplit(')').next().unwrap_or_default();
            rest.split_whitespace().nth(1) == Some(&parent.to_string())
        })
        .collect()
}

fn number(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap())
}
