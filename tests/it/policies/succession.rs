//! Of all builds of a policy one answers, and the next one goes on where it stopped: nothing is answered twice, or not at all.

use std::sync::Arc;

use projections::{Projection, digest::TableDigest};

use super::stage::{Stage, count, orders};
use crate::{harness, projections::Revision};

async fn state(stage: &Stage) -> Vec<TableDigest> {
    stage.engine.digest("revenue").await.unwrap()
}

fn revision(number: u32) -> Vec<Arc<dyn Projection>> {
    projections::all()
        .into_iter()
        .map(|one| Arc::new(Revision(one, number)) as Arc<dyn Projection>)
        .collect()
}

#[tokio::test]
async fn a_rebuild_answers_nothing_again() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = stage.tenant().await;
    stage.follow(tenant, 1).await;
    for id in 100..120 {
        stage.order(tenant, id).await;
    }
    stage.settle().await;
    let before = state(&stage).await;
    assert_eq!(stage.engine.rebuild("revenue").await.unwrap(), 2);
    assert_eq!(state(&stage).await, before);
    let compared = stage.engine.verify("revenue").await.unwrap();
    assert!(compared.iter().all(projections::Compared::is_equal));
    stage
        .engine
        .rebuild_tenant("revenue", tenant)
        .await
        .unwrap();
    assert_eq!(
        count(&stage.store, "select count(*) from policy.outbox").await,
        0
    );
    stage.order(tenant, 120).await;
    stage.settle().await;
    assert_eq!(stage.observed(tenant).await, orders(100..121));
}

#[tokio::test]
async fn a_policy_answers_nothing_that_was_there_before_it() {
    let database = harness::database().await;
    // The template of all databases has every policy; this log is older than this one.
    let mut admin = database.admin().await;
    sqlx::raw_sql(
        "delete from projection.live where projection = 'revenue';
         delete from projection.checkpoint where projection = 'revenue';
         delete from projection.build where projection = 'revenue'",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    let old = projections::all()
        .into_iter()
        .filter(|one| one.name() != "revenue")
        .collect();
    let before = Stage::with(&database, old).await;
    let tenant = before.tenant().await;
    before.follow(tenant, 1).await;
    before.order(tenant, 100).await;
    before.settle().await;
    assert!(before.observed(tenant).await.is_empty());

    let after = Stage::with(&database, revision(7)).await;
    after.settle().await;
    assert!(after.observed(tenant).await.is_empty());
    after.order(tenant, 101).await;
    // Made anew before the first build has come so far.
    assert_eq!(after.engine.rebuild("revenue").await.unwrap(), 2);
    after.settle().await;
    assert_eq!(after.observed(tenant).await, orders([101]));
}

#[tokio::test]
async fn the_next_version_goes_on_where_the_last_one_stopped() {
    let database = harness::database().await;
    let old = Stage::open(&database).await;
    let tenant = old.tenant().await;
    old.follow(tenant, 1).await;
    for id in 100..110 {
        old.order(tenant, id).await;
    }
    old.settle().await;
    let new = Stage::with(&database, revision(2)).await;
    // What the old one has not answered yet the new one may not pass.
    for id in 110..115 {
        old.order(tenant, id).await;
    }
    for partition in 0..new.store.partitions() {
        new.engine.run_once("revenue", partition).await.unwrap();
    }
    assert_eq!(
        count(&new.store, "select count(*) from policy.outbox").await,
        0
    );
    tokio::join!(new.settle(), old.settle());
    new.settle().await;
    assert_eq!(new.observed(tenant).await, orders(100..115));
    let serving = "select count(*) from projection.live where projection = 'revenue'";
    assert_eq!(count(&new.store, serving).await, 1);

    // The old one leaves it alone; back to it, it takes over in its turn.
    new.order(tenant, 115).await;
    old.policies.settle().await.unwrap();
    assert_eq!(old.observed(tenant).await, orders(100..115));
    new.settle().await;
    let back = Stage::open(&database).await;
    back.order(tenant, 116).await;
    tokio::join!(back.settle(), new.settle());
    back.settle().await;
    new.order(tenant, 117).await;
    back.settle().await;
    assert_eq!(back.observed(tenant).await, orders(100..118));
}
