//! The log's contract, straight at the store: numbers, versions, keys, and what each refusal leaves behind.

use chrono::{Duration, TimeDelta, Utc};
use event_schemas::{StreamId, TenantId};
use event_store::{
    Append, Appended, Error, Expected, KeyUse, NewEvent, Outcome, Refusal, Store, TenantChange,
    Want, Write, read::Span,
};
use uuid::Uuid;

use crate::harness;

pub fn append(tenant: TenantId, stream: &str, expected: Expected, events: usize) -> Append {
    let events = (0..events).map(|n| NewEvent {
        event_id: Uuid::now_v7(),
        event_type: "ThingHappened".into(),
        schema_version: 1,
        payload: format!("{{\"n\":{n}}}").into_bytes(),
    });
    Append::new(
        tenant,
        StreamId(stream.to_owned()),
        expected,
        Uuid::now_v7(),
        b"{}".to_vec(),
        events.collect(),
    )
}

pub fn registration(tenant: TenantId) -> Append {
    Append {
        change: Some(TenantChange::Register),
        ..append(
            tenant,
            &format!("organization-{tenant}"),
            Expected::NoStream,
            1,
        )
    }
}

pub async fn registered(store: &Store) -> TenantId {
    let tenant = TenantId(Uuid::now_v7());
    let outcomes = store.append(&[registration(tenant)]).await.unwrap();
    assert!(
        matches!(
            outcomes[0],
            Ok(Outcome::Appended(Appended {
                first_position: 1,
                ..
            }))
        ),
        "{outcomes:?}"
    );
    tenant
}

async fn one(store: &Store, append: Append) -> Outcome {
    store
        .append(&[append])
        .await
        .unwrap()
        .pop()
        .unwrap()
        .unwrap()
}

fn numbers(outcome: &Outcome) -> (i64, i32) {
    match outcome {
        Outcome::Appended(n) => (n.first_position, n.first_version()),
        other => panic!("not appended: {other:?}"),
    }
}

#[tokio::test]
async fn entries_of_a_batch_see_each_other_and_a_loser_fails_alone() {
    let store = harness::database().await.store().await;
    let tenant = registered(&store).await;
    let batch = [
        append(tenant, "order-a", Expected::NoStream, 2),
        append(tenant, "order-b", Expected::NoStream, 1),
        append(tenant, "order-a", Expected::NoStream, 1),
        append(tenant, "order-a", Expected::Exact(2), 3),
        append(tenant, "order-a", Expected::Any, 1),
        append(tenant, "order-c", Expected::StreamExists, 1),
        append(tenant, "order-b", Expected::StreamExists, 1),
    ];
    let outcomes: Vec<_> = store
        .append(&batch)
        .await
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(numbers(&outcomes[0]), (2, 1));
    assert_eq!(numbers(&outcomes[1]), (4, 1));
    assert_eq!(
        outcomes[2],
        Outcome::Conflict {
            current_version: 2,
            stream: 0
        }
    );
    assert_eq!(numbers(&outcomes[3]), (5, 3));
    assert_eq!(numbers(&outcomes[4]), (8, 6));
    assert_eq!(
        outcomes[5],
        Outcome::Conflict {
            current_version: 0,
            stream: 0
        }
    );
    assert_eq!(numbers(&outcomes[6]), (9, 2));
    let mut tx = store.operator_tx().await.unwrap();
    let events = tx.read_tenant(tenant, 1, 100).await.unwrap();
    assert_eq!(events.len(), 9);
    assert_eq!(events[4].payload, b"{\"n\":0}");
}

#[tokio::test]
async fn an_unstorable_command_is_cornered_and_the_rest_of_its_batch_is_written() {
    let store = harness::database().await.store().await;
    let tenant = registered(&store).await;
    let mut huge = append(tenant, "order-huge", Expected::NoStream, 1);
    huge.events[0].payload = vec![b'x'; 600 * 1024];
    let long = append(tenant, &"s".repeat(300), Expected::NoStream, 1);
    let mut batch: Vec<_> = (0..20)
        .map(|n| append(tenant, &format!("order-{n}"), Expected::NoStream, 1))
        .collect();
    batch.insert(7, huge);
    batch.insert(13, long);
    let outcomes = store.append(&batch).await.unwrap();
    let failed: Vec<usize> = (0..outcomes.len())
        .filter(|n| outcomes[*n].is_err())
        .collect();
    assert_eq!(failed, [7, 13]);
    let mut tx = store.operator_tx().await.unwrap();
    assert_eq!(tx.read_tenant(tenant, 1, 100).await.unwrap().len(), 21);
}

