//! B1: commands per second, load → decide → append, at 1 to 1,024 callers, beside cqrs-es with postgres-es; and how long
//! they take when they arrive at half that rate.

use std::sync::Arc;

use anyhow::Result;

use crate::{
    commander::{Commander, Side},
    measure::{Load, Meter, closed, open},
    peer::{Peer, Views},
    run::{Bound, Run, Session, Subject},
    server::{Server, StoreOptions},
    workload::{Orders, Population, TENANTS},
};

const NAME: &str = "B1";
const UNIT: &str = "commands/s";
const DAYBOOK: &str = "daybook";
const PEER: &str = "cqrs-es";
/// Callers and the ratio they should reach.
const LEVELS: [(u64, f64); 5] = [(1, 1.5), (16, 4.0), (64, 7.0), (256, 10.0), (1024, 10.0)];
/// The level whose throughput the fixed rates are half of.
const BUSY: u64 = 64;

/// How commands come in.
#[derive(Clone, Copy)]
enum Loop {
    Closed { callers: u64 },
    Open { per_second: f64 },
}

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    for (callers, goal) in LEVELS {
        let case = case(callers);
        for round in 1..=session.rounds() {
            for side in [DAYBOOK, PEER] {
                let load = measure(session, server, side, round, Loop::Closed { callers }).await?;
                session.record(Run::load(NAME, &case, side, round, &load, UNIT));
            }
        }
        session.compare(
            NAME,
            Subject::new(&case, DAYBOOK),
            Subject::new(&case, PEER),
            Bound::AtLeast,
            goal,
        );
    }
    // Half of what each reached; and Daybook at the peer's rate, where the times can be compared.
    let half = |side| session.median(NAME, &Subject::new(&case(BUSY), side)) / 2.0;
    let rates = [
        (DAYBOOK, "half of its own rate", half(DAYBOOK)),
        (PEER, "half of its own rate", half(PEER)),
        (DAYBOOK, "half of the peer's rate", half(PEER)),
    ];
    for round in 1..=session.rounds() {
        for (side, name, per_second) in rates {
            let load = measure(session, server, side, round, Loop::Open { per_second }).await?;
            let case = format!("arrivals at {name} at {BUSY} callers");
            session.record(Run::load(NAME, &case, side, round, &load, UNIT));
        }
    }
    Ok(())
}

fn case(callers: u64) -> String {
    format!("{callers} caller{}", if callers == 1 { "" } else { "s" })
}

async fn measure(
    session: &Session,
    server: &Server,
    side: &str,
    round: u32,
    how: Loop,
) -> Result<Load> {
    let database = server.fresh().await?;
    let mut load = if side == DAYBOOK {
        let running = database.running(&StoreOptions::default()).await?;
        let load = load(session, server, Side::daybook(&running.store), round, how).await?;
        running.stop().await?;
        load
    } else {
        let peer = Arc::new(Peer::connect(&database.url, Views::None).await?);
        let load = load(session, server, Side::Peer(Arc::clone(&peer)), round, how).await?;
        peer.close().await;
        load
    };
    load.extra = database.ways().await?;
    server.discard(database).await?;
    Ok(load)
}

async fn load(
    session: &Session,
    server: &Server,
    side: Side,
    round: u32,
    how: Loop,
) -> Result<Load> {
    let population = Population::new(TENANTS);
    let caller = move |number: u64| Commander {
        side: side.clone(),
        orders: Orders::new(u64::from(round) * 1_000_000 + number, &population),
    };
    let (window, meter) = (session.window(), Meter::here(server.pid()));
    match how {
        Loop::Closed { callers } => closed((0..callers).map(caller), window, meter).await,
        Loop::Open { per_second } => open(caller, per_second, window, meter).await,
    }
}
