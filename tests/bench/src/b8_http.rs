//! B8: orders placed over HTTP, from 64 kept connections: `daybook serve` with its projections and without, the same layers
//! around an empty handler, and a plain service on axum and postgres-es. Each is a process of its own.

use anyhow::Result;

use crate::{
    child,
    client::{Client, Keys},
    measure::{Load, Meter, closed},
    run::{Bound, Run, Session, Subject},
    server::{Server, StoreOptions},
};

const NAME: &str = "B8";
const UNIT: &str = "requests/s";
const DAYBOOK: &str = "daybook serve";
const COMMANDS: &str = "daybook serve --roles commands";
const EMPTY: &str = "empty handler";
const PEER: &str = "axum + postgres-es";
const CONNECTIONS: u64 = 64;
const CASE: &str = "64 connections";

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    for round in 1..=session.rounds() {
        for side in [DAYBOOK, COMMANDS, EMPTY, PEER] {
            let load = measure(session, server, side, round).await?;
            session.record(Run::load(NAME, CASE, side, round, &load, UNIT));
        }
    }
    for (against, limit) in [(EMPTY, 0.3), (PEER, 5.0)] {
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

async fn measure(session: &Session, server: &Server, side: &str, round: u32) -> Result<Load> {
    let database = server.fresh().await?;
    let store = database.store(&StoreOptions::default()).await?;
    let keys = Keys::issue(&store).await?;
    store.close().await;
    let child = match side {
        DAYBOOK => child::Server::daybook("all", &database.url).await?,
        COMMANDS => child::Server::daybook("commands", &database.url).await?,
        EMPTY => child::Server::own("empty", &database.url).await?,
        _ => child::Server::own("peer", &database.url).await?,
    };
    let clients = Client::connect(&child.url, &keys, CONNECTIONS, round).await?;
    let meter = Meter {
        postgres: server.pid(),
        process: child.pid,
    };
    let load = closed(clients, session.window(), meter).await?;
    child.stop().await?;
    server.discard(database).await?;
    Ok(load)
}
