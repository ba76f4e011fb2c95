//! Other writers between a load and its append: whatever they did, the answer is the database's.

use event_store::{Expected, Outcome, Proofs, Refusal, Store, TenantChange};

use super::{decided, fact, numbers, one, ways};
use crate::{
    append::{append, registered, registration},
    harness,
};
use event_store::{Append, Write};

#[tokio::test]
async fn what_a_load_saw_is_numbered_without_asking_again() {
    let store = harness::database().await.store().await;
    let tenant = registered(&store).await;
    ways(&store);
    let first = decided(&store, tenant, "order-a", Expected::NoStream).await;
    assert_eq!(numbers(&one(&store, first).await), (2, 1));
    // From memory alone: no fact comes along.
    let next = append(tenant, "order-a", Expected::Exact(1), 2);
    assert_eq!(numbers(&one(&store, next).await), (3, 2));
    assert_eq!(ways(&store), [("numbered", "", 2)]);
    // A stream at another version is the database's to refuse.
    let stale = append(tenant, "order-a", Expected::Exact(1), 1);
    let conflict = one(&store, stale).await;
    assert!(
        matches!(
            conflict,
            Outcome::Conflict {
                current_version: 3,
                ..
            }
        ),
        "{conflict:?}"
    );
    assert_eq!(ways(&store), [("checked", "doubtful", 1)]);
}

#[tokio::test]
async fn a_foreign_append_between_load_and_flush_sends_the_batch_the_checked_way() {
    let database = harness::database().await;
    let (store, other) = (database.store().await, database.store().await);
    let tenant = registered(&store).await;
    let mine = decided(&store, tenant, "order-a", Expected::NoStream).await;
    let contested = decided(&store, tenant, "order-b", Expected::NoStream).await;
    let foreign = append(tenant, "order-b", Expected::NoStream, 1);
    assert_eq!(numbers(&one(&other, foreign).await), (2, 1));
    ways(&store);
    let results = store.append(&[mine, contested]).await.unwrap();
    assert_eq!(numbers(results[0].as_ref().unwrap()), (3, 1));
    assert!(matches!(
        results[1].as_ref().unwrap(),
        Outcome::Conflict {
            current_version: 1,
            ..
        }
    ));
    assert_eq!(ways(&store), [("checked", "moved", 2)]);
}

#[tokio::test]
async fn a_stale_fact_in_a_queued_command_does_not_count() {
    let database = harness::database().await;
    let (store, other) = (database.store().await, database.store().await);
    let tenant = registered(&store).await;
    let queued = decided(&store, tenant, "order-a", Expected::NoStream).await;
    let foreign = append(tenant, "order-b", Expected::NoStream, 1);
    one(&other, foreign).await;
    // The writer meets the log as it is now, by a later load of another command.
    let later = decided(&store, tenant, "order-c", Expected::NoStream).await;
    assert_eq!(numbers(&one(&store, later).await), (3, 1));
    ways(&store);
    // What the queued one saw lies before the foreign append; only the tenant's position is remembered.
    let stale = Append {
        expected: Expected::Exact(4),
        ..queued
    };
    let conflict = one(&store, stale).await;
    assert!(
        matches!(
            conflict,
            Outcome::Conflict {
                current_version: 0,
                ..
            }
        ),
        "{conflict:?}"
    );
    assert_eq!(ways(&store), [("checked", "unknown", 1)]);
}

/// Suspends through a store of its own.
async fn suspend(store: &Store, tenant: event_schemas::TenantId) {
    let change = Append {
        change: Some(TenantChange::Suspend),
        ..append(tenant, "organization-x", Expected::Any, 1)
    };
    assert!(matches!(one(store, change).await, Outcome::Appended(_)));
}

#[tokio::test]
async fn a_tenant_suspended_meanwhile_appends_nothing() {
    for by_the_same_writer in [false, true] {
        let database = harness::database().await;
        let (store, other) = (database.store().await, database.store().await);
        let tenant = registered(&store).await;
        let neighbour = registered(&store).await;
        let queued = decided(&store, tenant, "order-a", Expected::NoStream).await;
        suspend(if by_the_same_writer { &store } else { &other }, tenant).await;
        // Neither what was seen before counts nor what is seen now.
        let later = decided(&store, tenant, "order-a", Expected::NoStream).await;
        for append in [queued.clone(), later] {
            let refused = one(&store, append).await;
            assert_eq!(refused, Outcome::Refused(Refusal::TenantSuspended));
        }
        let unharmed = append(neighbour, "order-a", Expected::NoStream, 1);
        assert_eq!(numbers(&one(&store, unharmed).await), (2, 1));
        let resume = Append {
            change: Some(TenantChange::Resume),
            ..append(tenant, "organization-x", Expected::Any, 1)
        };
        assert_eq!(numbers(&one(&other, resume).await), (3, 2));
        assert_eq!(numbers(&one(&store, queued).await), (4, 1));
    }
}

#[tokio::test]
async fn the_fact_of_an_unregistered_tenant_is_none() {
    let store = harness::database().await.store().await;
    let stranger = event_schemas::TenantId(uuid::Uuid::now_v7());
    assert_eq!(fact(&store, stranger, "order-a").await, None);
    let nobody = append(stranger, "order-a", Expected::NoStream, 1);
    assert_eq!(
        one(&store, nobody).await,
        Outcome::Refused(Refusal::TenantUnknown)
    );
    // A registration is checked; what follows it is numbered.
    ways(&store);
    let register = registration(stranger);
    assert_eq!(numbers(&one(&store, register).await), (1, 1));
    let next = append(stranger, "order-a", Expected::NoStream, 1);
    assert_eq!(numbers(&one(&store, next).await), (2, 1));
    assert_eq!(ways(&store), [("numbered", "", 1), ("checked", "asks", 1)]);
}

