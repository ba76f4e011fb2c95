//! Projections and policies under fire: commands that rebuild, servers and PostgreSQL are killed where it hurts, in the middle
//! of a rebuild, a swap, a check, a batch and of policies' answers, while orders come in. In the end every read model is what the log
//! makes, each event was answered once, and nothing is left of what was killed.

mod check;
mod fault;
mod hold;
mod world;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

use crate::{
    RECOVERY, Run, accept,
    writers::{check::Outages, load::Writers, random::Random},
};
use fault::{EVERYWHERE, Plan, one_of};
use world::World;

const WRITERS: u64 = 4;
const TENANTS: usize = 6;
/// Commands before the first kill.
const BEFORE: usize = 200;
/// Between a recovery and the way to the next kill, in milliseconds.
const BETWEEN: (u64, u64) = (20, 500);
/// After so many kills a projection is verified while it goes on.
const VERIFIED: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal() {
    let run = Run::of_environment();
    eprintln!("SEED={:#x} KILLS={}", run.seed, run.kills);
    let (seed, kills) = (run.seed, run.kills);
    let mut world = World::start(run, TENANTS).await;
    let writers = Writers::start(&world.target, WRITERS, seed);
    while world.target.accepted(0) + world.target.accepted(1) < BEFORE {
        sleep(Duration::from_millis(5)).await;
    }

    let (mut random, mut plan) = (Random::new(seed), Plan::new());
    let (mut hits, mut wrong) = (BTreeMap::new(), Vec::new());
    let begun = Instant::now();
    let names: Vec<&str> = projections::all().iter().map(|one| one.name()).collect();
    for kill in 1..=kills {
        sleep(Duration::from_millis(random.between(BETWEEN.0, BETWEEN.1))).await;
        let fault = plan.next(&mut random);
        let hit = world.strike(fault, &mut random).await;
        *hits.entry(hit).or_insert(0_u32) += 1;
        let (at, database) = hit;
        let victim = if database {
            "PostgreSQL"
        } else {
            "the process"
        };
        let struck = Instant::now();
        if timeout(RECOVERY, accept(&world.target)).await.is_err() {
            wrong.push(format!("nothing is accepted after {at:?}"));
            break;
        }
        eprintln!(
            "{:>5.0?} {kill}: {victim} killed at {at:?}, accepting after {:.1?}",
            begun.elapsed(),
            struck.elapsed()
        );
        if kill % VERIFIED == 0 {
            let name = names[one_of(&mut random, names.len())];
            wrong.extend(world.verify(Some(name)).await);
        }
    }
    let ledger = writers.end().await;
    let (log, of_writers, more) = world.end().await;
    wrong.extend(more);
    wrong.extend(log.wrong());
    wrong.extend(ledger.wrong(&of_writers, Outages::Expected));
    wrong.extend(world.run.fsck(world.postgres.url()).await);
    let (acknowledged, unknown) = ledger.counts();
    eprintln!(
        "{kills} kills in {:.0?}; {acknowledged} commands acknowledged, {unknown} never",
        begun.elapsed()
    );
    for ((at, database), count) in &hits {
        let victim = if *database {
            "PostgreSQL"
        } else {
            "the process"
        };
        eprintln!("{count:>5} times {victim} at {at:?}");
    }
    assert!(
        wrong.is_empty(),
        "SEED={seed:#x}: {} faults:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(acknowledged as u64 > 20 * kills, "too little happened");
    // Each has had its turn; a new build may be let serve by whoever is first.
    if kills > u64::try_from(EVERYWHERE.len()).unwrap() {
        assert!(hits.keys().any(|(_, database)| *database));
        for at in EVERYWHERE.iter().filter(|at| !at.is_by_chance()) {
            assert!(hits.contains_key(&(*at, false)), "no kill hit {at:?}");
        }
    }
}
