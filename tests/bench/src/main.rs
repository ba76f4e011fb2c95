//! The benchmarks: which to run, how long, and where the results go. Nothing here is part of the product, and nothing
//! fails because something was slow.

mod append;
mod b1_commands;
mod b2_append;
mod bare;
mod commander;
mod machine;
mod measure;
mod output;
mod peer;
mod process;
mod report;
mod run;
mod server;
mod statistics;
mod workload;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::{run::Session, server::Server};

/// Runs Daybook's benchmarks side by side with their peers, on one PostgreSQL of its own.
#[derive(Parser, Debug)]
#[command(name = "daybook-bench")]
struct Cli {
    /// Shorter runs and fewer of them: a few minutes in total.
    #[arg(long)]
    quick: bool,
    /// Only these, such as `B1,B2`.
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    only: Vec<String>,
    /// Also grows the log to 50 million events (B10); needs 60 GB and more than an hour.
    #[arg(long)]
    huge: bool,
    /// Where `latest.json` and `latest.md` go.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Where the throw-away PostgreSQL keeps its data while it runs: on the disk that is to be measured.
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    data: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let session = Session::new(cli.quick, cli.huge);
    let names: Vec<&str> = BENCHMARKS.to_vec();
    for asked in &cli.only {
        ensure!(
            names.iter().any(|name| name.eq_ignore_ascii_case(asked)),
            "there is no benchmark {asked}; there are {}",
            names.join(", ")
        );
    }
    let server = Server::start(&cli.data).await?;
    let measured = all(&cli, session, &server).await;
    let machine = machine::describe(&server).await;
    server.stop().await?;
    // What was measured before something went wrong is worth keeping.
    let (session, ended) = measured;
    report::write(&cli.out, &machine?, &session)
        .with_context(|| format!("cannot write the results to {}", cli.out.display()))?;
    ended
}

const BENCHMARKS: [&str; 2] = ["B1", "B2"];

async fn all(cli: &Cli, mut session: Session, server: &Server) -> (Session, Result<()>) {
    for name in BENCHMARKS {
        if !cli.only.is_empty() && !cli.only.iter().any(|only| only.eq_ignore_ascii_case(name)) {
            continue;
        }
        output::say(&format!("{name} …"));
        let done = match name {
            "B1" => b1_commands::run(&mut session, server).await,
            _ => b2_append::run(&mut session, server).await,
        };
        if let Err(error) = done {
            return (session, Err(error.context(format!("{name} failed"))));
        }
    }
    (session, Ok(()))
}
