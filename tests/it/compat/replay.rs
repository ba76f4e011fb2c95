//! Replays: everything arrives in order, and whatever goes wrong is told in the stream.

use cqrs_es::{
    doc::Customer,
    persist::{PersistedEventRepository, PersistenceError, ReplayStream},
};
use event_schemas::StreamId;
use event_store::{Append, Clock, Expected, NewEvent, SystemClock};

use super::{World, history, named, serialized, world};

/// What a stream tells: the events' aggregates and sequences, and the errors' words.
async fn told(mut stream: ReplayStream) -> Vec<Result<(String, usize), PersistenceError>> {
    let mut told = Vec::new();
    while let Some(event) = stream.next::<Customer>(&[]).await {
        told.push(event.map(|event| (event.aggregate_id, event.sequence)));
    }
    told
}

async fn one(world: &World, id: &str) -> Vec<Result<(String, usize), PersistenceError>> {
    let repository = world.repository.clone().with_streaming_channel_size(3);
    told(repository.stream_events::<Customer>(id).await.unwrap()).await
}

async fn all(world: &World) -> Vec<Result<(String, usize), PersistenceError>> {
    let repository = world.repository.clone().with_streaming_channel_size(3);
    told(repository.stream_all_events::<Customer>().await.unwrap()).await
}

/// An event of the customer's stream that cqrs-es did not write.
async fn foreign(world: &World, version: i32, payload: &[u8], metadata: &[u8]) {
    let event = NewEvent {
        event_id: SystemClock.uuid_v7(),
        event_type: "NameAdded".into(),
        schema_version: 1,
        payload: payload.to_vec(),
    };
    let append = Append::new(
        world.tenant,
        StreamId("Customer-c".into()),
        Expected::at(version - 1),
        SystemClock.uuid_v7(),
        metadata.to_vec(),
        vec![event],
    );
    let outcome = world.store.append(&[append]).await.unwrap().remove(0);
    assert!(
        matches!(outcome, Ok(event_store::Outcome::Appended(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn every_event_arrives_once_in_order() {
    let world = world().await;
    let mut expected = Vec::new();
    for n in 1..=10 {
        for id in ["a", "b", "c-d"] {
            let event = serialized(id, n, &named("x"));
            world
                .repository
                .persist::<Customer>(&[event], None)
                .await
                .unwrap();
            expected.push((id.to_owned(), n));
        }
    }
    let everything: Vec<_> = all(&world).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(everything, expected);
    expected.retain(|(id, _)| id == "b");
    let b: Vec<_> = one(&world, "b")
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(b, expected);
    assert!(one(&world, "nobody").await.is_empty());
}

#[tokio::test]
async fn a_full_last_page_ends_the_replay_too() {
    let world = world().await;
    world
        .repository
        .persist::<Customer>(&history("c", 6), None)
        .await
        .unwrap();
    assert_eq!(one(&world, "c").await.len(), 6);
    let mut none = world
        .repository
        .clone()
        .with_streaming_channel_size(0)
        .stream_events::<Customer>("c")
        .await
        .unwrap();
    assert_eq!(
        none.next::<Customer>(&[]).await.unwrap().unwrap().sequence,
        1
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_and_passed() {
    let world = world().await;
    let sound = br#"{"NameAdded":{"name":"x"}}"#;
    foreign(&world, 1, sound, b"{}").await;
    foreign(&world, 2, b"no JSON", b"{}").await;
    foreign(&world, 3, sound, b"no JSON").await;
    foreign(&world, 4, br#"{"Unheard":{}}"#, b"{}").await;
    foreign(&world, 5, sound, br#"{"original":7}"#).await;
    foreign(&world, 6, sound, b"{}").await;
    for told in [one(&world, "c").await, all(&world).await] {
        let words: Vec<_> = told
            .into_iter()
            .map(|told| match told {
                Ok((_, sequence)) => sequence.to_string(),
                Err(PersistenceError::DeserializationError(error)) => error.to_string(),
                Err(other) => panic!("{other}"),
            })
            .collect();
        let expected = [
            "1",
            "event 2 of the stream Customer-c has a payload",
            "event 3 of the stream Customer-c has a metadata",
            "unknown variant `Unheard`",
            "invalid type: integer `7`",
            "6",
        ];
        assert_eq!(words.len(), expected.len(), "{words:?}");
        for (word, expected) in words.iter().zip(expected) {
            assert!(word.starts_with(expected), "{word}");
        }
    }
    let load = world
        .repository
        .get_events::<Customer>("c")
        .await
        .unwrap_err();
    assert!(
        matches!(load, PersistenceError::DeserializationError(_)),
        "{load}"
    );
}

#[tokio::test]
async fn a_changed_event_ends_the_replay_with_an_error() {
    let world = world().await;
    world
        .repository
        .persist::<Customer>(&history("c", 9), None)
        .await
        .unwrap();
    world
        .tamper("update log.event set payload = '{}' where version = 5")
        .await;
    for mut told in [one(&world, "c").await, all(&world).await] {
        let error = told.pop().unwrap().unwrap_err();
        assert!(
            matches!(error, PersistenceError::UnknownError(_)),
            "{error}"
        );
        assert!(error.to_string().contains("content_hash"), "{error}");
        assert!(told.iter().all(Result::is_ok) && told.len() < 5);
    }
    let load = world
        .repository
        .get_events::<Customer>("c")
        .await
        .unwrap_err();
    assert!(load.to_string().contains("content_hash"), "{load}");
}

#[tokio::test]
async fn a_hole_ends_the_replay_with_an_error() {
    let world = world().await;
    world
        .repository
        .persist::<Customer>(&history("c", 9), None)
        .await
        .unwrap();
    world
        .tamper("delete from log.event where version = 4")
        .await;
    for mut told in [one(&world, "c").await, all(&world).await] {
        let error = told.pop().unwrap().unwrap_err();
        assert!(error.to_string().contains("corrupt log"), "{error}");
        assert!(told.iter().all(Result::is_ok) && told.len() < 4);
    }
}

#[tokio::test]
async fn a_lost_database_ends_the_replay_with_an_error() {
    let world = world().await;
    world
        .repository
        .persist::<Customer>(&history("c", 30), None)
        .await
        .unwrap();
    let repository = world.repository.clone().with_streaming_channel_size(2);
    let mut one = repository.stream_events::<Customer>("c").await.unwrap();
    let mut all = repository.stream_all_events::<Customer>().await.unwrap();
    for stream in [&mut one, &mut all] {
        assert_eq!(
            stream
                .next::<Customer>(&[])
                .await
                .unwrap()
                .unwrap()
                .sequence,
            1
        );
    }
    world.store.close().await;
    for stream in [one, all] {
        let mut told = told(stream).await;
        let error = told.pop().unwrap().unwrap_err();
        assert!(
            matches!(error, PersistenceError::ConnectionError(_)),
            "{error}"
        );
        assert!(told.iter().all(Result::is_ok) && told.len() < 29);
    }
}
