//! The servers under test, each a process of its own. Never outlives this process.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server that listens.
pub(crate) struct Server {
    child: Child,
    /// Its process.
    pub(crate) pid: u32,
    /// `http://host:port`.
    pub(crate) url: String,
}

#[derive(Deserialize)]
struct Greeting {
    url: String,
}

impl Server {
    /// `daybook serve` in these roles, from beside this program.
    pub(crate) async fn daybook(roles: &str, database: &str) -> Result<Self> {
        Self::daybook_with(roles, database, &[]).await
    }

    /// The same, configured by environment variables.
    pub(crate) async fn daybook_with(
        roles: &str,
        database: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("daybook");
        ensure!(
            program.is_file(),
            "there is no {}; build it with cargo build --release --bin daybook",
            program.display()
        );
        Self::start(
            &program,
            &["serve", "--listen", "127.0.0.1:0", "--roles", roles],
            database,
            settings,
        )
        .await
    }

    /// One of our own servers: see [`crate::serve::Kind`].
    pub(crate) async fn own(name: &str, database: &str) -> Result<Self> {
        Self::own_with(name, database, &[]).await
    }

    /// One of our own servers, told more by environment variables.
    pub(crate) async fn own_with(
        name: &str,
        database: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start(
            &std::env::current_exe()?,
            &["serve", name],
            database,
            settings,
        )
        .await
    }

    /// `PostGraphile`, with the release of Node.js that was installed with it.
    pub(crate) async fn postgraphile(database: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgraphile");
        let modules = folder.join("node_modules");
        let node = ["x64", "arm64"]
            .map(|machine| modules.join(format!("node-linux-{machine}/bin/node")))
            .into_iter()
            .find(|node| node.is_file())
            .with_context(|| {
                format!(
                    "there is no Node.js in {}; run its install",
                    modules.display()
                )
            })?;
        let script = folder.join("server.mjs");
        let script = script.to_str().context("the path is no UTF-8")?;
        Self::start(&node, &[script], database, settings).await
    }

    async fn start(
        program: &Path,
        arguments: &[&str],
        database: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        // The system ends it if we are killed.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(program)
            .args(arguments)
            .env("DATABASE_URL", database)
            .env("DAYBOOK__TELEMETRY__FILTER", "warn")
            .env(
                "DAYBOOK__DATABASE__APPEND_CONNECTIONS",
                crate::server::CONNECTIONS.to_string(),
            )
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start setpriv, which is in util-linux")?;
        let pid = child.id().context("the server ended at once")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(PATIENCE, lines.next_line())
            .await
            .context("the server did not say where it listens")??
            .context("the server ended before it listened")?;
        let greeting: Greeting = serde_json::from_str(&line)
            .with_context(|| format!("the server said something else than its address: {line}"))?;
        Ok(Self {
            child,
            pid,
            url: greeting.url,
        })
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.pid)?), Signal::SIGTERM)?;
        timeout(PATIENCE, self.child.wait())
            .await
            .context("the server did not end")??;
        Ok(())
    }
}
