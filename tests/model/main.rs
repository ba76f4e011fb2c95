//! The log's whole contract against a simple model in memory: thousands of random operations by two server processes on one
//! PostgreSQL, one at a time and many at once, with sessions ended and processes killed in between.
//!
//! A program of its own, for it is its own server too: `model worker` appends what its standard input says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

mod check;
mod generate;
#[path = "../it/harness.rs"]
#[allow(dead_code, reason = "shared with the other integration tests")]
mod harness;
mod op;
mod run;
mod server;
mod truth;
mod worker;

use event_store::Proofs;

/// What the random choices are made from, unless `DAYBOOK_MODEL_SEED` says otherwise; a failure names it.
const SEED: i64 = 0x0dab;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|verb| verb == "worker") {
        runtime.block_on(worker::serve(&arguments[2], &arguments[3]));
        return;
    }
    let seed = std::env::var("DAYBOOK_MODEL_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    // The two servers' proofs: both numbering, one fully proved, one that lets the database number everything.
    let pairs = [
        [Proofs::Offsets, Proofs::Offsets],
        [Proofs::Full, Proofs::Offsets],
        [Proofs::Checked, Proofs::Offsets],
    ];
    let mut failed = 0;
    for (number, proofs) in (0..).zip(pairs) {
        let name = format!("{:?} beside {:?}", proofs[0], proofs[1]);
        let run = runtime.block_on(async { tokio::spawn(run::run(seed + number, proofs)).await });
        if let Ok(sum) = run {
            println!("test {name} ... ok ({sum})");
        } else {
            println!("test {name} ... FAILED (DAYBOOK_MODEL_SEED={seed})");
            failed += 1;
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {failed} failed",
        pairs.len() - failed
    );
    std::process::exit(i32::from(failed > 0));
}