#[tokio::test]
async fn a_key_is_answered_with_its_first_result() {
    let store = harness::database().await.store().await;
    let tenant = registered(&store).await;
    let keyed = Append {
        request_hash: Some([7; 32]),
        ..append(tenant, "order-a", Expected::NoStream, 2)
    };
    let first = one(&store, keyed.clone()).await;
    let Outcome::Duplicate {
        original,
        request_hash,
    } = one(&store, keyed.clone()).await
    else {
        panic!("not a duplicate")
    };
    assert_eq!(
        (
            original.first_position,
            original.first_version(),
            original.events
        ),
        (2, 1, 2)
    );
    assert_eq!(numbers(&first), (2, 1));
    assert_eq!(request_hash, Some(vec![7; 32]));
    let use_of_key = [KeyUse {
        tenant,
        command_id: keyed.command_id,
    }];
    let want = [Want {
        tenant,
        stream: StreamId("order-a".into()),
        snapshot: None,
    }];
    let found = store.load(&want, &use_of_key).await.unwrap();
    assert_eq!(found.streams[0].events.len(), 2);
    assert_eq!(found.keys[0].as_ref().unwrap().first_position, 2);
}

#[tokio::test]
async fn tenants_are_registered_once_and_first() {
    let store = harness::database().await.store().await;
    let stranger = TenantId(Uuid::now_v7());
    assert_eq!(
        one(&store, append(stranger, "order-a", Expected::NoStream, 1)).await,
        Outcome::Refused(Refusal::TenantUnknown)
    );
    let tenant = registered(&store).await;
    assert_eq!(
        one(&store, registration(tenant)).await,
        Outcome::Refused(Refusal::TenantExists)
    );
    // In one batch: what comes before the registration is refused, what comes after it is not.
    let fresh = TenantId(Uuid::now_v7());
    let batch = [
        append(fresh, "customer-a", Expected::NoStream, 1),
        registration(fresh),
        append(fresh, "customer-a", Expected::NoStream, 1),
    ];
    let outcomes: Vec<_> = store
        .append(&batch)
        .await
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(outcomes[0], Outcome::Refused(Refusal::TenantUnknown));
    assert_eq!(
        (numbers(&outcomes[1]), numbers(&outcomes[2])),
        ((1, 1), (2, 1))
    );
}

#[tokio::test]
async fn a_tenants_state_changes_with_an_event_and_a_stream_is_named_once() {
    let store = harness::database().await.store().await;
    let tenant = registered(&store).await;
    let silent = Append {
        change: Some(TenantChange::Suspend),
        ..append(tenant, "organization-x", Expected::Any, 0)
    };
    let twice = Append {
        others: vec![Write {
            stream: StreamId("order-a".to_owned()),
            expected: Expected::NoStream,
            events: Vec::new(),
        }],
        ..append(tenant, "order-a", Expected::NoStream, 1)
    };
    for never in [silent, twice] {
        let results = store.append(&[never]).await.unwrap();
        assert!(
            matches!(results[0], Err(Error::Unstorable(_))),
            "{results:?}"
        );
    }
    let next = append(tenant, "order-a", Expected::NoStream, 1);
    assert_eq!(numbers(&one(&store, next).await), (2, 1));
}

#[tokio::test]
async fn imported_times_never_go_back_nor_into_the_future() {
    let store = harness::database().await.store().await;
    let tenant = TenantId(Uuid::now_v7());
    let long_ago = Utc::now() - TimeDelta::days(900);
    let dated = |append: Append, days: i64| Append {
        occurred_at: Some(long_ago + Duration::days(days)),
        ..append
    };
    let batch = [
        dated(registration(tenant), 0),
        dated(append(tenant, "order-a", Expected::NoStream, 1), 5),
        dated(append(tenant, "order-b", Expected::NoStream, 1), 4),
        dated(append(tenant, "order-c", Expected::NoStream, 1), 5),
    ];
    let outcomes: Vec<_> = store
        .append(&batch)
        .await
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(outcomes[2], Outcome::Refused(Refusal::BehindNewest));
    assert_eq!(numbers(&outcomes[3]), (3, 1));
    let behind = one(
        &store,
        dated(append(tenant, "order-d", Expected::NoStream, 1), 1),
    )
    .await;
    assert_eq!(behind, Outcome::Refused(Refusal::BehindNewest));
    let ahead = one(
        &store,
        dated(append(tenant, "order-d", Expected::NoStream, 1), 2000),
    )
    .await;
    assert_eq!(ahead, Outcome::Refused(Refusal::BehindNewest));
}

