//! Policies that answer each other's events in a circle are stopped, and it is seen.

use std::sync::Arc;

use event_schemas::{Event, RecordedEvent, metric::MetricEvent};
use event_store::{Clock as _, SystemClock};
use projections::{
    ApplyError, Known, Projection,
    policy::{Effects, MAX_DEPTH, Wanted, status},
};
use serde_json::json;
use sqlx::PgConnection;

use super::stage::Stage;
use crate::harness;

/// Answers every observation with one more of the same metric, at once or by a timer that is due at once.
struct Echo {
    by_timer: bool,
}

#[async_trait::async_trait]
impl Projection for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }
    fn fold(&self) -> u32 {
        1
    }
    fn ddl(&self) -> &'static str {
        "create table echo_nothing (tenant_id uuid)"
    }
    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "metric",
            types: MetricEvent::TYPES,
        }]
    }
    fn wants(&self, event_type: &str) -> bool {
        event_type == "MetricObserved"
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
            let wanted = Wanted {
                command: "metric.observe",
                id: event.stream.uuid().unwrap(),
                data: json!({ "observations": [{ "observedAt": event.occurred_at, "value": "1", "source": "echo" }] }),
            };
            if self.by_timer {
                effects.set_timer(event, event.event_id.to_string(), event.occurred_at, wanted);
            } else {
                effects.command(event, wanted);
            }
        }
        Ok(effects)
    }
}

#[tokio::test]
async fn a_circle_is_cut() {
    is_cut(false).await;
}

#[tokio::test]
async fn a_circle_through_timers_is_cut() {
    is_cut(true).await;
}

async fn is_cut(by_timer: bool) {
    let database = harness::database().await;
    let mut all = projections::all();
    all.push(Arc::new(Echo { by_timer }));
    let stage = Stage::with(&database, all).await;
    let tenant = stage.tenant().await;
    let define = json!({ "name": "m", "unit": "u", "aggregation": "sum" });
    stage.send(tenant, 1, "metric.define", &define).await;
    let first = json!({ "observations": [{ "observedAt": SystemClock.now(), "value": "1", "source": "first" }] });
    stage.send(tenant, 1, "metric.observe", &first).await;
    stage.settle().await;
    let observed = stage.observed(tenant).await;
    assert_eq!(observed.len(), usize::from(MAX_DEPTH) + 1);
    let refused = status::refused(&stage.store, None, None, 10).await.unwrap();
    let [one] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (one.policy.as_str(), one.code.as_str()),
        ("echo", "chain-too-deep")
    );
    assert!(
        one.detail.contains("more than 16 policies"),
        "{}",
        one.detail
    );
}
