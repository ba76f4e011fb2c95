//! B8: orders placed over HTTP, from 64 kept connections: `daybook serve` with its projections and without, the same layers
//! around an empty handler, and a plain service on axum and postgres-es, without a read model and with one. Each is a process
//! of its own.

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
const PEER_VIEW: &str = "axum + postgres-es, with a view";
const CONNECTIONS: u64 = 64;
const CASE: &str = "64 connections";

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    for round in 1..=session.rounds() {
        for side in [DAYBOOK, COMMANDS, EMPTY, PEER, PEER_VIEW] {
            let load = measure(session, server, side, round).await?;
            session.record(Run::load(NAME, CASE, side, round, &load, UNIT));
        }
    }
    // With a read model beside one with a read model, and neither beside neither, say what the path of a command is worth.
    for (side, against, limit) in [
        (DAYBOOK, EMPTY, 0.3),
        (DAYBOOK, PEER, 5.0),
        (DAYBOOK, PEER_VIEW, 5.0),
        (COMMANDS, PEER, 5.0),
    ] {
        session.compare(
            NAME,
            Subject::new(CASE, side),
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
        PEER_VIEW => child::Server::own("peer-view", &database.url).await?,
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
