//! Timers go off once, when they are due; what was told of the past waits until it has all been told.

use std::sync::{Arc, atomic::Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use event_schemas::{Event, RecordedEvent, TenantId, metric::MetricEvent};
use event_store::{Clock as _, SystemClock};
use projections::{
    ApplyError, Known, Projection,
    policy::{Effects, Wanted, status},
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::stage::{Stage, count};
use crate::{
    harness,
    projections::history::{append, registered, store_all},
};

/// Asks for an observation of every metric at the time that its name says; one that is observed before is left alone.
struct Reminder;

#[async_trait::async_trait]
impl Projection for Reminder {
    fn name(&self) -> &'static str {
        "reminder"
    }
    fn fold(&self) -> u32 {
        1
    }
    fn ddl(&self) -> &'static str {
        "create table reminder_nothing (tenant_id uuid)"
    }
    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "metric",
            types: MetricEvent::TYPES,
        }]
    }
    fn wants(&self, _event_type: &str) -> bool {
        true
    }
    fn is_policy(&self) -> bool {
        true
    }
    async fn apply(
        &self,
        _events: &[&RecordedEvent],
        _connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        Ok(())
    }
    async fn react(
        &self,
        events: &[&RecordedEvent],
        _connection: &mut PgConnection,
    ) -> Result<Effects, ApplyError> {
        let mut effects = Effects::default();
        for event in events {
            let key = event.stream.0.clone();
            match MetricEvent::decode(&event.event_type, event.schema_version, &event.payload) {
                Ok(MetricEvent::MetricDefined(defined)) => {
                    let wanted = Wanted {
                        command: "metric.observe",
                        id: event.stream.uuid().unwrap(),
                        data: json!({ "observations": [{ "observedAt": event.occurred_at, "value": "1", "source": "timer" }] }),
                    };
                    effects.set_timer(event, key, defined.name.parse().unwrap(), wanted);
                }
                _ => effects.cancel_timer(event, key),
            }
        }
        Ok(effects)
    }
}

fn projections() -> Vec<Arc<dyn Projection>> {
    let mut all = projections::all();
    all.push(Arc::new(Reminder));
    all
}

async fn due(stage: &Stage, tenant: TenantId, id: u128, at: DateTime<Utc>) {
    let define = json!({ "name": at, "unit": "u", "aggregation": "sum" });
    stage.send(tenant, id, "metric.define", &define).await;
}

async fn fired(stage: &Stage) -> i64 {
    count(
        &stage.store,
        "select count(*) from log.event where event_type = 'MetricObserved' and convert_from(payload, 'UTF8') like '%timer%'",
    )
    .await
}

#[tokio::test]
async fn a_timer_goes_off_once_when_it_is_due() {
    let database = harness::database().await;
    let stage = Stage::with(&database, projections()).await;
    let other = Stage::with(&database, projections()).await;
    let tenant = stage.tenant().await;
    let in_seconds = |seconds| SystemClock.now() + TimeDelta::seconds(seconds);
    due(&stage, tenant, 1, in_seconds(100)).await;
    due(&stage, tenant, 2, in_seconds(200)).await;
    due(&stage, tenant, 3, in_seconds(100)).await;
    stage.settle().await;
    let by_hand = json!({ "observations": [{ "observedAt": SystemClock.now(), "value": "1" }] });
    stage.send(tenant, 3, "metric.observe", &by_hand).await;
    stage.settle().await;
    let [backlog] = &status::backlogs(&stage.store, None).await.unwrap()[..] else {
        panic!("one policy has timers")
    };
    assert_eq!(
        (backlog.policy.as_str(), backlog.timers, backlog.waiting),
        ("reminder", 2, 0)
    );
    assert_eq!(fired(&stage).await, 0);

    for one in [&stage, &other] {
        one.clock.0.store(150, Ordering::Release);
    }
    tokio::join!(stage.settle(), other.settle());
    stage.settle().await;
    assert_eq!(fired(&stage).await, 1);
    stage.clock.0.store(250, Ordering::Release);
    stage.settle().await;
    assert_eq!(fired(&stage).await, 2);
    assert_eq!(
        count(&stage.store, "select count(*) from policy.timer").await,
        0
    );

    // A state that is made anew sets none again.
    stage.engine.rebuild("reminder").await.unwrap();
    stage.settle().await;
    assert_eq!(
        count(&stage.store, "select count(*) from policy.timer").await,
        0
    );
    assert_eq!(fired(&stage).await, 2);
}

#[tokio::test]
async fn what_the_past_set_waits_for_the_rest_of_the_past() {
    let database = harness::database().await;
    let stage = Stage::with(&database, projections()).await;
    let tenant = TenantId(SystemClock.uuid_v7());
    let day = |day: u32| {
        let text = format!("2017-11-{day:02}T00:00:00Z");
        text.parse::<DateTime<Utc>>().unwrap()
    };
    let stream = |id| event_schemas::StreamId::new("metric", Uuid::from_u128(id));
    let defined = |id, told, until: u32| {
        let defined = event_schemas::metric::MetricDefined {
            name: format!("2017-11-{until:02}T00:00:00Z"),
            unit: "u".to_owned(),
            aggregation: event_schemas::metric::Aggregation::Sum,
            description: None,
            feed: None,
            monthly_goal: None,
        };
        append(tenant, stream(id), day(told), &MetricEvent::from(defined))
    };
    let mut first = registered(tenant);
    first.occurred_at = Some(day(1));
    store_all(&stage.store, &[first, defined(1, 2, 10), defined(2, 3, 20)]).await;
    stage.settle().await;
    assert_eq!(fired(&stage).await, 0);
    // Its time has come.
    store_all(&stage.store, &[defined(3, 12, 30)]).await;
    stage.settle().await;
    assert_eq!(fired(&stage).await, 1);
    let dated = "select count(*) from log.event where event_type = 'MetricObserved' and occurred_at = '2017-11-12Z'";
    assert_eq!(count(&stage.store, dated).await, 1);
    // An import that pauses for less than a day goes on.
    stage.clock.0.store(23 * 3_600, Ordering::Release);
    stage.settle().await;
    assert_eq!(fired(&stage).await, 1);
    // Nothing more is told.
    stage.clock.0.store(25 * 3_600, Ordering::Release);
    stage.settle().await;
    assert_eq!(fired(&stage).await, 3);
    let dated = "select count(*) from log.event where event_type = 'MetricObserved' and occurred_at in ('2017-11-20Z', '2017-11-30Z')";
    assert_eq!(count(&stage.store, dated).await, 2);
}