#[tokio::test]
async fn the_log_refuses_changes_even_to_its_administrator() {
    let database = harness::database().await;
    let store = database.store().await;
    registered(&store).await;
    let mut admin = database.admin().await;
    for statement in [
        "update log.event set position = 9",
        "delete from log.event",
        "truncate log.event",
    ] {
        let refused = sqlx::raw_sql(statement)
            .execute(&mut admin)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("append-only"),
            "{statement}: {refused}"
        );
    }
}

#[tokio::test]
async fn append_refuses_other_isolation_levels_and_other_partitions() {
    let database = harness::database().await;
    let mut admin = database.admin().await;
    let empty = "select * from log.append('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}')";
    sqlx::raw_sql(empty).execute(&mut admin).await.unwrap();
    let serializable = format!("begin isolation level repeatable read; {empty}");
    let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(serializable))
        .execute(&mut admin)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("READ COMMITTED"), "{refused}");
}

#[tokio::test]
async fn changed_bytes_stop_every_reader() {
    let database = harness::database().await;
    let store = database.store().await;
    let tenant = registered(&store).await;
    one(&store, append(tenant, "order-a", Expected::NoStream, 2)).await;
    let mut admin = database.admin().await;
    sqlx::raw_sql("alter table log.event disable trigger all; update log.event set payload = '{\"n\":9}' where position = 3")
        .execute(&mut admin)
        .await
        .unwrap();
    let wants = [Want {
        tenant,
        stream: StreamId("order-a".into()),
        snapshot: None,
    }];
    let loaded = store.load(&wants, &[]).await.unwrap_err().to_string();
    assert!(loaded.contains("content_hash"), "{loaded}");
    let read = store
        .operator_tx()
        .await
        .unwrap()
        .read_tenant(tenant, 1, 10)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        read.contains("content_hash") && read.contains("log.event"),
        "{read}"
    );
    sqlx::raw_sql("delete from log.event where position = 2")
        .execute(&mut admin)
        .await
        .unwrap();
    // Whether the hole is inside the page or where it begins, and however few bytes fit.
    for (from, bytes) in [(0, i64::MAX), (1, i64::MAX), (1, 0)] {
        let span = Span {
            partition: tenant.partition(16),
            from,
            most: 10,
        };
        let hole = store
            .partition_tx()
            .await
            .unwrap()
            .read_partitions(&[span], bytes)
            .await
            .unwrap_err()
            .to_string();
        assert!(hole.contains("offset"), "{hole}");
    }
}

#[tokio::test]
async fn a_unique_value_is_taken_only_for_a_stream_that_is_written_to() {
    let store = harness::database().await.store().await;
    let tenant = registered(&store).await;
    let claim = |stream: &str| store.claim(tenant, "email", "a", &StreamId(stream.to_owned()));
    let taking = |stream: &str| Append {
        claims: vec![claim(stream)],
        ..append(tenant, "order-a", Expected::Any, 1)
    };
    let only_checked = Append {
        others: vec![event_store::Write {
            stream: StreamId("order-b".to_owned()),
            expected: Expected::NoStream,
            events: Vec::new(),
        }],
        ..taking("order-b")
    };
    let given_back = Append {
        claims: vec![event_store::Claim {
            takes: false,
            ..claim("order-a")
        }],
        ..append(tenant, "order-c", Expected::Any, 1)
    };
    let batch = [
        taking("order-b"),
        only_checked,
        taking("order-a"),
        given_back,
    ];
    let mut outcomes = store.append(&batch).await.unwrap().into_iter();
    for _ in 0..2 {
        let error = outcomes.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("writes nothing to"), "{error}");
    }
    for outcome in outcomes {
        assert!(matches!(outcome, Ok(Outcome::Appended(_))), "{outcome:?}");
    }
}
