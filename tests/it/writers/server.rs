//! A real server process, killed without a warning or asked to end.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    /// Starts one on a port of its own, and returns when it listens.
    pub async fn start(database: &str) -> Self {
        Self::start_with(env!("CARGO_BIN_EXE_daybook").as_ref(), database, &[]).await
    }

    /// The same with another program and settings of its own, such as `("DAYBOOK__APPEND__PROOFS", "full")`.
    pub async fn start_with(program: &Path, database: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_as(program, database, &[], settings).await
    }

    /// The same with more arguments, such as its roles.
    pub async fn start_as(
        program: &Path,
        database: &str,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("DATABASE_URL", database);
        for (name, connections) in [
            ("APPEND", 4),
            ("TENANT", 2),
            ("PARTITION", 4),
            ("OPERATOR", 1),
            ("IDENTITY", 4),
        ] {
            command.env(
                format!("DAYBOOK__DATABASE__{name}_CONNECTIONS"),
                connections.to_string(),
            );
        }
        command
            .env("DAYBOOK__TELEMETRY__FILTER", "off")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the server's binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .await
            .unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(ready["pid"].as_u64(), child.id().map(u64::from));
        Self {
            child,
            url: ready["url"].as_str().unwrap().to_owned(),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// SIGKILL, and the end of the process.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM: it is asked to end.
    pub fn terminate(&self) {
        let pid = i32::try_from(self.child.id().expect("it runs")).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    }

    /// How it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }
}
