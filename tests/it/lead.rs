//! Leads as a client meets them: the way of a lead over HTTP, the list, the pipeline and the conversion over GraphQL.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Served, Tenant};

/// POSTs a step of a lead; status and answer.
async fn step(app: &Served, tenant: &Tenant, lead: Uuid, step: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/leads/{lead}/{step}");
    app.post(&tenant.key, &path, &body).await
}

/// The data of a query that answers no older than that command.
async fn after(app: &Served, tenant: &Tenant, token: &Value, query: &str) -> Value {
    let request = app
        .client
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&tenant.key)
        .header("daybook-after", token.as_str().unwrap())
        .json(&json!({ "query": query }));
    let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].take()
}

#[tokio::test]
async fn the_way_of_a_lead_and_its_refusals() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    let (status, missing) = step(&app, &tenant, id, "win", json!({})).await;
    assert_eq!((status, &missing["code"]), (404, &json!("lead-not-found")));
    let contact =
        json!({ "reference": "m-1", "name": "Ana", "company": "Pets", "origin": "social" });
    let (status, captured) = step(&app, &tenant, id, "capture", contact).await;
    assert_eq!((status, &captured["version"]), (201, &json!(1)));
    let (status, early) = step(&app, &tenant, id, "win", json!({})).await;
    assert_eq!(
        (status, &early["code"]),
        (422, &json!("lead-not-qualified"))
    );
    assert_eq!(
        early["detail"],
        "this lead is not qualified yet; qualify it before you win it"
    );
    let profile = json!({ "businessSegment": "pet", "hasCompany": true, "declaredCatalogSize": 12,
        "declaredMonthlyRevenue": { "amount": 9_007_199_254_740_991_i64, "currency": "BRL" } });
    for (name, body) in [
        ("qualify", json!({ "profile": profile, "note": "Soon" })),
        ("assign", json!({ "salesRepId": "sr-1" })),
    ] {
        let (status, answer) = step(&app, &tenant, id, name, body).await;
        assert_eq!(status, 200, "{name}: {answer}");
    }
    let won = json!({ "sellerId": "s-9", "profile": { "businessSegment": "toys" } });
    let (status, won) = step(&app, &tenant, id, "win", won).await;
    assert_eq!(
        (status, &won["events"][0]["type"]),
        (200, &json!("LeadWon"))
    );
    for name in ["win", "lose"] {
        let body = if name == "lose" {
            json!({ "reason": "other" })
        } else {
            json!({})
        };
        let (status, again) = step(&app, &tenant, id, name, body).await;
        assert_eq!((status, &again["code"]), (422, &json!("lead-already-won")));
    }
    let query = format!(
        "{{ lead(reference: \"m-1\") {{ id leadId version status name company origin salesRepId developmentRepId sellerId
            note wonAt lostAt lossReason profile {{ businessSegment hasCompany hasGtin declaredCatalogSize
            declaredMonthlyRevenue {{ amount currency }} }} }} other: lead(id: \"{}\") {{ id }} }}",
        Uuid::now_v7()
    );
    let data = after(&app, &tenant, &won["token"], &query).await;
    let mut lead = data["lead"].clone();
    assert!(lead["wonAt"].is_string());
    lead.as_object_mut().unwrap().remove("wonAt");
    let global = lead["id"].take();
    assert_eq!(
        lead,
        json!({ "id": null, "leadId": id, "version": 4, "status": "WON", "name": "Ana", "company": "Pets",
            "origin": "social", "salesRepId": "sr-1", "developmentRepId": null, "sellerId": "s-9", "note": "Soon",
            "lostAt": null, "lossReason": null,
            "profile": { "businessSegment": "toys", "hasCompany": true, "hasGtin": null, "declaredCatalogSize": "12",
                "declaredMonthlyRevenue": { "amount": "9007199254740991", "currency": "BRL" } } })
    );
    assert_eq!(data["other"], Value::Null);
    let node = "query($id: ID!) { node(id: $id) { __typename ... on Lead { leadId } } }";
    let node = app.query(&tenant.key, node, json!({ "id": global })).await;
    assert_eq!(node["node"], json!({ "__typename": "Lead", "leadId": id }));
    app.stop().await;
}

#[tokio::test]
async fn a_mutation_reads_its_own_lead_and_a_key_for_orders_reads_none() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let mutation = "mutation($id: UUID!) { captureLead(id: $id, input: { origin: \"email\" }) {
        ... on Accepted { query { lead(id: $id) { status origin } } } ... on Problem { code message } } }";
    let data = app
        .query(&tenant.key, mutation, json!({ "id": Uuid::now_v7() }))
        .await;
    assert_eq!(
        data["captureLead"]["query"]["lead"],
        json!({ "status": "CAPTURED", "origin": "email" })
    );
    let key = app.key(tenant.id, &["order:*"]).await;
    let answer = app
        .graphql(&key, "{ leads { nodes { id } } }", json!({}))
        .await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    app.stop().await;
}

