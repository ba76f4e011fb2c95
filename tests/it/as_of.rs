//! Earlier moments over GraphQL: what a query tells with `asOf` is what it told without when the log ended there.

pub mod ask;
mod diff;
pub mod history;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use self::ask::{ALL, ask};
use crate::harness::{self, Served, Tenant};

/// What a query told when the log ended at a position.
struct Told {
    position: i64,
    occurred_at: DateTime<Utc>,
    answer: Value,
}

/// An invented history, and what was told after each of its events.
async fn live() -> (harness::Database, Served, Tenant, Vec<Told>) {
    let database = harness::database().await;
    let app = database.serve().await;
    let teller = history::Teller::begin(&app).await;
    let mut told = Vec::new();
    for step in history::steps() {
        let (position, token) = teller.tell(&step).await;
        let answer = ask(&app, &teller.tenant.key, ALL, &Value::Null, Some(&token)).await;
        told.push(Told {
            position,
            occurred_at: step.at,
            answer,
        });
    }
    let tenant = teller.tenant;
    (database, app, tenant, told)
}

/// Asks for each of the moments by its position.
async fn compare(app: &Served, key: &str, told: impl Iterator<Item = &Told>) {
    for one in told {
        let at = json!({ "position": one.position.to_string() });
        let answer = ask(app, key, ALL, &at, None).await;
        assert_eq!(answer, one.answer, "position {}", one.position);
    }
}

/// Asks for each of the moments by its time.
async fn compare_times(app: &Served, key: &str, told: &[Told]) {
    for (index, one) in told.iter().enumerate() {
        let next = told.get(index + 1);
        if next.is_some_and(|next| next.occurred_at == one.occurred_at) {
            continue;
        }
        // Until just before the next event, it stays so.
        let last = next.map_or(one.occurred_at, |next| {
            next.occurred_at - TimeDelta::microseconds(1)
        });
        for time in [one.occurred_at, last] {
            let answer = ask(app, key, ALL, &json!({ "time": time }), None).await;
            assert_eq!(answer, one.answer, "{time}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_earlier_moment_is_told_as_it_was_then() {
    let (database, app, tenant, told) = live().await;
    assert!(told.len() > 50, "{}", told.len());
    compare(&app, &tenant.key, told.iter()).await;
    compare_times(&app, &tenant.key, &told).await;

    // Made anew the whole history is one batch, and every position is inside it.
    let store = database.store().await;
    let engine = daybook::app::engine(&store).await.unwrap();
    for projection in ["order", "lead", "goal"] {
        engine.rebuild(projection).await.unwrap();
    }
    compare(&app, &tenant.key, told.iter()).await;
    for projection in ["order", "lead", "goal"] {
        engine.rebuild_tenant(projection, tenant.id).await.unwrap();
    }
    compare(&app, &tenant.key, told.iter().step_by(5)).await;
    store.close().await;
    app.stop().await;
}

#[tokio::test]
async fn before_the_first_event_there_was_nothing() {
    let app = harness::database().await.serve().await;
    let teller = history::Teller::begin(&app).await;
    let mut token = String::new();
    for step in history::steps().into_iter().take(20) {
        token = teller.tell(&step).await.1;
    }
    let key = &teller.tenant.key;
    ask(
        &app,
        key,
        "{ orders { totalCount } }",
        &Value::Null,
        Some(&token),
    )
    .await;
    for at in [
        json!({ "position": 0 }),
        json!({ "time": "0001-01-01T00:00:00Z" }),
    ] {
        let answer = ask(&app, key, ALL, &at, None).await;
        for list in ["orders", "leads", "goals"] {
            assert_eq!(answer[list]["totalCount"], 0, "{answer:#}");
        }
        for one in ["order", "lead", "goal"] {
            assert_eq!(answer[one], Value::Null, "{answer:#}");
        }
        for stats in ["ordersStats", "leadsStats", "goalsStats"] {
            assert_eq!(answer[stats], json!([]), "{answer:#}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_moment_that_is_none_is_refused() {
    let app = harness::database().await.serve().await;
    let teller = history::Teller::begin(&app).await;
    let (newest, _) = teller.tell(&history::steps()[0]).await;
    let beyond = (newest + 1).to_string();
    for (at, why) in [
        (json!({}), "exactly one"),
        (
            json!({ "position": 1, "time": "2017-01-01T00:00:00Z" }),
            "exactly one",
        ),
        (json!({ "position": -1 }), "0 or more"),
        (json!({ "position": "99999999999999999999" }), "0 or more"),
        (
            json!({ "position": beyond }),
            &format!("the newest is {newest}"),
        ),
        (json!({ "time": Utc::now() + TimeDelta::days(1) }), "future"),
    ] {
        for field in ["orders", "leads", "goals"] {
            let query = format!("query($at: AsOf) {{ {field}(asOf: $at) {{ totalCount }} }}");
            let answer = app
                .graphql(&teller.tenant.key, &query, json!({ "at": at }))
                .await;
            let error = &answer["errors"][0];
            assert_eq!(
                error["extensions"]["code"], "BAD_USER_INPUT",
                "{at}: {answer:#}"
            );
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(why), "{at}: {message}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_goal_is_held_against_the_time_that_is_asked_for() {
    let app = harness::database().await.serve().await;
    let teller = history::Teller::begin(&app).await;
    for (at, step, data) in [
        (
            "2020-01-01T00:00:00Z",
            "draft",
            json!({ "title": "A hundred jars", "unit": "jars", "baseline": "0",
            "target": "100", "startsAt": "2020-01-01T00:00:00Z", "dueAt": "2020-01-11T00:00:00Z" }),
        ),
        ("2020-01-01T00:00:00Z", "activate", json!({})),
        (
            "2020-01-03T00:00:00Z",
            "recordProgress",
            json!({ "actual": "30" }),
        ),
    ] {
        teller.tell(&history::step("goal", step, 1, at, data)).await;
    }
    let query = "query($at: AsOf) { goals(asOf: $at) { edges { node { share overdue pace { at expectedShare ahead } } } }
        goalsStats(asOf: $at) { active overdue behind } }";
    let mut seen = Vec::new();
    for time in [
        "2020-01-02T00:00:00Z",
        "2020-01-03T00:00:00Z",
        "2020-01-06T00:00:00Z",
        "2020-01-12T00:00:00Z",
    ] {
        let at = json!({ "time": time });
        let answer = ask(&app, &teller.tenant.key, query, &at, None).await;
        let (goal, stats) = (
            &answer["goals"]["edges"][0]["node"],
            &answer["goalsStats"][0],
        );
        let seen_at = goal["pace"]["at"].as_str().unwrap();
        assert_eq!(
            seen_at.parse::<DateTime<Utc>>().unwrap(),
            time.parse::<DateTime<Utc>>().unwrap()
        );
        seen.push(json!([
            goal["share"],
            goal["pace"]["expectedShare"],
            goal["pace"]["ahead"],
            goal["overdue"],
            stats["active"],
            stats["overdue"],
            stats["behind"]
        ]));
    }
    assert_eq!(
        json!(seen),
        json!([
            [null, "0.1", null, false, "1", "0", "1"],
            ["0.3", "0.2", "0.1", false, "1", "0", "0"],
            ["0.3", "0.5", "-0.2", false, "1", "0", "1"],
            ["0.3", "1", "-0.7", true, "1", "1", "1"],
        ])
    );
    app.stop().await;
}
