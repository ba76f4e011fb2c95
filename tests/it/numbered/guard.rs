//! A writer that is wrong: its numbers pass the swap and miss every unique key. The guard sees them.

use std::time::{Duration, Instant};

use event_schemas::TenantId;
use event_store::{Append, Expected, Fact, Outcome, Proofs, Refusal, Store};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{decided, fact, numbers, one};
use crate::{
    append::{append, registered},
    harness,
    postgres::{holds, until},
};

/// A position that leaves a hole, put into the writer's memory by a fact that is not true.
async fn wrong_position(store: &Store, tenant: TenantId) -> Append {
    let seen = fact(store, tenant, "order-a").await.unwrap();
    Append {
        fact: Some(Fact {
            position: seen.position.map(|position| position + 5),
            ..seen
        }),
        ..append(tenant, "order-a", Expected::NoStream, 1)
    }
}

/// A version that leaves a hole.
async fn wrong_version(store: &Store, tenant: TenantId) -> Append {
    Append {
        fact: fact(store, tenant, "order-a").await,
        ..append(tenant, "order-a", Expected::Exact(7), 1)
    }
}

/// An offset that leaves a hole, as a swap that wrote fewer events than it counted would.
async fn skip_an_offset(admin: &mut sqlx::PgConnection, tenant: TenantId) {
    sqlx::query("update log.partition set next_offset = next_offset + 1 where partition = $1")
        .bind(i16::try_from(tenant.partition(16)).unwrap())
        .execute(admin)
        .await
        .unwrap();
}

async fn state(admin: &mut sqlx::PgConnection, tenant: TenantId) -> String {
    sqlx::query_scalar("select state from log.tenant where tenant_id = $1")
        .bind(tenant.0)
        .fetch_one(admin)
        .await
        .unwrap()
}

/// Waits until the guard has seen everything.
async fn proved(admin: &mut sqlx::PgConnection) {
    let behind =
        "select exists (select from log.partition p left join log.proved d using (partition)
         where p.next_offset <> coalesce(d.next_offset, 0))";
    until("the proof of everything", async || {
        !holds(&mut *admin, behind).await
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_freezes_its_tenant_and_nobody_else() {
    for column in ["offset", "position", "version"] {
        let database = harness::database().await;
        let (store, mut admin) = (database.store().await, database.admin().await);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        store.start(&tasks, &stop);
        let (tenant, neighbour) = (registered(&store).await, registered(&store).await);
        // A writer that remembers nothing believes what it is told.
        let other = database.store().await;
        // Of two processes one guards.
        other.start(&tasks, &stop);
        let wrong = match column {
            "offset" => {
                skip_an_offset(&mut admin, tenant).await;
                decided(&other, tenant, "order-a", Expected::NoStream).await
            }
            "position" => wrong_position(&other, tenant).await,
            _ => wrong_version(&other, tenant).await,
        };
        assert!(matches!(one(&other, wrong).await, Outcome::Appended(_)));
        let deadline = Instant::now() + Duration::from_secs(20);
        while state(&mut admin, tenant).await != "frozen" {
            assert!(Instant::now() < deadline, "{column}: nobody noticed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let frozen = append(tenant, "order-z", Expected::NoStream, 1);
        assert_eq!(
            one(&store, frozen).await,
            Outcome::Refused(Refusal::TenantFrozen)
        );
        assert_eq!(state(&mut admin, neighbour).await, "active");
        let unharmed = append(neighbour, "order-a", Expected::NoStream, 1);
        assert_eq!(numbers(&one(&store, unharmed).await), (2, 1));
        // The alarm is an event like every change of a tenant's state, and names what is wrong.
        let alarm: String = sqlx::query_scalar(
            "select convert_from(payload, 'UTF8') from log.event where tenant_id = $1 and stream_id = '$log' and event_type = 'TenantFrozen'",
        )
        .bind(tenant.0)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        assert!(
            alarm.contains(&format!("\"column\":\"{column}\"")),
            "{alarm}"
        );
        // What was found and dealt with is no alarm any more: what follows now, follows.
        store.unfreeze(tenant, "looked into").await.unwrap();
        let again = append(tenant, "order-z", Expected::NoStream, 1);
        assert!(matches!(one(&store, again).await, Outcome::Appended(_)));
        proved(&mut admin).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        // Nor does the next guard raise it again: it goes on where the last one was.
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        store.start(&tasks, &stop);
        let next = append(tenant, "order-z", Expected::Exact(1), 1);
        assert!(matches!(one(&store, next).await, Outcome::Appended(_)));
        proved(&mut admin).await;
        let alarms: i64 =
            sqlx::query_scalar("select count(*) from log.event where event_type = 'TenantFrozen'")
                .fetch_one(&mut admin)
                .await
                .unwrap();
        assert_eq!(alarms, 1, "{column}");
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }
}

#[tokio::test]
async fn with_full_proofs_a_wrong_number_is_not_written_at_all() {
    let mut database = harness::database().await;
    database.options.proofs = Proofs::Full;
    let store = database.store().await;
    let tenant = registered(&store).await;
    let other = database.store().await;
    let wrong = wrong_position(&other, tenant).await;
    assert_eq!(numbers(&one(&other, wrong).await), (2, 1));
    let (second, other) = (registered(&store).await, database.store().await);
    let wrong = wrong_version(&other, second).await;
    let conflict = one(&other, wrong).await;
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
