//! B7: a dashboard's question, of 10,000 tenants over HTTP: `daybook serve`, `PostGraphile` and a service written by hand, each in
//! processes of its own on the same read models under the same row-level security.

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};

use crate::{
    child,
    client::Keys,
    dashboard::{Tongue, Viewer, variable},
    measure::{Load, Meter, Window, closed, open},
    output,
    run::{Bound, Run, Session, Subject},
    server::{Database, Server, StoreOptions, register, run as statement},
    shops,
    workload::TENANTS,
};

const NAME: &str = "B7";
const UNIT: &str = "requests/s";
const DAYBOOK: &str = "daybook serve";
const POSTGRAPHILE: &str = "PostGraphile";
const CLUSTER: &str = "PostGraphile, a process per core";
const HANDWRITTEN: &str = "axum + SQL";
const CASE: &str = "64 connections";
const ARRIVING: &str = "p99 at a fixed rate";
/// Kept connections of clients.
const CLIENTS: u64 = 64;
/// Connections to PostgreSQL that each side may read over.
const CONNECTIONS: &str = "12";
/// The peers' role, which is bound by the same policies as ours.
const READER: &str = "bench_reader";

/// Somebody who is asked.
struct Side {
    name: &'static str,
    tongue: Tongue,
    server: child::Server,
}

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    let tenants = if session.quick { 1_000 } else { 10_000 };
    let database = server.fresh().await?;
    let mut admin = database.admin().await?;
    let keys = fill(&database, &mut admin, tenants).await?;
    let sides = start(&database, &mut admin).await?;
    admin.close().await?;
    agree(&sides, &keys).await?;
    for side in &sides {
        // A compiler at run time learns on the way.
        let window = Window {
            warm_up: session.window().warm_up,
            measured: session.window().measured * 2,
        };
        measure(side, &keys, window, server, 0).await?;
    }
    for round in 1..=session.rounds() {
        for side in &sides {
            let load = measure(side, &keys, session.window(), server, round).await?;
            session.record(Run::load(NAME, CASE, side.name, round, &load, UNIT));
        }
    }
    arrive(session, server, &sides, &keys).await?;
    for side in sides {
        side.server.stop().await?;
    }
    server.discard(database).await?;
    for (against, limit) in [(POSTGRAPHILE, 3.0), (CLUSTER, 3.0), (HANDWRITTEN, 0.7)] {
        session.compare(
            NAME,
            Subject::new(CASE, DAYBOOK),
            Subject::new(CASE, against),
            Bound::AtLeast,
            limit,
        );
    }
    Ok(())
}

/// The tenants, their orders, and a key of each; all read models up to date.
async fn fill(database: &Database, admin: &mut PgConnection, tenants: usize) -> Result<Keys> {
    let store = database.store(&StoreOptions::default()).await?;
    register(&store, TENANTS..tenants).await?;
    shops::fill(admin, tenants).await?;
    let keys = Keys::issue_to(&store, tenants).await?;
    store.close().await;
    // What autovacuum would have done by then.
    statement(admin, "vacuum (analyze)").await?;
    statement(admin, "checkpoint").await?;
    Ok(keys)
}

/// Starts everybody on the read models that serve. Who is not asked rests.
async fn start(database: &Database, admin: &mut PgConnection) -> Result<Vec<Side>> {
    statement(
        admin,
        &format!("create role {READER} login password '{READER}' in role daybook_tenant"),
    )
    .await?;
    statement(admin, &format!("alter role {READER} set timezone = 'UTC'")).await?;
    let place = database.url.rsplit_once('@').map(|(_, place)| place);
    let place = place.context("the database's address has no user")?;
    let reader = format!("postgres://{READER}:{READER}@{place}");
    let (orders, customers, key): (String, String, String) = sqlx::query_as(
        "select max(schema_name) filter (where projection = 'order'), max(schema_name) filter (where projection = 'customer'),
                (select encode(context_key, 'hex') from log.installation)
         from projection.serving",
    )
    .fetch_one(admin)
    .await?;
    let cores = std::thread::available_parallelism()?.to_string();
    let told = |workers| {
        [
            (variable::ORDERS, orders.as_str()),
            (variable::CUSTOMERS, &customers),
            (variable::CONTEXT_KEY, &key),
            (variable::CONNECTIONS, CONNECTIONS),
            (variable::WORKERS, workers),
            ("NODE_ENV", "production"),
            ("GRAPHILE_ENV", "production"),
        ]
    };
    let ours = [("DAYBOOK__DATABASE__TENANT_CONNECTIONS", CONNECTIONS)];
    Ok(vec![
        Side {
            name: DAYBOOK,
            tongue: Tongue::Daybook,
            server: child::Server::daybook_with("all", &database.url, &ours).await?,
        },
        Side {
            name: POSTGRAPHILE,
            tongue: Tongue::PostGraphile,
            server: child::Server::postgraphile(&reader, &told("1")).await?,
        },
        Side {
            name: CLUSTER,
            tongue: Tongue::PostGraphile,
            server: child::Server::postgraphile(&reader, &told(&cores)).await?,
        },
        Side {
            name: HANDWRITTEN,
            tongue: Tongue::Handwritten,
            server: child::Server::own_with("handwritten", &reader, &told("1")).await?,
        },
    ])
}

/// Fails unless all answer alike: about busy tenants and quiet ones.
async fn agree(sides: &[Side], keys: &Keys) -> Result<()> {
    for (rank, tenant) in keys.population().tenants().enumerate() {
        if ![0, 1, 9, 10, 99, 100, 999].contains(&rank) {
            continue;
        }
        let mut first = None;
        for side in sides {
            let seen = Viewer::new(side.tongue, &side.server.url, keys, 0)
                .see(tenant)
                .await?;
            let expected = first.get_or_insert_with(|| seen.clone());
            ensure!(
                seen == *expected,
                "{} answers the tenant of rank {rank} with {seen}, not {expected}",
                side.name
            );
        }
    }
    Ok(())
}

async fn measure(
    side: &Side,
    keys: &Keys,
    window: Window,
    server: &Server,
    round: u32,
) -> Result<Load> {
    let viewers = (0..CLIENTS).map(|number| {
        let seed = u64::from(round) * 1_000_000 + number;
        Viewer::new(side.tongue, &side.server.url, keys, seed)
    });
    closed(viewers, window, meter(side, server)).await
}

/// Times at a rate that all can keep up with: half of what the slowest does.
async fn arrive(session: &mut Session, server: &Server, sides: &[Side], keys: &Keys) -> Result<()> {
    let medians = sides
        .iter()
        .map(|side| session.median(NAME, &Subject::new(CASE, side.name)));
    let rate = medians.fold(f64::INFINITY, f64::min) / 2.0;
    for round in 1..=session.rounds() {
        for side in sides {
            let (tongue, url, keys) = (side.tongue, side.server.url.clone(), keys.clone());
            let make = move |number| {
                let seed = u64::from(100 + round) * 1_000_000 + number;
                Viewer::new(tongue, &url, &keys, seed)
            };
            let load = open(make, rate, session.window(), meter(side, server)).await?;
            let mut run = Run::load(NAME, ARRIVING, side.name, round, &load, "ms");
            run.extra.insert("arrivals a second", run.value);
            run.value = load.percentile(99.0);
            session.record(run);
        }
    }
    output::say(&format!("  {NAME} | {rate:.0} arrivals a second"));
    Ok(())
}

fn meter(side: &Side, server: &Server) -> Meter {
    Meter {
        postgres: server.pid(),
        process: side.server.pid,
    }
}
