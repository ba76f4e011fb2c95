//! B11: the memory of `daybook serve`, idle and at full load, and the processor time it takes when nothing happens.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    child,
    client::{Client, Keys},
    measure::{Meter, closed},
    process,
    run::{Bound, Goal, Run, Session, Subject},
    server::{Server, StoreOptions},
};

const NAME: &str = "B11";
const SIDE: &str = "daybook serve";
const CALLERS: u64 = 256;
const IDLE: &str = "memory, idle";
const IDLE_CPU: &str = "processor time, idle";
const FULL: &str = "memory at its highest, 256 callers";
const THROUGHPUT: &str = "256 callers";

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    let rounds = if session.quick { 1 } else { session.rounds() };
    let idle = Duration::from_secs(if session.quick { 4 } else { 10 });
    for round in 1..=rounds {
        measure(session, server, round, idle).await?;
    }
    for (case, limit) in [(IDLE, 60.0), (FULL, 300.0), (IDLE_CPU, 1.0)] {
        session.goals.push(Goal {
            benchmark: NAME,
            subject: Subject::new(case, SIDE),
            against: None,
            bound: Bound::AtMost,
            limit,
        });
    }
    Ok(())
}

async fn measure(session: &mut Session, server: &Server, round: u32, idle: Duration) -> Result<()> {
    let database = server.fresh().await?;
    let store = database.store(&StoreOptions::default()).await?;
    let keys = Keys::issue(&store).await?;
    store.close().await;
    let child = child::Server::daybook("all", &database.url).await?;
    // Once it has started.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let meter = Meter {
        postgres: server.pid(),
        process: child.pid,
    };
    let (before, began) = (meter.read()?, Instant::now());
    tokio::time::sleep(idle).await;
    let (cpu, seconds) = (meter.since(before)?, began.elapsed().as_secs_f64());
    let mut share = Run::figure(
        NAME,
        IDLE_CPU,
        SIDE,
        round,
        cpu.process / seconds * 100.0,
        "% of a core",
    );
    share
        .extra
        .insert("% of a core for PostgreSQL", cpu.postgres / seconds * 100.0);
    session.record(share);
    let memory = process::memory(child.pid)?.now;
    session.record(Run::figure(NAME, IDLE, SIDE, round, memory, "MiB"));

    let clients = Client::connect(&child.url, &keys, CALLERS, round).await?;
    let load = closed(clients, session.window(), meter).await?;
    session.record(Run::load(
        NAME,
        THROUGHPUT,
        SIDE,
        round,
        &load,
        "requests/s",
    ));
    let highest = process::memory(child.pid)?.highest;
    session.record(Run::figure(NAME, FULL, SIDE, round, highest, "MiB"));
    child.stop().await?;
    server.discard(database).await
}
