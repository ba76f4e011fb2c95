//! Monthly goals that follow from their metrics: of a history that is imported, of what is told late, and wherever batches end.

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use commands::Request;
use event_schemas::{
    Source, StreamId, TenantId, TimeZone,
    decimal::Decimal,
    metric::{
        Aggregation, MetricDefined, MetricEvent, MetricObserved, MonthlyGoal, Observation,
        ObservationCorrected,
    },
};
use event_store::{Append, Clock as _, SystemClock};
use projections::{Engine, Options, policy::status};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::{
    goal::{story, wanted},
    stage::{Stage, count},
};
use crate::{
    harness::{self, an_order},
    projections::history::{Dice, append, at, registered, store_all},
    two_servers::request,
};

const METRIC: u128 = 1;

/// The goal of a month.
fn goal(month: &str) -> u128 {
    Uuid::new_v5(&Uuid::from_u128(METRIC), month.as_bytes()).as_u128()
}

fn on(day: &str) -> DateTime<Utc> {
    format!("{day}T12:00:00Z").parse().unwrap()
}

/// What a goal was drafted with.
async fn draft(stage: &Stage, tenant: TenantId, month: &str) -> Value {
    let mut tx = stage.store.tenant_tx(tenant).await.unwrap();
    let row = sqlx::query(
        "select convert_from(payload, 'UTF8')::jsonb -> 'terms' from log.event
         where stream_id = $1 and event_type = 'GoalDrafted'",
    )
    .bind(format!("goal-{}", Uuid::from_u128(goal(month))))
    .fetch_one(tx.connection())
    .await
    .unwrap();
    row.get(0)
}

/// Nothing was refused and nothing waits, and the states are what a rebuild makes of the log.
async fn is_settled(stage: &Stage) {
    let refused = status::refused(&stage.store, None, None, 10).await.unwrap();
    assert!(refused.is_empty(), "{refused:#?}");
    let waiting = "select count(*) from policy.outbox";
    assert_eq!(count(&stage.store, waiting).await, 0);
    for name in ["revenue", "monthly", "progress"] {
        let compared = stage.engine.verify(name).await.unwrap();
        assert!(
            compared.iter().all(projections::Compared::is_equal),
            "{compared:#?}"
        );
    }
}

/// What an import tells of a shop: two orders in October, three in November, one in December, one in February. Each brings 7 EUR.
fn history(tenant: TenantId) -> Vec<Request> {
    let told = |day: &str, id: Uuid, kind: &str, data: &Value| Request {
        source: Source::Import,
        occurred_at: Some(on(day)),
        ..request(tenant, id, kind, data)
    };
    let define = json!({ "name": "Revenue", "unit": "EUR", "aggregation": "sum", "feed": "orderRevenue",
        "monthlyGoal": { "growthPercent": "10" } });
    let mut all = vec![
        told(
            "2017-09-30",
            tenant.0,
            "organization.register",
            &json!({ "name": "Shop" }),
        ),
        told(
            "2017-09-30",
            Uuid::from_u128(METRIC),
            "metric.define",
            &define,
        ),
    ];
    let days = [
        "2017-10-03",
        "2017-10-20",
        "2017-11-01",
        "2017-11-10",
        "2017-11-11",
        "2017-12-24",
        "2018-02-01",
    ];
    for (order, day) in (100..).zip(days) {
        all.push(told(
            day,
            Uuid::from_u128(order),
            "order.place",
            &an_order(),
        ));
    }
    all
}

#[tokio::test]
async fn each_month_of_an_imported_history_has_its_goal() {
    for at_once in [true, false] {
        let database = harness::database().await;
        let stage = Stage::open(&database).await;
        let tenant = TenantId(SystemClock.uuid_v7());
        for told in history(tenant) {
            stage.bus.execute(told).await.unwrap();
            if !at_once {
                stage.settle().await;
            }
        }
        stage.settle().await;
        assert_eq!(
            draft(&stage, tenant, "2017-11").await,
            json!({ "title": "Revenue, November 2017", "unit": "EUR", "target": "15.4",
                "description": "What October 2017 came to, 14 EUR, and 10 % more.",
                "startsAt": "2017-11-01T00:00:00Z", "dueAt": "2017-12-01T00:00:00Z" })
        );
        // November reached 15.4, December was to have 23.1, and February goes by December.
        let november = story(&stage, tenant, goal("2017-11")).await;
        let ways: &[&str] = if at_once {
            &["Progressed 21"]
        } else {
            &["Progressed 7", "Progressed 14", "Progressed 21"]
        };
        let begun = ["Drafted", "MetricLinked", "Activated"];
        assert_eq!(november, [&begun, ways, &["Achieved 21"]].concat());
        let december = story(&stage, tenant, goal("2017-12")).await;
        assert_eq!(draft(&stage, tenant, "2017-12").await["target"], "23.1");
        assert_eq!(december[3..], ["Progressed 7", "Missed 7"]);
        let february = story(&stage, tenant, goal("2018-02")).await;
        assert_eq!(draft(&stage, tenant, "2018-02").await["target"], "7.7");
        assert_eq!(february[3..], ["Progressed 7"]);
        for month in ["2017-10", "2018-01"] {
            assert!(story(&stage, tenant, goal(month)).await.is_empty());
        }
        // Nothing more is told.
        stage.clock.0.store(25 * 3_600, Ordering::Release);
        stage.settle().await;
        let february = story(&stage, tenant, goal("2018-02")).await;
        assert_eq!(february[4..], ["Missed 7"]);
        let goals = "select count(distinct stream_id) from log.event where stream_id like 'goal-%'";
        assert_eq!(count(&stage.store, goals).await, 3);
        is_settled(&stage).await;
    }
}

