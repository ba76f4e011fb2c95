//! Goals that follow their metrics: progress, the end of a goal, and what does not depend on where batches end.

use std::sync::atomic::Ordering;

use chrono::{TimeDelta, Utc};
use event_schemas::{
    StreamId, TenantId,
    decimal::Decimal,
    goal::{
        GoalActivated, GoalAdjusted, GoalAggregation, GoalEvent, GoalStatus, GoalTerms, MetricLink,
    },
    metric::{MetricEvent, MetricObserved, Observation, ObservationCorrected},
};
use event_store::{Append, Clock as _, Store, SystemClock};
use projections::{Engine, Options, policy::status};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::stage::Stage;
use crate::{
    harness,
    projections::history::{Dice, append, at, registered, store_all},
};

/// What happened to a goal: the types of its events, with what progress came to.
pub async fn story(stage: &Stage, tenant: TenantId, goal: u128) -> Vec<String> {
    let mut tx = stage.store.tenant_tx(tenant).await.unwrap();
    let rows = sqlx::query(
        "select event_type, convert_from(payload, 'UTF8')::jsonb ->> 'actual' as actual from log.event
         where stream_id = $1 order by version",
    )
    .bind(format!("goal-{}", Uuid::from_u128(goal)))
    .fetch_all(tx.connection())
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            let name: String = row.get(0);
            let actual: Option<String> = row.get(1);
            format!(
                "{} {}",
                name.trim_start_matches("Goal"),
                actual.unwrap_or_default()
            )
            .trim()
            .to_owned()
        })
        .collect()
}

async fn observe(stage: &Stage, tenant: TenantId, metric: u128, value: &str) {
    let data = json!({ "observations": [{ "observedAt": stage.clock.now(), "value": value }] });
    stage.send(tenant, metric, "metric.observe", &data).await;
}

async fn goal(stage: &Stage, tenant: TenantId, id: u128, aggregation: &str, terms: Value) {
    let mut draft =
        json!({ "title": "Sell more", "unit": "kg", "dueAt": Utc::now() + TimeDelta::hours(1) });
    draft
        .as_object_mut()
        .unwrap()
        .extend(terms.as_object().unwrap().clone());
    stage.send(tenant, id, "goal.draft", &draft).await;
    let link = json!({ "metricId": Uuid::from_u128(1), "aggregation": aggregation });
    stage.send(tenant, id, "goal.linkMetric", &link).await;
    stage.send(tenant, id, "goal.activate", &json!({})).await;
}

