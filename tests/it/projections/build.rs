//! Builds side by side: made anew while everybody reads and writes, held against what serves, one tenant alone, and left behind
//! by a process that died.

use std::time::Duration;

use event_schemas::TenantId;
use event_store::Store;
use projections::{Engine, Error, digest::TableDigest};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{READ_MODELS, count, digests, digests_of, engine, history, names, store_all};
use crate::{harness, postgres::until};

async fn digest(engine: &Engine) -> Vec<TableDigest> {
    engine.digest("order").await.unwrap()
}

/// Orders that a tenant sees, with the statement that every reader's transaction begins with.
async fn orders(store: &Store, tenant: TenantId) -> i64 {
    let mut tx = store.tenant_tx(tenant).await.unwrap();
    sqlx::query_scalar("select count(*) from order_summary")
        .fetch_one(tx.connection())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_is_made_anew_while_everybody_reads_and_writes() {
    let database = harness::database().await;
    let (store, operator) = (database.store().await, database.store().await);
    let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &cancelled);
    let log = history(31, 4_000);
    let tenants: Vec<TenantId> = log.iter().take(5).map(|one| one.tenant).collect();
    let (early, late) = log.split_at(2_000);
    let serving = engine(&store, 300, 1).await;
    serving.run(&tasks, &cancelled);
    store_all(&store, early).await;

    let over = CancellationToken::new();
    let reading = {
        let (store, over) = (store.clone(), over.clone());
        tokio::spawn(async move {
            let mut seen = vec![0; tenants.len()];
            let mut reads = 0;
            while !over.is_cancelled() {
                for (tenant, seen) in tenants.iter().zip(&mut seen) {
                    let now = orders(&store, *tenant).await;
                    assert!(now >= *seen, "{tenant:?} went back from {seen} to {now}");
                    *seen = now;
                    reads += 1;
                }
            }
            reads
        })
    };
    // Another process makes all of them anew, twice, and the server helps.
    let anew = engine(&operator, 100, 1).await;
    let rebuilding = async {
        for round in 2..4 {
            for name in names() {
                assert_eq!(anew.rebuild(name).await.unwrap(), round);
            }
        }
    };
    let writing = async {
        for part in late.chunks(40) {
            store_all(&store, part).await;
        }
    };
    tokio::join!(rebuilding, writing);
    over.cancel();
    assert!(reading.await.unwrap() > 50);

    serving.catch_up().await.unwrap();
    let fresh = engine(&operator, 2_000, 9).await;
    fresh.catch_up().await.unwrap();
    assert_eq!(digests(&serving).await, digests(&fresh).await);
    for name in names() {
        let compared = anew.verify(name).await.unwrap();
        assert!(!compared.is_empty() && compared.iter().all(projections::Compared::is_equal));
    }
    let left = "select count(*) from projection.build where purpose = 'check'";
    assert_eq!(count(&store, left).await, 0);
    cancelled.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn a_rebuild_that_was_broken_off_goes_on_where_it_was() {
    let database = harness::database().await;
    let store = database.store().await;
    store_all(&store, &history(8, 1_200)).await;
    let serving = engine(&store, 2_000, 1).await;
    serving.catch_up().await.unwrap();
    let before = digest(&serving).await;
    break_off(&store).await;
    let applied = async || {
        let builds = projections::builds(&store).await.unwrap();
        let orders: Vec<_> = builds
            .into_iter()
            .filter(|one| one.projection == "order")
            .collect();
        let [old, new] = orders.as_slice() else {
            panic!("{orders:?}")
        };
        assert!(old.serves && !new.serves && new.events == old.events);
        assert!(new.rate().unwrap() > 0.0 && new.seconds_left().is_some());
        new.applied
    };
    assert!(applied().await > 0);
    let other = engine(&store, 2_000, 1).await;
    assert_eq!(other.rebuild("order").await.unwrap(), 2);
    assert_eq!(digest(&other).await, before);
    // The one that fed the old build finds the new one.
    serving.catch_up().await.unwrap();
    assert_eq!(digest(&serving).await, before);
}

/// Begins to make orders anew, and leaves it.
async fn break_off(store: &Store) {
    let one = engine(store, 50, 1).await;
    let rebuilding = one.rebuild("order");
    tokio::pin!(rebuilding);
    loop {
        tokio::select! {
            done = &mut rebuilding => panic!("it was not broken off: {done:?}"),
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
        let builds = projections::builds(store).await.unwrap();
        let orders = builds.iter().filter(|one| one.projection == "order");
        let newest = orders.max_by_key(|one| one.build).unwrap();
        if !newest.serves && newest.applied > 0 {
            return;
        }
    }
}

#[tokio::test]
async fn a_build_is_fed_whoever_sees_it_first() {
    let store = harness::database().await.store().await;
    let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &cancelled);
    store_all(&store, &history(8, 600)).await;
    let serving = engine(&store, 2_000, 1).await;
    serving.run(&tasks, &cancelled);
    serving.catch_up().await.unwrap();
    for build in 2..5_u64 {
        break_off(&store).await;
        // It lets the new build serve; the loop, which looks once a second, meets it only then.
        serving.catch_up().await.unwrap();
        store_all(&store, &history(build, 30)).await;
        let behind = "select count(*) from projection.live l join projection.checkpoint c using (projection, build)
                      join log.partition p using (partition)
                      where l.projection = 'order' and c.next_offset < p.next_offset";
        until("the new build goes on", async || {
            count(&store, behind).await == 0
        })
        .await;
        let serves = "select build::bigint from projection.live where projection = 'order'";
        assert_eq!(count(&store, serves).await, i64::try_from(build).unwrap());
    }
    cancelled.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn rows_that_the_log_does_not_make_are_found() {
    let database = harness::database().await;
    let store = database.store().await;
    store_all(&store, &history(12, 600)).await;
    let engine = engine(&store, 2_000, 1).await;
    engine.catch_up().await.unwrap();
    let schema: String =
        sqlx::query_scalar("select schema_name from projection.serving where projection = 'order'")
            .fetch_one(&mut database.admin().await)
            .await
            .unwrap();
    let spoil = format!(
        "update {schema}.order_summary set paid_total = paid_total + 1
         where order_id = (select order_id from {schema}.order_summary order by order_id limit 1)"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(spoil))
        .execute(&mut database.admin().await)
        .await
        .unwrap();
    let compared = engine.verify("order").await.unwrap();
    let wrong: Vec<_> = compared
        .iter()
        .filter(|table| !table.is_equal())
        .map(|table| table.serving.table.as_str())
        .collect();
    assert_eq!(wrong, ["order_summary"]);
    engine.rebuild("order").await.unwrap();
    let compared = engine.verify("order").await.unwrap();
    assert!(compared.iter().all(projections::Compared::is_equal));
}

#[tokio::test]
async fn one_tenant_is_made_anew_while_the_others_go_on() {
    let database = harness::database().await;
    let store = database.store().await;
    let log = history(17, 1_500);
    let tenant = log[0].tenant;
    store_all(&store, &log).await;
    let engine = engine(&store, 2_000, 1).await;
    engine.catch_up().await.unwrap();
    let before = digests(&engine).await;
    let schema: String =
        sqlx::query_scalar("select schema_name from projection.serving where projection = 'order'")
            .fetch_one(&mut database.admin().await)
            .await
            .unwrap();
    let spoil = format!(
        "delete from {schema}.order_line where tenant_id = '{}'",
        tenant.0
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(spoil))
        .execute(&mut database.admin().await)
        .await
        .unwrap();
    assert_ne!(digests(&engine).await, before);
    for name in names() {
        assert!(engine.rebuild_tenant(name, tenant).await.unwrap() > 100);
    }
    assert_eq!(digests(&engine).await, before);
    let nobody = TenantId(uuid::Uuid::nil());
    for refused in [
        engine.rebuild_tenant("order", nobody).await.unwrap_err(),
        engine.retry("order", nobody).await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::UnknownTenant(_)), "{refused:?}");
    }
    let unknown = engine.rebuild_tenant("tea", tenant).await.unwrap_err();
    assert!(
        matches!(unknown, Error::UnknownProjection(_)),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn servers_of_two_versions_read_their_own_tables() {
    let database = harness::database().await;
    let store = database.store().await;
    let log = history(40, 800);
    let tenant = log[0].tenant;
    store_all(&store, &log).await;
    let old = engine(&store, 2_000, 1).await;
    old.catch_up().await.unwrap();
    let new = engine(&store, 2_000, 2).await;
    let all = projections::all();
    let revision_of = |fold: u32| {
        let order = all.iter().find(|one| one.name() == "order").unwrap();
        let order = super::Revision(std::sync::Arc::clone(order), fold);
        projections::projection::revision(&order)
    };
    let reads = async |fold: u32| {
        let mut options = database.options.clone();
        options.session = vec![("app.revisions", revision_of(fold))];
        let store = Store::connect(&options).await.unwrap();
        let mut tx = store.tenant_tx(tenant).await.unwrap();
        let schema: String =
            sqlx::query_scalar("select relnamespace::regnamespace::text from pg_class where oid = 'order_summary'::regclass")
                .fetch_one(tx.connection())
                .await
                .unwrap();
        schema.rsplit('_').next().unwrap().parse::<i32>().unwrap()
    };
    // What has not caught up serves nobody.
    assert_eq!((reads(1).await, reads(2).await), (1, 1));
    new.catch_up().await.unwrap();
    assert_eq!((reads(1).await, reads(2).await), (1, 2));
    store_all(&store, &history(41, 100)).await;
    old.catch_up().await.unwrap();
    new.catch_up().await.unwrap();
    assert_eq!(
        digests_of(&old, READ_MODELS).await,
        digests_of(&new, READ_MODELS).await
    );
}
