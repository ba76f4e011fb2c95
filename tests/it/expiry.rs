//! Idempotency keys whose time is over: they go, those that are still valid stay, and one that comes back is a new command.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use commands::{Bus, Request, Way};
use event_schemas::TenantId;
use event_store::{Store, SystemClock};
use serde_json::json;
use sqlx::PgConnection;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{append::registered, harness};

/// Keys of one tenant, half of them expired at different times.
async fn remember(admin: &mut PgConnection, tenant: TenantId, keys: i32) {
    sqlx::query(
        "insert into log.command (tenant_id, command_id, request_hash, response, expires_at)
         select $1, gen_random_uuid(), '', '{}',
           now() + case when n % 2 = 0 then -1 else 1 end * (n % 7 + 1) * interval '1 hour'
         from generate_series(1, $2) n",
    )
    .bind(tenant.0)
    .bind(keys)
    .execute(admin)
    .await
    .unwrap();
}

/// How many keys are remembered: expired ones, and valid ones.
async fn remembered(admin: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as(
        "select count(*) filter (where expires_at <= now()), count(*) filter (where expires_at > now()) from log.command",
    )
    .fetch_one(admin)
    .await
    .unwrap()
}

async fn expire(admin: &mut PgConnection) {
    sqlx::raw_sql("update log.command set expires_at = now() - interval '1 second'")
        .execute(admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn expired_keys_go_and_valid_ones_stay() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenant = registered(&store).await;
    // More than one batch, and a batch's last ones expired at the same time as the next one's first.
    remember(&mut admin, tenant, 10_000).await;
    assert_eq!(store.prune_commands().await.unwrap(), 5_000);
    assert_eq!(remembered(&mut admin).await, (0, 5_000));
    assert_eq!(store.prune_commands().await.unwrap(), 0);
}

#[tokio::test]
async fn one_process_forgets_at_a_time() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenant = registered(&store).await;
    remember(&mut admin, tenant, 10).await;
    // Another process in the middle of a batch.
    let mut other = database.admin().await;
    sqlx::raw_sql("begin; select * from log.prune_commands(null, 2)")
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(store.prune_commands().await.unwrap(), 0);
    sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    assert_eq!(remembered(&mut admin).await, (3, 5));
    assert_eq!(store.prune_commands().await.unwrap(), 3);
}

#[tokio::test]
async fn a_running_server_forgets_by_itself_counts_it_and_stops() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenant = registered(&store).await;
    remember(&mut admin, tenant, 10).await;
    let app = database.serve().await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while remembered(&mut admin).await != (0, 5) {
        assert!(
            Instant::now() < deadline,
            "the expired keys are still there"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whoever counts does so after the commit.
    loop {
        let metrics = app.client.get(format!("{}/metrics", app.url)).send().await;
        let metrics = metrics.unwrap().text().await.unwrap();
        if metrics.contains("log_commands_pruned_total") {
            break;
        }
        assert!(Instant::now() < deadline, "it is not counted");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.stop().await;
}

fn rename(tenant: TenantId, name: &str, key: Option<&str>) -> Request {
    let data = json!({ "name": name });
    let request = daybook::verb::tenant::request(tenant, "organization.rename", &data).unwrap();
    Request {
        key: key.map(ToOwned::to_owned),
        ..request
    }
}

/// A key is used, repeated, forgotten, used again and repeated again.
async fn comes_back(store: &Store, admin: &mut PgConnection, way: Way) {
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, way);
    let tenant = TenantId(Uuid::now_v7());
    let data = json!({ "name": "Old & Sons" });
    let register = daybook::verb::tenant::request(tenant, "organization.register", &data);
    bus.execute(register.unwrap()).await.unwrap();
    let keyed = || rename(tenant, "New & Sons", Some("once"));

    let first = bus.execute(keyed()).await.unwrap();
    assert_eq!((first.version, first.replayed), (2, false), "{way:?}");
    let between = rename(tenant, "Other & Sons", None);
    assert_eq!(bus.execute(between).await.unwrap().version, 3);
    let repeated = bus.execute(keyed()).await.unwrap();
    assert_eq!(
        (repeated.version, repeated.position, repeated.replayed),
        (2, first.position, true),
        "{way:?}"
    );

    expire(admin).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while remembered(admin).await.0 > 0 {
        // The store's own round may be under way.
        assert!(Instant::now() < deadline, "the key is still remembered");
        store.prune_commands().await.unwrap();
    }
    let second = bus.execute(keyed()).await.unwrap();
    assert_eq!((second.version, second.replayed), (4, false), "{way:?}");
    assert_ne!(
        second.events[0].id, first.events[0].id,
        "{way:?}: no two events have one id"
    );
    let repeated = bus.execute(keyed()).await.unwrap();
    assert_eq!(
        (repeated.version, repeated.position, repeated.replayed),
        (4, second.position, true),
        "{way:?}: the newer use counts"
    );
    assert_eq!(repeated.events[0].id, second.events[0].id, "{way:?}");
    // It does not fit what has become of the organization: refused like any new command.
    expire(admin).await;
    while remembered(admin).await.0 > 0 {
        assert!(Instant::now() < deadline, "the key is still remembered");
        store.prune_commands().await.unwrap();
    }
    let unchanged = bus.execute(keyed()).await.unwrap_err();
    assert_eq!(unchanged.code(), "organization-name-unchanged", "{way:?}");
}

#[tokio::test]
async fn a_key_repeated_after_its_expiry_is_a_new_command() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &stop);
    comes_back(&store, &mut admin, Way::Direct).await;
    // Here the writer remembers what it appended, the key too.
    comes_back(&store, &mut admin, Way::Lanes).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let scope = event_store::fsck::Scope {
        tenant: None,
        keep: 10,
    };
    let report = event_store::fsck::fsck(&store, scope, &|_, _| {}).await;
    let report = report.unwrap();
    assert!(report.is_sound(), "{report:?}");
}
