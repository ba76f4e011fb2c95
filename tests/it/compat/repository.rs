//! Events: what is written comes back, to its tenant alone, and the second of two writers is told so.

use std::collections::HashMap;

use cqrs_es::{
    Aggregate, EventStore,
    doc::{Customer, CustomerEvent, MyAggregate},
    persist::{
        PersistedEventRepository, PersistedEventStore, PersistenceError,
        SemanticVersionEventUpcaster,
    },
};
use event_schemas::{StreamId, TenantId};
use event_store::{Append, Clock, Expected, NewEvent, SystemClock, compat::Repository};
use futures::future::join_all;
use serde_json::json;

use super::{history, named, serialized, world};
use crate::append::registered;

async fn commits_and_loads(store: PersistedEventStore<Repository, Customer>) {
    assert!(store.load_events("c").await.unwrap().is_empty());
    let context = store.load_aggregate("c").await.unwrap();
    assert_eq!(context.current_sequence, 0);
    let email = |address: &str| CustomerEvent::EmailUpdated {
        new_email: address.into(),
    };
    let metadata = HashMap::from([("user".to_owned(), "me".to_owned())]);
    store
        .commit(
            vec![named("Ada"), email("a@b.c")],
            context,
            metadata.clone(),
        )
        .await
        .unwrap();
    let context = store.load_aggregate("c").await.unwrap();
    assert_eq!(context.current_sequence, 2);
    store
        .commit(vec![email("d@e.f")], context, HashMap::new())
        .await
        .unwrap();
    let events = store.load_events("c").await.unwrap();
    let payloads: Vec<_> = events.iter().map(|e| e.payload.clone()).collect();
    assert_eq!(payloads, [named("Ada"), email("a@b.c"), email("d@e.f")]);
    let sequences: Vec<_> = events.iter().map(|e| e.sequence).collect();
    assert_eq!(sequences, [1, 2, 3]);
    assert_eq!(events[1].metadata, metadata);
    assert!(events[2].metadata.is_empty());
    let customer = store.load_aggregate("c").await.unwrap().aggregate;
    assert_eq!((&*customer.name, &*customer.email), ("Ada", "d@e.f"));
}

#[tokio::test]
async fn commit_and_load_events() {
    let world = world().await;
    commits_and_loads(PersistedEventStore::new_event_store(world.repository)).await;
}

#[tokio::test]
async fn commit_and_load_events_aggregate_store() {
    let world = world().await;
    commits_and_loads(PersistedEventStore::new_aggregate_store(world.repository)).await;
}

#[tokio::test]
async fn commit_and_load_events_snapshot_store() {
    let world = world().await;
    commits_and_loads(PersistedEventStore::new_snapshot_store(world.repository, 2)).await;
}

#[tokio::test]
async fn upcasted_event() {
    let world = world().await;
    let mut old = serialized("old", 1, &named(""));
    old.event_version = "1.0".into();
    old.payload = json!({ "NameAdded": {} });
    let mut newer = serialized("old", 2, &named("kept"));
    newer.event_version = "1.0.1".into();
    world
        .repository
        .persist::<Customer>(&[old, newer], None)
        .await
        .unwrap();
    let upcaster = SemanticVersionEventUpcaster::new(
        "NameAdded",
        "1.0.1",
        Box::new(|mut payload| {
            assert_eq!(payload, json!({ "NameAdded": {} }), "only the old one");
            payload["NameAdded"]["name"] = json!("UNKNOWN");
            payload
        }),
    );
    let store = PersistedEventStore::<_, Customer>::new_event_store(world.repository)
        .with_upcasters(vec![Box::new(upcaster)]);
    let names: Vec<_> = store.load_events("old").await.unwrap();
    let names: Vec<_> = names.into_iter().map(|e| e.payload).collect();
    assert_eq!(names, [named("UNKNOWN"), named("kept")]);
    let loaded = store.load_aggregate("old").await.unwrap();
    assert_eq!(
        (loaded.current_sequence, loaded.current_snapshot),
        (2, None)
    );
}

