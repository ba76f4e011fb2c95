//! The fault harness of the log: two server processes under load, and SIGKILL of servers and of PostgreSQL at random
//! moments. Nothing that was acknowledged may be lost, nothing may happen twice, no number may be missing. In `relay` the
//! same with a broker, which is killed too, and with servers that sleep: the topic must be the log in the end. In `outage` the
//! broker is away for minutes; `takeover` measures how soon another relay takes over. In `projections` the read models and
//! the policies are hit, each where it hurts.
//!
//! Run by `make chaos` and `make chaos-…`; a program's settings come from the environment:
//! `KILLS` (default 200), `SEED` (default: from the clock; printed), `OUTAGE` (in seconds, default 180), `DAYBOOK` (another
//! program than the one built), `BREAK=async-commit` (a setting that loses acknowledged events, to show that the harness finds
//! them).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::similar_names,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

#[path = "../it/broker.rs"]
#[expect(dead_code, reason = "the integration tests need more of it")]
mod broker;
#[path = "../it/relay/consumer.rs"]
#[expect(dead_code, reason = "the integration tests need more of it")]
mod consumer;
mod fault;
#[path = "../it/harness.rs"]
#[expect(dead_code, reason = "the integration tests need more of it")]
mod harness;
mod outage;
#[path = "../it/postgres.rs"]
#[expect(dead_code, reason = "the integration tests need more of it")]
mod postgres;
mod projections;
mod relay;
mod stage;
mod takeover;
#[path = "../it/writers"]
#[expect(dead_code, reason = "the integration tests need more of them")]
mod writers {
    pub mod check;
    pub mod follow;
    pub mod load;
    pub mod random;
    pub mod server;
}

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use event_store::Store;
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use fault::Fault;
use postgres::Postgres;
use writers::{
    check::{Log, Outages, Seen},
    follow,
    load::{self, Target, Writers},
    random::Random,
    server::Server,
};

const WRITERS: u64 = 48;
const TENANTS: usize = 6;
/// The least and the most time between a recovery and the next kill, in milliseconds.
const BETWEEN: (u64, u64) = (50, 1200);
/// Within what every server must accept commands again.
const RECOVERY: Duration = Duration::from_secs(30);
/// What each server's database proves of its appends: both kinds of writers meet.
const PROOFS: [&str; 2] = ["offsets", "full"];

/// What is asked of one run.
pub struct Run {
    kills: u64,
    seed: u64,
    /// For how long the broker is away, in seconds.
    outage: u64,
    program: PathBuf,
    async_commit: bool,
}

