//! What the figures were measured on.

use std::{
    fs,
    io::{Seek as _, Write as _},
    path::Path,
    process::Command,
    time::Instant,
};

use anyhow::Result;
use event_store::{Clock, SystemClock};
use serde::Serialize;
use sqlx::Connection;

use crate::{server::Server, statistics::median};

/// The machine, and the versions.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    /// The file system under PostgreSQL's data.
    pub(crate) file_system: String,
    /// How long that takes to make one page safe, median and 99th percentile, in milliseconds.
    pub(crate) sync_ms: (f64, f64),
    pub(crate) postgresql: String,
    /// PostgreSQL's settings that matter here.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) profile: &'static str,
    /// The commit, if this is a checkout; `-dirty` if it was changed.
    pub(crate) commit: Option<String>,
}

pub(crate) async fn describe(server: &Server) -> Result<Machine> {
    let mut admin = server.admin().await?;
    let postgresql: String = sqlx::query_scalar("show server_version")
        .fetch_one(&mut admin)
        .await?;
    let settings = sqlx::query_as::<_, (String, String)>(
        "select name, current_setting(name) from pg_settings
         where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', 'shared_buffers', 'max_wal_size',
                        'max_connections', 'jit')
         order by name",
    )
    .fetch_all(&mut admin)
    .await?;
    admin.close().await?;
    Ok(Machine {
        date: SystemClock.now().format("%Y-%m-%d %H:%M UTC").to_string(),
        cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gib: field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
            .map_or(0, |kib| kib.div_ceil(1 << 20)),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned()),
        file_system: file_system(server.data()),
        sync_ms: sync(server.data())?,
        postgresql,
        settings,
        profile: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
        commit: commit(),
    })
}

/// A `name : value` line of a file under /proc.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type of the mount that the path is under.
fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let under = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (mount, kind) = (fields.next()?, fields.next()?);
        path.starts_with(mount).then_some((mount.len(), kind))
    });
    under
        .max_by_key(|(length, _)| *length)
        .map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}

/// Writes a page again and again, and waits each time until it is safe, as a commit does.
fn sync(folder: &Path) -> Result<(f64, f64)> {
    const TIMES: u32 = 200;
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        file.rewind()?;
        file.write_all(&[1; 8192])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    let highest = times.iter().rev().nth(2).copied().unwrap_or_default();
    Ok((median(times), highest))
}

fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success()).then(|| text.trim().to_owned())
}
