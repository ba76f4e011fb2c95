//! Goals as a client meets them: agreed on, followed and closed over HTTP; lists, progress, pace and counts over GraphQL.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use event_store::{Clock, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Served, Tenant};

/// A clock that stands a thousand years ahead: whatever is due by then is due.
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::days(365_250)
    }

    fn uuid_v7(&self) -> Uuid {
        SystemClock.uuid_v7()
    }

    fn random_256(&self) -> [u8; 32] {
        SystemClock.random_256()
    }
}

/// Misses a goal in a thousand years. Tells the token, or the code of the refusal.
pub async fn miss(app: &Served, tenant: &Tenant, goal: Uuid) -> Result<Value, String> {
    let way = commands::Way::Direct;
    let bus = commands::Bus::new(app.store.clone(), Arc::new(Ahead), None, way);
    let note = json!({ "note": "Rain" });
    let mut request = daybook::verb::tenant::request(tenant.id, "goal.miss", &note).unwrap();
    request.id = goal;
    match bus.execute(request).await {
        Ok(accepted) => Ok(accepted.token.into()),
        Err(problem) => Err(problem.code().to_owned()),
    }
}

struct Shop {
    app: Served,
    tenant: Tenant,
}

impl Shop {
    async fn open() -> Self {
        let app = harness::database().await.serve().await;
        let tenant = app.tenant(&["*"]).await;
        Self { app, tenant }
    }

    async fn send(&self, goal: Uuid, step: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/v1/goals/{goal}/{step}");
        self.app.post(&self.tenant.key, &path, &body).await
    }

    /// A command that must be accepted. Tells the token.
    async fn done(&self, goal: Uuid, step: &str, body: Value) -> Value {
        let (status, answer) = self.send(goal, step, body).await;
        assert!(matches!(status, 200 | 201), "{step}: {answer}");
        answer["token"].clone()
    }

    /// A command that must be refused. Tells the status and the code.
    async fn refused(&self, goal: Uuid, step: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.send(goal, step, body).await;
        let code = answer["code"].as_str();
        (
            status,
            code.unwrap_or_else(|| panic!("{answer}")).to_owned(),
        )
    }

    /// An active goal, about halfway through its span.
    async fn active(&self, number: u128, baseline: &str, target: &str) -> Uuid {
        let id = Uuid::from_u128(number);
        let draft = json!({ "title": format!("Goal {number}"), "unit": "kg", "baseline": baseline, "target": target,
            "startsAt": "1026-01-01T00:00:00Z", "dueAt": "2999-01-01T00:00:00Z" });
        self.done(id, "draft", draft).await;
        self.done(id, "activate", json!({})).await;
        id
    }

    /// A query's whole answer, no older than that command.
    async fn ask(&self, token: &Value, query: &str) -> Value {
        self.app
            .client
            .post(format!("{}/graphql", self.app.url))
            .bearer_auth(&self.tenant.key)
            .header("daybook-after", token.as_str().unwrap())
            .json(&json!({ "query": query }))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn data(&self, token: &Value, query: &str) -> Value {
        let mut answer = self.ask(token, query).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].take()
    }
}

fn rejected(code: &str) -> (u16, String) {
    (422, code.to_owned())
}

