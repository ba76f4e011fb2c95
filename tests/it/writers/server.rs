//! A real server process, killed without a warning.

use std::process::Stdio;

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
        let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
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

    /// SIGKILL, and the end of the process.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}