/// Six leads: of `social` two won and one open, of `email` one lost and one won, and one of nowhere. Tells the newest
/// token.
async fn six(app: &Served, tenant: &Tenant) -> Value {
    let mut lines = String::new();
    let mut line = |kind: &str, n: u128, data: Value| {
        let line =
            json!({ "type": format!("lead.{kind}"), "id": Uuid::from_u128(n), "data": data });
        lines.push_str(&line.to_string());
        lines.push('\n');
    };
    for (n, origin) in [
        (1, json!("social")),
        (2, json!("social")),
        (3, json!("social")),
        (4, json!("email")),
        (5, json!("email")),
        (6, Value::Null),
    ] {
        line(
            "capture",
            n,
            json!({ "origin": origin, "reference": format!("r{n}") }),
        );
    }
    for n in [1, 2, 5] {
        let profile = json!({ "businessSegment": if n == 1 { "pet" } else { "toys" } });
        line("qualify", n, json!({ "profile": profile }));
        line("assign", n, json!({ "salesRepId": format!("sr{n}") }));
        line("win", n, json!({}));
    }
    line("lose", 4, json!({ "reason": "competitor" }));
    let answer = app
        .client
        .post(format!("{}/api/v1/commands", app.url))
        .bearer_auth(&tenant.key)
        .header("content-type", "application/x-ndjson")
        .body(lines)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let last = answer
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .inspect(|line| assert!(line["result"]["token"].is_string(), "{line}"))
        .map(|mut line| line["result"].take())
        .max_by_key(|answer| answer["position"].as_i64())
        .unwrap();
    last["token"].clone()
}

#[tokio::test]
async fn the_pipeline_and_the_conversion_are_counted() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let token = six(&app, &tenant).await;
    let query = "{
        pipeline: leadsStats(groupBy: [STATUS]) { status leads }
        byOrigin: leadsStats(groupBy: [ORIGIN], orderBy: { field: LEADS, direction: DESC }) { origin leads open won lost conversionRate }
        all: leadsStats { leads won conversionRate status }
        none: leadsStats(filter: { origin: { eq: \"radio\" } }) { leads }
        won: leads(filter: { status: { eq: WON } }) { totalCount nodes { reference } }
        mine: leads(filter: { salesRepId: { eq: \"sr1\" } }) { nodes { reference profile { businessSegment } } }
        toys: leads(filter: { businessSegment: { eq: \"toys\" }, not: { salesRepId: { eq: \"sr5\" } } }) { nodes { reference } }
        early: leads(filter: { capturedAt: { lt: \"2020-01-01T00:00:00Z\" } }) { totalCount }
        nowhere: leads(filter: { origin: { eq: null } }) { nodes { reference status } }
        page: leads(first: 4, orderBy: { field: CAPTURED_AT, direction: ASC }) { nodes { reference } pageInfo { hasNextPage endCursor } }
    }";
    let data = after(&app, &tenant, &token, query).await;
    assert_eq!(
        data["pipeline"],
        json!([{ "status": "CAPTURED", "leads": "2" }, { "status": "LOST", "leads": "1" }, { "status": "WON", "leads": "3" }])
    );
    assert_eq!(
        data["byOrigin"],
        json!([
            { "origin": "social", "leads": "3", "open": "1", "won": "2", "lost": "0", "conversionRate": "0.6667" },
            { "origin": "email", "leads": "2", "open": "0", "won": "1", "lost": "1", "conversionRate": "0.5000" },
            { "origin": null, "leads": "1", "open": "1", "won": "0", "lost": "0", "conversionRate": "0.0000" }
        ])
    );
    assert_eq!(
        data["all"],
        json!([{ "leads": "6", "won": "3", "conversionRate": "0.5000", "status": null }])
    );
    assert_eq!(data["none"], json!([]));
    let having = "{ leadsStats(groupBy: [ORIGIN], having: { won: { gte: 1 }, conversionRate: { lt: \"0.6\" } }) { origin }
        both: leadsStats(groupBy: [ORIGIN], orderBy: [{ field: OPEN }, { field: KEY, direction: DESC }]) { origin }
        later: leadsStats(bucket: { size: YEAR, fill: true }, filter: { capturedAt: { gte: \"2000-01-01T00:00:00Z\" } },
          first: 2) { start end leads won conversionRate medianDaysToWin } }";
    let empty = |year: i32| {
        json!({ "start": format!("{year}-01-01T00:00:00+00:00"), "end": format!("{}-01-01T00:00:00+00:00", year + 1),
            "leads": "0", "won": "0", "conversionRate": null, "medianDaysToWin": null })
    };
    assert_eq!(
        after(&app, &tenant, &token, having).await,
        json!({ "leadsStats": [{ "origin": "email" }],
            "both": [{ "origin": "email" }, { "origin": null }, { "origin": "social" }],
            "later": [empty(2000), empty(2001)] })
    );
    assert_eq!(data["won"]["totalCount"], 3);
    assert_eq!(
        data["mine"]["nodes"],
        json!([{ "reference": "r1", "profile": { "businessSegment": "pet" } }])
    );
    assert_eq!(data["toys"]["nodes"], json!([{ "reference": "r2" }]));
    assert_eq!(data["early"]["totalCount"], 0);
    assert_eq!(
        data["nowhere"]["nodes"],
        json!([{ "reference": "r6", "status": "CAPTURED" }])
    );
    assert_eq!(data["page"]["pageInfo"]["hasNextPage"], true);
    let rest = "query($after: String) { leads(first: 4, after: $after, orderBy: { field: CAPTURED_AT }) { nodes { reference } } }";
    let cursor = &data["page"]["pageInfo"]["endCursor"];
    let rest = app
        .query(&tenant.key, rest, json!({ "after": cursor }))
        .await;
    let mut seen: Vec<&str> = [&data["page"], &rest["leads"]]
        .iter()
        .flat_map(|page| page["nodes"].as_array().unwrap())
        .map(|node| node["reference"].as_str().unwrap())
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, ["r1", "r2", "r3", "r4", "r5", "r6"]);
    app.stop().await;
}
