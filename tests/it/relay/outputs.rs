//! The topics beside the one of all events: a context's own events, and what its streams have come to. Each is complete
//! whenever it is turned on, and none holds back the others.

use std::collections::BTreeMap;

use event_schemas::{
    RecordedEvent,
    state::{self, Fold},
};
use event_store::{Expected, Store, read::Span};
use projections::kafka::Settings;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::Value;
use sqlx::Row;

use super::{
    Running, assert_published, command,
    consumer::{self, Seen},
    published, some_events, trouble, words,
};
use crate::{
    append::{append, registered},
    broker,
    harness::{self, Database},
    import, olist_fixture,
    postgres::until,
};

/// What `daybook` is told of in every test here.
pub const CONTEXTS: &str = r#"["order"]"#;
pub const STATES: &str = r#"["order","customer","organization","lead","metric","goal","document"]"#;

fn with(settings: &Settings, contexts: &[&str], states: &[&str]) -> Settings {
    let owned =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let settings = settings.clone();
    settings
        .with_outputs(&owned(contexts), &owned(states))
        .unwrap()
}

fn of_orders(log: BTreeMap<i32, Vec<Seen>>) -> BTreeMap<i32, Vec<Seen>> {
    log.into_iter()
        .map(|(partition, mut events)| {
            events.retain(|event| event.key.contains("/order-"));
            (partition, events)
        })
        .filter(|(_, events)| !events.is_empty())
        .collect()
}

async fn orders_are_there(database: &Database, settings: &Settings) {
    let topic = format!("{}.order.events.v1", settings.prefix);
    until("the events of orders", async || {
        let log = of_orders(consumer::log(database).await);
        assert!(!log.is_empty());
        consumer::read_topic(settings, topic.clone()).await == log
    })
    .await;
}

