//! The assembly: the only file that names every crate. It decides who is handed what, and nothing else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use async_graphql::{EmptySubscription, Schema, async_trait::async_trait};
use axum::{Json, Router, routing::get};
use commands::{
    Bus, Settle, Way,
    graphql::{AnyProblem, Mutation},
};
use event_schemas::TenantId;
use event_store::{Clock, Options, Store, SystemClock, Token};
use gateway::{ApiKeys, Clients, Health, Problem};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::{
    Engine, NotCaughtUp, ParkedFor, Waiter,
    kafka::Settings,
    policy::Policies,
    relay::{self, Relay},
};
use read_api::{Query, Subgraph};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    config::Config,
    lifecycle::Lifecycle,
    policy::Executes,
    trusted,
    verb::serve::{Role, Source},
};

/// The type of the GraphQL schema.
pub type GraphQl = read_api::http::Engine<Query, Mutation<Query>>;

/// How long a stopping server waits for the answers it owes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a process does.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    commands: bool,
    /// And where they read.
    projections: Option<Source>,
    read_api: bool,
    relay: bool,
}

impl Roles {
    /// Everything.
    pub const ALL: Self = Self {
        commands: true,
        projections: Some(Source::Log),
        read_api: true,
        relay: true,
    };

    /// Whether it does nothing else.
    fn only_relay(self) -> bool {
        self.relay && !self.commands && self.projections.is_none() && !self.read_api
    }

    /// Those of the command line, with projections that read there.
    pub fn of(roles: &[Role], source: Source) -> Self {
        let has = |role| roles.contains(&Role::All) || roles.contains(&role);
        Self {
            commands: has(Role::Commands),
            projections: has(Role::Projections).then_some(source),
            read_api: has(Role::ReadApi),
            relay: has(Role::Relay),
        }
    }
}

/// Everything of one server, ready to listen.
pub struct Application {
    router: Router,
    /// Ends what commands and queries need; only once all of them are answered.
    needed: DropGuard,
}

/// Creates or upgrades a database: roles, tables, functions, and the read models' tables.
pub async fn migrate(options: &Options, partitions: u16) -> Result<()> {
    event_store::migrate::migrate(options, partitions).await?;
    let store = Store::connect(options).await?;
    let installed = engine(&store).await;
    store.close().await;
    installed.map(drop)
}

/// The projection engine of this binary, its tables installed.
pub async fn engine(store: &Store) -> Result<Engine> {
    engine_from(store, None).await
}

/// The same, reading from Kafka where that is given.
async fn engine_from(store: &Store, kafka: Option<Settings>) -> Result<Engine> {
    let options = projections::Options {
        kafka,
        ..projections::Options::default()
    };
    Ok(Engine::install(store, projections::all(), options).await?)
}

/// What executes the commands that the engine's policies want.
pub fn policies(engine: &Engine, bus: Bus, clock: Arc<dyn Clock>) -> Policies {
    Policies::new(engine, Arc::new(Executes(bus)), clock)
}

