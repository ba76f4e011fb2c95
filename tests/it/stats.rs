//! `daybook log stats` as an operator runs it: counted and estimated, and which way appends took.

use std::process::{Command, Stdio};

use event_store::{Clock, Expected, SystemClock, stats::PathCount};
use serde_json::{Value, json};

use crate::{
    append::{append, registered},
    harness::{self, Database},
};

fn stats(database: &Database, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["log", "stats"])
        .args(arguments)
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn report(database: &Database, arguments: &[&str]) -> Value {
    serde_json::from_str(&stats(
        database,
        &[arguments, &["--output", "json"]].concat(),
    ))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_growth_by_tenant_type_and_partition() {
    let database = harness::database().await;
    let store = database.store().await;
    let tenants = [registered(&store).await, registered(&store).await];
    let mut batch = vec![append(tenants[0], "order-a", Expected::NoStream, 10)];
    batch.push(append(tenants[1], "order-a", Expected::NoStream, 29));
    batch[1].events[0].event_type = "OtherHappened".into();
    store.append(&batch).await.unwrap();
    let by_tenant = report(&database, &[]);
    assert_eq!(
        (
            &by_tenant["summary"]["total"]["events"],
            &by_tenant["summary"]["groups"],
            &by_tenant["summary"]["estimated"]
        ),
        (&json!(41), &json!(2), &json!(false))
    );
    let largest = &by_tenant["largest"][0];
    assert_eq!(largest["tenant"], json!(tenants[1].0));
    assert_eq!(
        (
            &largest["events"],
            &largest["lastHour"],
            &largest["lastDay"]
        ),
        (&json!(30), &json!(30), &json!(30))
    );
    let bytes: u64 = 30 * (2 + 7) + 19;
    assert_eq!(largest["bytes"], json!(bytes));
    assert_eq!(largest["share"], json!(74.5));
    let by_type = report(&database, &["--by", "type", "--top", "1"]);
    assert_eq!(
        (
            &by_type["largest"][0]["type"],
            &by_type["largest"][0]["events"]
        ),
        (&json!("ThingHappened"), &json!(40))
    );
    assert_eq!(
        (
            by_type["largest"].as_array().unwrap().len(),
            &by_type["summary"]["groups"]
        ),
        (1, &json!(2))
    );
    let mut partitions: Vec<_> = tenants.map(|t| t.partition(16).to_string()).to_vec();
    partitions.dedup();
    let by_partition = report(&database, &["--by", "partition"]);
    assert_eq!(
        by_partition["summary"]["groups"],
        json!(partitions.len()),
        "empty ones have no size"
    );
    assert!(stats(&database, &[]).contains("counted: 41 events"));
    // Later, nothing was recorded lately.
    let mut admin = database.admin().await;
    sqlx::raw_sql("alter table log.event disable trigger all; update log.event set recorded_at = now() - interval '2 hours'")
        .execute(&mut admin)
        .await
        .unwrap();
    let later = report(&database, &[]);
    assert_eq!(
        (
            &later["summary"]["total"]["lastHour"],
            &later["summary"]["total"]["lastDay"]
        ),
        (&json!(0), &json!(41))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_reads_a_part_and_says_so() {
    let database = harness::database().await;
    let store = database.store().await;
    let tenant = registered(&store).await;
    for n in 0..60 {
        let batch = [append(
            tenant,
            &format!("order-{n}"),
            Expected::NoStream,
            2_000,
        )];
        for outcome in store.append(&batch).await.unwrap() {
            outcome.unwrap();
        }
    }
    let counted = report(&database, &["--by", "type"]);
    let estimated = report(&database, &["--by", "type", "--fast"]);
    assert_eq!(counted["summary"]["total"]["events"], json!(120_001));
    assert_eq!(estimated["summary"]["total"]["events"], json!(120_001));
    assert_eq!(estimated["summary"]["estimated"], json!(true));
    let read = estimated["summary"]["eventsRead"].as_u64().unwrap();
    assert!((40_000..60_000).contains(&read), "{read}");
    let bytes = |report: &Value| report["summary"]["total"]["bytes"].as_f64().unwrap();
    let error = bytes(&estimated) / bytes(&counted);
    assert!((0.98..1.02).contains(&error), "{error}");
    assert!(
        stats(&database, &["--fast"]).contains(&format!("estimated from {read} events: 120001"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_add_up_over_servers_and_days() {
    let database = harness::database().await;
    let store = database.store().await;
    let today = SystemClock.now().date_naive();
    let yesterday = today.pred_opt().unwrap();
    let counts = |day| {
        let count = |path, reason, commands, batches, waited_us| PathCount {
            day,
            path,
            reason,
            commands,
            events: 2 * commands,
            batches,
            waited_us,
        };
        [
            count("numbered", "known", 100, 0, 0),
            count("numbered", "", 0, 10, 0),
            count("checked", "claims", 5, 0, 0),
            count("checked", "any", 7, 0, 0),
            count("checked", "", 0, 2, 0),
            count("queue", "", 112, 12, 336_000),
        ]
    };
    store.count_paths(&counts(yesterday)).await.unwrap();
    for _ in 0..2 {
        store.count_paths(&counts(today)).await.unwrap();
    }
    store.count_paths(&[]).await.unwrap();
    let appends = &report(&database, &[])["appends"];
    assert_eq!(appends.as_array().unwrap().len(), 6);
    assert_eq!(
        appends[0],
        json!({ "day": today, "path": "checked", "commands": 24, "events": 48, "batches": 4, "commandsPerBatch": 6.0,
            "waitMs": 0.0, "reasons": { "any": 14, "claims": 10 } })
    );
    assert_eq!(
        (&appends[1]["path"], &appends[1]["commandsPerBatch"]),
        (&json!("numbered"), &json!(10.0))
    );
    assert_eq!(
        (&appends[2]["path"], &appends[2]["waitMs"]),
        (&json!("queue"), &json!(3.0))
    );
    let only_today = &report(&database, &["--days", "1"])["appends"];
    assert_eq!(only_today.as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_its_counts() {
    let database = harness::database().await;
    let served = database.serve().await;
    let tenant = served.tenant(&["*"]).await;
    let path = format!("/api/v1/orders/{}/place", SystemClock.uuid_v7());
    let (status, answer) = served.post(&tenant.key, &path, &harness::an_order()).await;
    assert_eq!(status, 201, "{answer}");
    // A server that ends says what it has not said yet.
    served.stop().await;
    let report = report(&database, &[]);
    let appends = report["appends"].as_array().unwrap();
    let commands = |path: &str| -> i64 {
        let rows = appends.iter().filter(|row| row["path"] == path);
        rows.map(|row| row["commands"].as_i64().unwrap()).sum()
    };
    assert_eq!(commands("queue"), 1, "{report:#}");
    // The tenant and its key went past the queue.
    assert_eq!(commands("numbered") + commands("checked"), 3, "{report:#}");
}
