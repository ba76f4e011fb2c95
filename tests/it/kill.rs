//! Commands of the binary that are killed again and again: the points of time differ from run to run, what comes of it must not.
//! Knows nothing of what the command does.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

/// How often a command is started and killed, and how often it must still have been running then for that to mean something.
const KILLS: u32 = 20;
const ENOUGH: u32 = 5;

/// The points are in the first part of `length`: what a run has done stays, and enough of them must find something left to do.
const SHARE: u32 = 3;

/// Starts `command` twenty times and kills it at points spread over a part of `length`, which a whole run takes.
pub async fn twenty_times(length: Duration, command: impl Fn() -> Command) {
    let mut killed = 0;
    for kill in 0..KILLS {
        let mut child = command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let point = length * (kill * 7 % KILLS + 1) / (KILLS + 1) / SHARE;
        tokio::time::sleep(point.max(Duration::from_millis(20))).await;
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(
        killed >= ENOUGH,
        "only {killed} of {KILLS} were still running when they were to be killed"
    );
}