#[tokio::test]
async fn months_that_are_told_late_are_achieved_and_missed_too() {
    let database = harness::database().await;
    let stage = Stage::open(&database).await;
    let tenant = stage.tenant().await;
    let define = json!({ "name": "Visits", "unit": "visits", "aggregation": "sum",
        "monthlyGoal": { "growthPercent": "-50", "timeZone": "America/Sao_Paulo" } });
    stage.send(tenant, METRIC, "metric.define", &define).await;
    let observe = async |observations: &[(DateTime<Utc>, &str)]| {
        let one = |(at, value): &(_, &str)| json!({ "observedAt": at, "value": value });
        let all: Vec<_> = observations.iter().map(one).collect();
        let data = json!({ "observations": all });
        stage.send(tenant, METRIC, "metric.observe", &data).await;
    };
    observe(&[(on("2020-02-10"), "4"), (on("2020-01-10"), "10")]).await;
    let wrong = json!({ "number": 1, "value": "5" });
    stage.send(tenant, METRIC, "metric.correct", &wrong).await;
    let last_of_march = "2020-04-01T02:59:59Z".parse().unwrap();
    observe(&[(last_of_march, "1")]).await;
    // Of a month that has passed: it counts for that month, and for no target.
    observe(&[(on("2020-02-11"), "70")]).await;
    let now = stage.clock.now();
    observe(&[(now, "0.25")]).await;
    stage.settle().await;
    let ends = async |month: &str| story(&stage, tenant, goal(month)).await[3..].to_vec();
    assert_eq!(ends("2020-02").await, ["Progressed 75", "Achieved 75"]);
    assert_eq!(draft(&stage, tenant, "2020-02").await["target"], "5");
    assert_eq!(ends("2020-03").await, ["Progressed 1", "Missed 1"]);
    assert_eq!(draft(&stage, tenant, "2020-03").await["target"], "2.5");
    assert_eq!(
        draft(&stage, tenant, "2020-03").await["dueAt"],
        "2020-04-01T03:00:00Z"
    );
    let zone = TimeZone::try_new("America/Sao_Paulo").unwrap();
    let month = now.with_timezone(&zone.get()).format("%Y-%m").to_string();
    assert_eq!(ends(&month).await, ["Progressed 0.25"]);
    observe(&[(now, "0.25")]).await;
    stage.settle().await;
    let reached = ["Progressed 0.25", "Progressed 0.5", "Achieved 0.5"];
    assert_eq!(ends(&month).await, reached);
    is_settled(&stage).await;
}

/// Metrics with monthly goals that are observed over some years, late and early, and corrected.
fn story_of_many(tenant: TenantId) -> Vec<Append> {
    let (mut dice, mut log, mut counts) = (Dice(11), vec![registered(tenant)], [0_u32; 2]);
    let stream = |which: usize| StreamId::new("metric", Uuid::from_u128(1 + which as u128));
    for which in 0..2 {
        let defined = MetricDefined {
            name: "Visits".to_owned(),
            unit: "visits".to_owned(),
            aggregation: Aggregation::Sum,
            description: None,
            feed: None,
            monthly_goal: Some(MonthlyGoal {
                growth_percent: Decimal::parse(["2.5", "-10"][which]).unwrap(),
                time_zone: TimeZone::try_new(["UTC", "Asia/Kathmandu"][which]).unwrap(),
            }),
        };
        log.push(append(
            tenant,
            stream(which),
            at(1),
            &MetricEvent::from(defined),
        ));
    }
    for n in 2..400_i64 {
        let which = usize::try_from(dice.roll(2)).unwrap();
        let value = Decimal::from_micros(dice.roll(90).cast_signed() - 4).unwrap();
        let event = if dice.roll(3) == 0 && counts[which] > 0 {
            MetricEvent::from(ObservationCorrected {
                number: counts[which]
                    .saturating_sub(u32::try_from(dice.roll(9)).unwrap())
                    .max(1),
                value,
                reason: None,
            })
        } else {
            let observations: Vec<_> = (0..=dice.roll(3))
                .map(|_| Observation {
                    observed_at: at(2 * n) - TimeDelta::days(dice.roll(20).cast_signed()),
                    value,
                    source: None,
                })
                .collect();
            let first_number = counts[which] + 1;
            counts[which] += u32::try_from(observations.len()).unwrap();
            MetricEvent::from(MetricObserved {
                first_number,
                observations,
                waived: vec![],
            })
        };
        log.push(append(tenant, stream(which), at(2 * n), &event));
    }
    log
}

#[tokio::test]
async fn what_months_lead_to_never_depends_on_where_a_batch_ends() {
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
        assert!(
            projections::parked(&store, None, 10)
                .await
                .unwrap()
                .is_empty()
        );
        all.push((
            wanted(&store, "monthly").await,
            engine.digest("monthly").await.unwrap(),
        ));
    }
    assert!(all[0].0.len() > 30, "{}", all[0].0.len());
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}
