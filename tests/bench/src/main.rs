//! The benchmarks: which to run, how long, and where the results go. Nothing here is part of the product, and nothing
//! fails because something was slow.

mod append;
mod arrival;
mod b10_growth;
mod b11_memory;
mod b12_price;
mod b1_commands;
mod b2_append;
mod b3_replay;
mod b4_rebuild;
mod b5_relay;
mod b6_latency;
mod b7_dashboard;
mod b8_http;
mod bare;
mod child;
mod client;
mod commander;
mod copy;
mod dashboard;
mod debezium;
mod fill;
mod handwritten;
mod http;
mod machine;
mod measure;
mod neighbours;
mod output;
mod peer;
mod process;
mod report;
mod revision;
mod run;
mod serve;
mod server;
mod shops;
mod sight;
mod stage;
mod statistics;
mod topic;
mod workload;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Parser, Subcommand};
use daybook::{lifecycle::Lifecycle, telemetry};

use crate::{run::Session, server::Server};

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs Daybook's benchmarks side by side with their peers, on one PostgreSQL of its own.
#[derive(Parser, Debug)]
#[command(name = "daybook-bench")]
struct Cli {
    #[command(subcommand)]
    serve: Option<Serve>,
    /// Shorter runs and fewer of them: a few minutes in total.
    #[arg(long)]
    quick: bool,
    /// Only these, such as `B1,B2`.
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    only: Vec<String>,
    /// Also grows the log to 50 million events (B10); needs 60 GB and more than an hour.
    #[arg(long)]
    huge: bool,
    /// Commands a second in B6, instead of half of what the server does at most.
    #[arg(long, value_name = "RATE")]
    rate: Option<f64>,
    /// B5 and B6 without the peers, to compare two builds of Daybook.
    #[arg(long)]
    alone: bool,
    /// Where `latest.json` and `latest.md` go.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Where the throw-away PostgreSQL keeps its data while it runs: on the disk that is to be measured.
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    data: PathBuf,
}

/// What this program does for itself, in processes of their own.
#[derive(Subcommand, Debug)]
enum Serve {
    /// Serves something that Daybook is compared with.
    #[command(hide = true)]
    Serve {
        /// What.
        kind: serve::Kind,
        /// The database.
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database: String,
    },
}

/// Every benchmark, in the order in which they run.
const BENCHMARKS: [&str; 12] = [
    "B1",
    "B2",
    "B3",
    "B4",
    "B5",
    "B6",
    "B7",
    "B8",
    "B10",
    "B11",
    "B12",
    "neighbours",
];

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Serve::Serve { kind, database }) = cli.serve {
        return serve::run(kind, database).await;
    }
    for asked in &cli.only {
        ensure!(
            BENCHMARKS
                .iter()
                .any(|name| name.eq_ignore_ascii_case(asked)),
            "there is no benchmark {asked}; there are {}",
            BENCHMARKS.join(", ")
        );
    }
    // As in a server: what goes wrong is told, and metrics are counted.
    let _metrics = telemetry::init(&server::config()?.telemetry, true)?;
    let lifecycle = Lifecycle::default();
    lifecycle.on_signals()?;
    let server = Server::start(&cli.data).await?;
    let mut session = Session::new(cli.quick, cli.huge);
    (session.rate, session.alone) = (cli.rate, cli.alone);
    let ended = tokio::select! {
        ended = all(&cli.only, &mut session, &server) => ended,
        () = lifecycle.cancelled.cancelled() => Err(anyhow!("interrupted")),
    };
    // What was measured before something went wrong is worth keeping.
    let machine = machine::describe(&server).await;
    server.stop().await?;
    report::write(&cli.out, &machine?, &session)
        .with_context(|| format!("cannot write the results to {}", cli.out.display()))?;
    output::say(&format!(
        "the results are in {}/latest.md and latest.json",
        cli.out.display()
    ));
    ended
}

async fn all(only: &[String], session: &mut Session, server: &Server) -> Result<()> {
    for name in BENCHMARKS {
        if !only.is_empty() && !only.iter().any(|only| only.eq_ignore_ascii_case(name)) {
            continue;
        }
        let began = Instant::now();
        let done = match name {
            "B1" => b1_commands::run(session, server).await,
            "B2" => b2_append::run(session, server).await,
            "B3" => b3_replay::run(session, server).await,
            "B4" => b4_rebuild::run(session, server).await,
            "B5" => b5_relay::run(session, server).await,
            "B6" => b6_latency::run(session, server).await,
            "B7" => b7_dashboard::run(session, server).await,
            "B8" => b8_http::run(session, server).await,
            "B10" => b10_growth::run(session, server).await,
            "B11" => b11_memory::run(session, server).await,
            "B12" => b12_price::run(session, server).await,
            _ => neighbours::run(session, server).await,
        };
        done.with_context(|| format!("{name} failed"))?;
        output::say(&format!(
            "{name} took {:.0} s",
            began.elapsed().as_secs_f64()
        ));
    }
    Ok(())
}