impl Run {
    fn of_environment() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let number = |name: &str| {
            set(name).map(|text| {
                let digits = text.strip_prefix("0x");
                digits
                    .map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16))
                    .unwrap_or_else(|_| panic!("{name}={text} is not a number"))
            })
        };
        let now = || u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap();
        let broken = set("BREAK");
        assert!(
            broken.as_deref().is_none_or(|how| how == "async-commit"),
            "BREAK can be async-commit"
        );
        Self {
            kills: number("KILLS").unwrap_or(200),
            seed: number("SEED").unwrap_or_else(now),
            outage: number("OUTAGE").unwrap_or(180),
            program: set("DAYBOOK")
                .unwrap_or_else(|| env!("CARGO_BIN_EXE_daybook").to_owned())
                .into(),
            async_commit: broken.is_some(),
        }
    }

    async fn server(&self, url: &str, n: usize) -> Server {
        self.server_with(url, n, &[]).await
    }

    async fn server_with(&self, url: &str, n: usize, more: &[(&str, &str)]) -> Server {
        let settings = [&[("DAYBOOK__APPEND__PROOFS", PROOFS[n])], more].concat();
        Server::start_with(&self.program, url, &settings).await
    }

    /// What `daybook log fsck` finds.
    async fn fsck(&self, url: &str) -> Vec<String> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["log", "fsck"]).env("DATABASE_URL", url);
        let ended = command.stdin(Stdio::null()).output().await.unwrap();
        if ended.status.success() {
            return Vec::new();
        }
        let said = [ended.stdout, ended.stderr].concat();
        vec![format!(
            "daybook log fsck: {}\n{}",
            ended.status,
            String::from_utf8_lossy(&said)
        )]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills() {
    let run = Run::of_environment();
    eprintln!("SEED={:#x} KILLS={}", run.seed, run.kills);
    let mut postgres = Postgres::start().await;
    if run.async_commit {
        let unsafe_role = "alter role daybook_append set synchronous_commit = off";
        sqlx::raw_sql(unsafe_role)
            .execute(&mut postgres.admin().await)
            .await
            .unwrap();
    }
    let url = postgres.url().to_owned();
    let store = Store::connect(&harness::options_for(&url)).await.unwrap();
    let (tenants, keys) = load::tenants(&store, TENANTS).await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let readers = follow::start(&tasks, &stop, &store, &tenants, Outages::Expected);
    let mut servers = [run.server(&url, 0).await, run.server(&url, 1).await];
    let target = Arc::new(Target::new(
        servers.each_ref().map(|server| server.url.clone()),
        keys,
    ));
    let writers = Writers::start(&target, WRITERS, run.seed);

    let mut random = Random::new(run.seed);
    let (mut counts, mut slowest) = (BTreeMap::new(), Duration::ZERO);
    let begun = Instant::now();
    let (mut kills, mut stuck) = (0, Vec::new());
    while kills < run.kills {
        sleep(Duration::from_millis(random.between(BETWEEN.0, BETWEEN.1))).await;
        let fault = Fault::any(&mut random);
        kills += fault.kills();
        *counts.entry(fault.name()).or_insert(0_u32) += 1;
        let struck = Instant::now();
        strike(&run, fault, &mut postgres, &mut servers, &target).await;
        let since = Instant::now();
        let recovered = timeout(RECOVERY, accept(&target)).await;
        if recovered.is_err() {
            stuck.push(format!(
                "a server accepts nothing {RECOVERY:?} after: {}",
                fault.name()
            ));
            break;
        }
        slowest = slowest.max(since.elapsed());
        eprintln!(
            "{:>5.0?} {kills} kills: {}; started after {:.1?}, accepting after {:.1?}",
            begun.elapsed(),
            fault.name(),
            since - struck,
            since.elapsed()
        );
    }
    let ledger = writers.end().await;
    for server in &mut servers {
        server.kill().await;
    }

    let log = Log::read(&mut postgres.admin().await).await;
    stop.cancel();
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(reader.await.unwrap());
    }
    tasks.close();
    tasks.wait().await;
    store.close().await;
    let (acknowledged, unknown) = ledger.counts();
    eprintln!(
        "{kills} kills in {:.0?} {counts:?}; {} events, {acknowledged} commands acknowledged, {unknown} never; answers that \
         left it open: {:?}; slowest recovery {slowest:.1?}",
        begun.elapsed(),
        log.events.len(),
        target.open()
    );
    let wrong = [
        ledger.wrong(&log, Outages::Expected),
        log.wrong(),
        seen.iter()
            .flat_map(|seen: &Seen| seen.wrong(&log))
            .collect(),
        stuck,
        run.fsck(&url).await,
    ]
    .concat();
    assert!(
        wrong.is_empty(),
        "SEED={:#x}: {} faults:\n{}",
        run.seed,
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(acknowledged as u64 > 20 * run.kills, "too little happened");
}

/// Lets it happen, and starts again what has ended.
async fn strike(
    run: &Run,
    fault: Fault,
    postgres: &mut Postgres,
    servers: &mut [Server; 2],
    target: &Target,
) {
    let url = postgres.url().to_owned();
    if let Some(how) = fault.database {
        postgres.end(how).await;
    }
    for victim in fault.servers() {
        servers[victim].kill().await;
    }
    if fault.database.is_some() {
        postgres.start_again().await;
    }
    for victim in fault.servers() {
        servers[victim] = run.server(&url, victim).await;
        target.moved(victim, servers[victim].url.clone());
    }
}

/// Waits until both servers have accepted one more command.
async fn accept(target: &Target) {
    let before = [0, 1].map(|server| target.accepted(server));
    while (0..2).any(|server| target.accepted(server) == before[server]) {
        sleep(Duration::from_millis(5)).await;
    }
}