#[tokio::test]
async fn a_goal_is_agreed_on_followed_and_achieved() {
    let shop = Shop::open().await;
    let (goal, metric) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let missing = shop.refused(goal, "activate", json!({})).await;
    assert_eq!(missing, (404, "goal-not-found".to_owned()));
    shop.done(goal, "draft", json!({ "title": "Lose weight" }))
        .await;
    for (adjusted, code) in [
        (json!({ "unit": "kg" }), "goal-without-unit"),
        (json!({ "target": "80" }), "goal-without-target"),
        (
            json!({ "dueAt": "2020-01-01T00:00:00-03:00" }),
            "goal-without-due-date",
        ),
        (
            json!({ "dueAt": "2999-01-01T00:00:00-03:00" }),
            "goal-due-in-the-past",
        ),
    ] {
        assert_eq!(
            shop.refused(goal, "activate", json!({})).await,
            rejected(code)
        );
        shop.done(goal, "adjust", adjusted).await;
    }
    shop.done(
        goal,
        "adjust",
        json!({ "baseline": "90.5", "ownerId": "ana" }),
    )
    .await;
    let path = format!("/api/v1/metrics/{metric}/define");
    let body = json!({ "name": "Weight", "unit": "kg", "aggregation": "last" });
    let (status, answer) = shop.app.post(&shop.tenant.key, &path, &body).await;
    assert_eq!(status, 201, "{answer}");
    let link = json!({ "metricId": metric, "aggregation": "minimum" });
    shop.done(goal, "link-metric", link.clone()).await;
    let again = shop.refused(goal, "link-metric", link).await;
    assert_eq!(again, rejected("goal-metric-already-linked"));
    let early = json!({ "actual": "85" });
    let draft = shop.refused(goal, "record-progress", early.clone()).await;
    assert_eq!(draft, rejected("goal-not-active"));
    shop.done(goal, "activate", json!({})).await;
    let source =
        json!({ "metricId": metric, "observationNumber": 4, "eventId": Uuid::from_u128(9) });
    let from_metric = json!({ "actual": "88.25", "source": source });
    shop.done(goal, "record-progress", from_metric.clone())
        .await;
    let again = shop.refused(goal, "record-progress", from_metric).await;
    assert_eq!(again, rejected("goal-progress-unchanged"));
    shop.done(goal, "record-progress", early).await;
    let early = shop.refused(goal, "achieve", json!({})).await;
    assert_eq!(early, rejected("goal-target-not-reached"));
    assert_eq!(
        shop.refused(goal, "miss", json!({})).await,
        rejected("goal-not-due")
    );
    shop.done(
        goal,
        "adjust",
        json!({ "target": "85.5", "reason": "Enough" }),
    )
    .await;
    assert_eq!(
        miss(&shop.app, &shop.tenant, goal).await,
        Err("goal-target-reached".to_owned())
    );
    let token = shop
        .done(goal, "achieve", json!({ "note": "At last" }))
        .await;
    let closed = shop.refused(goal, "abandon", json!({})).await;
    assert_eq!(closed, rejected("goal-already-achieved"));
    let query = format!(
        "{{ goal(id: \"{goal}\") {{ id goalId title ownerId status unit baseline target dueAt actual share reached overdue
              aggregation metric {{ name }} adjustmentCount note version waived pace {{ expectedShare ahead }}
              paceAtProgress {{ ahead }}
              progress {{ totalCount nodes {{ number actual target share metricId observationNumber eventId }} }} }} }}"
    );
    let mut data = shop.data(&token, &query).await;
    let global = data["goal"]["id"].take();
    assert_eq!(
        data["goal"],
        json!({ "id": null, "goalId": goal, "title": "Lose weight", "ownerId": "ana", "status": "ACHIEVED", "unit": "kg",
            "baseline": "90.5", "target": "85.5", "dueAt": "2999-01-01T03:00:00+00:00", "actual": "85", "share": "1.1",
            "reached": true, "overdue": false, "aggregation": "MINIMUM", "metric": { "name": "Weight" },
            "adjustmentCount": 6, "note": "At last", "version": 12, "waived": [],
            "pace": { "expectedShare": "0", "ahead": "1.1" }, "paceAtProgress": { "ahead": "1.1" },
            "progress": { "totalCount": 2, "nodes": [
                { "number": 1, "actual": "88.25", "target": "80", "share": "0.2142", "metricId": metric,
                    "observationNumber": "4", "eventId": Uuid::from_u128(9) },
                { "number": 2, "actual": "85", "target": "80", "share": "0.5238", "metricId": null,
                    "observationNumber": null, "eventId": null },
            ] } })
    );
    let node = format!("{{ node(id: {global}) {{ __typename ... on Goal {{ title }} }} }}");
    assert_eq!(
        shop.data(&token, &node).await["node"],
        json!({ "__typename": "Goal", "title": "Lose weight" })
    );
    shop.app.stop().await;
}

