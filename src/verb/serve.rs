//! `daybook serve`: the server on an existing PostgreSQL, in one role or all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args as ClapArgs, ValueEnum};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use crate::{app, database::Place, lifecycle::Lifecycle, output};

/// How long a server that has given its last answer may take to flush and to stop its projections.
const FLUSH: Duration = Duration::from_secs(10);

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Role {
    /// Everything.
    All,
    /// The command API.
    Commands,
    /// The projections.
    Projections,
    /// The query API.
    ReadApi,
    /// The relay to Kafka.
    Relay,
}

/// Where projections read events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Source {
    /// The log itself.
    Log,
    /// The topic that the relay publishes, as one of a group: each process reads its share of the partitions.
    Kafka,
}

/// How to serve.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// What this process does.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    pub roles: Vec<Role>,
    /// Where this process's projections read events; may change at every start.
    #[arg(long, value_enum, default_value = "log")]
    pub source: Source,
    /// Where to listen, instead of http.listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
}

/// Serves until SIGINT or SIGTERM.
pub async fn run(place: &Place, args: &Args, metrics: PrometheusHandle) -> Result<()> {
    let url = place.config.database.url.clone();
    ensure!(
        !url.expose_secret().is_empty(),
        "no database is configured: set DATABASE_URL, or run `daybook dev`, which brings its own"
    );
    let lifecycle = Lifecycle::default();
    lifecycle.on_signals()?;
    let store = event_store::Store::connect(&place.config.store(url)).await?;
    let listen = args.listen.as_deref().unwrap_or(&place.config.http.listen);
    let listener = bind(listen).await?;
    let address = listener.local_addr()?;
    let roles = app::Roles::of(&args.roles, args.source);
    let kafka = place.config.kafka_settings()?;
    ensure!(
        kafka.is_some() || args.source == Source::Log,
        "there is no Kafka to read from: set kafka.brokers, or KAFKA_BROKERS"
    );
    ensure!(
        kafka.is_some() || !args.roles.contains(&Role::Relay),
        "the role relay has no Kafka to publish to: set kafka.brokers, or KAFKA_BROKERS"
    );
    let application =
        app::Application::build(&place.config, store, kafka, &lifecycle, metrics, roles).await?;
    output::json(
        &serde_json::json!({ "pid": std::process::id(), "url": format!("http://{address}") }),
    );
    let served = application.serve(listener, &lifecycle).await;
    lifecycle.stop(FLUSH).await;
    served
}

/// Listens, or says what to do.
pub async fn bind(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; another program may have the port: choose one with --port or --listen, 0 takes a free one")
    })
}