#[tokio::test]
async fn a_goal_follows_its_metric_to_its_end() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = stage.tenant().await;
    let define = json!({ "name": "Sales", "unit": "kg", "aggregation": "sum" });
    stage.send(tenant, 1, "metric.define", &define).await;
    // Before any of them began.
    observe(&stage, tenant, 1, "50").await;
    let began = Utc::now() - TimeDelta::hours(1);
    goal(&stage, tenant, 10, "sum", json!({ "target": "10" })).await;
    goal(
        &stage,
        tenant,
        11,
        "sum",
        json!({ "target": "100", "startsAt": began }),
    )
    .await;
    goal(
        &stage,
        tenant,
        12,
        "last",
        json!({ "target": "2", "baseline": "9" }),
    )
    .await;
    stage.settle().await;
    assert_eq!(
        story(&stage, tenant, 10).await,
        ["Drafted", "MetricLinked", "Activated"]
    );
    // What was there before the link counts, where the span began before.
    assert_eq!(story(&stage, tenant, 11).await[3..], ["Progressed 50"]);
    for value in ["4", "3.5"] {
        observe(&stage, tenant, 1, value).await;
    }
    stage.settle().await;
    assert_eq!(
        story(&stage, tenant, 10).await[3..],
        ["Progressed 4", "Progressed 7.5"]
    );
    let wrong = json!({ "number": 2, "value": "6.5" });
    stage.send(tenant, 1, "metric.correct", &wrong).await;
    stage.settle().await;
    // The target is reached, and a goal that is closed hears no more.
    observe(&stage, tenant, 1, "1").await;
    stage.settle().await;
    assert_eq!(
        story(&stage, tenant, 10).await[5..],
        ["Progressed 10", "Achieved 10"]
    );
    assert_eq!(
        story(&stage, tenant, 11).await[4..],
        [
            "Progressed 54",
            "Progressed 57.5",
            "Progressed 60",
            "Progressed 61"
        ]
    );
    // Down to the target, or below it.
    assert_eq!(
        story(&stage, tenant, 12).await[3..],
        [
            "Progressed 4",
            "Progressed 3.5",
            "Progressed 1",
            "Achieved 1"
        ]
    );
    let backlogs = status::backlogs(&stage.store, None).await.unwrap();
    let progress = backlogs
        .iter()
        .find(|one| one.policy == "progress")
        .unwrap();
    assert_eq!(
        (progress.timers, progress.refused, progress.waiting),
        (1, 0, 0)
    );

    // The other one's time is over.
    stage.clock.0.store(3_590, Ordering::Release);
    stage.settle().await;
    assert_eq!(story(&stage, tenant, 11).await.len(), 8);
    stage.clock.0.store(3_610, Ordering::Release);
    stage.settle().await;
    assert_eq!(story(&stage, tenant, 11).await[8..], ["Missed 61"]);
    assert!(
        status::refused(&stage.store, None, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        status::backlogs(&stage.store, None)
            .await
            .unwrap()
            .is_empty()
    );
    for name in ["progress", "revenue"] {
        let compared = stage.engine.verify(name).await.unwrap();
        assert!(
            compared.iter().all(projections::Compared::is_equal),
            "{compared:#?}"
        );
    }
}

#[tokio::test]
async fn a_goal_that_moves_is_looked_at_anew() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = stage.tenant().await;
    let define = json!({ "name": "Sales", "unit": "kg", "aggregation": "sum" });
    stage.send(tenant, 1, "metric.define", &define).await;
    goal(&stage, tenant, 10, "maximum", json!({ "target": "10" })).await;
    for value in ["4", "7", "5"] {
        observe(&stage, tenant, 1, value).await;
    }
    stage.settle().await;
    // The largest one was wrong.
    stage
        .send(
            tenant,
            1,
            "metric.correct",
            &json!({ "number": 2, "value": "1" }),
        )
        .await;
    stage.settle().await;
    // Another way to count, and a target that is reached.
    let link = json!({ "metricId": Uuid::from_u128(1), "aggregation": "average" });
    stage.send(tenant, 10, "goal.linkMetric", &link).await;
    stage.settle().await;
    let later = Utc::now() + TimeDelta::hours(2);
    stage
        .send(tenant, 10, "goal.adjust", &json!({ "dueAt": later }))
        .await;
    stage.settle().await;
    stage.clock.0.store(3_700, Ordering::Release);
    stage.settle().await;
    stage
        .send(tenant, 10, "goal.adjust", &json!({ "target": "3" }))
        .await;
    stage.settle().await;
    assert_eq!(
        story(&stage, tenant, 10).await[3..],
        [
            "Progressed 4",
            "Progressed 7",
            "Progressed 5",
            "MetricLinked",
            "Progressed 3.333333",
            "Adjusted",
            "Adjusted",
            "Achieved 3.333333"
        ]
    );
    assert!(
        status::backlogs(&stage.store, None)
            .await
            .unwrap()
            .is_empty()
    );
}

fn activated(dice: &mut Dice, n: i64) -> GoalEvent {
    GoalActivated {
        unit: "u".to_owned(),
        baseline: Decimal::ZERO,
        target: Decimal::from_micros(50).unwrap(),
        starts_at: at(n - dice.roll(20).cast_signed()),
        due_at: at(n + 1 + dice.roll(60).cast_signed()),
        metric: (dice.roll(5) > 0).then(|| link(dice)),
        waived: vec![],
    }
    .into()
}

