//! `daybook import postgres-es` as an operator runs it, from a database of the real schema: what comes over, what does
//! not, a second time, and killed again and again.

use std::{
    process::{Command, Output, Stdio},
    time::Instant,
};

use event_schemas::{RecordedEvent, TenantId};
use event_store::Expected;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::{
    append::append,
    harness::{self, Database},
    import::digests,
    kill,
};

/// The events table of postgres-es 0.5, as its `db/init.sql` has it.
const SCHEMA: &str = "
    CREATE TABLE events
    (
        aggregate_type text                         NOT NULL,
        aggregate_id   text                         NOT NULL,
        sequence       bigint CHECK (sequence >= 0) NOT NULL,
        event_type     text                         NOT NULL,
        event_version  text                         NOT NULL,
        payload        json                         NOT NULL,
        metadata       json                         NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    );";
/// Versions that say when an event happened have this too.
const TIMESTAMP: &str =
    "ALTER TABLE events ADD COLUMN timestamp timestamp with time zone DEFAULT (CURRENT_TIMESTAMP);";
const TENANT: TenantId = TenantId(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0042));

/// A database of postgres-es beside those of Daybook.
struct Source {
    url: String,
    connection: PgConnection,
}

async fn source(database: &Database, schema: &str) -> Source {
    let name = format!("source_{}", Uuid::now_v7().simple());
    let mut admin = database.admin().await;
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut admin)
        .await
        .unwrap();
    let url = format!("{}/{name}", database.url.rsplit_once('/').unwrap().0);
    let mut source = Source {
        connection: PgConnection::connect(&url).await.unwrap(),
        url,
    };
    source.run(schema).await;
    source
}

impl Source {
    async fn run(&mut self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    /// `aggregates` accounts of `events` events each.
    async fn fill(&mut self, aggregates: u32, events: u32) {
        self.run(&format!(
            "insert into events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
             select 'Account', 'ACC-' || a, s, case s when 1 then 'AccountOpened' else 'MoneyDeposited' end, '1.0',
               format('{{ \"MoneyDeposited\": {{\"amount\":  %s.50}} }}', s)::json, '{{\"user\":  \"me\"}}'
             from generate_series(1, {events}) s, generate_series(1, {aggregates}) a"
        ))
        .await;
    }

    async fn date(&mut self) {
        self.run(TIMESTAMP).await;
        self.run(
            "update events set timestamp = '2020-01-01T00:00:00Z'::timestamptz + sequence * interval '1 hour'
               + hashtext(aggregate_id) % 1000 * interval '1 second'",
        )
        .await;
    }
}

fn command(database: &Database, source: &Source, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
    command
        .args(["import", "postgres-es", "--output", "json", "--from"])
        .args([&source.url, "--tenant", &TENANT.to_string()])
        .args(arguments)
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null());
    command
}

