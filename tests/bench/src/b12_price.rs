//! B12: what row-level security and hashing cost on the write path. Row-level security is turned off in the benchmark's
//! own database; hashing cannot be, so its share is its measured time per event at the measured rate.

use std::{hint::black_box, time::Instant};

use anyhow::Result;
use event_schemas::hash::content_hash;

use crate::{
    append::{Facts, metadata},
    b2_append::{Streams, Submitter},
    commander::{Commander, Side},
    measure::{Load, Meter, closed},
    run::{Bound, Goal, Run, Session, Subject},
    server::{Server, StoreOptions, run as statement},
    workload::{Orders, Population, TENANTS},
};

const NAME: &str = "B12";
const ON: &str = "daybook";
const OFF: &str = "without row-level security";
const COMMANDS: &str = "256 callers, commands";
const APPENDS: &str = "1,536 callers, appends";
const HASHING: &str = "hashing one event";
const TOGETHER: &str = "row-level security and hashing";
const TURN_OFF: &str = "
alter table log.event disable row level security;
alter table log.tenant disable row level security;
alter table log.command disable row level security;
alter table log.snapshot disable row level security;";

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    for (case, unit) in [(COMMANDS, "commands/s"), (APPENDS, "events/s")] {
        for round in 1..=session.rounds() {
            let mut rates = Vec::new();
            for side in [ON, OFF] {
                let load = measure(session, server, case, side, round).await?;
                session.record(Run::load(NAME, case, side, round, &load, unit));
                rates.push(load.rate());
            }
            let hashing = hashing(session)?;
            session.record(Run::figure(NAME, HASHING, ON, round, hashing * 1e6, "µs"));
            if let [on, off] = rates.as_slice() {
                // A command's event is hashed when it is written; those before it when they are loaded.
                let share = (1.0 - on / off + hashing * on) * 100.0;
                let together = format!("{TOGETHER}, {case}");
                session.record(Run::figure(NAME, &together, ON, round, share, "%"));
            }
        }
        session.goals.push(Goal {
            benchmark: NAME,
            subject: Subject::new(&format!("{TOGETHER}, {case}"), ON),
            against: None,
            bound: Bound::AtMost,
            limit: 15.0,
        });
    }
    Ok(())
}

async fn measure(
    session: &Session,
    server: &Server,
    case: &str,
    side: &str,
    round: u32,
) -> Result<Load> {
    let database = server.fresh().await?;
    if side == OFF {
        statement(&mut database.admin().await?, TURN_OFF).await?;
    }
    let running = database.running(&StoreOptions::default()).await?;
    let (window, meter) = (session.window(), Meter::here(server.pid()));
    let population = Population::new(TENANTS);
    let seed = |number: u64| u64::from(round) * 1_000_000 + number;
    let load = if case == COMMANDS {
        let side = Side::daybook(&running.store);
        let callers = (0..256).map(|number| Commander {
            side: side.clone(),
            orders: Orders::new(seed(number), &population),
        });
        closed(callers, window, meter).await?
    } else {
        let facts = Facts::load(&running.store, &population).await?;
        let callers = (0..1_536).map(|number| Submitter {
            store: running.store.clone(),
            streams: Streams::new(seed(number), &population, &facts, false),
        });
        closed(callers, window, meter).await?
    };
    running.stop().await?;
    server.discard(database).await?;
    Ok(load)
}

/// How long the hash of one event of the workload takes, in seconds.
fn hashing(session: &Session) -> Result<f64> {
    let event = Streams::new(1, &Population::new(1), &Facts::default(), false).next();
    let metadata = metadata(event.command_id, event.tenant)?;
    let times: u32 = if session.quick { 20_000 } else { 200_000 };
    let began = Instant::now();
    for _ in 0..times {
        black_box(content_hash(
            black_box(event.event_id),
            event.event_type,
            1,
            black_box(&metadata),
            black_box(&event.payload),
        ));
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(times))
}
