//! The relay to a real Kafka: everything once and in order, whoever dies; and everything that keeps it from publishing, each
//! said in a sentence.

mod aborted;
mod consumer;
mod group;
mod outputs;
mod projector;
#[cfg(feature = "real-data")]
mod real_data;
mod refusal;
mod security;
#[cfg(feature = "real-data")]
mod stock;
mod takeover;

use std::process::{Command, Output, Stdio};

use event_schemas::TenantId;
use event_store::{Clock as _, Expected, Store, SystemClock};
use projections::{
    kafka::Settings,
    relay::{self, Relay},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    append::{append, registered},
    broker,
    harness::{self, Database},
    import, olist_fixture,
    postgres::until,
};

/// A relay of this process.
struct Running {
    tasks: TaskTracker,
    cancelled: CancellationToken,
}

impl Running {
    fn start(store: &Store, settings: &Settings) -> Self {
        let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
        store.start(&tasks, &cancelled);
        Relay::try_new(
            store.clone(),
            settings.clone(),
            SystemClock.uuid_v7(),
            "here".to_owned(),
        )
        .unwrap()
        .run(&tasks, &cancelled);
        Self { tasks, cancelled }
    }

    async fn stop(self) {
        self.cancelled.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Waits until everything is on Kafka that is in the log.
async fn published(store: &Store) {
    until("everything on Kafka", async || {
        let status = relay::status(store).await.unwrap();
        status.iter().all(|at| at.events == 0)
    })
    .await;
}

/// Waits until the relay says so of a partition.
async fn trouble(store: &Store, words: &str) -> String {
    let mut said = String::new();
    until(words, async || {
        let status = relay::status(store).await.unwrap();
        let found = status.into_iter().find_map(|at| at.trouble);
        said = found.unwrap_or_default();
        said.contains(words)
    })
    .await;
    said
}

/// Some tenants with some events each.
async fn some_events(store: &Store, tenants: usize) -> Vec<TenantId> {
    let mut all = Vec::new();
    for _ in 0..tenants {
        let tenant = registered(store).await;
        let batch =
            ["order-a", "order-b"].map(|stream| append(tenant, stream, Expected::NoStream, 5));
        store.append(&batch).await.unwrap();
        all.push(tenant);
    }
    all
}

/// `daybook` with this database and these topics.
fn command(database: &Database, settings: &Settings, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(arguments)
        .env("DATABASE_URL", &database.url)
        .env("KAFKA_BROKERS", &settings.brokers)
        .env("DAYBOOK__KAFKA__PREFIX", &settings.prefix)
        .env("DAYBOOK__KAFKA__REPLICATION_FACTOR", "1")
        .env("DAYBOOK__KAFKA__CONTEXT_TOPICS", outputs::CONTEXTS)
        .env("DAYBOOK__KAFKA__STATE_TOPICS", outputs::STATES)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The topic is the log, says an independent consumer and says `daybook topics verify`.
async fn assert_published(database: &Database, settings: &Settings) {
    let (log, topic) = (
        consumer::log(database).await,
        consumer::read(settings).await,
    );
    assert!(log.values().map(Vec::len).sum::<usize>() > 0);
    assert!(log == topic, "the topic is not the log");
    let verified = command(database, settings, &["topics", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", words(&verified));
    assert!(words(&verified).contains("every event is there once, in order"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_published_while_it_runs() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let relay = Running::start(&store, &settings);
    let folder = tempfile::tempdir().unwrap();
    olist_fixture::write(folder.path(), 20).unwrap();
    let (url, options) = (database.url.clone(), database.options.clone());
    tokio::task::spawn_blocking(move || import::run(&Database { url, options }, folder.path()))
        .await
        .unwrap();
    published(&store).await;
    assert_published(&database, &settings).await;
    relay.stop().await;
    let status = relay::status(&store).await.unwrap();
    assert!(
        status
            .iter()
            .all(|at| at.leader.is_none() && at.trouble.is_none()),
        "its leases are given back: {status:?}"
    );
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_goes_on_where_another_one_stopped() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    for _ in 0..3 {
        some_events(&store, 3).await;
        let relay = Running::start(&store, &settings);
        some_events(&store, 3).await;
        published(&store).await;
        relay.stop().await;
    }
    assert_published(&database, &settings).await;
    store.close().await;
}
