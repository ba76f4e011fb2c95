//! What is recorded: every run's figures, and the goals they are held against. Decides nothing.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{
    measure::{Load, Timed, Window},
    output,
    statistics::{median, show},
};

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) benchmark: &'static str,
    /// What was asked, such as `64 callers`.
    pub(crate) case: String,
    /// Who was asked, such as `daybook`.
    pub(crate) side: String,
    pub(crate) round: u32,
    /// The figure that counts.
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// How long was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_ms: Option<f64>,
    /// Processor time of PostgreSQL, all its processes, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postgres_cpu_seconds: Option<f64>,
    /// Processor time of the process under test, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) process_cpu_seconds: Option<f64>,
    /// Processor time of everything else on the machine, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) other_cpu_seconds: Option<f64>,
    /// Whatever else is worth knowing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) extra: BTreeMap<&'static str, f64>,
}

impl Run {
    /// A figure alone.
    pub(crate) fn figure(
        benchmark: &'static str,
        case: &str,
        side: &str,
        round: u32,
        value: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            benchmark,
            case: case.to_owned(),
            side: side.to_owned(),
            round,
            value,
            unit,
            seconds: None,
            p50_ms: None,
            p99_ms: None,
            max_ms: None,
            postgres_cpu_seconds: None,
            process_cpu_seconds: None,
            other_cpu_seconds: None,
            extra: BTreeMap::new(),
        }
    }

    /// The throughput of a load, and everything that was measured beside it.
    pub(crate) fn load(
        benchmark: &'static str,
        case: &str,
        side: &str,
        round: u32,
        load: &Load,
        unit: &'static str,
    ) -> Self {
        Self {
            seconds: Some(load.seconds),
            p50_ms: Some(load.percentile(50.0)),
            p99_ms: Some(load.percentile(99.0)),
            max_ms: Some(load.percentile(100.0)),
            postgres_cpu_seconds: Some(load.cpu.postgres),
            process_cpu_seconds: Some(load.cpu.process),
            other_cpu_seconds: Some(load.cpu.others),
            extra: load.extra.clone(),
            ..Self::figure(benchmark, case, side, round, load.rate(), unit)
        }
    }

    /// The rate at which a piece of work of so many operations was done.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn timed(
        benchmark: &'static str,
        case: &str,
        side: &str,
        round: u32,
        (operations, unit): (u64, &'static str),
        timed: &Timed,
    ) -> Self {
        Self {
            seconds: Some(timed.seconds),
            postgres_cpu_seconds: Some(timed.cpu.postgres),
            process_cpu_seconds: Some(timed.cpu.process),
            other_cpu_seconds: Some(timed.cpu.others),
            ..Self::figure(
                benchmark,
                case,
                side,
                round,
                operations as f64 / timed.seconds,
                unit,
            )
        }
    }
}

/// Which figures: the case and the side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Subject {
    pub(crate) case: String,
    pub(crate) side: String,
}

impl Subject {
    pub(crate) fn new(case: &str, side: &str) -> Self {
        Self {
            case: case.to_owned(),
            side: side.to_owned(),
        }
    }
}

/// The side on which the figure should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Bound {
    AtLeast,
    AtMost,
}

/// A goal: a median, or the ratio of two, held against a limit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Goal {
    pub(crate) benchmark: &'static str,
    pub(crate) subject: Subject,
    /// What it is divided by; nothing for a figure that counts by itself.
    pub(crate) against: Option<Subject>,
    pub(crate) bound: Bound,
    pub(crate) limit: f64,
}

/// One invocation: how thorough it is, and what it has recorded.
pub(crate) struct Session {
    pub(crate) quick: bool,
    pub(crate) huge: bool,
    /// Arrivals a second in B6, if that was said.
    pub(crate) rate: Option<f64>,
    /// Without the peers, in B5 and B6.
    pub(crate) alone: bool,
    pub(crate) runs: Vec<Run>,
    pub(crate) goals: Vec<Goal>,
}

impl Session {
    pub(crate) fn new(quick: bool, huge: bool) -> Self {
        Self {
            quick,
            huge,
            rate: None,
            alone: false,
            runs: Vec::new(),
            goals: Vec::new(),
        }
    }

    /// How often each side runs.
    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 3 } else { 5 }
    }

    /// How long one run takes.
    pub(crate) fn window(&self) -> Window {
        if self.quick {
            Window {
                warm_up: Duration::from_millis(150),
                measured: Duration::from_millis(450),
            }
        } else {
            Window {
                warm_up: Duration::from_secs(1),
                measured: Duration::from_secs(4),
            }
        }
    }

    /// Keeps a run, and tells of it.
    pub(crate) fn record(&mut self, run: Run) {
        let p99 = run
            .p99_ms
            .map(|p99| format!(", p99 {} ms", show(p99)))
            .unwrap_or_default();
        output::say(&format!(
            "  {} | {} | {} | {} {}{p99}",
            run.benchmark,
            run.case,
            run.side,
            show(run.value),
            run.unit
        ));
        self.runs.push(run);
    }

    /// Holds the ratio of two medians against a limit.
    pub(crate) fn compare(
        &mut self,
        benchmark: &'static str,
        subject: Subject,
        against: Subject,
        bound: Bound,
        limit: f64,
    ) {
        self.goals.push(Goal {
            benchmark,
            subject,
            against: Some(against),
            bound,
            limit,
        });
    }

    /// The runs of one subject.
    pub(crate) fn of<'a>(
        &'a self,
        benchmark: &'a str,
        subject: &'a Subject,
    ) -> impl Iterator<Item = &'a Run> {
        self.runs.iter().filter(move |run| {
            run.benchmark == benchmark && run.case == subject.case && run.side == subject.side
        })
    }

    /// The median figure of one subject; 0 if it never ran.
    pub(crate) fn median(&self, benchmark: &str, subject: &Subject) -> f64 {
        median(self.of(benchmark, subject).map(|run| run.value))
    }
}
