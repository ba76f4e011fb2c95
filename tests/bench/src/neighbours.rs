//! Neighbours: how long the commands of quiet tenants take while one tenant floods the server, and while somebody else's
//! transaction of ten minutes keeps PostgreSQL from clearing away the old versions of rows.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::{
    commander::{Commander, Side},
    measure::{Load, Meter, Window, open},
    run::{Bound, Run, Session, Subject},
    server::{Server, StoreOptions, run as statement},
    workload::{Orders, Population, TENANTS, tenants},
};

const NAME: &str = "Neighbours";
/// Commands of the quiet tenants that arrive per second.
const ARRIVALS: f64 = 500.0;
/// Commands that the flooding tenant has under way at once.
const FLOOD: u64 = 2_048;
const FLOODED: &str = "one tenant floods, p99 of the others";
const PINNED: &str = "a foreign transaction stays open, p99";
const ALONE: &str = "alone";
const BESIDE: &str = "beside it";
/// The p99 beside a neighbour is at most so many times what it is alone.
const LIMIT: f64 = 2.0;

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    for round in 1..=session.rounds() {
        let database = server.fresh().await?;
        let running = database.running(&StoreOptions::default()).await?;
        let side = Side::daybook(&running.store);
        let load = arrivals(session, server, &side, u64::from(round) * 2).await?;
        record(session, FLOODED, ALONE, round, &load);
        let mut flood = flood(&side)?;
        // It begins with all its commands at once; that is over by then.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let load = arrivals(session, server, &side, u64::from(round) * 2 + 1).await?;
        if let Some(ended) = flood.try_join_next() {
            ended.context("a flooding program ended")??;
        }
        drop(flood);
        record(session, FLOODED, BESIDE, round, &load);
        running.stop().await?;
        server.discard(database).await?;
    }
    pinned(session, server).await?;
    for case in [FLOODED, PINNED] {
        session.compare(
            NAME,
            Subject::new(case, BESIDE),
            Subject::new(case, ALONE),
            Bound::AtMost,
            LIMIT,
        );
    }
    Ok(())
}

/// The same store, before and after a transaction of somebody else has been open for ten minutes of work.
async fn pinned(session: &mut Session, server: &Server) -> Result<()> {
    let minutes = Duration::from_secs(if session.quick { 5 } else { 600 });
    let database = server.fresh().await?;
    let running = database.running(&StoreOptions::default()).await?;
    let side = Side::daybook(&running.store);
    for round in 1..=session.rounds() {
        let load = arrivals(session, server, &side, 100 + u64::from(round)).await?;
        record(session, PINNED, ALONE, round, &load);
    }
    let mut foreign = database.admin().await?;
    statement(
        &mut foreign,
        "begin isolation level repeatable read; select count(*) from log.partition",
    )
    .await?;
    let window = Window {
        warm_up: Duration::ZERO,
        measured: minutes,
    };
    load(&side, 200, window, Meter::here(server.pid())).await?;
    for round in 1..=session.rounds() {
        let load = arrivals(session, server, &side, 300 + u64::from(round)).await?;
        record(session, PINNED, BESIDE, round, &load);
    }
    statement(&mut foreign, "rollback").await?;
    drop(foreign);
    running.stop().await?;
    server.discard(database).await
}

fn record(session: &mut Session, case: &str, side: &str, round: u32, load: &Load) {
    let mut run = Run::load(NAME, case, side, round, load, "ms");
    run.extra.insert("arrivals a second", run.value);
    run.value = load.percentile(99.0);
    session.record(run);
}

async fn arrivals(session: &Session, server: &Server, side: &Side, seed: u64) -> Result<Load> {
    let meter = Meter::here(server.pid());
    load(side, seed, session.window(), meter).await
}

async fn load(side: &Side, seed: u64, window: Window, meter: Meter) -> Result<Load> {
    let (side, population) = (side.clone(), Population::new(TENANTS - 1));
    let caller = move |number: u64| Commander {
        side: side.clone(),
        orders: Orders::new(seed * 1_000_000 + number, &population),
    };
    open(caller, ARRIVALS, window, meter).await
}

/// One tenant's programs, each with one command after the other as fast as they are answered. They end when the answer is
/// dropped.
fn flood(side: &Side) -> Result<JoinSet<Result<()>>> {
    let tenant = tenants(TENANTS).pop().context("there are no tenants")?;
    let mut tasks = JoinSet::new();
    for number in 0..FLOOD {
        let (side, mut orders) = (
            side.clone(),
            Orders::new(900_000_000 + number, &Population::new(1)),
        );
        tasks.spawn(async move {
            loop {
                let mut command = orders.place();
                command.tenant = tenant;
                side.execute(command).await?;
            }
        });
    }
    Ok(tasks)
}
