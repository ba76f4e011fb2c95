//! Restarts under load, of PostgreSQL and of the server: what callers are told is true, nothing that was acknowledged is
//! lost, and nobody has to intervene.

use std::{sync::Arc, time::Duration};

use event_store::Store;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{
    harness,
    postgres::{End, Postgres, until},
    writers::{
        check::{Log, Outages},
        load::{self, Target, Writers},
        server::Server,
    },
};

const WRITERS: u64 = 24;
const SEED: u64 = 0x0dab_0002;
/// Commands accepted between two events of a test: enough to be in the middle of the load.
const SOME: usize = 150;
/// Within what a server must work again after its database does.
const SECONDS: Duration = Duration::from_secs(10);

async fn accepts(target: &Target, more: usize) {
    let goal = target.accepted(0) + target.accepted(1) + more;
    until("more accepted commands", async || {
        target.accepted(0) + target.accepted(1) >= goal
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_restarts_under_load() {
    let mut postgres = Postgres::start().await;
    let store = Store::connect(&harness::options_for(postgres.url()))
        .await
        .unwrap();
    let (_, keys) = load::tenants(&store, 4).await;
    store.close().await;
    let mut server = Server::start(postgres.url()).await;
    let target = Arc::new(Target::new([server.url.clone(), server.url.clone()], keys));
    let writers = Writers::start(&target, WRITERS, SEED);
    for how in [End::Fast, End::Immediate, End::Fast, End::Immediate] {
        accepts(&target, SOME).await;
        postgres.restart(how).await;
        let back = timeout(SECONDS, accepts(&target, 1)).await;
        assert!(back.is_ok(), "not back {SECONDS:?} after {how:?}");
    }
    accepts(&target, SOME).await;
    let ledger = writers.end().await;
    server.terminate();
    assert!(server.ended().await.success());

    // What was answered without saying what became of the command was answered so on purpose.
    let open = target.open();
    assert!(open.keys().all(|status| *status == 503), "{open:?}");
    let log = Log::read(&mut postgres.admin().await).await;
    let wrong = [ledger.wrong(&log, Outages::Expected), log.wrong()].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (acknowledged, _) = ledger.counts();
    assert!(acknowledged > 4 * SOME, "{acknowledged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_keeps_what_it_promised() {
    let database = harness::database().await;
    let store = database.store().await;
    let (_, keys) = load::tenants(&store, 4).await;
    let mut servers = [
        Server::start(&database.url).await,
        Server::start(&database.url).await,
    ];
    let target = Arc::new(Target::new(
        servers.each_ref().map(|server| server.url.clone()),
        keys,
    ));
    let writers = Writers::start(&target, WRITERS, SEED);
    for victim in [0, 1, 0] {
        accepts(&target, SOME).await;
        servers[victim].terminate();
        assert!(servers[victim].ended().await.success());
        servers[victim] = Server::start(&database.url).await;
        target.moved(victim, servers[victim].url.clone());
    }
    let ledger = writers.end().await;
    let log = Log::read(&mut database.admin().await).await;
    let wrong = [ledger.wrong(&log, Outages::None), log.wrong()].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    store.close().await;
}

/// How many requests a server has not answered yet, that for this number included.
async fn in_flight(client: &reqwest::Client, url: &str) -> usize {
    let metrics = client.get(format!("{url}/metrics")).send().await.unwrap();
    let text = metrics.text().await.unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("http_requests_in_flight "));
    line.unwrap_or("0").parse().unwrap()
}

#[tokio::test]
async fn everything_accepted_before_the_signal_is_answered() {
    const REQUESTS: usize = 200;
    let database = harness::database().await;
    let store = database.store().await;
    let (_, keys) = load::tenants(&store, 4).await;
    let mut server = Server::start(&database.url).await;
    let client = reqwest::Client::new();
    // Nothing is appended for now: the first flush waits, the other commands gather behind it.
    let mut admin = database.admin().await;
    sqlx::raw_sql("begin; select next_offset from log.partition for update")
        .execute(&mut admin)
        .await
        .unwrap();
    let mut requests = JoinSet::new();
    for n in 0..REQUESTS {
        let order = uuid::Uuid::now_v7();
        let request = client
            .post(format!("{}/api/v1/orders/{order}/place", server.url))
            .bearer_auth(&keys[n % keys.len()])
            .json(&harness::an_order());
        requests.spawn(async move {
            let response = request.send().await.expect("an answer");
            let status = response.status().as_u16();
            (order, status, response.json::<Value>().await.unwrap())
        });
    }
    until("all requests in flight", async || {
        in_flight(&client, &server.url).await > REQUESTS
    })
    .await;
    server.terminate();
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    until("a server that listens no more", async || {
        TcpStream::connect(&address).await.is_err()
    })
    .await;
    sqlx::raw_sql("rollback").execute(&mut admin).await.unwrap();

    while let Some(answered) = requests.join_next().await {
        let (order, status, answer) = answered.unwrap();
        assert_eq!(status, 201, "{answer}");
        let events: i64 =
            sqlx::query_scalar("select count(*) from log.event where stream_id = 'order-' || $1")
                .bind(order.to_string())
                .fetch_one(&mut admin)
                .await
                .unwrap();
        assert_eq!(events, 1);
    }
    assert!(server.ended().await.success());
    store.close().await;
}
