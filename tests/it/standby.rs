//! A failover: the primary is killed under load, its synchronous standby is promoted, and the address leads to it. What was
//! acknowledged is there, the numbers go on where they were, and commands resume by themselves.

use std::sync::Arc;

use event_store::Store;

use crate::{
    forward::Forwarder,
    harness,
    postgres::{End, Postgres, until},
    writers::{
        check::{Log, Outages},
        load::{self, Target, Writers},
        server::Server,
    },
};

const WRITERS: u64 = 24;
const SEED: u64 = 0x0dab_0003;
const SOME: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_standby_has_everything_that_was_acknowledged() {
    let mut primary = Postgres::start().await;
    let standby = primary.standby().await;
    let forwarder = Forwarder::start(primary.port()).await;
    let url = forwarder.through(primary.url());
    let store = Store::connect(&harness::options_for(&url)).await.unwrap();
    let (_, keys) = load::tenants(&store, 4).await;
    store.close().await;
    let mut servers = [Server::start(&url).await, Server::start(&url).await];
    let target = Arc::new(Target::new(
        servers.each_ref().map(|server| server.url.clone()),
        keys,
    ));
    let writers = Writers::start(&target, WRITERS, SEED);
    let each_accepts = async |more: usize| {
        let goals = [0, 1].map(|server| target.accepted(server) + more);
        until("commands accepted by both servers", async || {
            (0..2).all(|server| target.accepted(server) >= goals[server])
        })
        .await;
    };
    each_accepts(SOME).await;

    primary.end(End::Killed).await;
    standby.promote().await;
    forwarder.lead_to(Some(standby.port()));
    each_accepts(SOME).await;

    let ledger = writers.end().await;
    for server in &mut servers {
        server.kill().await;
    }
    let open = target.open();
    assert!(open.keys().all(|status| *status == 503), "{open:?}");
    let log = Log::read(&mut standby.admin().await).await;
    let wrong = [ledger.wrong(&log, Outages::Expected), log.wrong()].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