#[tokio::test]
async fn event_repositories() {
    let world = world().await;
    let repository = world.repository.clone().with_streaming_channel_size(1);
    assert!(
        repository
            .get_events::<Customer>("c")
            .await
            .unwrap()
            .is_empty()
    );
    let events = history("c", 2);
    repository.persist::<Customer>(&events, None).await.unwrap();
    assert_eq!(
        repository.get_events::<Customer>("c").await.unwrap(),
        events
    );

    for sequences in [vec![3, 2], vec![2], vec![1], vec![4]] {
        let late: Vec<_> = sequences
            .iter()
            .map(|n| serialized("c", *n, &named("late")))
            .collect();
        let error = repository
            .persist::<Customer>(&late, None)
            .await
            .unwrap_err();
        assert!(
            matches!(error, PersistenceError::OptimisticLockError),
            "{sequences:?}: {error}"
        );
    }
    assert_eq!(
        repository.get_events::<Customer>("c").await.unwrap(),
        events
    );
    repository.persist::<Customer>(&[], None).await.unwrap();
    assert_eq!(
        repository.get_events::<Customer>("c").await.unwrap(),
        events
    );

    let last = repository
        .get_last_events::<Customer>("c", 1)
        .await
        .unwrap();
    assert_eq!(last, events[1..]);
    for past in [2, 3, usize::MAX] {
        let none = repository.get_last_events::<Customer>("c", past).await;
        assert!(none.unwrap().is_empty(), "{past}");
    }

    let mut one = repository.stream_events::<Customer>("c").await.unwrap();
    let mut all = repository.stream_all_events::<Customer>().await.unwrap();
    for n in 1..=2 {
        assert_eq!(
            one.next::<Customer>(&[]).await.unwrap().unwrap().sequence,
            n
        );
        assert_eq!(
            all.next::<Customer>(&[]).await.unwrap().unwrap().sequence,
            n
        );
    }
    assert!(one.next::<Customer>(&[]).await.is_none());
    assert!(all.next::<Customer>(&[]).await.is_none());
}

#[tokio::test]
async fn an_aggregate_of_many_pages_is_loaded_whole() {
    let world = world().await;
    let events = history("long", 5_001);
    world
        .repository
        .persist::<Customer>(&events, None)
        .await
        .unwrap();
    let loaded = world
        .repository
        .get_events::<Customer>("long")
        .await
        .unwrap();
    assert!(loaded == events, "{} events", loaded.len());
}

#[tokio::test]
async fn one_of_many_writers_wins() {
    let world = world().await;
    let repository = &world.repository;
    repository
        .persist::<Customer>(&history("c", 1), None)
        .await
        .unwrap();
    let writers = (0..16).map(|n| async move {
        let event = serialized("c", 2, &named(&n.to_string()));
        repository.persist::<Customer>(&[event], None).await
    });
    let results = join_all(writers).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    let lost = |r: &&Result<_, _>| matches!(r, Err(PersistenceError::OptimisticLockError));
    assert_eq!(results.iter().filter(lost).count(), 15, "{results:?}");
    assert_eq!(
        repository.get_events::<Customer>("c").await.unwrap().len(),
        2
    );
}

#[tokio::test]
async fn tenants_with_the_same_aggregate_do_not_see_each_other() {
    let world = world().await;
    let other = Repository::new(world.store.clone(), registered(&world.store).await);
    let (mine, theirs) = (history("c", 3), history("c", 1));
    let kept = Some(("c".to_owned(), super::state("mine"), 1));
    world
        .repository
        .persist::<Customer>(&mine, kept)
        .await
        .unwrap();
    other.persist::<Customer>(&theirs, None).await.unwrap();
    assert_eq!(
        world.repository.get_events::<Customer>("c").await.unwrap(),
        mine
    );
    assert_eq!(other.get_events::<Customer>("c").await.unwrap(), theirs);
    assert!(other.get_snapshot::<Customer>("c").await.unwrap().is_none());
    let mut all = other.stream_all_events::<Customer>().await.unwrap();
    assert_eq!(
        all.next::<Customer>(&[]).await.unwrap().unwrap().sequence,
        1
    );
    assert!(all.next::<Customer>(&[]).await.is_none());
}

