//! A broker that is away for minutes: commands go on, every server says that it is degraded and not unready, `daybook relay
//! status` says how far behind Kafka is. When the broker is back the relay catches up by itself, and the topic is the log.

use std::time::{Duration, Instant};

use projections::relay;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    RECOVERY, Run, accept,
    stage::Stage,
    writers::{check::Outages, load::Writers},
};

const WRITERS: u64 = 4;
const TENANTS: usize = 12;
/// How long all goes well before.
const BEFORE: Duration = Duration::from_secs(5);
/// How often to look while the broker is away.
const LOOK: Duration = Duration::from_secs(10);
/// By when a server must have noticed: each answer of the broker is waited for, and `/health/ready` has 30 s by default.
const NOTICED: Duration = Duration::from_secs(40);

/// What `/health/ready` answers, and what it says of the relay: status and words.
async fn health(url: &str) -> (u16, String, String) {
    let response = reqwest::get(format!("{url}/health/ready")).await.unwrap();
    let status = response.status().as_u16();
    let ready: Value = response.json().await.unwrap();
    let checks = ready["checks"].as_array().unwrap();
    let relay = checks
        .iter()
        .find(|check| check["name"] == "relay")
        .unwrap();
    let text = |name: &str| relay[name].as_str().unwrap().to_owned();
    (status, text("status"), text("detail"))
}

/// What `daybook relay status` says: events and seconds behind, and why.
async fn said(stage: &Stage) -> (i64, f64, Vec<String>) {
    let output = tokio::process::Command::new(&stage.run.program)
        .args(["relay", "status", "--output", "json"])
        .env("DATABASE_URL", stage.postgres.url())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let events = rows
        .iter()
        .map(|at| at["lagEvents"].as_i64().unwrap())
        .sum();
    let seconds = rows.iter().map(|at| at["lagSeconds"].as_f64().unwrap());
    let mut why: Vec<String> = rows
        .iter()
        .filter_map(|at| at["trouble"].as_str().map(str::to_owned))
        .collect();
    why.sort();
    why.dedup();
    (events, seconds.fold(0.0, f64::max), why)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survived() {
    let run = Run::of_environment();
    let length = Duration::from_secs(run.outage);
    eprintln!("SEED={:#x} OUTAGE={length:?}", run.seed);
    let mut stage = Stage::start(run, TENANTS).await;
    let writers = Writers::start(&stage.target, WRITERS, stage.run.seed);
    sleep(BEFORE).await;
    let mut wrong = Vec::new();
    stage.broker.kill().await;
    let away = Instant::now();
    while away.elapsed() < length {
        sleep(LOOK.min(length.saturating_sub(away.elapsed()))).await;
        let at = away.elapsed();
        if timeout(RECOVERY, accept(&stage.target)).await.is_err() {
            wrong.push(format!("after {at:.0?} commands do not go on"));
        }
        for server in &stage.servers {
            let (status, relay, words) = health(&server.url).await;
            eprintln!("{at:>5.0?}: {status}, the relay is {relay}: {words}");
            let known = if at < NOTICED { &relay } else { "degraded" };
            if (status, relay.as_str()) != (200, known) {
                wrong.push(format!(
                    "after {at:.0?} a server is {status}, {relay}: {words}"
                ));
            }
        }
        let (events, seconds, why) = said(&stage).await;
        eprintln!("       {events} events, {seconds:.1} s: {}", why.join("; "));
        // The clock of the lag began with the first event that was not published.
        if events == 0 || seconds + 5.0 < at.as_secs_f64() || (at >= NOTICED && why.is_empty()) {
            wrong.push(format!(
                "after {at:.0?} the status is {events}, {seconds}, {why:?}"
            ));
        }
    }
    stage.broker.start_again().await;
    let back = Instant::now();
    let recovered = timeout(RECOVERY * 4, async {
        loop {
            let status = relay::status(&stage.store).await.unwrap();
            if status
                .iter()
                .all(|at| at.trouble.is_none() && at.seconds < 1.0)
            {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    if recovered.await.is_err() {
        wrong.push("the relay does not recover".to_owned());
    }
    eprintln!(
        "less than a second behind {:.1?} after the broker was back",
        back.elapsed()
    );
    for server in &stage.servers {
        let (status, relay, words) = health(&server.url).await;
        eprintln!("{status}, the relay is {relay}: {words}");
        if (status, relay.as_str()) != (200, "ready") {
            wrong.push(format!("afterwards a server is {status}, {relay}: {words}"));
        }
    }
    let ledger = writers.end().await;
    let (log, differences) = stage.end().await;
    wrong.extend(ledger.wrong(&log, Outages::Expected));
    wrong.extend(differences);
    eprintln!("{} commands acknowledged", ledger.counts().0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