impl Application {
    /// Builds the server, and starts its tasks.
    pub async fn build(
        config: &Config,
        store: Store,
        kafka: Option<Settings>,
        lifecycle: &Lifecycle,
        metrics: PrometheusHandle,
        roles: Roles,
    ) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let needed = CancellationToken::new();
        store.start(&lifecycle.tasks, &needed);
        let engine = match roles.projections {
            Some(source) => {
                let kafka = kafka.clone().filter(|_| source == Source::Kafka);
                Some(engine_from(&store, kafka).await?)
            }
            None => None,
        };
        let waiter = match &engine {
            Some(engine) => engine.waiter(),
            None => Waiter::new(store.clone()),
        };
        let keys = Arc::new(ApiKeys::new(store.clone(), clock.clone()));
        let bus = Bus::new(
            store.clone(),
            clock.clone(),
            Some(Arc::new(Settled(waiter.clone()))),
            Way::Lanes,
        )
        .with_cache(config.commands.cache_bytes);
        if let Some(engine) = engine {
            engine.run(&lifecycle.tasks, &needed);
            policies(&engine, bus.clone(), clock.clone()).run(&lifecycle.tasks, &needed);
        }
        let mut health = health(&store, config.projections.ready_lag_seconds);
        if let Some(kafka) = kafka.filter(|_| roles.relay) {
            let place = place();
            Relay::try_new(store.clone(), kafka, clock.uuid_v7(), place)?
                .run(&lifecycle.tasks, &needed);
            health = watch_relay(health, &store, config.kafka.ready_lag_seconds, roles);
        }
        let mut router = health
            .router()
            .merge(gateway::metrics::router(move || metrics.render()))
            .route("/openapi.json", get(|| async { Json(openapi()) }));
        if roles.commands {
            router = router.merge(gateway::protected(
                commands::rest::router(bus.clone()),
                keys.clone(),
            ));
        }
        if roles.read_api {
            let options = read_api::http::Options::default();
            let options = read_api::http::Options {
                timeout: Duration::from_millis(config.graphql.operation_timeout_ms),
                trusted: trusted::load(&config.graphql, &options.limits)?,
                ..options
            };
            let exports =
                read_api::audit::export::router(store.clone(), Arc::new(Wait(waiter.clone())));
            let engine = graphql(&bus, store, waiter);
            let graphql = read_api::http::router(engine, options).merge(exports);
            router = router
                .merge(gateway::protected(graphql, keys))
                .merge(read_api::http::graphiql())
                .merge(read_api::registry::router());
        }
        let clients = Clients::new(config.http.client_key.expose_secret(), config.http.proxies);
        Ok(Self {
            router: gateway::edge(router, clock, clients),
            needed: needed.drop_guard(),
        })
    }

    /// Answers until the lifecycle ends, then finishes what is under way. Only after that the tasks end, so that what was
    /// asked in time is still done.
    pub async fn serve(self, listener: TcpListener, lifecycle: &Lifecycle) -> Result<()> {
        let _needed = self.needed;
        let cancelled = lifecycle.cancelled.clone();
        let ending = cancelled.clone();
        let router = self
            .router
            .into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, router)
            .with_graceful_shutdown(cancelled.cancelled_owned())
            .into_future();
        let patience = async {
            ending.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            ended = server => ended.context("the server stopped"),
            () = patience => Ok(()),
        }
    }
}