#[tokio::test]
async fn progress_of_many_goals_is_read_at_once_and_in_pages() {
    let shop = Shop::open().await;
    let mut token = Value::Null;
    for number in 1..=3 {
        let goal = shop.active(number, "0", "10").await;
        for actual in 1..=number + 2 {
            let body = json!({ "actual": actual.to_string() });
            token = shop.done(goal, "record-progress", body).await;
        }
    }
    let page = async |arguments: &str| {
        let query = format!(
            "{{ goals(orderBy: {{ field: DRAFTED_AT }}) {{ nodes {{ progress({arguments}) {{ totalCount
               nodes {{ number }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }} }}"
        );
        let mut data = shop.data(&token, &query).await;
        let goals = data["goals"]["nodes"].take();
        let goals = goals.as_array().unwrap().clone();
        goals
            .into_iter()
            .map(|mut goal| goal["progress"].take())
            .collect::<Vec<_>>()
    };
    let numbers = |goals: &[Value]| -> Vec<Vec<i64>> {
        let of = |goal: &Value| {
            let nodes = goal["nodes"].as_array().unwrap().iter();
            nodes.map(|node| node["number"].as_i64().unwrap()).collect()
        };
        goals.iter().map(of).collect()
    };
    let first = page("first: 2").await;
    assert_eq!(numbers(&first), [[1, 2], [1, 2], [1, 2]]);
    let totals: Vec<_> = first
        .iter()
        .map(|goal| goal["totalCount"].clone())
        .collect();
    assert_eq!(totals, [3, 4, 5]);
    assert!(
        first
            .iter()
            .all(|goal| goal["pageInfo"]["hasNextPage"] == true)
    );
    let rest = page(&format!(
        "first: 2, after: {}",
        first[0]["pageInfo"]["endCursor"]
    ))
    .await;
    assert_eq!(numbers(&rest), [vec![3], vec![3, 4], vec![3, 4]]);
    let more: Vec<_> = rest
        .iter()
        .map(|goal| goal["pageInfo"]["hasNextPage"].clone())
        .collect();
    assert_eq!(more, [false, false, true]);
    let last = page("last: 2").await;
    assert_eq!(numbers(&last), [[2, 3], [3, 4], [4, 5]]);
    assert_eq!(last[2]["pageInfo"]["hasPreviousPage"], true);
    let query = "{ goals { nodes { progress(first: 1, last: 1) { totalCount } } } }";
    let refused = shop.ask(&token, query).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    shop.app.stop().await;
}

/// Goals of every kind.
struct Several {
    shop: Shop,
    /// A goal to decrease something, nine tenths of the way.
    fall: Uuid,
    missed: Uuid,
    draft: Uuid,
    token: Value,
}

impl Several {
    async fn make() -> Self {
        let shop = Shop::open().await;
        // From 0 to 10, and from 10 down to 0: a third and nine tenths of the way.
        let (rise, fall) = (
            shop.active(1, "0", "10").await,
            shop.active(2, "10", "0").await,
        );
        let (missed, won) = (
            shop.active(3, "0", "10").await,
            shop.active(4, "0", "10").await,
        );
        for (goal, actual) in [(rise, "3.3333"), (fall, "1"), (won, "10")] {
            shop.done(goal, "record-progress", json!({ "actual": actual }))
                .await;
        }
        shop.done(won, "achieve", json!({})).await;
        miss(&shop.app, &shop.tenant, missed).await.unwrap();
        let draft = Uuid::from_u128(5);
        shop.done(draft, "draft", json!({ "title": "Some day" }))
            .await;
        let soon = json!({ "title": "Soon", "unit": "EUR", "dueAt": "2030-01-31T23:00:00Z", "ownerId": "ana" });
        let token = shop.done(Uuid::from_u128(6), "draft", soon).await;
        Self {
            shop,
            fall,
            missed,
            draft,
            token,
        }
    }
}

