//! Snapshots of long streams: kept beside the answers, used by later loads, and never the reason for a wrong answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use commands::{Accepted, Bus, Request, Way};
use event_schemas::TenantId;
use event_store::{Store, SystemClock};
use serde_json::json;

use crate::harness;

fn bus(store: &Store) -> Bus {
    Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct)
}

fn rename(tenant: TenantId, name: &str) -> Request {
    daybook::verb::tenant::request(tenant, "organization.rename", &json!({ "name": name })).unwrap()
}

/// A tenant whose organization has 130 events; its fifth rename had the key `fifth`.
async fn long_stream(store: &Store) -> (TenantId, Accepted) {
    let tenant = TenantId(uuid::Uuid::now_v7());
    let register =
        daybook::verb::tenant::request(tenant, "organization.register", &json!({ "name": "New" }));
    bus(store).execute(register.unwrap()).await.unwrap();
    let mut fifth = None;
    for number in 1..130 {
        let mut request = rename(tenant, &format!("Name {number}"));
        if number == 5 {
            request.key = Some("fifth".to_owned());
        }
        let answer = bus(store).execute(request).await.unwrap();
        assert_eq!(answer.version, number + 1);
        if number == 5 {
            fifth = Some(answer);
        }
    }
    (tenant, fifth.unwrap())
}

#[tokio::test]
async fn a_long_stream_is_loaded_from_its_snapshot_and_a_foreign_one_is_ignored() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let (tenant, fifth) = long_stream(&store).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let versions: Vec<i32> = sqlx::query_scalar("select version from log.snapshot")
            .fetch_all(&mut admin)
            .await
            .unwrap();
        if versions == [100] {
            break;
        }
        assert!(Instant::now() < deadline, "no snapshot: {versions:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // What is decided follows from the snapshot and the events after it.
    let same = bus(&store).execute(rename(tenant, "Name 129")).await;
    assert_eq!(same.unwrap_err().code(), "organization-name-unchanged");
    let next = bus(&store).execute(rename(tenant, "Name 130")).await;
    assert_eq!(next.unwrap().version, 131);

    // An answer that lies before the snapshot is found all the same.
    let mut again = rename(tenant, "Name 5");
    again.key = Some("fifth".to_owned());
    let replayed = bus(&store).execute(again).await.unwrap();
    assert!(replayed.replayed);
    assert_eq!(
        (replayed.version, replayed.position),
        (fifth.version, fifth.position)
    );

    // That it is used at all: one that says something else is believed, as long as its form is right.
    let forge = "update log.snapshot set version = 131, state = convert_to(replace(convert_from(state, 'UTF8'), 'Name 99', 'Forged'), 'UTF8')";
    sqlx::raw_sql(forge).execute(&mut admin).await.unwrap();
    let forged = bus(&store).execute(rename(tenant, "Forged")).await;
    assert_eq!(forged.unwrap_err().code(), "organization-name-unchanged");
    // One of another form is not: the events say what is true.
    sqlx::raw_sql("update log.snapshot set schema_hash = sha256('another form')")
        .execute(&mut admin)
        .await
        .unwrap();
    let right = bus(&store).execute(rename(tenant, "Forged")).await;
    assert_eq!(right.unwrap().version, 132);
}