/// The GraphQL schema over that bus and store.
pub fn graphql(bus: &Bus, store: Store, waiter: Waiter) -> GraphQl {
    let after = Arc::new(|_: &async_graphql::Context<'_>, token: &str| Query::no_older_than(token));
    let subgraph = Subgraph::default();
    let reads = read_api::Reads::new(store, Arc::new(Wait(waiter)));
    let limits = read_api::http::Limits::default();
    let engine = GraphQl::new(limits, Some(reads), || {
        let mutation = Mutation::new(bus.clone(), after.clone());
        Schema::build(Query::default(), mutation, EmptySubscription)
            // No field returns the interface, so the engine has to be told of it.
            .register_output_type::<AnyProblem>()
            .data(subgraph.clone())
    });
    subgraph.set(engine.schema());
    engine
}

/// The OpenAPI document: the commands, and what is read over REST.
pub fn openapi() -> serde_json::Value {
    let mut document = commands::openapi::document();
    let (path, item) = read_api::audit::export::openapi::path();
    if let Some(paths) = document
        .get_mut("paths")
        .and_then(serde_json::Value::as_object_mut)
    {
        paths.insert(path, item);
    }
    document
}

/// The GraphQL schema in its own language.
pub fn sdl() -> Result<String> {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    Ok(unconnected().schema().sdl_with_options(options))
}

/// The same with the directives of Apollo Federation.
pub fn subgraph_sdl() -> String {
    read_api::subgraph_sdl(unconnected().schema())
}

/// The schema does not depend on any database, but its resolvers hold one: a store that never connects.
fn unconnected() -> GraphQl {
    let store = Store::unconnected();
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
    graphql(&bus, store.clone(), Waiter::new(store))
}

/// The seam behind which GraphQL waits for read models.
struct Wait(Waiter);

#[async_trait]
impl read_api::Waiter for Wait {
    async fn wait(
        &self,
        tenant: TenantId,
        token: Token,
        projections: &[&'static str],
        timeout: Duration,
    ) -> Result<(), read_api::WaitError> {
        self.0
            .wait_for(
                tenant,
                (token.partition, token.offset),
                projections,
                timeout,
            )
            .await
            .map_err(|error| match error {
                projections::WaitError::NotCaughtUp(NotCaughtUp { lag_events, .. }) => {
                    read_api::WaitError::NotCaughtUp { lag_events }
                }
                projections::WaitError::Parked(ParkedFor {
                    projection,
                    position,
                    lag_events,
                    ..
                }) => read_api::WaitError::Parked {
                    projection,
                    position,
                    lag_events,
                },
                projections::WaitError::Failed(error) => read_api::WaitError::Failed(error),
            })
    }
}

/// The seam behind which commands wait for credentials.
struct Settled(Waiter);

#[async_trait]
impl Settle for Settled {
    async fn settle(&self, partition: u16, offset: i64, timeout: Duration) -> Result<(), Problem> {
        self.0
            .wait(partition, offset, &["identity"], timeout)
            .await
            .map_err(|error| {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "credentials are not looked up anew yet"
                );
                Problem::not_caught_up()
            })
    }

    async fn forgotten(&self) {
        tokio::time::sleep(gateway::auth::FORGOTTEN_AFTER).await;
    }
}

fn health(store: &Store, lag_limit: u64) -> Health {
    let (database, lagging, building) = (store.clone(), store.clone(), store.clone());
    Health::new()
        .check("log", move || {
            let store = database.clone();
            async move { store.operator_tx().await.map(|_| "reachable".to_owned()) }
        })
        .check("projections", move || {
            let store = lagging.clone();
            async move { lag_within(&store, lag_limit).await }
        })
        .check("builds", move || {
            let store = building.clone();
            async move { built(&store).await }
        })
}

/// Whether this binary's own read models are there. Until then queries read those of the version before.
async fn built(store: &Store) -> Result<String, String> {
    let builds = projections::builds(store)
        .await
        .map_err(|error| error.to_string())?;
    let mine = projections::revisions();
    let waiting: Vec<_> = builds
        .iter()
        .filter(|build| !build.serves && mine.contains(&build.revision))
        .filter(|build| {
            let mut serving = builds.iter().filter(|other| other.serves);
            !serving.any(|other| other.revision == build.revision)
        })
        .map(|build| {
            let (applied, events) = (build.applied, build.events);
            format!("{} ({applied} of {events} events)", build.projection)
        })
        .collect();
    if waiting.is_empty() {
        Ok("of this version".to_owned())
    } else {
        Err(format!(
            "read models of this version are being built: {}; send queries to servers of the version before meanwhile",
            waiting.join(", ")
        ))
    }
}

/// Where nothing but the relay runs, a relay that is behind is not ready; elsewhere commands go on without it.
fn watch_relay(health: Health, store: &Store, limit: u64, roles: Roles) -> Health {
    let store = store.clone();
    let ask = move || {
        let store = store.clone();
        async move { published_within(&store, limit).await }
    };
    if roles.only_relay() {
        health.check("relay", ask)
    } else {
        health.watch("relay", ask)
    }
}

/// In words for everybody: what the troubles say is for operators.
async fn published_within(store: &Store, limit: u64) -> Result<String, String> {
    let partitions = relay::status(store)
        .await
        .map_err(|error| error.to_string())?;
    let events: i64 = partitions.iter().map(|at| at.events).sum();
    let worst = partitions.iter().map(|at| at.seconds).fold(0.0, f64::max);
    let behind = format!("{events} events are not on Kafka yet, the oldest for {worst:.1} s");
    #[expect(clippy::cast_precision_loss, reason = "a threshold in seconds")]
    let limit = limit as f64;
    if let Some(at) = partitions.iter().find(|at| at.trouble.is_some()) {
        Err(format!(
            "partition {} is not published, `daybook relay status` says why; {behind}",
            at.partition
        ))
    } else if worst > limit {
        Err(behind)
    } else {
        Ok(behind)
    }
}

/// Where this process runs, for people.
fn place() -> String {
    let host = nix::unistd::gethostname().map_or_else(
        |_| "unknown".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    format!("{host}, process {}", std::process::id())
}

async fn lag_within(store: &Store, limit: u64) -> Result<String, String> {
    let lags = projections::lag(store)
        .await
        .map_err(|error| error.to_string())?;
    if let Some(halted) = lags.iter().find(|lag| lag.halted.is_some()) {
        return Err(format!(
            "{} is halted in partition {}",
            halted.projection, halted.partition
        ));
    }
    let worst = lags.iter().map(|lag| lag.seconds).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a threshold in seconds")]
    let limit = limit as f64;
    if worst > limit {
        Err(format!("{worst:.0} s behind"))
    } else {
        Ok(format!("{worst:.1} s behind"))
    }
}

/// What `daybook doctor` looks at in a connected store.
pub async fn examine(store: &Store) -> Vec<(String, Result<String>)> {
    let version = async { anyhow::Ok(store.operator_tx().await?.server_version().await?) }.await;
    let lag = lag_within(store, u64::MAX)
        .await
        .map_err(anyhow::Error::msg);
    vec![
        ("postgresql".to_owned(), version),
        ("projections".to_owned(), lag),
    ]
}
