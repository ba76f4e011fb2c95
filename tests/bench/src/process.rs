//! What a process and its children used, from /proc. Never measures time itself.

use std::fs;

use anyhow::{Context, Result};

/// Linux counts processor time in hundredths of a second, on every machine we run on.
const TICKS: f64 = 100.0;

struct Stat {
    parent: u32,
    own: u64,
    ended_children: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        ended_children: number(13)? + number(14)?,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "processor time is far below 2^52 ticks"
)]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS
}

/// The processor time of one process, in seconds.
pub(crate) fn cpu(pid: u32) -> Result<f64> {
    let found = stat(pid).with_context(|| format!("process {pid} has ended"))?;
    Ok(seconds(found.own))
}

/// The processor time of a process and all its children, those that ended included, in seconds.
pub(crate) fn cpu_with_children(pid: u32) -> Result<f64> {
    let parent = stat(pid).with_context(|| format!("process {pid} has ended"))?;
    let processes = fs::read_dir("/proc").context("cannot list /proc")?;
    let children = processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .filter(|child| child.parent == pid)
        .map(|child| child.own)
        .sum::<u64>();
    Ok(seconds(parent.own + parent.ended_children + children))
}

/// The processor time of the whole machine, whoever took it, in seconds.
pub(crate) fn cpu_of_machine() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let line = text.lines().next().unwrap_or_default();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
    let busy = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .enumerate()
        .filter(|(index, _)| !matches!(index, 3 | 4))
        .filter_map(|(_, ticks)| ticks.parse::<u64>().ok())
        .sum();
    Ok(seconds(busy))
}

/// The memory of a process that is in the machine, in MiB.
pub(crate) struct Memory {
    pub(crate) now: f64,
    /// The most it ever was.
    pub(crate) highest: f64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} has ended"))?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1024.0)
    };
    Ok(Memory {
        now: field("VmRSS:").context("the system does not tell a process's memory")?,
        highest: field("VmHWM:").context("the system does not tell a process's memory")?,
    })
}
