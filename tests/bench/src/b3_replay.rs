//! B3: a projection of orders replayed over the whole log, beside cqrs-es `QueryReplay` with a `GenericQuery` over a
//! postgres-es view, on the same events.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Result, anyhow, ensure};
use commands::{Bus, Request, Way};
use cqrs_es::persist::{GenericQuery, PersistenceError, QueryReplay};
use domain::order::Order;
use event_store::{Store, SystemClock};
use postgres_es::{PostgresEventRepository, PostgresViewRepository};
use projections::Engine;
use sqlx::{Connection, PgConnection};

use crate::{
    commander::request,
    measure::{Meter, Timed, timed},
    peer::{self, view::OrderView},
    revision::Revision,
    run::{Bound, Run, Session, Subject},
    server::{Database, Server, StoreOptions},
    statistics::count,
    workload::{Orders, Population, TENANTS},
};

const NAME: &str = "B3";
const UNIT: &str = "events/s";
const DAYBOOK: &str = "daybook";
const PEER: &str = "cqrs-es QueryReplay";
/// Orders that are under way side by side while the log is filled.
const WIDTH: u64 = 500;

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    let events: u64 = if session.quick { 5_000 } else { 50_000 };
    let case = format!("{} events", count(events));
    let database = server.fresh().await?;
    let store = database.store(&StoreOptions::default()).await?;
    fill(&store, events).await?;
    let mut admin = database.admin().await?;
    sqlx::raw_sql(include_str!("../sql/peer_events.sql"))
        .execute(&mut admin)
        .await?;
    sqlx::raw_sql("analyze").execute(&mut admin).await?;
    for round in 1..=session.rounds() {
        let ours = replay(&store, server, round).await?;
        session.record(Run::timed(
            NAME,
            &case,
            DAYBOOK,
            round,
            (events, UNIT),
            &ours,
        ));
        let theirs = replay_peer(&database, server, &mut admin).await?;
        session.record(Run::timed(
            NAME,
            &case,
            PEER,
            round,
            (events, UNIT),
            &theirs,
        ));
    }
    admin.close().await?;
    store.close().await;
    server.discard(database).await?;
    session.compare(
        NAME,
        Subject::new(&case, DAYBOOK),
        Subject::new(&case, PEER),
        Bound::AtLeast,
        20.0,
    );
    Ok(())
}

/// Fills the log through the commands.
pub(crate) async fn fill(store: &Store, events: u64) -> Result<()> {
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
    let population = Population::new(TENANTS);
    let mut orders: Vec<Orders> = (0..WIDTH)
        .map(|number| Orders::new(number + 1, &population))
        .collect();
    for _ in 0..events.div_ceil(WIDTH) {
        let batch = orders
            .iter_mut()
            .map(|orders| request(orders.next().0))
            .collect::<Result<Vec<Request>>>()?;
        for answer in bus.execute_all(&batch).await {
            answer.map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))?;
        }
    }
    Ok(())
}

/// Builds the read model of orders anew, beside the others.
async fn replay(store: &Store, server: &Server, round: u32) -> Result<Timed> {
    let projection = Revision::new(projections::order::Order, 1_000 + round);
    let engine = Engine::install(
        store,
        vec![Arc::new(projection)],
        projections::Options::default(),
    )
    .await?;
    let work = async { Ok(engine.catch_up().await?) };
    timed(Meter::here(server.pid()), work).await
}

async fn replay_peer(
    database: &Database,
    server: &Server,
    admin: &mut PgConnection,
) -> Result<Timed> {
    sqlx::raw_sql("truncate order_view")
        .execute(&mut *admin)
        .await?;
    let pool = peer::pool(&database.url).await?;
    let failed = Arc::new(AtomicU64::new(0));
    let on_error = || {
        let failed = Arc::clone(&failed);
        Box::new(move |_: PersistenceError| {
            failed.fetch_add(1, Ordering::Relaxed);
        })
    };
    let views = PostgresViewRepository::<OrderView, Order>::new("order_view", pool.clone());
    let mut query = GenericQuery::new(Arc::new(views));
    query.use_error_handler(on_error());
    let mut replay: QueryReplay<_, _, Order> =
        QueryReplay::new(PostgresEventRepository::new(pool.clone()), query);
    replay.use_error_handler(on_error());
    let work = async { Ok(replay.replay_all().await?) };
    let timed = timed(Meter::here(server.pid()), work).await?;
    pool.close().await;
    let failed = failed.load(Ordering::Relaxed);
    ensure!(failed == 0, "the peer failed to apply {failed} events");
    let (theirs, ours): (i64, i64) = sqlx::query_as(
        "select (select count(*) from order_view), (select count(*) from log.event where event_type = 'OrderPlaced')",
    )
    .fetch_one(admin)
    .await?;
    ensure!(
        theirs == ours,
        "the peer has {theirs} views of {ours} orders"
    );
    Ok(timed)
}
