//! What every test needs: a fresh database in a moment, and the whole application on it. Owns the one PostgreSQL of the
//! run, which ends with the test process.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use daybook::{app, config::Config, embedded, lifecycle::Lifecycle};
use event_schemas::TenantId;
use event_store::{Clock, Options, Store, SystemClock};
use projections::kafka::Settings;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

/// The run's PostgreSQL, and the name of the database that all others are copies of.
pub struct Server {
    pub url: String,
}

const TEMPLATE: &str = "daybook_template";

/// Starts PostgreSQL once, migrates the template once.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        lasting(async || {
            let postgres = embedded::EmbeddedPostgres::start_throw_away()
                .await
                .expect("PostgreSQL starts");
            let admin = sqlx::PgPool::connect(postgres.url()).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {TEMPLATE}")))
                .execute(&admin)
                .await
                .unwrap();
            admin.close().await;
            let template = replace_database(postgres.url(), TEMPLATE);
            app::migrate(&options_for(&template), 16)
                .await
                .expect("the template migrates");
            let url = postgres.url().to_owned();
            (postgres, Server { url })
        })
    })
}

/// Starts a server that lasts as long as the process: its own thread keeps it and its runtime, and its watchdog ends it with
/// us. What is to be known of it.
pub fn lasting<S, K: Send + 'static>(start: impl AsyncFnOnce() -> (S, K) + Send + 'static) -> K {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let (_server, known) = start().await;
            sender.send(known).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("the test server starts")
}

fn replace_database(url: &str, name: &str) -> String {
    let (start, _) = url.rsplit_once('/').unwrap();
    format!("{start}/{name}")
}

pub fn options_for(url: &str) -> Options {
    config().store(SecretString::from(url.to_owned()))
}

/// Small pools: many tests share one server.
pub fn config() -> Config {
    let mut config = Config::load(None).unwrap();
    config.http.client_key = SecretString::from("tests");
    config.database.append_connections = 3;
    config.database.tenant_connections = 4;
    config.database.partition_connections = 4;
    config.database.operator_connections = 1;
    config.database.identity_connections = 2;
    config
}

/// A database of its own.
pub struct Database {
    pub url: String,
    pub options: Options,
}

/// A fresh, migrated database.
pub async fn database() -> Database {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let name = format!("it_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut admin = <sqlx::PgConnection as sqlx::Connection>::connect(&server.url)
        .await
        .unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "create database {name} template {TEMPLATE} strategy file_copy"
    )))
    .execute(&mut admin)
    .await
    .unwrap();
    // Rights on a database are not copied with it.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "grant connect, create on database {name} to daybook_migrator, daybook_partition, daybook_owner"
    )))
    .execute(&mut admin)
    .await
    .unwrap();
    let url = replace_database(&server.url, &name);
    Database {
        options: options_for(&url),
        url,
    }
}

impl Database {
    pub async fn store(&self) -> Store {
        Store::connect(&self.options).await.unwrap()
    }

    /// A connection that may see everything.
    pub async fn admin(&self) -> sqlx::PgConnection {
        <sqlx::PgConnection as sqlx::Connection>::connect(&self.url)
            .await
            .unwrap()
    }

    /// The whole application on this database, listening.
    pub async fn serve(&self) -> Served {
        self.serve_with(None).await
    }

    /// The same, publishing to Kafka.
    pub async fn serve_with(&self, kafka: Option<Settings>) -> Served {
        let lifecycle = Lifecycle::default();
        let store = self.store().await;
        let metrics = daybook::telemetry::metrics_handle().unwrap();
        let application = app::Application::build(
            &config(),
            store.clone(),
            kafka,
            &lifecycle,
            metrics,
            app::Roles::ALL,
        )
        .await
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = lifecycle.clone();
        let task =
            tokio::spawn(async move { application.serve(listener, &serving).await.unwrap() });
        Served {
            url,
            store,
            lifecycle,
            task: Some(task),
            client: reqwest::Client::new(),
        }
    }
}

/// A running application.
pub struct Served {
    pub url: String,
    pub store: Store,
    pub client: reqwest::Client,
    lifecycle: Lifecycle,
    task: Option<tokio::task::JoinHandle<()>>,
}

/// A tenant with a key.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: TenantId,
    pub key: String,
}

impl Served {
    /// Registers a tenant and issues a key of these scopes, as the operator does.
    pub async fn tenant(&self, scopes: &[&str]) -> Tenant {
        let id = TenantId(SystemClock.uuid_v7());
        let bus = commands::Bus::new(
            self.store.clone(),
            Arc::new(SystemClock),
            None,
            commands::Way::Direct,
        );
        let register = daybook::verb::tenant::request(
            id,
            "organization.register",
            &json!({ "name": "Test & Sons" }),
        )
        .unwrap();
        bus.execute(register).await.unwrap();
        Tenant {
            id,
            key: self.key(id, scopes).await,
        }
    }

    pub async fn key(&self, tenant: TenantId, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        daybook::verb::key::issue(&self.store, tenant, &scopes, "test")
            .await
            .unwrap()
            .1
    }

    /// POSTs JSON; status and answer.
    pub async fn post(&self, key: &str, path: &str, body: &Value) -> (u16, Value) {
        let response = self
            .client
            .post(format!("{}{path}", self.url))
            .bearer_auth(key)
            .json(body)
            .send()
            .await
            .unwrap();
        (
            response.status().as_u16(),
            response.json().await.unwrap_or(Value::Null),
        )
    }

    /// A GraphQL operation's whole answer.
    pub async fn graphql(&self, key: &str, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let response = self
            .client
            .post(format!("{}/graphql", self.url))
            .bearer_auth(key)
            .json(&body)
            .send()
            .await
            .unwrap();
        response.json().await.unwrap()
    }

    /// A GraphQL operation that must succeed: its data.
    pub async fn query(&self, key: &str, query: &str, variables: Value) -> Value {
        let mut answer = self.graphql(key, query, variables).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].take()
    }

    pub async fn stop(mut self) {
        assert!(
            self.lifecycle.stop(Duration::from_secs(20)).await,
            "every task ends"
        );
        self.task.take().unwrap().await.unwrap();
        self.store.close().await;
    }
}

/// A valid order.
pub fn an_order() -> Value {
    json!({
        "customerId": Uuid::from_u128(77), "currency": "EUR", "state": "BE",
        "lines": [{ "productId": "bread", "quantity": 2, "unitPrice": 350, "freight": 100 }],
    })
}