fn verified(database: &Database, settings: &Settings, topic: &str, says: &str) {
    let topic = format!("{}.{topic}.v1", settings.prefix);
    for alone in [&["--alone"][..], &[]] {
        let arguments = [&["topics", "verify", "--topic", &topic], alone].concat();
        let output = command(database, settings, &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        assert!(words(&output).contains(says), "{}", words(&output));
    }
}

/// What every stream of a context has come to, folded from the log.
async fn folded(store: &Store, context: &str) -> BTreeMap<String, Vec<u8>> {
    let mut folds: BTreeMap<String, Box<dyn Fold>> = BTreeMap::new();
    let kind = state::of(context).unwrap();
    for partition in 0..store.partitions() {
        let mut from = 0;
        loop {
            let span = Span {
                partition,
                from,
                most: 5_000,
            };
            let mut tx = store.partition_tx().await.unwrap();
            let read = tx.read_partitions(&[span], i64::MAX).await.unwrap();
            let events: Vec<RecordedEvent> = read.into_iter().flatten().collect();
            let Some(last) = events.last() else { break };
            from = last.offset + 1;
            for event in events {
                if event.stream.context() == context {
                    let key = format!("{}/{}", event.tenant, event.stream);
                    let fold = folds.entry(key).or_insert_with(|| kind.begin());
                    fold.apply(&event).unwrap();
                }
            }
        }
    }
    folds
        .into_iter()
        .map(|(key, fold)| (key, fold.text().unwrap().unwrap()))
        .collect()
}

/// The last record of each key, as compaction leaves it.
async fn told(settings: &Settings, context: &str) -> BTreeMap<String, Vec<u8>> {
    let topic = format!("{}.{context}.state.v1", settings.prefix);
    let records = consumer::read_topic(settings, topic).await;
    let records = records.into_values().flatten();
    records.map(|record| (record.key, record.payload)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_told_by_context_and_as_states() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    let contexts = [
        "order",
        "customer",
        "organization",
        "lead",
        "metric",
        "goal",
        "document",
    ];
    let settings = with(&settings, &["order"], &contexts);
    broker::make_topics(&settings).await;
    let folder = tempfile::tempdir().unwrap();
    olist_fixture::write(folder.path(), 20).unwrap();
    for _ in 0..2 {
        // The second time there is nothing new, and nothing comes twice.
        let relay = Running::start(&store, &settings);
        let (url, options) = (database.url.clone(), database.options.clone());
        let path = folder.path().to_owned();
        tokio::task::spawn_blocking(move || import::run(&Database { url, options }, &path))
            .await
            .unwrap();
        published(&store).await;
        relay.stop().await;
    }
    assert_published(&database, &settings).await;
    orders_are_there(&database, &settings).await;
    verified(
        &database,
        &settings,
        "order.events",
        "every event is there once",
    );
    for context in contexts {
        assert_eq!(
            told(&settings, context).await,
            folded(&store, context).await
        );
        let topic = format!("{context}.state");
        verified(&database, &settings, &topic, "every stream is there");
    }
    // What was paid, as PostgreSQL adds it up.
    let rows = sqlx::query(
        "select tenant_id::text || '/' || stream_id as key,
                coalesce(sum((convert_from(payload, 'UTF8')::jsonb ->> 'amount')::bigint)
                           filter (where event_type = 'PaymentApproved'), 0)::bigint as paid
         from log.event where stream_id like 'order-%' group by 1",
    )
    .fetch_all(&mut database.admin().await)
    .await
    .unwrap();
    let told = told(&settings, "order").await;
    assert_eq!(told.len(), rows.len());
    for row in rows {
        let state = told.get(row.get::<&str, _>("key")).unwrap();
        let state: Value = serde_json::from_slice(state).unwrap();
        assert_eq!(state["paid"], row.get::<i64, _>("paid"), "{state}");
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_comes_later_is_filled_and_so_is_one_that_was_deleted() {
    let database = harness::database().await;
    let store = database.store().await;
    let plain = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&plain).await;
    let relay = Running::start(&store, &plain);
    some_events(&store, 6).await;
    published(&store).await;
    relay.stop().await;

    let settings = with(&plain, &["order"], &["customer"]);
    let relay = Running::start(&store, &settings);
    let said = trouble(&store, "is missing").await;
    assert!(said.contains("run `daybook topics apply`"), "{said}");
    broker::make_topics(&settings).await;
    some_events(&store, 3).await;
    orders_are_there(&database, &settings).await;

    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .create()
        .unwrap();
    let topic = format!("{}.order.events.v1", settings.prefix);
    let deleted = admin.delete_topics(&[&topic], &AdminOptions::new()).await;
    assert_eq!(deleted.unwrap(), [Ok(topic)]);
    some_events(&store, 3).await;
    until("the topic is known to be gone", async || {
        broker::has_changes(&settings).await
    })
    .await;
    broker::make_topics(&settings).await;
    some_events(&store, 3).await;
    orders_are_there(&database, &settings).await;
    published(&store).await;
    relay.stop().await;

    // Off for a while: what it missed comes when it is on again.
    let relay = Running::start(&store, &plain);
    some_events(&store, 3).await;
    published(&store).await;
    relay.stop().await;
    let relay = Running::start(&store, &settings);
    orders_are_there(&database, &settings).await;
    relay.stop().await;
    assert_published(&database, &plain).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_cannot_be_told_stops_its_topic_alone() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    let settings = with(&settings, &["order"], &["order"]);
    broker::make_topics(&settings).await;
    let relay = Running::start(&store, &settings);
    // Their type is none that orders have.
    some_events(&store, 3).await;
    let said = trouble(&store, "cannot go on, the other topics do").await;
    assert!(said.contains(".order.state.v1"), "{said}");
    assert!(
        said.contains("ThingHappened version 1 is unknown"),
        "{said}"
    );
    published(&store).await;
    orders_are_there(&database, &settings).await;
    assert!(told(&settings, "order").await.is_empty());
    relay.stop().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_record_on_a_context_s_topic_halts_the_relay() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    let settings = with(&settings, &["order"], &[]);
    broker::make_topics(&settings).await;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .create()
        .unwrap();
    let topic = format!("{}.order.events.v1", settings.prefix);
    let record = BaseRecord::to(&topic).partition(0).key("a").payload("b");
    producer.send(record).unwrap();
    producer.flush(std::time::Duration::from_secs(10)).unwrap();
    let relay = Running::start(&store, &settings);
    let said = trouble(&store, "does not end where the relay stopped").await;
    assert!(said.contains("the checkpoint says nothing"), "{said}");
    assert!(
        said.contains("delete the topic and run `daybook topics apply`"),
        "{said}"
    );
    relay.stop().await;
    let verify = ["topics", "verify", "--topic", &topic];
    let output = command(&database, &settings, &verify);
    assert_eq!(output.status.code(), Some(4), "{}", words(&output));
    assert!(words(&output).contains("a record that is no event of the log"));
    let unknown = ["topics", "verify", "--topic", "other"];
    let output = command(&database, &settings, &unknown);
    assert!(words(&output).contains("none of the relay's topics, which are"));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_too_large_for_memory_are_told_in_shorter_pages() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    let settings = with(&settings, &[], &["order"]);
    broker::make_topics(&settings).await;
    let tenant = registered(&store).await;
    // Together more than a page may take, and more than is remembered.
    let placed = format!(
        r#"{{"customerId":"{tenant}","currency":"EUR","lines":[],"more":"{}"}}"#,
        "x".repeat(200_000)
    );
    let streams: Vec<String> = (0..100).map(|n| format!("order-{n}")).collect();
    let event = |event_type: &str, payload: &str, stream: &str, expected| {
        let mut append = append(tenant, stream, expected, 1);
        for event in &mut append.events {
            event.event_type = event_type.to_owned().into();
            event.payload = payload.as_bytes().to_vec();
        }
        append
    };
    for stream in &streams {
        let order = event("OrderPlaced", &placed, stream, Expected::NoStream);
        let outcome = store.append(&[order]).await.unwrap();
        assert!(outcome.iter().all(Result::is_ok), "{outcome:?}");
    }
    let relay = Running::start(&store, &settings);
    published(&store).await;
    relay.stop().await;
    // Nothing of them is remembered by the next one.
    let paid: Vec<_> = streams
        .iter()
        .map(|stream| {
            event(
                "PaymentApproved",
                r#"{"amount":7}"#,
                stream,
                Expected::Exact(1),
            )
        })
        .collect();
    let outcomes = store.append(&paid).await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let relay = Running::start(&store, &settings);
    published(&store).await;
    until("every state", async || {
        told(&settings, "order").await == folded(&store, "order").await
    })
    .await;
    relay.stop().await;
    let told = told(&settings, "order").await;
    assert_eq!(told.len(), streams.len());
    for state in told.values() {
        let state: Value = serde_json::from_slice(state).unwrap();
        assert_eq!(state["paid"], 7);
    }
    verified(&database, &settings, "order.state", "every stream is there");
    store.close().await;
}
