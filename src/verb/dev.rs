//! `daybook dev`: everything in one process, with an embedded PostgreSQL and a demo organization. Stops all it started
//! and keeps the data.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use commands::{Bus, Way};
use event_store::{Clock, Store, SystemClock};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::kafka::{Settings, topic::Admin};
use serde_json::json;
use tokio::net::TcpListener;

use super::{key, serve};
use crate::{
    app,
    broker::{self, EmbeddedKafka, Java},
    database::{Database, DevFile, DevTenant, Place},
    lifecycle::Lifecycle,
    output, seed,
};

/// The port that is tried first when none is asked for.
const PORT: u16 = 8080;

/// How to serve for development.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The port to listen on; 0 takes a free one. By default 8080, or a free one if that is taken.
    #[arg(long)]
    pub port: Option<u16>,
    /// Do not make a demo organization.
    #[arg(long)]
    pub no_demo: bool,
    /// Do not start Kafka.
    #[arg(long)]
    pub no_kafka: bool,
}

/// Serves until SIGINT or SIGTERM.
pub async fn run(
    place: &Place,
    args: &Args,
    format: output::Format,
    metrics: PrometheusHandle,
) -> Result<()> {
    let started = Instant::now();
    let lifecycle = Lifecycle::default();
    lifecycle.on_signals()?;
    std::fs::create_dir_all(&place.data_dir).with_context(|| {
        format!(
            "cannot create the folder {}; choose another with --data-dir",
            place.data_dir.display()
        )
    })?;
    let listener = listen(args.port).await?;
    let database = place.start().await?;
    // After the database, which holds the folder's lock.
    let broker = start_kafka(place, args).await;
    let served = match &broker {
        Ok(broker) => {
            let backends = Backends {
                database: &database,
                broker: broker.as_ref(),
            };
            serve_on(
                place, args, format, metrics, &lifecycle, &backends, listener, started,
            )
            .await
        }
        Err(_) => Ok(()),
    };
    lifecycle.stop(std::time::Duration::from_secs(10)).await;
    drop(std::fs::remove_file(DevFile::path(&place.data_dir)));
    let stopped = match broker {
        Ok(Some(broker)) => broker.stop().await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    database.close(None).await?;
    served.and(stopped)
}

/// What a server of this folder works with.
struct Backends<'a> {
    database: &'a Database,
    broker: Option<&'a EmbeddedKafka>,
}

/// A broker of our own, where Java and Kafka are there and no other is configured.
async fn start_kafka(place: &Place, args: &Args) -> Result<Option<EmbeddedKafka>> {
    if args.no_kafka || place.config.kafka_settings()?.is_some() {
        return Ok(None);
    }
    match Java::find().await {
        Ok(java) => {
            let options = broker::Options::plain(&place.data_dir.join("kafka"));
            Ok(Some(EmbeddedKafka::start(&java, &options).await?))
        }
        Err(missing) => {
            output::say(&format!("without Kafka: {missing}"));
            Ok(None)
        }
    }
}

/// How Kafka is reached, with its topics made; None without one.
async fn kafka(
    place: &Place,
    broker: Option<&EmbeddedKafka>,
    partitions: u16,
) -> Result<Option<Settings>> {
    let Some(broker) = broker else {
        return place.config.kafka_settings();
    };
    let settings = place.config.kafka_at(broker.brokers(), 1)?;
    let admin = Admin::try_new(&settings, partitions)?;
    admin.apply(admin.plan().await?).await?;
    Ok(Some(settings))
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one start, used once"
)]
async fn serve_on(
    place: &Place,
    args: &Args,
    format: output::Format,
    metrics: PrometheusHandle,
    lifecycle: &Lifecycle,
    backends: &Backends<'_>,
    listener: TcpListener,
    started: Instant,
) -> Result<()> {
    let database = backends.database;
    app::migrate(&database.options, place.config.log.partitions).await?;
    let store = Store::connect(&database.options).await?;
    let tenants = if args.no_demo {
        Vec::new()
    } else {
        vec![demo(&store, &place.data_dir).await?]
    };
    let kafka = kafka(place, backends.broker, store.partitions()).await?;
    let address = listener.local_addr()?;
    let file = DevFile {
        pid: std::process::id(),
        url: format!("http://{address}"),
        graphql_url: format!("http://{address}/graphql"),
        database_url: secrecy::ExposeSecret::expose_secret(&database.options.url).to_owned(),
        kafka_brokers: kafka.as_ref().map(|kafka| kafka.brokers.clone()),
        tenants,
        postgres_pid: database
            .embedded
            .as_ref()
            .map(crate::embedded::EmbeddedPostgres::pid),
    };
    let application = app::Application::build(
        &place.config,
        store.clone(),
        kafka,
        lifecycle,
        metrics,
        app::Roles::ALL,
    )
    .await?;
    file.write(&place.data_dir)?;
    match format {
        output::Format::Json | output::Format::Ndjson => output::json(&file),
        output::Format::Table => output::data(&welcome(&file, started)),
    }
    let served = application.serve(listener, lifecycle).await;
    store.close().await;
    served
}

