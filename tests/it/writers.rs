//! Two server processes on one database, many writers, readers who never stop, and SIGKILL at random moments: no number is
//! ever missing, doubled or out of order, and what was acknowledged is there exactly once.

pub mod check;
mod follow;
pub mod load;
pub mod random;
pub mod server;

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::harness;
use check::{Log, Outages, Seen};
use load::{Target, Writers};
use random::Random;
use server::Server;

const WRITERS: u64 = 64;
const TENANTS: usize = 6;
const KILLS: usize = 12;
/// The least and the most time between two kills, in milliseconds.
const BETWEEN: (u64, u64) = (700, 2200);
/// What the random choices are made from; a failure names it.
const SEED: u64 = 0x0dab_0001;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_readers_and_kills() {
    let database = harness::database().await;
    let store = database.store().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (tenants, keys) = load::tenants(&store, TENANTS).await;

    let mut random = Random::new(SEED);
    let mut servers = [
        Server::start(&database.url).await,
        Server::start(&database.url).await,
    ];
    let target = Arc::new(Target::new(
        servers.each_ref().map(|server| server.url.clone()),
        keys,
    ));
    let readers = follow::start(&tasks, &stop, &store, &tenants, Outages::None);
    let writers = Writers::start(&target, WRITERS, SEED);

    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.between(BETWEEN.0, BETWEEN.1))).await;
        let victim = usize::try_from(random.below(2)).unwrap();
        servers[victim].kill().await;
        servers[victim] = Server::start(&database.url).await;
        target.moved(victim, servers[victim].url.clone());
    }
    let ledger = writers.end().await;
    for server in &mut servers {
        server.kill().await;
    }

    let log = Log::read(&mut database.admin().await).await;
    let mut seen = Vec::new();
    stop.cancel();
    for reader in readers {
        seen.push(reader.await.unwrap());
    }
    let (acknowledged, unknown) = ledger.counts();
    eprintln!(
        "seed {SEED:#x}: {} events, {acknowledged} acknowledged, {unknown} unknown, {KILLS} kills",
        log.events.len()
    );
    let wrong = [
        log.wrong(),
        ledger.wrong(&log, Outages::None),
        seen.iter()
            .flat_map(|seen: &Seen| seen.wrong(&log))
            .collect(),
    ]
    .concat();
    assert!(
        wrong.is_empty(),
        "seed {SEED:#x}, {} faults:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(
        acknowledged > 500 && log.events.len() > 500,
        "too little happened"
    );
    tasks.close();
    tasks.wait().await;
    store.close().await;
}
