//! The trail as a file, over HTTP and from the command line: it is the list, and never silently short.

use std::process::{Command, Stdio};

use event_schemas::TenantId;
use event_store::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{entries, plan::many, settle, shop};
use crate::harness::{self, Database, Served};

async fn get(app: &Served, key: &str, query: &str) -> reqwest::Response {
    app.client
        .get(format!("{}/api/v1/audit/export?{query}", app.url))
        .bearer_auth(key)
        .send()
        .await
        .unwrap()
}

/// What the program writes; it must succeed.
fn cli(database: &Database, tenant: TenantId, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["audit", "export", "--tenant", &tenant.0.to_string()])
        .args(args)
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// An entry of GraphQL by the names of a file.
fn flat(entry: &Value) -> Value {
    let mut flat = entry.clone();
    let fields = flat.as_object_mut().unwrap();
    let actor = fields.remove("actor").unwrap();
    for (from, to) in [
        ("kind", "actorKind"),
        ("id", "actorId"),
        ("onBehalfOf", "onBehalfOf"),
    ] {
        fields.insert(to.to_owned(), actor[from].clone());
    }
    fields["position"] = fields["position"]
        .as_str()
        .unwrap()
        .parse::<i64>()
        .unwrap()
        .into();
    fields["outcome"] = fields["outcome"].as_str().unwrap().to_lowercase().into();
    for time in ["occurredAt", "recordedAt"] {
        fields[time] = micros(&fields[time]);
    }
    fields.retain(|_, value| !value.is_null());
    flat
}

fn micros(time: &Value) -> Value {
    let time: chrono::DateTime<chrono::Utc> = time.as_str().unwrap().parse().unwrap();
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
        .into()
}

#[tokio::test]
async fn a_file_is_the_list_over_http_and_from_the_command_line() {
    let database = harness::database().await;
    let app = database.serve().await;
    let (tenant, other) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    let correlation = SystemClock.uuid_v7();
    let (customer, _) = shop(&app, &tenant, correlation).await;
    shop(&app, &other, SystemClock.uuid_v7()).await;
    settle(&app, tenant.id).await;
    settle(&app, other.id).await;
    let target = format!("customer-{customer}");
    for (query, args, filter) in [
        (String::new(), vec![], json!({})),
        (
            "&context=order".into(),
            vec!["--context", "order"],
            json!({ "context": { "eq": "order" } }),
        ),
        (
            "&actorKind=apiKey&outcome=accepted".into(),
            vec!["--actor-kind", "apiKey", "--outcome", "accepted"],
            json!({ "actorKind": { "eq": "apiKey" } }),
        ),
        (
            format!("&target={target}"),
            vec!["--target", &target],
            json!({ "target": { "eq": target } }),
        ),
        (
            format!("&correlation={correlation}&afterPosition=3"),
            vec!["--after-position", "3", "--action", "OrderPlaced"],
            json!({ "position": { "gt": "3" } }),
        ),
        (
            "&text=s%C3%A3o+paulo".into(),
            vec!["--text", "sao paulo"],
            json!({ "text": "São Paulo" }),
        ),
        (
            "&from=2026-01-01T00:00:00Z&before=2026-01-01T00:00:00Z".into(),
            vec![
                "--from",
                "2026-01-01T00:00:00Z",
                "--before",
                "2026-01-01T00:00:00Z",
            ],
            json!({ "outcome": { "eq": "DENIED" } }),
        ),
    ] {
        let mut expected: Vec<Value> = entries(&app, &tenant.key, filter)
            .await
            .iter()
            .map(flat)
            .collect();
        expected.reverse();
        let lines = |text: &str| -> Vec<Value> {
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };
        let response = get(&app, &tenant.key, &format!("format=ndjson{query}")).await;
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        assert_eq!(lines(&response.text().await.unwrap()), expected, "{query}");
        let (code, written, said) = cli(&database, tenant.id, &args);
        assert_eq!(code, 0, "{said}");
        assert_eq!(lines(&written), expected, "{args:?}");
        let response = get(&app, &tenant.key, &format!("format=csv{query}")).await;
        assert_eq!(
            response.headers()["content-disposition"],
            "attachment; filename=\"audit.csv\""
        );
        let csv = response.text().await.unwrap();
        assert_eq!(csv.lines().count(), expected.len() + 1, "{csv}");
        let (_, written, _) = cli(
            &database,
            tenant.id,
            &[&args[..], &["--format", "csv"]].concat(),
        );
        assert_eq!(written, csv);
        for (line, entry) in csv.lines().skip(1).zip(&expected) {
            let start = format!(
                "{},{},accepted,,",
                entry["position"],
                entry["entryId"].as_str().unwrap()
            );
            assert!(line.starts_with(&start), "{line}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn who_may_not_and_what_is_wrong_is_said() {
    let database = harness::database().await;
    let app = database.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let orders = app.key(tenant.id, &["order:*"]).await;
    let refused = get(&app, &orders, "format=csv").await;
    assert_eq!(refused.status(), 403);
    assert_eq!(get(&app, "nobody", "format=csv").await.status(), 401);
    for query in [
        "format=xlsx",
        "fromat=csv",
        "context=order&context=lead",
        "correlation=7",
        "from=yesterday",
        "outcome=maybe",
        "afterPosition=x",
        "text=%21",
        "action=%00",
    ] {
        let response = get(&app, &tenant.key, query).await;
        assert_eq!(response.status(), 400, "{query}");
        let problem: Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().len() > 20, "{problem}");
    }
    // No older than a command, if that is asked for.
    let path = format!("/api/v1/leads/{}/capture", SystemClock.uuid_v7());
    let (_, captured) = app.post(&tenant.key, &path, &json!({})).await;
    let file = app
        .client
        .get(format!(
            "{}/api/v1/audit/export?action=LeadCaptured",
            app.url
        ))
        .bearer_auth(&tenant.key)
        .header("daybook-after", captured["token"].as_str().unwrap());
    let file = file.send().await.unwrap().text().await.unwrap();
    assert_eq!(file.lines().count(), 1, "{file}");
    let nobody = TenantId(SystemClock.uuid_v7());
    let (code, written, said) = cli(&database, nobody, &[]);
    assert_eq!((code, written.as_str()), (1, ""));
    assert!(said.contains("daybook tenant list"), "{said}");
    app.stop().await;
}

#[tokio::test]
async fn a_file_that_breaks_off_does_not_look_whole() {
    let database = harness::database().await;
    let app = database.serve().await;
    let tenant = app.tenant(&["*"]).await;
    // Far more than any buffer on the way holds.
    let schema = many(&database, tenant.id, 40_000, 0, &"k".repeat(1_500)).await;
    let whole = get(&app, &tenant.key, "").await.text().await.unwrap();
    assert_eq!(whole.lines().count(), 40_002);
    let mut response = get(&app, &tenant.key, "").await;
    assert_eq!(response.status(), 200);
    let first = response.chunk().await.unwrap().unwrap();
    assert!(!first.is_empty());
    let mut admin = database.admin().await;
    let revoke = format!("revoke select on {schema}.audit from daybook_tenant");
    sqlx::raw_sql(sqlx::AssertSqlSafe(revoke))
        .execute(&mut admin)
        .await
        .unwrap();
    let ended = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            ended => break ended,
        }
    };
    assert!(ended.is_err(), "the file ended as if it were whole");
    app.stop().await;
}
