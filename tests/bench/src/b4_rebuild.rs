//! B4: the read model of orders made anew while the old one serves, and swapped for it, beside bare `COPY`s of rows from the
//! database to the client and back: of the read model's own rows, and of the log's.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use projections::{Engine, Projection, order::Order};
use sqlx::{Connection, PgConnection};

use crate::{
    b3_replay::fill,
    copy::{self, Job},
    measure::{Meter, Timed, timed},
    run::{Bound, Run, Session, Subject},
    server::{Database, PARTITIONS, Server, StoreOptions, run as statement},
    statistics::count,
};

const NAME: &str = "B4";
const UNIT: &str = "events/s";
const DAYBOOK: &str = "daybook";
/// What the rebuild writes, copied.
const MODEL: &str = "COPY of the read model";
/// What the rebuild reads, copied.
const LOG: &str = "COPY of the log";

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    let events: u64 = if session.quick { 20_000 } else { 200_000 };
    let case = format!("{} events", count(events));
    let database = server.fresh().await?;
    let store = database.store(&StoreOptions::default()).await?;
    fill(&store, events).await?;
    let engine = Engine::install(
        &store,
        vec![Arc::new(Order)],
        projections::Options::default(),
    )
    .await?;
    engine.catch_up().await?;
    let mut admin = database.admin().await?;
    statement(&mut admin, "vacuum (analyze)").await?;
    for round in 1..=session.rounds() {
        statement(&mut admin, "checkpoint").await?;
        let work = async {
            engine.rebuild(Order.name()).await?;
            Ok(())
        };
        let ours = timed(Meter::here(server.pid()), work).await?;
        let mut record = |side, timed: &Timed| {
            session.record(Run::timed(NAME, &case, side, round, (events, UNIT), timed));
        };
        record(DAYBOOK, &ours);
        record(MODEL, &copy_model(&database, server, &mut admin).await?);
        record(LOG, &copy_log(&database, server, &mut admin).await?);
    }
    admin.close().await?;
    store.close().await;
    server.discard(database).await?;
    for against in [MODEL, LOG] {
        session.compare(
            NAME,
            Subject::new(&case, DAYBOOK),
            Subject::new(&case, against),
            Bound::AtLeast,
            0.3,
        );
    }
    Ok(())
}

/// Copies the tables that serve into empty ones of the same definition.
async fn copy_model(
    database: &Database,
    server: &Server,
    admin: &mut PgConnection,
) -> Result<Timed> {
    let schema: String = sqlx::query_scalar(
        "select schema_name from projection.serving where projection = $1 and caught_up",
    )
    .bind(Order.name())
    .fetch_one(&mut *admin)
    .await
    .context("no build of orders serves")?;
    let tables: Vec<String> =
        sqlx::query_scalar("select quote_ident(tablename) from pg_tables where schemaname = $1")
            .bind(&schema)
            .fetch_all(&mut *admin)
            .await?;
    let make = "drop schema if exists copied cascade; create schema copied; set search_path to copied, extensions";
    statement(admin, make).await?;
    statement(admin, Order.ddl()).await?;
    statement(admin, "reset search_path").await?;
    let jobs = tables
        .iter()
        .map(|table| Job {
            from: format!("{schema}.{table}"),
            to: format!("copied.{table}"),
        })
        .collect();
    measure(database, server, admin, jobs).await
}

/// Copies the log's events into an empty table with the same columns, checks and indexes.
async fn copy_log(database: &Database, server: &Server, admin: &mut PgConnection) -> Result<Timed> {
    statement(admin, "truncate bare.event").await?;
    let jobs = (0..PARTITIONS)
        .map(|partition| Job {
            from: format!("(select * from log.event where partition = {partition})"),
            to: "bare.event".to_owned(),
        })
        .collect();
    let timed = measure(database, server, admin, jobs).await?;
    let same: bool = sqlx::query_scalar(
        "select (select count(*) from bare.event) = (select count(*) from log.event)",
    )
    .fetch_one(admin)
    .await?;
    ensure!(same, "not every event was copied");
    Ok(timed)
}

async fn measure(
    database: &Database,
    server: &Server,
    admin: &mut PgConnection,
    jobs: Vec<Job>,
) -> Result<Timed> {
    let width = usize::from(projections::Options::default().connections);
    let lines = copy::Lines::connect(&database.url, width).await?;
    statement(admin, "checkpoint").await?;
    timed(Meter::here(server.pid()), lines.copy(jobs)).await
}
