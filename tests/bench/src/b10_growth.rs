//! B10: what growth costs. The time of an append and the rate of a projection in logs of more events and more tenants,
//! beside the smallest log.

use std::sync::Arc;

use anyhow::Result;
use projections::Engine;
use sqlx::{Connection, PgConnection};

use crate::{
    b2_append::{Streams, Submitter},
    fill::Filler,
    measure::{Meter, closed, open, timed},
    run::{Bound, Run, Session, Subject},
    server::{Database, Running, Server, StoreOptions, register, run as statement},
    statistics::count,
    workload::{Population, TENANTS, tenants},
};

const NAME: &str = "B10";
/// Appends that arrive per second while their times are measured.
const ARRIVALS: f64 = 1_000.0;
const CALLERS: u64 = 256;
const APPEND: &str = "append, p99";
const THROUGHPUT: &str = "append, 256 callers";
const PROJECTION: &str = "projection at the head";
const REBUILD: &str = "projection from the start";

/// A log.
#[derive(Clone, Copy)]
struct Size {
    events: u64,
    tenants: usize,
}

impl Size {
    fn name(self) -> String {
        format!("{} events, {} tenants", count(self.events), self.tenants)
    }
}

fn sizes(session: &Session) -> Vec<Size> {
    let (events, tenants) = if session.quick {
        (vec![20_000, 100_000], [10, 100, 1_000])
    } else if session.huge {
        (vec![1_000_000, 10_000_000, 50_000_000], [10, 1_000, 10_000])
    } else {
        (vec![1_000_000, 10_000_000], [10, 1_000, 10_000])
    };
    let [few, some, many] = tenants;
    let smallest = events.first().copied().unwrap_or_default();
    let mut sizes: Vec<Size> = [few, some, many]
        .into_iter()
        .map(|tenants| Size {
            events: smallest,
            tenants,
        })
        .collect();
    sizes.extend(events.into_iter().skip(1).map(|events| Size {
        events,
        tenants: some,
    }));
    sizes
}

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    let sizes = sizes(session);
    for size in &sizes {
        let database = server.fresh().await?;
        measure(session, server, &database, *size).await?;
        server.discard(database).await?;
    }
    let Some((smallest, grown)) = sizes.split_first() else {
        return Ok(());
    };
    for size in grown {
        let cases = [
            (APPEND, Bound::AtMost, 1.3),
            (THROUGHPUT, Bound::AtLeast, 1.0 / 1.3),
            (PROJECTION, Bound::AtLeast, 1.0 / 1.3),
        ];
        for (case, bound, limit) in cases {
            session.compare(
                NAME,
                Subject::new(case, &size.name()),
                Subject::new(case, &smallest.name()),
                bound,
                limit,
            );
        }
    }
    Ok(())
}

async fn measure(
    session: &mut Session,
    server: &Server,
    database: &Database,
    size: Size,
) -> Result<()> {
    let mut admin = database.admin().await?;
    let running = database.running(&StoreOptions::default()).await?;
    if size.tenants > TENANTS {
        register(&running.store, TENANTS..size.tenants).await?;
    }
    let mut filler = Filler::new(tenants(size.tenants)).await?;
    filler.add(&mut admin, size.events).await?;
    // What autovacuum would have done by the time a log has this size.
    statement(&mut admin, "vacuum (analyze) log.event").await?;
    projection(session, server, &running, &mut filler, &mut admin, size).await?;
    statement(&mut admin, "checkpoint").await?;
    append(session, server, &running, size).await?;
    admin.close().await?;
    running.stop().await
}

async fn projection(
    session: &mut Session,
    server: &Server,
    running: &Running,
    filler: &mut Filler,
    admin: &mut PgConnection,
    size: Size,
) -> Result<()> {
    let (name, meter) = (size.name(), Meter::here(server.pid()));
    let engine = Engine::install(
        &running.store,
        vec![Arc::new(projections::order::Order)],
        projections::Options::default(),
    )
    .await?;
    let work = async { Ok(engine.catch_up().await?) };
    let rebuilt = timed(meter, work).await?;
    let events = (size.events, "events/s");
    session.record(Run::timed(NAME, REBUILD, &name, 1, events, &rebuilt));
    let more = if session.quick { 5_000 } else { 50_000 };
    for round in 1..=session.rounds() {
        filler.add(&mut *admin, more).await?;
        let work = async { Ok(engine.catch_up().await?) };
        let applied = timed(meter, work).await?;
        let events = (more, "events/s");
        session.record(Run::timed(NAME, PROJECTION, &name, round, events, &applied));
    }
    Ok(())
}

async fn append(
    session: &mut Session,
    server: &Server,
    running: &Running,
    size: Size,
) -> Result<()> {
    let (name, meter) = (size.name(), Meter::here(server.pid()));
    for round in 1..=session.rounds() {
        let (store, population) = (running.store.clone(), Population::new(size.tenants));
        let caller = move |loops: u64, number: u64| {
            let seed = (u64::from(round) * 10 + loops) * 1_000_000 + number;
            Submitter {
                store: store.clone(),
                streams: Streams::new(seed, &population, false),
            }
        };
        let arriving = caller.clone();
        let load = open(
            move |number| arriving(1, number),
            ARRIVALS,
            session.window(),
            meter,
        )
        .await?;
        let mut run = Run::load(NAME, APPEND, &name, round, &load, "ms");
        run.extra.insert("arrivals/s", run.value);
        run.value = load.percentile(99.0);
        session.record(run);
        let callers = (0..CALLERS).map(|number| caller(2, number));
        let load = closed(callers, session.window(), meter).await?;
        session.record(Run::load(NAME, THROUGHPUT, &name, round, &load, "events/s"));
    }
    Ok(())
}
