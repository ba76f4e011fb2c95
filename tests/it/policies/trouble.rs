//! What cannot be done: refusals stay visible and hold nobody up, a suspended organization waits, and a parked tenant is answered
//! when it goes on.

use event_schemas::{
    StreamId, TenantId,
    metric::{Aggregation, Feed, MetricDefined, MetricEvent},
    money::Currency,
    order::OrderEvent,
};
use event_store::{Clock as _, SystemClock};
use projections::{Retried, policy::status};
use serde_json::json;
use uuid::Uuid;

use super::stage::{Stage, count, orders};
use crate::{
    harness::{self, an_order},
    projections::history::{Dice, append, at, placed, registered, store_all},
};

#[tokio::test]
async fn a_refusal_is_kept_and_can_be_tried_again() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = stage.tenant().await;
    // More than a metric's observation can hold.
    stage.follow(tenant, 1).await;
    let mut dear = an_order();
    dear["lines"][0]["unitPrice"] = json!(4_000_000_000_000_000_i64);
    stage.send(tenant, 100, "order.place", &dear).await;
    stage.order(tenant, 101).await;
    stage.engine.catch_up().await.unwrap();
    // That one parks its tenant: it cannot even be said.
    let parked = projections::parked(&stage.store, None, 10).await.unwrap();
    assert_eq!(
        (parked[0].projection.as_str(), parked[0].error.as_str()),
        ("revenue", "the order's worth is out of range")
    );

    let other = stage.tenant().await;
    stage.follow(other, 2).await;
    stage.order(other, 102).await;
    stage.engine.catch_up().await.unwrap();
    // What it is told to observe is not there any more, as if the command had changed.
    let mut admin = database.admin().await;
    sqlx::query("update policy.outbox set aggregate_id = $1")
        .bind(Uuid::from_u128(77))
        .execute(&mut admin)
        .await
        .unwrap();
    stage.order(other, 103).await;
    stage.settle().await;
    assert_eq!(stage.observed(other).await, orders([103]));
    let refused = status::refused(&stage.store, Some(other), None, 10)
        .await
        .unwrap();
    let [one] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (one.policy.as_str(), one.command.as_str(), one.code.as_str()),
        ("revenue", "metric.observe", "metric-not-found")
    );
    assert_eq!(
        one.detail,
        "there is no metric with this id; define it first"
    );
    let backlogs = status::backlogs(&stage.store, Some(other)).await.unwrap();
    assert_eq!((backlogs[0].waiting, backlogs[0].refused), (0, 1));
    assert_eq!(
        status::backlogs(&stage.store, Some(tenant)).await.unwrap(),
        []
    );

    sqlx::query("update policy.outbox set aggregate_id = $1")
        .bind(Uuid::from_u128(2))
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(status::retry(&stage.store, tenant, None).await.unwrap(), 0);
    assert_eq!(
        status::retry(&stage.store, other, Some(one.id))
            .await
            .unwrap(),
        1
    );
    stage.settle().await;
    assert_eq!(stage.observed(other).await, orders([103, 102]));
    assert_eq!(status::dismiss(&stage.store, other, None).await.unwrap(), 0);
}

#[tokio::test]
async fn a_suspended_organization_waits_and_then_goes_on_in_order() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let (tenant, other) = (stage.tenant().await, stage.tenant().await);
    for one in [tenant, other] {
        stage.follow(one, 1).await;
        stage.order(one, 100).await;
        stage.order(one, 101).await;
    }
    let operate = async |kind, data| {
        let request = daybook::verb::tenant::request(tenant, kind, &data).unwrap();
        stage.bus.execute(request).await.unwrap();
    };
    operate("organization.suspend", json!({ "reason": "unpaid" })).await;
    stage.settle().await;
    assert_eq!(stage.observed(other).await, orders([100, 101]));
    assert!(stage.observed(tenant).await.is_empty());
    let held = status::held(&stage.store, Some(tenant)).await.unwrap();
    assert!(
        held[0].error.starts_with("organization-suspended: "),
        "{held:?}"
    );
    operate("organization.resume", json!({})).await;
    stage
        .clock
        .0
        .store(100, std::sync::atomic::Ordering::Release);
    stage.settle().await;
    assert_eq!(stage.observed(tenant).await, orders([100, 101]));
}

#[tokio::test]
async fn a_parked_tenant_is_answered_when_it_goes_on() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = stage.tenant().await;
    stage.follow(tenant, 1).await;
    stage.order(tenant, 100).await;
    stage.settle().await;
    let mut admin = database.admin().await;
    // Its state refuses the next metric, once.
    let schema: String =
        sqlx::query_scalar("select schema_name from projection.live where projection = 'revenue'")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    let table = format!("{schema}.revenue_metric");
    let refuse =
        format!("alter table {table} add constraint once check (metric_id::text not like '%2')");
    sqlx::raw_sql(sqlx::AssertSqlSafe(refuse))
        .execute(&mut admin)
        .await
        .unwrap();
    stage.follow(tenant, 2).await;
    stage.order(tenant, 101).await;
    stage.settle().await;
    assert_eq!(stage.observed(tenant).await, orders([100]));
    let error = stage
        .engine
        .rebuild_tenant("revenue", tenant)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("which has yet to answer its events"),
        "{error}"
    );
    let mend = format!("alter table {table} drop constraint once");
    sqlx::raw_sql(sqlx::AssertSqlSafe(mend))
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(
        stage.engine.retry("revenue", tenant).await.unwrap(),
        Retried::Live { replayed: 2 }
    );
    stage.settle().await;
    // Two metrics follow by then.
    assert_eq!(stage.observed(tenant).await, orders([100, 101, 101]));
}

#[tokio::test]
async fn what_answers_the_past_is_dated_and_the_import_goes_on() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = TenantId(SystemClock.uuid_v7());
    let mut dice = Dice(3);
    let metric = MetricDefined {
        name: "Revenue".to_owned(),
        unit: "BRL".to_owned(),
        aggregation: Aggregation::Sum,
        description: None,
        feed: Some(Feed::OrderRevenue),
        monthly_goal: None,
    };
    let stream = |context: &str, id| StreamId::new(context, Uuid::from_u128(id));
    let metric = MetricEvent::from(metric);
    store_all(
        &stage.store,
        &[
            registered(tenant),
            append(tenant, stream("metric", 1), at(1), &metric),
        ],
    )
    .await;
    let mut expected = 0;
    for day in 2..12 {
        let mut order = placed(&mut dice);
        order.currency = Currency::try_new("BRL").unwrap();
        let order = OrderEvent::from(order);
        let id = u128::try_from(day).unwrap();
        store_all(
            &stage.store,
            &[append(tenant, stream("order", id), at(day), &order)],
        )
        .await;
        expected += 1;
        stage.settle().await;
        // The answer is as old as what it answers, so that what the import tells next is not out of order.
        let newest = "select count(*) from log.event e where event_type = 'MetricObserved' and exists (
            select from log.event o where o.occurred_at = e.occurred_at and o.event_type = 'OrderPlaced')";
        assert_eq!(count(&stage.store, newest).await, expected);
    }
}
