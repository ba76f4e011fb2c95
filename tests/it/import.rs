//! `daybook import olist` as an operator runs it: a second time, and killed again and again.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::Value;
use sqlx::Row;

use crate::{
    harness::{self, Database},
    kill, olist_fixture,
};

pub fn command(database: &Database, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
    command
        .args(["import", "olist"])
        .arg(folder)
        .args(["--output", "json"]);
    command
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

pub fn run(database: &Database, folder: &Path) -> Value {
    run_with(database, folder, &[])
}

pub fn run_with(database: &Database, folder: &Path, options: &[&str]) -> Value {
    let output = command(database, folder).args(options).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A digest of every table of the log and the read models, without the times of recording.
pub async fn digests(database: &Database) -> Vec<(String, i64, String)> {
    let mut admin = database.admin().await;
    let tables = sqlx::query(
        "select n.nspname, c.relname, string_agg(quote_ident(a.attname), ', ' order by a.attname) as columns
         from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
         where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and (n.nspname = 'log' or n.nspname like 'p\\_%')
           and c.relname not in ('path_stat', 'proved')
           and a.attname not in ('recorded_at', 'last_recorded_at', 'created_at', 'installed_at', 'context_key')
         group by 1, 2 order by 1, 2",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(tables.len() > 10, "the tables are there");
    let mut digests = Vec::new();
    for table in tables {
        let (schema, name, columns): (String, String, String) =
            (table.get(0), table.get(1), table.get(2));
        let statement = format!(
            "select count(*), coalesce(md5(string_agg(md5(row({columns})::text), '' order by md5(row({columns})::text))), '')
             from {schema}.{name}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(statement))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        digests.push((format!("{schema}.{name}"), row.get(0), row.get(1)));
    }
    digests
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_appends_nothing() {
    let database = harness::database().await;
    let folder = tempfile::tempdir().unwrap();
    olist_fixture::write(folder.path(), 2).unwrap();
    let first = run(&database, folder.path());
    assert_eq!(
        first["written"]["refused"],
        serde_json::json!({}),
        "{first:#}"
    );
    assert_eq!(first["written"]["appended"], first["written"]["lines"]);
    let before = digests(&database).await;
    let second = run(&database, folder.path());
    assert_eq!(second["written"]["replayed"], first["written"]["lines"]);
    assert_eq!(second["written"]["events"], 0);
    assert_eq!(digests(&database).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_leave_what_an_uninterrupted_import_leaves() {
    let folder = tempfile::tempdir().unwrap();
    olist_fixture::write(folder.path(), 60).unwrap();
    let whole = harness::database().await;
    let started = Instant::now();
    run(&whole, folder.path());
    let length = started.elapsed();
    let broken = harness::database().await;
    kill::twenty_times(length, || command(&broken, folder.path())).await;
    run(&broken, folder.path());
    assert_eq!(digests(&broken).await, digests(&whole).await);
}
