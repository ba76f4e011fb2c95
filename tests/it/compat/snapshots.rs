//! Snapshots: they come back as they were handed over, and one that is missing costs time, never an event.

use std::collections::HashMap;

use cqrs_es::{
    EventStore,
    doc::Customer,
    persist::{
        PersistedEventRepository, PersistedEventStore, PersistenceError, SerializedSnapshot,
    },
};

use super::{World, history, named, serialized, state, world};

fn snapshot(name: &str, current_sequence: usize, current_snapshot: usize) -> SerializedSnapshot {
    SerializedSnapshot {
        aggregate_id: "c".into(),
        aggregate: state(name),
        current_sequence,
        current_snapshot,
    }
}

async fn write(
    world: &World,
    sequence: usize,
    name: &str,
    current_snapshot: usize,
) -> Result<(), PersistenceError> {
    let event = serialized("c", sequence, &named(name));
    let update = Some(("c".to_owned(), state(name), current_snapshot));
    world.repository.persist::<Customer>(&[event], update).await
}

#[tokio::test]
async fn snapshot_repositories() {
    let world = world().await;
    let found = async || {
        world
            .repository
            .get_snapshot::<Customer>("c")
            .await
            .unwrap()
    };
    assert_eq!(found().await, None);
    write(&world, 1, "first", 1).await.unwrap();
    assert_eq!(found().await, Some(snapshot("first", 1, 1)));
    write(&world, 2, "saved", 2).await.unwrap();
    assert_eq!(found().await, Some(snapshot("saved", 2, 2)));

    let late = write(&world, 2, "not saved", 2).await.unwrap_err();
    assert!(
        matches!(late, PersistenceError::OptimisticLockError),
        "{late}"
    );
    assert_eq!(found().await, Some(snapshot("saved", 2, 2)));

    let update = Some(("c".to_owned(), state("of no event"), 3));
    world
        .repository
        .persist::<Customer>(&[], update)
        .await
        .unwrap();
    assert_eq!(found().await, Some(snapshot("saved", 2, 2)));
}

#[tokio::test]
async fn a_snapshot_store_reads_only_what_follows_its_snapshot() {
    let world = world().await;
    let store = PersistedEventStore::<_, Customer>::new_snapshot_store(world.repository.clone(), 3);
    for n in 1..=7 {
        let context = store.load_aggregate("c").await.unwrap();
        assert_eq!(context.current_sequence, n - 1);
        store
            .commit(vec![named(&n.to_string())], context, HashMap::new())
            .await
            .unwrap();
    }
    let kept = world
        .repository
        .get_snapshot::<Customer>("c")
        .await
        .unwrap();
    assert_eq!(kept, Some(snapshot("6", 6, 2)));
    world
        .tamper("update log.event set payload = '{}' where version <= 6")
        .await;
    let context = store.load_aggregate("c").await.unwrap();
    assert_eq!(
        (context.current_sequence, context.current_snapshot),
        (7, Some(2))
    );
    assert_eq!(context.aggregate.name, "7");
}

async fn loads_the_newest(store: &PersistedEventStore<event_store::compat::Repository, Customer>) {
    let context = store.load_aggregate("c").await.unwrap();
    assert_eq!(
        (context.current_sequence, &*context.aggregate.name),
        (4, "4")
    );
    store
        .commit(vec![named("5")], context, HashMap::new())
        .await
        .unwrap();
    let context = store.load_aggregate("c").await.unwrap();
    assert_eq!(
        (context.current_sequence, &*context.aggregate.name),
        (5, "5")
    );
}

#[tokio::test]
async fn after_a_missing_snapshot_every_store_replays() {
    let missing = "delete from log.snapshot";
    let stale = "update log.snapshot set version = 2, state = convert_to(replace(convert_from(state, 'utf8'), '4', '2'), 'utf8')";
    let unreadable = "update log.snapshot set state = 'no JSON'";
    for trouble in [missing, stale, unreadable] {
        for snapshot_size in [None, Some(1)] {
            let world = world().await;
            for n in 1..=4 {
                write(&world, n, &n.to_string(), n).await.unwrap();
            }
            world.tamper(trouble).await;
            let repository = world.repository.clone();
            let store = match snapshot_size {
                None => PersistedEventStore::new_aggregate_store(repository),
                Some(size) => PersistedEventStore::new_snapshot_store(repository, size),
            };
            loads_the_newest(&store).await;
        }
    }
}

#[tokio::test]
async fn without_snapshots_every_store_replays() {
    let world = world().await;
    let repository = world.repository.clone().without_snapshots();
    let update = Some(("c".to_owned(), state("wrong"), 1));
    repository
        .persist::<Customer>(&history("c", 4), update)
        .await
        .unwrap();
    loads_the_newest(&PersistedEventStore::new_aggregate_store(repository)).await;
}