#[tokio::test]
async fn an_unknown_tenant_reads_nothing_and_is_told_what_to_do() {
    let world = world().await;
    let nobody = Repository::new(world.store.clone(), TenantId(SystemClock.uuid_v7()));
    assert!(nobody.get_events::<Customer>("c").await.unwrap().is_empty());
    assert!(
        nobody
            .get_snapshot::<Customer>("c")
            .await
            .unwrap()
            .is_none()
    );
    let error = nobody
        .persist::<Customer>(&history("c", 1), None)
        .await
        .unwrap_err();
    assert!(matches!(error, PersistenceError::UnknownError(_)));
    assert!(
        error.to_string().contains("daybook tenant create"),
        "{error}"
    );
}

#[tokio::test]
async fn a_database_that_is_gone_is_a_connection_error() {
    let world = world().await;
    world.store.close().await;
    let gone = |error: &PersistenceError| matches!(error, PersistenceError::ConnectionError(_));
    let read = world
        .repository
        .get_events::<Customer>("c")
        .await
        .unwrap_err();
    assert!(gone(&read), "{read}");
    let state = world
        .repository
        .get_snapshot::<Customer>("c")
        .await
        .unwrap_err();
    assert!(gone(&state), "{state}");
    let event = history("c", 1);
    let written = world
        .repository
        .persist::<Customer>(&event, None)
        .await
        .unwrap_err();
    assert!(gone(&written), "{written}");
}

#[tokio::test]
async fn what_the_log_cannot_store_is_an_error_with_its_reason() {
    let world = world().await;
    let mut big = serialized("c", 1, &named(&"x".repeat(513 << 10)));
    let error = world
        .repository
        .persist::<Customer>(&[big.clone()], None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, PersistenceError::UnknownError(_)),
        "{error}"
    );
    assert!(error.to_string().contains("the log refused"), "{error}");
    big.payload = json!({ "NameAdded": { "name": "small" } });
    world
        .repository
        .persist::<Customer>(&[big], None)
        .await
        .unwrap();
}

/// `My` and `Aggregate-1` make the same stream as `My-Aggregate` and `1`.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct My;

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct MyDashAggregate;

macro_rules! aggregate {
    ($name:ident, $type:literal) => {
        impl Aggregate for $name {
            const TYPE: &'static str = $type;
            type Command = ();
            type Event = CustomerEvent;
            type Error = std::fmt::Error;
            type Services = ();

            async fn handle(
                &mut self,
                (): (),
                (): &(),
                _: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                Ok(())
            }

            fn apply(&mut self, _: CustomerEvent) {}
        }
    };
}
aggregate!(My, "My");
aggregate!(MyDashAggregate, "My-Aggregate");

#[tokio::test]
async fn types_whose_names_begin_alike_are_kept_apart() {
    let world = world().await;
    let repository = &world.repository;
    repository
        .persist::<MyDashAggregate>(&history("1", 2), None)
        .await
        .unwrap();
    repository
        .persist::<My>(&history("x", 1), None)
        .await
        .unwrap();
    let mut all = repository.stream_all_events::<My>().await.unwrap();
    assert_eq!(
        all.next::<My>(&[]).await.unwrap().unwrap().aggregate_id,
        "x"
    );
    assert!(all.next::<My>(&[]).await.is_none());
    let error = repository
        .get_events::<My>("Aggregate-1")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("\"My-Aggregate\""), "{error}");
    assert!(
        repository
            .get_events::<MyAggregate>("1")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn imported_events_go_on_as_if_written_here() {
    let world = world().await;
    let import = Append::new(
        world.tenant,
        StreamId("Customer-c".into()),
        Expected::NoStream,
        SystemClock.uuid_v7(),
        br#"{"source":"import","original":{ "user":  "me" }}"#.to_vec(),
        vec![NewEvent {
            event_id: SystemClock.uuid_v7(),
            event_type: "NameAdded".into(),
            schema_version: 1,
            payload: br#"{ "NameAdded" : {"name": "Ada"} }"#.to_vec(),
        }],
    );
    world
        .store
        .append(&[import])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let store = PersistedEventStore::<_, Customer>::new_event_store(world.repository);
    let events = store.load_events("c").await.unwrap();
    assert_eq!(events[0].payload, named("Ada"));
    assert_eq!(events[0].metadata["user"], "me");
    let context = store.load_aggregate("c").await.unwrap();
    store
        .commit(vec![named("B")], context, HashMap::new())
        .await
        .unwrap();
    assert_eq!(store.load_events("c").await.unwrap().len(), 2);
}