async fn listen(port: Option<u16>) -> Result<TcpListener> {
    match port {
        Some(port) => serve::bind(&format!("127.0.0.1:{port}")).await,
        None => match TcpListener::bind(("127.0.0.1", PORT)).await {
            Ok(listener) => Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                serve::bind("127.0.0.1:0").await
            }
            Err(error) => Err(error).context("cannot listen on 127.0.0.1"),
        },
    }
}

/// The demo organization, made at the first start; its key is kept beside the data, for its owner alone.
async fn demo(store: &Store, data_dir: &Path) -> Result<DevTenant> {
    let path = data_dir.join("demo.json");
    let kept = std::fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<DevTenant>(&bytes).ok());
    let known = store
        .operator_tx()
        .await?
        .newest_position(seed::tenant())
        .await?
        > 0;
    if let (Some(tenant), true) = (kept, known) {
        return Ok(tenant);
    }
    let clock = SystemClock;
    // The same moment again after an interrupted start, so that it goes on where it stopped.
    let began = data_dir.join("demo.started");
    let earlier = std::fs::read_to_string(&began)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let now = if let Some(now) = earlier {
        now
    } else {
        let now = clock.now();
        std::fs::write(&began, now.to_rfc3339())
            .with_context(|| format!("cannot write {}", began.display()))?;
        now
    };
    let progress = output::Progress::new("demo orders", seed::lines(now));
    let bus = Bus::new(store.clone(), std::sync::Arc::new(clock), None, Way::Direct);
    seed::demo(&bus, now, &|done| progress.at(done))?;
    progress.done();
    let (_, api_key) = key::issue(store, seed::tenant(), &["*".to_owned()], "demo").await?;
    let tenant = DevTenant {
        id: seed::DEMO,
        name: seed::DEMO_NAME.to_owned(),
        api_key,
    };
    write_private(&path, &serde_json::to_vec_pretty(&tenant)?)?;
    Ok(tenant)
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let written = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn welcome(file: &DevFile, started: Instant) -> String {
    let url = &file.url;
    let mut text = format!(
        "\nDaybook is ready after {:.1} s.\n\n",
        started.elapsed().as_secs_f64()
    );
    let Some(tenant) = file.tenants.first() else {
        return format!(
            "{text}  Address   {url}\n  Database  {}\n\nCtrl-C stops everything and keeps the data.\n",
            file.database_url
        );
    };
    let (key, order) = (&tenant.api_key, SystemClock.uuid_v7());
    let body = json!({
        "customerId": SystemClock.uuid_v7(), "currency": "BRL", "reference": "my-first-order",
        "lines": [{ "productId": "espresso-beans-1kg", "quantity": 2, "unitPrice": 8990, "freight": 1500 }],
    });
    let query = json!({ "query": format!("{{ order(id: \"{order}\") {{ number status placedAt total {{ amount currency }} lines {{ productId quantity }} }} }}") });
    let kafka = file
        .kafka_brokers
        .as_ref()
        .map_or(String::new(), |brokers| {
            format!("  Kafka         {brokers}   (every event on the topic daybook.events.v1)\n")
        });
    let told = format!(
        "  Address       {url}\n  Organization  {}\n  API key       {key}\n  GraphiQL      {url}/graphiql   (paste the key)\n  Commands      {url}/openapi.json\n{kafka}\n\
         Place an order:\n\n\
         curl -sS {url}/api/v1/orders/{order}/place \\\n  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n  -d '{body}'\n\n\
         See it over GraphQL:\n\n\
         curl -sS {url}/graphql \\\n  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n  -d '{query}'\n\n\
         Ctrl-C stops everything and keeps the data.\n",
        tenant.name
    );
    text.push_str(&told);
    text
}
