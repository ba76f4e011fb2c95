//! The relay under fire: leaders, brokers and PostgreSQL are killed, leaders sleep until they are replaced. In the end the
//! topic is the log: no event is missing, none is there twice, all are in order.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{sleep, timeout};

use crate::{
    RECOVERY, Run, accept,
    postgres::End,
    stage::Stage,
    writers::{check::Outages, load::Writers, random::Random},
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

async fn strike(stage: &mut Stage, fault: Fault, random: &mut Random) {
    match fault {
        Fault::ServerKilled(victim) => stage.kill(victim).await,
        Fault::ServerSleeps(victim) => {
            let pid = Pid::from_raw(i32::try_from(stage.servers[victim].pid()).unwrap());
            kill(pid, Signal::SIGSTOP).unwrap();
            sleep(Duration::from_millis(random.between(SLEEP.0, SLEEP.1))).await;
            kill(pid, Signal::SIGCONT).unwrap();
        }
        Fault::BrokerKilled => {
            stage.broker.kill().await;
            stage.broker.start_again().await;
        }
        Fault::BrokerStopped => {
            stage.broker.stop().await;
            stage.broker.start_again().await;
        }
        Fault::DatabaseKilled => stage.postgres.restart(End::Killed).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published() {
    let run = Run::of_environment();
    eprintln!("SEED={:#x} KILLS={}", run.seed, run.kills);
    let mut stage = Stage::start(run, TENANTS).await;
    let writers = Writers::start(&stage.target, WRITERS, stage.run.seed);

    let mut random = Random::new(stage.run.seed);
    let (mut counts, begun) = (BTreeMap::new(), Instant::now());
    let (mut faults, mut wrong) = (0, Vec::new());
    while faults < stage.run.kills {
        sleep(Duration::from_millis(random.between(BETWEEN.0, BETWEEN.1))).await;
        let fault = Fault::any(&mut random);
        strike(&mut stage, fault, &mut random).await;
        faults += 1;
        *counts.entry(fault.name()).or_insert(0_u32) += 1;
        eprintln!("{:>5.0?} {faults}: {}", begun.elapsed(), fault.name());
        if timeout(RECOVERY, accept(&stage.target)).await.is_err() {
            wrong.push(format!("a server accepts nothing after: {}", fault.name()));
            break;
        }
    }
    let ledger = writers.end().await;
    let (log, differences) = stage.end().await;
    wrong.extend(ledger.wrong(&log, Outages::Expected));
    wrong.extend(differences);
    let (acknowledged, _) = ledger.counts();
    eprintln!(
        "{faults} faults in {:.0?} {counts:?}; {acknowledged} commands acknowledged",
        begun.elapsed()
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