fn link(dice: &mut Dice) -> MetricLink {
    MetricLink {
        metric_id: Uuid::from_u128(1 + u128::from(dice.roll(2))),
        aggregation: GoalAggregation::ALL[usize::try_from(dice.roll(5)).unwrap()],
    }
}

/// Metrics that are observed and corrected, goals that begin, change and end.
fn story_of_many(tenant: TenantId) -> Vec<Append> {
    let (mut dice, mut log, mut counts) = (Dice(5), vec![registered(tenant)], [0_u32; 2]);
    for n in 1..400 {
        let which = usize::try_from(dice.roll(2)).unwrap();
        let metric = StreamId::new("metric", Uuid::from_u128(1 + which as u128));
        let goal = StreamId::new("goal", Uuid::from_u128(100 + u128::from(dice.roll(8))));
        let value = Decimal::from_micros(dice.roll(20).cast_signed() - 4).unwrap();
        let (stream, event) = match dice.roll(10) {
            0 => (goal, Ok(activated(&mut dice, n))),
            1 => {
                let GoalEvent::GoalActivated(now) = activated(&mut dice, n) else {
                    unreachable!()
                };
                let mut terms = GoalTerms::default();
                terms.settle(&now);
                let adjusted = GoalAdjusted {
                    old: GoalTerms::default(),
                    new: terms,
                    status: GoalStatus::Active,
                    metric: Some(link(&mut dice)),
                    reached: false,
                    reason: None,
                    waived: vec![],
                };
                (goal, Ok(adjusted.into()))
            }
            2 | 3 if counts[which] > 0 => {
                let number = u32::try_from(1 + dice.roll(counts[which].into())).unwrap();
                let corrected = ObservationCorrected {
                    number,
                    value,
                    reason: None,
                };
                (metric, Err(MetricEvent::from(corrected)))
            }
            _ => {
                let observations: Vec<_> = (0..=dice.roll(3))
                    .map(|_| Observation {
                        observed_at: at(n - dice.roll(9).cast_signed()),
                        value,
                        source: None,
                    })
                    .collect();
                let first_number = counts[which] + 1;
                counts[which] += u32::try_from(observations.len()).unwrap();
                let observed = MetricObserved {
                    first_number,
                    observations,
                    waived: vec![],
                };
                (metric, Err(MetricEvent::from(observed)))
            }
        };
        log.push(match event {
            Ok(event) => append(tenant, stream, at(n), &event),
            Err(event) => append(tenant, stream, at(n), &event),
        });
    }
    log
}

/// Everything that a policy wants, in order, and the timers.
pub async fn wanted(store: &Store, policy: &str) -> Vec<String> {
    let mut tx = store.operator_tx().await.unwrap();
    sqlx::query_scalar(
        "select concat_ws(' ', id, command, aggregate_id, data) from (
           select id, command, aggregate_id, data, sequence from policy.outbox where policy = $1
           union all
           select id, key || due_at::text, aggregate_id, data, 1000000 + row_number() over (order by key) from policy.timer) w
         order by sequence",
    )
    .bind(policy)
    .fetch_all(tx.connection())
    .await
    .unwrap()
}

#[tokio::test]
async fn what_is_wanted_never_depends_on_where_a_batch_ends() {
    let tenant = TenantId(SystemClock.uuid_v7());
    let log = story_of_many(tenant);
    let mut all = Vec::new();
    for batch in [1, 7, 2_000] {
        let store = harness::database().await.store().await;
        store_all(&store, &log).await;
        let options = Options {
            batch,
            ..Options::default()
        };
        let engine = Engine::install(&store, projections::all(), options)
            .await
            .unwrap();
        engine.catch_up().await.unwrap();
        // The read models miss what was before; the policy does not.
        let parked = projections::parked(&store, None, 10).await.unwrap();
        assert!(
            parked.iter().all(|one| one.projection != "progress"),
            "{parked:?}"
        );
        all.push((
            wanted(&store, "progress").await,
            engine.digest("progress").await.unwrap(),
        ));
    }
    assert!(all[0].0.len() > 200, "{}", all[0].0.len());
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}
