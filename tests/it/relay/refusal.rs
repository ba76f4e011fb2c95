//! What keeps the relay from publishing: each is said in a sentence with the way out, and ends by itself once it is gone.

use projections::relay;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::{Running, assert_published, command, consumer, published, some_events, trouble, words};
use crate::{broker, harness};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_topics_are_made_by_the_operator() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    some_events(&store, 2).await;
    let relay = Running::start(&store, &settings);
    let said = trouble(&store, "is missing").await;
    assert!(said.contains("run `daybook topics apply`"), "{said}");
    let status = words(&command(
        &database,
        &settings,
        &["relay", "status", "--output", "json"],
    ));
    assert!(status.contains("is missing; run"), "{status}");

    let plan = words(&command(&database, &settings, &["topics", "plan"]));
    assert!(plan.contains("events.v1 with 16 partitions"), "{plan}");
    assert!(consumer_sees_no_topic(&settings), "a plan makes nothing");
    for _ in 0..2 {
        let applied = command(&database, &settings, &["topics", "apply"]);
        assert_eq!(applied.status.code(), Some(0), "{}", words(&applied));
    }
    published(&store).await;
    assert_published(&database, &settings).await;
    relay.stop().await;
    store.close().await;
}

fn consumer_sees_no_topic(settings: &projections::kafka::Settings) -> bool {
    let client: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .create()
        .unwrap();
    let metadata = client
        .client()
        .fetch_metadata(None, std::time::Duration::from_secs(10))
        .unwrap();
    let events = settings.events();
    !metadata.topics().iter().any(|topic| topic.name() == events)
}

/// Makes a topic as somebody without Daybook would.
async fn make(brokers: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let new = settings.iter().fold(
        NewTopic::new(name, partitions, TopicReplication::Fixed(1)),
        |new, (name, value)| new.set(name, value),
    );
    for made in admin
        .create_topics([&new], &AdminOptions::new())
        .await
        .unwrap()
    {
        made.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_partitions_are_refused_with_the_way_out() {
    let database = harness::database().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    make(&settings.brokers, &settings.events(), 3, &[]).await;
    let applied = command(&database, &settings, &["topics", "apply"]);
    assert_eq!(applied.status.code(), Some(1));
    let said = words(&applied);
    assert!(
        said.contains("has 3 partitions and the log has 16"),
        "{said}"
    );
    assert!(said.contains("set kafka.prefix to a new name"), "{said}");
    let store = database.store().await;
    let relay = Running::start(&store, &settings);
    trouble(&store, "has 3 partitions and the log has 16").await;
    relay.stop().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_forgets_or_takes_only_small_records_is_set_right() {
    let database = harness::database().await;
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    let wrong = [
        ("retention.ms", "1000000"),
        ("max.message.bytes", "2000"),
        ("segment.bytes", "33554432"),
    ];
    make(&settings.brokers, &settings.events(), 16, &wrong).await;
    make(
        &settings.brokers,
        &settings.checkpoints(),
        16,
        &[("cleanup.policy", "compact")],
    )
    .await;
    some_events(&store, 1).await;
    let relay = Running::start(&store, &settings);
    let said = trouble(&store, "retention.ms=1000000").await;
    assert!(
        said.contains("where it must be -1; run `daybook topics apply`"),
        "{said}"
    );
    let plan = words(&command(
        &database,
        &settings,
        &["topics", "plan", "--output", "json"],
    ));
    assert!(plan.contains("max.message.bytes=2097152"), "{plan}");
    let applied = command(&database, &settings, &["topics", "apply"]);
    assert_eq!(applied.status.code(), Some(0), "{}", words(&applied));
    published(&store).await;
    assert_published(&database, &settings).await;
    // What somebody else has set stays.
    let described = describe(&settings.brokers, &settings.events(), "segment.bytes").await;
    assert_eq!(described.as_deref(), Some("33554432"));
    relay.stop().await;
    store.close().await;
}

async fn describe(brokers: &str, topic: &str, setting: &str) -> Option<String> {
    use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let described = admin
        .describe_configs(&[ResourceSpecifier::Topic(topic)], &AdminOptions::new())
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    described.get(setting)?.value.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_another_history_is_not_published() {
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let database = harness::database().await;
    let store = database.store().await;
    let tenants = some_events(&store, 2).await;
    let relay = Running::start(&store, &settings);
    published(&store).await;
    relay.stop().await;
    store.close().await;
    let before = consumer::read(&settings).await;

    // As after a restore: the same tenants, and other events under the same numbers.
    let restored = harness::database().await;
    let store = restored.store().await;
    for tenant in tenants {
        let batch = [
            crate::append::registration(tenant),
            crate::append::append(tenant, "order-c", event_store::Expected::NoStream, 20),
        ];
        store.append(&batch).await.unwrap();
    }
    let relay = Running::start(&store, &settings);
    let said = trouble(&store, "tell different histories").await;
    assert!(said.contains("restored to an earlier state"), "{said}");
    assert!(
        said.contains("Nothing is published until you decide"),
        "{said}"
    );
    relay.stop().await;
    assert!(
        before == consumer::read(&settings).await,
        "nothing was published"
    );
    let verified = command(&restored, &settings, &["topics", "verify"]);
    assert_eq!(verified.status.code(), Some(4), "{}", words(&verified));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_loses_its_end_stops_the_relay_that_runs() {
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let database = harness::database().await;
    let store = database.store().await;
    some_events(&store, 1).await;
    let relay = Running::start(&store, &settings);
    published(&store).await;
    // As after a failover to a standby that was behind; nothing but a superuser without triggers can do it here.
    let lost = "begin; set local session_replication_role = replica;
        delete from log.event e using log.partition p
          where e.partition = p.partition and e.\"offset\" = p.next_offset - 1;
        update log.partition set next_offset = next_offset - 1 where next_offset > 0;
        commit";
    sqlx::raw_sql(lost)
        .execute(&mut database.admin().await)
        .await
        .unwrap();
    trouble(&store, "tell different histories").await;
    relay.stop().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_wrote_to_the_topic_is_found() {
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let database = harness::database().await;
    let store = database.store().await;
    some_events(&store, 4).await;
    let relay = Running::start(&store, &settings);
    published(&store).await;
    relay.stop().await;
    let status = relay::status(&store).await.unwrap();
    let partition = status.iter().find(|at| at.head > 0).unwrap().partition;

    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .create()
        .unwrap();
    producer
        .send(
            BaseRecord::<str, str>::to(&settings.events())
                .partition(i32::from(partition))
                .key("x")
                .payload("{}"),
        )
        .map_err(|(error, _)| error)
        .unwrap();
    producer.flush(std::time::Duration::from_secs(20)).unwrap();

    for arguments in [
        vec!["topics", "verify"],
        vec!["topics", "verify", "--alone"],
    ] {
        let verified = command(&database, &settings, &arguments);
        assert_eq!(verified.status.code(), Some(4));
        let said = words(&verified);
        assert!(
            said.contains(&format!("partition {partition}: at Kafka's offset")),
            "{said}"
        );
        assert!(
            said.contains("a record that is no event of the log"),
            "{said}"
        );
    }
    some_events(&store, 4).await;
    let relay = Running::start(&store, &settings);
    let said = trouble(&store, "does not end where the relay stopped").await;
    assert!(said.contains("something else writes to it"), "{said}");
    relay.stop().await;
    store.close().await;
}