#[tokio::test]
async fn goals_are_found_and_ordered() {
    let Several { shop, token, .. } = Several::make().await;
    let titles = async |arguments: &str| {
        let query = format!("{{ goals({arguments}) {{ totalCount nodes {{ title }} }} }}");
        let mut data = shop.data(&token, &query).await;
        let nodes = data["goals"]["nodes"].take();
        let titles = nodes.as_array().unwrap().iter();
        titles
            .map(|node| node["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(titles("first: 2").await, ["Soon", "Some day"]);
    assert_eq!(
        titles("orderBy: { field: DUE_AT }").await,
        ["Soon", "Goal 1", "Goal 2", "Goal 3", "Goal 4", "Some day"]
    );
    assert_eq!(
        titles("orderBy: { field: DUE_AT, direction: DESC }, first: 1").await,
        ["Some day"]
    );
    assert_eq!(
        titles("filter: { status: { in: [ACTIVE, MISSED] } }, orderBy: { field: DRAFTED_AT }")
            .await,
        ["Goal 1", "Goal 2", "Goal 3"]
    );
    assert_eq!(
        titles("filter: { dueAt: { lt: \"2031-01-01T00:00:00Z\" } }").await,
        ["Soon"]
    );
    assert_eq!(
        titles("filter: { title: { contains: \"SOME\" } }").await,
        ["Some day"]
    );
    assert_eq!(
        titles("filter: { ownerId: { eq: \"ana\" }, unit: { eq: \"EUR\" } }").await,
        ["Soon"]
    );
    assert_eq!(
        titles("filter: { closedAt: { eq: null }, not: { status: { eq: DRAFT } } }")
            .await
            .len(),
        2
    );
    let due = "goals(orderBy: { field: DUE_AT }, first: 5) { pageInfo { endCursor } }";
    let cursor = shop.data(&token, &format!("{{ {due} }}")).await;
    let cursor = &cursor["goals"]["pageInfo"]["endCursor"];
    assert_eq!(
        titles(&format!("orderBy: {{ field: DUE_AT }}, after: {cursor}")).await,
        ["Some day"]
    );
    shop.app.stop().await;
}

#[tokio::test]
async fn goals_are_held_against_their_time_and_counted() {
    let Several {
        shop,
        fall,
        missed,
        draft,
        token,
    } = Several::make().await;
    // A little more than half of the span is over: 1000 of 1973 years.
    let query = format!(
        "{{ goal(id: \"{fall}\") {{ status share reached pace {{ at expectedShare ahead }} }}
           missed: goal(id: \"{missed}\") {{ status share reached note pace {{ at ahead }} closedAt paceAtProgress {{ at }} }}
           draft: goal(id: \"{draft}\") {{ status pace {{ at }} share metric {{ name }} progress {{ nodes {{ number }} }} }}
           goalsStats {{ goals drafts active behind overdue achieved missed abandoned achievementRate averageShare }}
           byStatus: goalsStats(groupBy: [STATUS]) {{ status goals }}
           byUnit: goalsStats(groupBy: [UNIT], bucket: {{ size: YEAR }}, orderBy: {{ field: GOALS, direction: DESC }}) {{ unit start goals }}
           several: goalsStats(groupBy: [STATUS], having: {{ goals: {{ gte: 2 }}, averageShare: {{ gt: \"0.5\" }} }}) {{ status goals }}
           none: goalsStats(filter: {{ title: {{ eq: \"-\" }} }}) {{ goals }} }}"
    );
    let mut data = shop.data(&token, &query).await;
    let pace = data["goal"]["pace"].take();
    let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let expected = number(&pace["expectedShare"]);
    assert!((0.5..0.6).contains(&expected), "{pace}");
    assert!(
        (number(&pace["ahead"]) - (0.9 - expected)).abs() < 1e-9,
        "{pace}"
    );
    assert_eq!(
        data["goal"],
        json!({ "status": "ACTIVE", "share": "0.9", "reached": false, "pace": null })
    );
    assert_eq!(data["missed"]["pace"]["at"], data["missed"]["closedAt"]);
    assert_eq!(data["missed"]["paceAtProgress"], Value::Null);
    assert_eq!(data["missed"]["note"], "Rain");
    assert_eq!(
        data["draft"],
        json!({ "status": "DRAFT", "pace": null, "share": null, "metric": null, "progress": { "nodes": [] } })
    );
    assert_eq!(
        data["goalsStats"],
        json!([{ "goals": "6", "drafts": "2", "active": "2", "behind": "1", "overdue": "0", "achieved": "1", "missed": "1",
            "abandoned": "0", "achievementRate": "0.5", "averageShare": "0.6167" }])
    );
    assert_eq!(
        data["byStatus"],
        json!([{ "status": "ACHIEVED", "goals": "1" }, { "status": "ACTIVE", "goals": "2" },
            { "status": "DRAFT", "goals": "2" }, { "status": "MISSED", "goals": "1" }])
    );
    assert_eq!(
        data["byUnit"],
        json!([{ "unit": "kg", "start": "2999-01-01T00:00:00+00:00", "goals": "4" },
            { "unit": "EUR", "start": "2030-01-01T00:00:00+00:00", "goals": "1" },
            { "unit": null, "start": null, "goals": "1" }])
    );
    assert_eq!(
        data["several"],
        json!([{ "status": "ACTIVE", "goals": "2" }])
    );
    assert_eq!(data["none"], json!([]));
    shop.app.stop().await;
}
