//! The relay under fire: leaders, brokers and PostgreSQL are killed, leaders sleep until they are replaced. In the end the
//! topic is the log: no event is missing, none is there twice, all are in order.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use event_store::Store;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use projections::relay;
use tokio::time::{sleep, timeout};

use crate::{
    RECOVERY, Run, accept,
    broker::{self, Broker},
    consumer, harness,
    postgres::{End, Postgres},
    writers::{
        check::{Log, Outages},
        load::{self, Target, Writers},
        random::Random,
        server::Server,
    },
};

const WRITERS: u64 = 16;
const TENANTS: usize = 6;
/// Between two faults, in milliseconds.
const BETWEEN: (u64, u64) = (100, 1_500);
/// How long a leader sleeps, in milliseconds: mostly longer than its lease.
const SLEEP: (u64, u64) = (500, 4_000);

/// What happens at one moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fault {
    ServerKilled(usize),
    ServerSleeps(usize),
    BrokerKilled,
    BrokerStopped,
    DatabaseKilled,
}

impl Fault {
    fn any(random: &mut Random) -> Self {
        let victim = usize::try_from(random.below(2)).unwrap();
        match random.below(100) {
            0..40 => Self::ServerKilled(victim),
            40..65 => Self::ServerSleeps(victim),
            65..80 => Self::BrokerKilled,
            80..85 => Self::BrokerStopped,
            _ => Self::DatabaseKilled,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ServerKilled(_) => "a server killed",
            Self::ServerSleeps(_) => "a server asleep",
            Self::BrokerKilled => "the broker killed",
            Self::BrokerStopped => "the broker restarted",
            Self::DatabaseKilled => "PostgreSQL killed",
        }
    }
}

/// Everything that can be hit.
struct Stage {
    run: Run,
    postgres: Postgres,
    broker: Broker,
    servers: [Server; 2],
    target: Arc<Target>,
}

impl Stage {
    async fn server(run: &Run, url: &str, brokers: &str, n: usize) -> Server {
        let settings = [
            ("KAFKA_BROKERS", brokers),
            ("DAYBOOK__KAFKA__REPLICATION_FACTOR", "1"),
        ];
        run.server_with(url, n, &settings).await
    }

    async fn strike(&mut self, fault: Fault, random: &mut Random) {
        let (url, brokers) = (
            self.postgres.url().to_owned(),
            self.broker.brokers().to_owned(),
        );
        match fault {
            Fault::ServerKilled(victim) => {
                self.servers[victim].kill().await;
                self.servers[victim] = Self::server(&self.run, &url, &brokers, victim).await;
                self.target.moved(victim, self.servers[victim].url.clone());
            }
            Fault::ServerSleeps(victim) => {
                let pid = Pid::from_raw(i32::try_from(self.servers[victim].pid()).unwrap());
                kill(pid, Signal::SIGSTOP).unwrap();
                sleep(Duration::from_millis(random.between(SLEEP.0, SLEEP.1))).await;
                kill(pid, Signal::SIGCONT).unwrap();
            }
            Fault::BrokerKilled => {
                self.broker.kill().await;
                self.broker.start_again().await;
            }
            Fault::BrokerStopped => {
                self.broker.stop().await;
                self.broker.start_again().await;
            }
            Fault::DatabaseKilled => self.postgres.restart(End::Killed).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published() {
    let run = Run::of_environment();
    eprintln!("SEED={:#x} KILLS={}", run.seed, run.kills);
    let (postgres, broker) = (Postgres::start().await, Broker::start().await);
    let url = postgres.url().to_owned();
    let settings = broker::settings(broker.brokers(), "daybook");
    broker::make_topics(&settings).await;
    let store = Store::connect(&harness::options_for(&url)).await.unwrap();
    let (_, keys) = load::tenants(&store, TENANTS).await;
    let servers = [
        Stage::server(&run, &url, broker.brokers(), 0).await,
        Stage::server(&run, &url, broker.brokers(), 1).await,
    ];
    let urls = servers.each_ref().map(|server| server.url.clone());
    let mut stage = Stage {
        target: Arc::new(Target::new(urls, keys)),
        run,
        postgres,
        broker,
        servers,
    };
    let writers = Writers::start(&stage.target, WRITERS, stage.run.seed);

    let mut random = Random::new(stage.run.seed);
    let (mut counts, begun) = (BTreeMap::new(), Instant::now());
    let (mut faults, mut wrong) = (0, Vec::new());
    while faults < stage.run.kills {
        sleep(Duration::from_millis(random.between(BETWEEN.0, BETWEEN.1))).await;
        let fault = Fault::any(&mut random);
        stage.strike(fault, &mut random).await;
        faults += 1;
        *counts.entry(fault.name()).or_insert(0_u32) += 1;
        eprintln!("{:>5.0?} {faults}: {}", begun.elapsed(), fault.name());
        if timeout(RECOVERY, accept(&stage.target)).await.is_err() {
            wrong.push(format!("a server accepts nothing after: {}", fault.name()));
            break;
        }
    }
    let ledger = writers.end().await;
    let caught_up = timeout(RECOVERY * 2, async {
        loop {
            let status = relay::status(&store).await;
            if status.is_ok_and(|status| status.iter().all(|at| at.events == 0)) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    if caught_up.await.is_err() {
        let status = relay::status(&store).await;
        wrong.push(format!("the relay does not catch up: {status:?}"));
    }
    for server in &mut stage.servers {
        server.kill().await;
    }
    let log = Log::read(&mut stage.postgres.admin().await).await;
    let topic = consumer::read(&settings).await;
    wrong.extend(ledger.wrong(&log, Outages::Expected));
    wrong.extend(differences(&log, &topic));
    store.close().await;
    let (acknowledged, _) = ledger.counts();
    eprintln!(
        "{faults} faults in {:.0?} {counts:?}; {} events, {} records, {acknowledged} commands acknowledged",
        begun.elapsed(),
        log.events.len(),
        topic.values().map(Vec::len).sum::<usize>(),
    );
    assert!(
        wrong.is_empty(),
        "SEED={:#x}: {} faults:\n{}",
        stage.run.seed,
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(
        acknowledged as u64 > 5 * stage.run.kills,
        "too little happened"
    );
}

/// What is missing on the topic, is there twice, or out of order.
fn differences(log: &Log, topic: &BTreeMap<i32, Vec<consumer::Seen>>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expected: BTreeMap<i32, Vec<(i64, uuid::Uuid)>> = BTreeMap::new();
    for event in &log.events {
        let partition = expected.entry(i32::from(event.partition)).or_default();
        partition.push((event.offset, event.id));
    }
    for partition in 0..16 {
        let mut next = 0_i64;
        for seen in topic.get(&partition).into_iter().flatten() {
            if seen.offset != next {
                let how = if seen.offset < next {
                    "again or out of order"
                } else {
                    "too early"
                };
                wrong.push(format!(
                    "partition {partition}: event {} comes {how}, {next} follows",
                    seen.offset
                ));
            }
            next = next.max(seen.offset + 1);
            let event = expected
                .get(&partition)
                .and_then(|events| events.get(usize::try_from(seen.offset).unwrap()));
            if event != Some(&(seen.offset, seen.id)) {
                wrong.push(format!(
                    "partition {partition}: event {} is another one in the log",
                    seen.offset
                ));
            }
        }
        let there = expected.get(&partition).map_or(0, Vec::len);
        if usize::try_from(next).unwrap() != there {
            wrong.push(format!(
                "partition {partition} has events up to {next}, and the log {there}"
            ));
        }
    }
    wrong
}