#[tokio::test]
async fn a_key_used_before_is_met_again_on_the_numbered_path() {
    let database = harness::database().await;
    let (store, other) = (database.store().await, database.store().await);
    let tenant = registered(&store).await;
    let keyed = |append: Append| Append {
        request_hash: Some([7; 32]),
        ..append
    };
    let first = keyed(append(tenant, "order-a", Expected::NoStream, 1));
    assert_eq!(numbers(&one(&other, first.clone()).await), (2, 1));
    // A fresh fact, but the key was never looked up.
    let again = Append {
        command_id: first.command_id,
        ..keyed(decided(&store, tenant, "order-b", Expected::NoStream).await)
    };
    ways(&store);
    let Outcome::Duplicate { original, .. } = one(&store, again).await else {
        panic!("not a duplicate")
    };
    assert_eq!(original.first_position, 2);
    assert_eq!(ways(&store), [("checked", "collided", 1)]);
    assert_eq!(
        fact(&store, tenant, "order-b").await.unwrap().position,
        Some(2)
    );
}

#[tokio::test]
async fn a_memory_does_not_outlive_its_connection() {
    let database = harness::database().await;
    let store = database.store().await;
    let tenant = registered(&store).await;
    one(&store, append(tenant, "order-a", Expected::NoStream, 1)).await;
    let mut admin = database.admin().await;
    sqlx::query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'daybook_append' and datname = current_database()")
        .execute(&mut admin)
        .await
        .unwrap();
    ways(&store);
    let next = append(tenant, "order-a", Expected::Exact(1), 1);
    assert_eq!(numbers(&one(&store, next).await), (3, 2));
    let (way, _, commands) = ways(&store)[0];
    assert_eq!((way, commands), ("checked", 1));
}

#[tokio::test]
async fn what_a_failover_took_back_is_not_remembered() {
    let database = harness::database().await;
    let (store, other) = (database.store().await, database.store().await);
    let neighbour = registered(&other).await;
    let tenant = loop {
        let tenant = registered(&store).await;
        if tenant.partition(16) == neighbour.partition(16) {
            break tenant;
        }
    };
    one(&store, append(tenant, "order-a", Expected::NoStream, 1)).await;
    let lost = append(tenant, "order-b", Expected::NoStream, 1);
    ways(&store);
    assert_eq!(numbers(&one(&store, lost).await), (3, 1));
    assert_eq!(ways(&store), [("numbered", "", 1)]);
    let under_way = decided(&store, tenant, "order-c", Expected::NoStream).await;
    // A server that did not have the last event takes over, and somebody else's event gets its offset.
    let mut admin = database.admin().await;
    sqlx::raw_sql(
        "alter table log.event disable trigger all; \
         delete from log.event where stream_id = 'order-b'; \
         alter table log.event enable trigger all; \
         update log.partition p set next_offset = 1 + (select max(\"offset\") from log.event e where e.partition = p.partition) \
           where next_offset > 0; \
         select pg_terminate_backend(pid, 5000) from pg_stat_activity \
           where usename = 'daybook_append' and datname = current_database()",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    let theirs = append(neighbour, "order-a", Expected::NoStream, 1);
    assert_eq!(numbers(&one(&other, theirs).await), (2, 1));
    // The next offset is what this writer remembers and what the load saw; nothing else of it is true.
    assert_eq!(numbers(&one(&store, under_way).await), (3, 1));
    let next = append(tenant, "order-b", Expected::Exact(1), 1);
    let conflict = one(&store, next).await;
    assert!(
        matches!(
            conflict,
            Outcome::Conflict {
                current_version: 0,
                ..
            }
        ),
        "{conflict:?}"
    );
}

#[tokio::test]
async fn every_append_can_be_checked_or_fully_proved() {
    for proofs in [Proofs::Checked, Proofs::Full] {
        let mut database = harness::database().await;
        database.options.proofs = proofs;
        let store = database.store().await;
        let tenant = registered(&store).await;
        ways(&store);
        let batch = [
            decided(&store, tenant, "order-a", Expected::NoStream).await,
            append(tenant, "order-a", Expected::Exact(1), 2),
            append(tenant, "order-b", Expected::NoStream, 1),
        ];
        let outcomes = store.append(&batch).await.unwrap();
        let all: Vec<_> = outcomes
            .iter()
            .map(|o| numbers(o.as_ref().unwrap()))
            .collect();
        assert_eq!(all, [(2, 1), (3, 2), (5, 1)]);
        let way = if proofs == Proofs::Full {
            ("numbered", "", 3)
        } else {
            ("checked", "chosen", 3)
        };
        assert_eq!(ways(&store), [way]);
        // The proofs are of what is written: a stream that is only checked is for the database.
        let untouched = Write {
            stream: event_schemas::StreamId("order-a".to_owned()),
            expected: Expected::Exact(3),
            events: Vec::new(),
        };
        let beside = Append {
            others: vec![untouched],
            ..append(tenant, "order-c", Expected::NoStream, 1)
        };
        assert_eq!(numbers(&one(&store, beside).await), (6, 1));
        assert_eq!(ways(&store)[0].0, "checked");
    }
}
