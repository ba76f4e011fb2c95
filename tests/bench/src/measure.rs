//! Load: callers in a closed loop, or arrivals at a fixed rate; what was done in the measured window, how long each took,
//! and what the processors did meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::process;

/// Somebody who does one thing after the other.
pub(crate) trait Caller: Send + 'static {
    /// Does the next thing; answers how many operations it was.
    fn turn(&mut self) -> impl Future<Output = Result<u64>> + Send;
}

/// How long: first unmeasured, then measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// Whose processor time is of interest, by process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    /// PostgreSQL's first process; its children count too.
    pub(crate) postgres: u32,
    /// The process under test, with its children; for what runs in this process, its load is counted with it.
    pub(crate) process: u32,
}

/// Processor time in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) postgres: f64,
    pub(crate) process: f64,
    /// Whatever else ran on the machine, a load generator in a process of its own included.
    pub(crate) others: f64,
}

impl Meter {
    /// This process, and PostgreSQL.
    pub(crate) fn here(postgres: u32) -> Self {
        Self {
            postgres,
            process: std::process::id(),
        }
    }

    /// What was used since they began.
    pub(crate) fn read(self) -> Result<Cpu> {
        let postgres = process::cpu_with_children(self.postgres)?;
        // PostgreSQL is a child of this process.
        let process = if self.process == std::process::id() {
            process::cpu(self.process)?
        } else {
            process::cpu_with_children(self.process)?
        };
        Ok(Cpu {
            postgres,
            process,
            others: process::cpu_of_machine()? - postgres - process,
        })
    }

    /// What was used since `before`.
    pub(crate) fn since(self, before: Cpu) -> Result<Cpu> {
        let now = self.read()?;
        Ok(Cpu {
            postgres: now.postgres - before.postgres,
            process: now.process - before.process,
            others: (now.others - before.others).max(0.0),
        })
    }
}

/// What was measured.
pub(crate) struct Load {
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    /// Of each turn, in microseconds.
    pub(crate) latency: Histogram<u64>,
    pub(crate) cpu: Cpu,
    /// Whatever else is worth knowing, by name.
    pub(crate) extra: BTreeMap<&'static str, f64>,
}

impl Load {
    /// Operations per second.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds
    }

    /// A percentile in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        reason = "times are far below 2^52 microseconds"
    )]
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        self.latency.value_at_quantile(percent / 100.0) as f64 / 1_000.0
    }
}

/// How long one piece of work took.
pub(crate) struct Timed {
    pub(crate) seconds: f64,
    pub(crate) cpu: Cpu,
}

/// Does one piece of work.
pub(crate) async fn timed(meter: Meter, work: impl Future<Output = Result<()>>) -> Result<Timed> {
    let (before, began) = (meter.read()?, Instant::now());
    work.await?;
    Ok(Timed {
        seconds: began.elapsed().as_secs_f64(),
        cpu: meter.since(before)?,
    })
}

/// For times in microseconds.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 120_000_000, 3).map_err(|error| anyhow!("{error}"))
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Every caller does the next thing as soon as the last is done. What ends in the window counts.
pub(crate) async fn closed<C: Caller>(
    callers: impl IntoIterator<Item = C>,
    window: Window,
    meter: Meter,
) -> Result<Load> {
    let from = Instant::now() + window.warm_up;
    let until = from + window.measured;
    let mut tasks = JoinSet::new();
    for mut caller in callers {
        let mut latency = histogram()?;
        tasks.spawn(async move {
            let mut operations = 0;
            loop {
                let began = Instant::now();
                if began >= until {
                    return anyhow::Ok((operations, latency));
                }
                let done = caller.turn().await?;
                let ended = Instant::now();
                if ended >= from && ended < until {
                    operations += done;
                    latency.saturating_record(micros(ended - began));
                }
            }
        });
    }
    let measured = async {
        tokio::time::sleep_until(from.into()).await;
        let before = meter.read()?;
        tokio::time::sleep_until(until.into()).await;
        meter.since(before)
    };
    let cpu = measured.await?;
    let mut load = Load {
        operations: 0,
        seconds: window.measured.as_secs_f64(),
        latency: histogram()?,
        cpu,
        extra: BTreeMap::new(),
    };
    while let Some(ended) = tasks.join_next().await {
        let (operations, latency) = ended.context("a caller ended")??;
        load.operations += operations;
        load.latency
            .add(latency)
            .map_err(|error| anyhow!("{error}"))?;
    }
    Ok(load)
}

/// Things arrive at a fixed rate, whether those before them are done or not; each takes from its arrival on, so that
/// waiting in line counts. `make` makes another caller when all are busy.
pub(crate) async fn open<C: Caller>(
    make: impl Fn(u64) -> C + Send + 'static,
    per_second: f64,
    window: Window,
    meter: Meter,
) -> Result<Load> {
    let start = Instant::now();
    let from = start + window.warm_up;
    let until = from + window.measured;
    let idle: Arc<Mutex<Vec<C>>> = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::new(Mutex::new((0_u64, histogram()?)));
    let (runtime, results) = (tokio::runtime::Handle::current(), Arc::clone(&found));
    // A thread of its own keeps the time better than the runtime's timer, which counts milliseconds.
    let arrivals = tokio::task::spawn_blocking(move || {
        let mut tasks = JoinSet::new();
        let gap = Duration::from_secs_f64(1.0 / per_second.max(1.0));
        let (mut at, mut callers) = (start, 0);
        while at < until {
            if let Some(pause) = at.checked_duration_since(Instant::now()) {
                std::thread::sleep(pause);
            }
            let waiting = lock(&idle).pop();
            let mut caller = waiting.unwrap_or_else(|| {
                callers += 1;
                make(callers)
            });
            let (arrived, idle, results) = (at, Arc::clone(&idle), Arc::clone(&results));
            tasks.spawn_on(
                async move {
                    let done = caller.turn().await?;
                    if arrived >= from {
                        let mut results = lock(&results);
                        results.0 += done;
                        results.1.saturating_record(micros(arrived.elapsed()));
                    }
                    lock(&idle).push(caller);
                    anyhow::Ok(())
                },
                &runtime,
            );
            at += gap;
        }
        tasks
    });
    tokio::time::sleep_until(from.into()).await;
    let before = meter.read()?;
    let mut tasks = arrivals.await.context("the arrivals ended")?;
    let cpu = meter.since(before)?;
    while let Some(ended) = tasks.join_next().await {
        ended.context("a caller ended")??;
    }
    let (operations, latency) = lock(&found).clone();
    Ok(Load {
        operations,
        seconds: window.measured.as_secs_f64(),
        latency,
        cpu,
        extra: BTreeMap::new(),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
