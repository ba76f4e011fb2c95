//! `daybook log fsck` as an operator runs it: a sound log, and every kind of damage, each found, named, and nothing else.

use std::process::{Command, Output, Stdio};

use chrono::{TimeDelta, Utc};
use event_schemas::{StreamId, TenantId};
use event_store::{Append, Expected, Outcome, Store};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    append::{append, registered, registration},
    harness::{self, Database},
};

fn fsck(database: &Database, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["log", "fsck"])
        .args(arguments)
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The exit code and the report.
fn report(database: &Database, arguments: &[&str]) -> (i32, Value) {
    let output = fsck(database, &[arguments, &["--output", "json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        report.unwrap_or_else(|e| panic!("{e}: {errors}")),
    )
}

async fn write(store: &Store, batch: &[Append]) {
    for outcome in store.append(batch).await.unwrap() {
        assert!(
            matches!(outcome, Ok(Outcome::Appended(_))),
            "not appended: {outcome:?}"
        );
    }
}

/// Two tenants, one of them imported and alone in its partition: positions 1 to 9 of `tenant` are its registration,
/// order-a 1 to 5 and order-b 1 to 3, which holds two unique values. The other's order-a holds one of them for itself.
struct World {
    database: Database,
    tenant: TenantId,
    other: TenantId,
    admin: PgConnection,
}

async fn world() -> World {
    let database = harness::database().await;
    let store = database.store().await;
    let tenant = registered(&store).await;
    let other = std::iter::repeat_with(|| TenantId(Uuid::now_v7()))
        .find(|other| other.partition(16) != tenant.partition(16))
        .unwrap();
    let keyed = Append {
        request_hash: Some([7; 32]),
        ..append(tenant, "order-a", Expected::NoStream, 2)
    };
    let claim = |tenant, stream: &str, value| {
        store.claim(tenant, "email", value, &StreamId(stream.to_owned()))
    };
    let long_ago = Utc::now() - TimeDelta::days(900);
    let dated = |days: i64, append: Append| Append {
        occurred_at: Some(long_ago + TimeDelta::days(days)),
        ..append
    };
    write(
        &store,
        &[
            keyed,
            dated(0, registration(other)),
            append(tenant, "order-a", Expected::Exact(2), 3),
            dated(
                1,
                Append {
                    claims: vec![claim(other, "order-a", "a@example.com")],
                    ..append(other, "order-a", Expected::NoStream, 2)
                },
            ),
            Append {
                claims: vec![
                    claim(tenant, "order-b", "a@example.com"),
                    claim(tenant, "order-b", "b@example.com"),
                ],
                ..append(tenant, "order-b", Expected::NoStream, 3)
            },
            dated(2, append(other, "order-a", Expected::Exact(2), 2)),
        ],
    )
    .await;
    store.close().await;
    let mut admin = database.admin().await;
    sqlx::raw_sql("alter table log.event disable trigger all")
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query("insert into log.snapshot values ($1, 'order-a', 5, '', '')")
        .bind(tenant.0)
        .execute(&mut admin)
        .await
        .unwrap();
    World {
        database,
        tenant,
        other,
        admin,
    }
}

impl World {
    async fn damage(&mut self, statement: &str) {
        let statement = statement
            .replace("{tenant}", &self.tenant.to_string())
            .replace("{other}", &self.other.to_string())
            .replace("{partition}", &self.tenant.partition(16).to_string());
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut self.admin)
            .await
            .unwrap();
    }
}

/// Damages a sound world; the columns that are then found wrong, each as often as it is.
async fn found(statement: &str) -> Vec<String> {
    let mut world = world().await;
    world.damage(statement).await;
    let (code, report) = report(&world.database, &[]);
    assert_eq!(code, 4, "{report:#}");
    assert_eq!(report["sound"], json!(false));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(report["found"], json!(findings.len()));
    let mut columns: Vec<_> = findings
        .iter()
        .map(|f| {
            format!(
                "{}.{}",
                f["table"].as_str().unwrap(),
                f["column"].as_str().unwrap()
            )
        })
        .collect();
    columns.sort();
    columns
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_log_is_proved_and_an_empty_one_too() {
    let empty = harness::database().await;
    assert_eq!(report(&empty, &[]).0, 0);
    let world = world().await;
    let (code, mut whole) = report(&world.database, &[]);
    assert_eq!((code, &whole["findings"]), (0, &json!([])), "{whole:#}");
    let checkpoints = whole["proved"]["checkpoints"].take().as_u64().unwrap();
    assert!(checkpoints >= 16, "every projection has one per partition");
    assert_eq!(
        whole["proved"],
        json!({ "partitions": 16, "events": 14, "tenants": 2, "streams": 5, "commands": 1, "snapshots": 1, "claims": 3, "checkpoints": null })
    );
    let (code, one) = report(&world.database, &["--tenant", &world.tenant.to_string()]);
    assert_eq!(code, 0, "{one:#}");
    assert_eq!(
        one["proved"],
        json!({ "partitions": 0, "events": 9, "tenants": 1, "streams": 3, "commands": 1, "snapshots": 1, "claims": 2, "checkpoints": 0 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proved_is_another_exit_code() {
    let world = world().await;
    let stranger = fsck(&world.database, &["--tenant", &Uuid::nil().to_string()]);
    assert_eq!(stranger.status.code(), Some(1));
    let words = String::from_utf8(stranger.stderr).unwrap();
    assert!(words.contains("knows no tenant"), "{words}");
    let nowhere = Database {
        url: "postgres://nobody:x@127.0.0.1:1/nothing".to_owned(),
        options: world.database.options.clone(),
    };
    assert_eq!(fsck(&nowhere, &[]).status.code(), Some(1));
    assert_eq!(
        fsck(&world.database, &["--tenant", "x"]).status.code(),
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_to_an_event_is_found_and_named() {
    let event = "update log.event set";
    let at = |position: u32| format!("where tenant_id = '{{tenant}}' and position = {position}");
    for (statement, expected) in [
        (
            format!("{event} payload = '{{\"n\":9}}' {}", at(3)),
            &["content_hash"][..],
        ),
        (
            format!("{event} metadata = '{{\"a\":1}}' {}", at(9)),
            &["content_hash"],
        ),
        (
            format!("{event} event_type = 'Other' {}", at(1)),
            &["content_hash"],
        ),
        (
            format!(
                "{event} content_hash = decode(repeat('ab', 32), 'hex') {}",
                at(2)
            ),
            &["content_hash"],
        ),
        (
            format!(
                "{event} recorded_at = recorded_at - interval '1 hour', occurred_at = occurred_at - interval '1 hour' {}",
                at(8)
            ),
            &["occurred_at", "recorded_at"],
        ),
        (
            format!("{event} recorded_at = '-infinity' {}", at(4)),
            &["recorded_at"],
        ),
        (
            format!(
                "{event} occurred_at = recorded_at + interval '1 day' {}",
                at(4)
            ),
            &["occurred_at"],
        ),
        (
            format!("{event} occurred_at = 'infinity' {}", at(4)),
            &["occurred_at"],
        ),
        (
            format!(
                "{event} occurred_at = occurred_at - interval '1 day' {}",
                at(6)
            ),
            &["occurred_at"],
        ),
        (format!("{event} version = 44 {}", at(6)), &["version"]),
        (format!("{event} position = 64 {}", at(9)), &["position"]),
        (
            format!("{event} stream_id = 'other' {}", at(1)),
            &["stream_id"],
        ),
        (
            // One hole each for the partition, the tenant and the stream.
            format!("delete from log.event {}", at(4)),
            &["offset", "position", "version"],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|c| format!("log.event.{c}")).collect();
        assert_eq!(found(&statement).await, expected, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_rows_are_found_though_nothing_is_missing() {
    // Two events of a stream change their places in the partition: the tenant's order no longer is the partition's.
    let swap = "update log.event set \"offset\" = -1 where tenant_id = '{tenant}' and position = 5;
        update log.event set \"offset\" = \"offset\" - 1 where tenant_id = '{tenant}' and position = 6;
        update log.event set \"offset\" = (select e.\"offset\" + 1 from log.event e where e.tenant_id = '{tenant}' and e.position = 6)
          where tenant_id = '{tenant}' and position = 5";
    assert_eq!(found(swap).await, ["log.event.offset"]);
    // Two events of a stream change their places in the tenant.
    let swap = "update log.event set position = -1 where tenant_id = '{tenant}' and position = 5;
        update log.event set position = 5 where tenant_id = '{tenant}' and position = 6;
        update log.event set position = 6 where tenant_id = '{tenant}' and position = -1";
    assert_eq!(
        found(swap).await,
        ["log.event.offset", "log.event.position"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_beside_the_events_is_found_and_named() {
    for (statement, expected) in [
        (
            "update log.partition set next_offset = next_offset + 1 where partition = {partition}",
            "log.partition.next_offset",
        ),
        (
            "update log.partition set next_offset = 3 where partition = {partition}",
            "log.partition.next_offset",
        ),
        (
            "update log.partition set last_recorded_at = '-infinity' where partition = {partition}",
            "log.partition.last_recorded_at",
        ),
        (
            "insert into log.partition (partition) values (16)",
            "log.partition.partition",
        ),
        (
            "delete from log.partition p where not exists (select from log.tenant t where t.partition = p.partition)
               and partition = (select min(partition) from log.partition p
                 where not exists (select from log.tenant t where t.partition = p.partition))",
            "log.partition.partition",
        ),
        (
            "update log.tenant set partition = (partition + 1) % 16 where tenant_id = '{tenant}'",
            "log.tenant.partition",
        ),
        (
            "delete from log.tenant where tenant_id = '{tenant}'",
            "log.event.tenant_id",
        ),
        (
            "insert into log.tenant values ('00000000-0000-0000-0000-000000000000', 5, 'active', now())",
            "log.tenant.tenant_id",
        ),
        (
            "update log.command set response = jsonb_set(response, '{position}', '4')",
            "log.command.response",
        ),
        (
            "update log.command set response = jsonb_set(response, '{events}', '40')",
            "log.command.response",
        ),
        (
            "update log.command set response = '{\"position\": \"x\"}'",
            "log.command.response",
        ),
        (
            "insert into log.command values ('{tenant}', '{tenant}', '',
               '{\"position\": 99, \"version\": 1, \"offset\": 99, \"events\": 1}', now())",
            "log.command.response",
        ),
        (
            "insert into log.proved values ({partition}, 10) on conflict (partition) do update set next_offset = 10",
            "log.proved.next_offset",
        ),
        (
            "update log.snapshot set version = 6",
            "log.snapshot.version",
        ),
        (
            "update log.snapshot set stream_id = 'order-z'",
            "log.snapshot.version",
        ),
        (
            "update log.claim set stream_id = 'order-z' where tenant_id = '{other}'",
            "log.claim.stream_id",
        ),
        (
            // The stream of another tenant.
            "update log.claim set stream_id = 'order-b' where tenant_id = '{other}'",
            "log.claim.stream_id",
        ),
        (
            "insert into log.claim values ('{tenant}', 'phone', sha256('1'), 'order-c')",
            "log.claim.stream_id",
        ),
        (
            "insert into log.claim values ('00000000-0000-0000-0000-000000000000', 'email', sha256('1'), 'order-a')",
            "log.claim.tenant_id",
        ),
        (
            "insert into log.claim values ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'z', decode(repeat('ff', 32), 'hex'), 'order-a')",
            "log.claim.tenant_id",
        ),
        (
            "insert into projection.build values ('p', 1, 'r', 's', now());
             insert into projection.checkpoint values ('p', 1, {partition}, 10, now(), now());",
            "projection.checkpoint.next_offset",
        ),
    ] {
        assert_eq!(found(statement).await, [expected], "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_name_their_row_and_are_counted_past_the_limit() {
    let mut world = world().await;
    world
        .damage("update log.event set payload = 'x' where tenant_id = '{tenant}'")
        .await;
    let (code, whole) = report(&world.database, &["--limit", "2"]);
    assert_eq!(code, 4);
    assert_eq!(
        (&whole["found"], &whole["counts"]),
        (&json!(9), &json!({ "log.event.content_hash": 9 }))
    );
    let findings = whole["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2);
    let partition = world.tenant.partition(16);
    assert_eq!(
        findings[1]["key"],
        json!(format!("partition {partition}, offset 1"))
    );
    // The other tenant is sound.
    let other = world.other.to_string();
    assert_eq!(report(&world.database, &["--tenant", &other]).0, 0);
    let tenant = world.tenant.to_string();
    let (code, one) = report(&world.database, &["--tenant", &tenant]);
    assert_eq!((code, &one["found"]), (4, &json!(9)));
    let table = fsck(&world.database, &["--limit", "1"]);
    let (stdout, stderr) = (
        String::from_utf8(table.stdout).unwrap(),
        String::from_utf8(table.stderr).unwrap(),
    );
    assert!(
        stdout.contains("content_hash") && stdout.contains("proved: 14 events"),
        "{stdout}"
    );
    assert!(stderr.contains("9 findings, 1 of them shown"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_value_without_its_holder_is_named_by_its_key_however_many_there_are() {
    let mut world = world().await;
    // More than a page, all of them held by a stream with events.
    world
        .damage("insert into log.claim select '{other}', 'code', sha256(n::text::bytea), 'order-a' from generate_series(1, 4999) n")
        .await;
    let (code, sound) = report(&world.database, &[]);
    assert_eq!((code, &sound["proved"]["claims"]), (0, &json!(5002)));
    world
        .damage("update log.claim set stream_id = 'gone' where value = sha256('4321')")
        .await;
    let (code, damaged) = report(&world.database, &[]);
    assert_eq!((code, &damaged["found"]), (4, &json!(1)), "{damaged:#}");
    let value = "fe2592b42a727e977f055947385b709cc82b16b9a87f88c6abf3900d65d0cdc3";
    let other = world.other;
    assert_eq!(
        damaged["findings"],
        json!([{
            "table": "log.claim", "column": "stream_id", "key": format!("tenant_id {other}, kind code, value {value}"),
            "found": "gone", "expected": "a stream of this tenant with events",
        }])
    );
    let tenant = world.tenant.to_string();
    let (code, one) = report(&world.database, &["--tenant", &tenant]);
    assert_eq!((code, &one["proved"]["claims"]), (0, &json!(2)), "{one:#}");
    let other = other.to_string();
    let (code, one) = report(&world.database, &["--tenant", &other]);
    assert_eq!(
        (code, &one["proved"]["claims"]),
        (4, &json!(5000)),
        "{one:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grows_meanwhile_is_sound() {
    let database = harness::database().await;
    let store = database.store().await;
    let tenants = [registered(&store).await, registered(&store).await];
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let writer = tokio::spawn(async move {
        let mut stopped = stopped;
        let mut events = 2_u64;
        while stopped.try_recv().is_err() {
            let stream = format!("order-{}", events % 7);
            let batch = tenants.map(|tenant| Append {
                request_hash: Some([7; 32]),
                ..append(tenant, &stream, Expected::Any, 3)
            });
            write(&store, &batch).await;
            events += 6;
        }
        events
    });
    for _ in 0..3 {
        let (code, report) = report(&database, &[]);
        assert_eq!(code, 0, "{report:#}");
    }
    stop.send(()).unwrap();
    let events = writer.await.unwrap();
    let (code, report) = report(&database, &[]);
    assert_eq!(
        (code, &report["proved"]["events"]),
        (0, &json!(events)),
        "{report:#}"
    );
    assert!(events > 100, "there was something to prove");
}