fn run(database: &Database, source: &Source) -> Output {
    command(database, source, &["--name", "Accounts"])
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", words(output)))
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn events(database: &Database) -> Vec<RecordedEvent> {
    let store = database.store().await;
    let mut tx = store.operator_tx().await.unwrap();
    tx.read_tenant(TENANT, 1, 5_000).await.unwrap()
}

fn prove(database: &Database) {
    let fsck = Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["log", "fsck"])
        .env("DATABASE_URL", &database.url)
        .output()
        .unwrap();
    assert!(fsck.status.success(), "{}", words(&fsck));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_comes_over_with_its_bytes_in_its_place() {
    let database = harness::database().await;
    let mut source = source(&database, SCHEMA).await;
    source.fill(3, 4).await;
    source
        .run("insert into events values ('Account', 'ACC-1', 5, 'AccountClosed', '2.1', '\"AccountClosed\"', '[1, 2]')")
        .await;
    let output = run(&database, &source);
    assert!(output.status.success(), "{}", words(&output));
    let first = report(&output);
    assert_eq!(
        first["written"],
        json!({ "events": 13, "appended": 13, "met": 0 })
    );
    let events = events(&database).await;
    assert_eq!(events.len(), 14);
    assert_eq!(events[0].event_type, "OrganizationRegistered");
    // Without times: aggregate by aggregate.
    let of = |n: usize| (events[n].stream.as_str(), events[n].version);
    assert_eq!(
        (of(1), of(5), of(6)),
        (
            ("Account-ACC-1", 1),
            ("Account-ACC-1", 5),
            ("Account-ACC-2", 1)
        )
    );
    assert_eq!(
        events[2].payload,
        b"{ \"MoneyDeposited\": {\"amount\":  2.50} }"
    );
    let closed = &events[5];
    assert_eq!(
        (
            closed.event_type.as_str(),
            closed.schema_version,
            closed.payload.as_slice()
        ),
        ("AccountClosed", 2, &b"\"AccountClosed\""[..])
    );
    let metadata: Value = serde_json::from_slice(&closed.metadata).unwrap();
    assert_eq!(metadata["original"], json!([1, 2]));
    assert_eq!(
        (&metadata["source"], &metadata["actor"]["id"]),
        (&json!("import"), &json!("import:postgres-es"))
    );
    assert_eq!(
        closed.event_id,
        Uuid::new_v5(&TENANT.0, b"Account\0ACC-1\x005"),
        "an id that anybody can derive"
    );
    prove(&database);

    // Again, with what was added meanwhile, and the tenant's name no longer needed.
    source
        .run(
            "insert into events values ('Account', 'ACC-3', 5, 'AccountClosed', '1.0', '{}', '{}')",
        )
        .await;
    let again = command(&database, &source, &[]).output().unwrap();
    assert!(again.status.success(), "{}", words(&again));
    assert_eq!(
        report(&again)["written"],
        json!({ "events": 14, "appended": 1, "met": 13 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn times_of_the_source_order_it_and_date_it() {
    let database = harness::database().await;
    let mut source = source(&database, SCHEMA).await;
    source.fill(20, 10).await;
    source.date().await;
    // A clock that went back once.
    source
        .run("update events set timestamp = '2019-05-05T00:00:00Z' where aggregate_id = 'ACC-7' and sequence = 4")
        .await;
    let output = run(&database, &source);
    assert!(output.status.success(), "{}", words(&output));
    let events = events(&database).await;
    assert_eq!(events.len(), 201);
    assert!(events.is_sorted_by_key(|event| event.occurred_at));
    assert_eq!(
        events[0].occurred_at, events[1].occurred_at,
        "registered when it began"
    );
    assert_eq!(
        events[0].occurred_at.to_rfc3339()[..10],
        *"2020-01-01",
        "the time that went back counts as the one before it"
    );
    prove(&database);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_leave_what_an_uninterrupted_import_leaves() {
    let whole = harness::database().await;
    let mut source = source(&whole, SCHEMA).await;
    source.fill(400, 30).await;
    source.date().await;
    let started = Instant::now();
    let output = run(&whole, &source);
    assert!(output.status.success(), "{}", words(&output));
    let length = started.elapsed();
    let broken = harness::database().await;
    kill::twenty_times(length, || {
        command(&broken, &source, &["--name", "Accounts"])
    })
    .await;
    let output = run(&broken, &source);
    assert!(output.status.success(), "{}", words(&output));
    assert_eq!(digests(&broken).await, digests(&whole).await);
    prove(&broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_that_do_not_fit_are_named_and_left_out_whole() {
    let database = harness::database().await;
    let mut source = source(&database, SCHEMA).await;
    source.fill(2, 2).await;
    source
        .run(
            "insert into events values
               ('Account', 'gap', 1, 'A', '1.0', '{}', '{}'), ('Account', 'gap', 3, 'A', '1.0', '{}', '{}'),
               ('Account', 'zero', 0, 'A', '1.0', '{}', '{}'),
               ('a-b', 'c', 1, 'A', '1.0', '{}', '{}'), ('a', 'b-c', 2, 'A', '1.0', '{}', '{}'),
               ('order', 'x', 1, 'A', '1.0', '{}', '{}'),
               ('$system', 'x', 1, 'A', '1.0', '{}', '{}'),
               ('Account', 'unversioned', 1, 'A', '1.0', '{}', '{}'), ('Account', 'unversioned', 2, 'A', 'v2', '{}', '{}'),
               ('Account', 'untyped', 1, '', '1.0', '{}', '{}'),
               ('Account', 'huge', 1, 'A', '1.0', to_json(repeat('x', 600000)), '{}'),
               ('Account', 'talkative', 1, 'A', '1.0', '{}', to_json(repeat('x', 16000))),
               ('Account', repeat('l', 255), 1, 'A', '1.0', '{}', '{}')",
        )
        .await;
    let output = run(&database, &source);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        words(&output).contains("10 aggregates do not fit"),
        "{}",
        words(&output)
    );
    let report = report(&output);
    assert_eq!(report["source"]["refused"], json!(10));
    let examples: Vec<_> = report["source"]["examples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            format!(
                "{:.20}: {}",
                e["stream"].as_str().unwrap(),
                e["reason"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        examples,
        [
            "$system-x: streams of $system are Daybook's own",
            "Account-gap: its sequences are not 1 to 2: they go from 1 to 3",
            "Account-huge: a payload is longer than 524288 bytes",
            "Account-llllllllllll: the name is longer than 255 bytes",
            "Account-talkative: metadata are longer than 15000 bytes",
            "Account-untyped: an event's type has not 1 to 128 bytes",
            "Account-unversioned: an event's version does not begin with a number up to 9999",
            "Account-zero: its sequences are not 1 to 1: they go from 0 to 0",
            "a-b-c: two aggregates would share this name",
            "order-x: streams of order are Daybook's own",
        ]
    );
    let events = events(&database).await;
    assert_eq!(events.len(), 5, "the registration, and two accounts");
    assert!(
        events[1..]
            .iter()
            .all(|e| e.stream.as_str().starts_with("Account-ACC-"))
    );
    // Mended, it comes over.
    source
        .run(
            "update events set sequence = 2 where aggregate_id = 'gap' and sequence = 3;
              delete from events where aggregate_id not like 'ACC-%' and aggregate_id <> 'gap'",
        )
        .await;
    let mended = run(&database, &source);
    assert!(mended.status.success(), "{}", words(&mended));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_named() {
    let database = harness::database().await;
    let mut source = source(&database, SCHEMA).await;
    source.fill(3, 3).await;
    assert!(run(&database, &source).status.success());
    source
        .run("update events set payload = '{\"MoneyDeposited\": {\"amount\":  2.50} }' where aggregate_id = 'ACC-2' and sequence = 2")
        .await;
    let changed = run(&database, &source);
    assert_eq!(changed.status.code(), Some(1));
    assert!(
        words(&changed)
            .contains("stream Account-ACC-2 has another event under sequence 2 than the source"),
        "{}",
        words(&changed)
    );
    source
        .run("delete from events where aggregate_id = 'ACC-2'")
        .await;
    let store = database.store().await;
    store
        .append(&[append(TENANT, "Account-ACC-3", Expected::Exact(3), 1)])
        .await
        .unwrap();
    let longer = run(&database, &source);
    assert_eq!(longer.status.code(), Some(1));
    assert_eq!(
        report(&longer)["differences"],
        json!([{ "stream": "Account-ACC-3", "sourceEvents": 3, "logEvents": 4, "logVersion": 4 }])
    );
    source
        .run("insert into events values ('Account', 'ACC-3', 4, 'A', '1.0', '{}', '{}'), ('Account', 'ACC-3', 5, 'A', '1.0', '{}', '{}')")
        .await;
    let parted = run(&database, &source);
    assert_eq!(parted.status.code(), Some(1));
    assert!(
        words(&parted).contains("Account-ACC-3 has another event under sequence 4"),
        "{}",
        words(&parted)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_or_tenant_that_is_none_is_said_so_and_changes_nothing() {
    let database = harness::database().await;
    let mut source = source(&database, SCHEMA).await;
    source.run("create table other (payload json); create schema app; create table app.\"My Events\" (like events)").await;
    let before = digests(&database).await;
    let fails = |arguments: &[&str], expected: &str| {
        let output = command(&database, &source, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let words = words(&output);
        assert!(
            words.contains(expected) && !words.contains("postgres://daybook"),
            "{words}"
        );
    };
    fails(&[], "give its name with --name");
    fails(&["--table", "nothing"], "has no table nothing");
    fails(&["--table", "other"], "has no column aggregate_type");
    assert_eq!(digests(&database).await, before);
    let elsewhere = command(
        &database,
        &source,
        &["--name", "Accounts", "--table", "app.My Events"],
    );
    let output = { elsewhere }.output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert_eq!(events(&database).await.len(), 1, "only the registration");
}
