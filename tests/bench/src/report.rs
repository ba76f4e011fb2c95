//! The results as files: `latest.json` with every run, `latest.md` with medians, ratios and goals.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::Result;
use serde::Serialize;

use crate::{
    machine::Machine,
    run::{Bound, Goal, Run, Session, Subject},
    statistics::{median, show},
};

#[derive(Serialize)]
struct Raw<'a> {
    machine: &'a Machine,
    quick: bool,
    goals: &'a [Goal],
    runs: &'a [Run],
}

/// Writes both files into the folder, which is made if it is missing.
pub(crate) fn write(folder: &Path, machine: &Machine, session: &Session) -> Result<()> {
    fs::create_dir_all(folder)?;
    let raw = Raw {
        machine,
        quick: session.quick,
        goals: &session.goals,
        runs: &session.runs,
    };
    fs::write(folder.join("latest.json"), serde_json::to_vec_pretty(&raw)?)?;
    fs::write(folder.join("latest.md"), markdown(machine, session)?)?;
    Ok(())
}

fn markdown(machine: &Machine, session: &Session) -> Result<String> {
    let mut text = String::new();
    let settings: Vec<String> = machine
        .settings
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    writeln!(
        text,
        "Measured {} on {} ({} cores, {} GiB), Linux {}; data on {}, which makes a page safe in {} ms (p99 {} ms); PostgreSQL {} ({}); {} build{}; {}.\n",
        machine.date,
        machine.cpu,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.file_system,
        show(machine.sync_ms.0),
        show(machine.sync_ms.1),
        machine.postgresql,
        settings.join(", "),
        machine.profile,
        machine
            .commit
            .as_ref()
            .map(|commit| format!(" of {commit}"))
            .unwrap_or_default(),
        if session.quick {
            "quick: medians of 3 short runs, good for a first look only"
        } else {
            "medians of 5 runs"
        }
    )?;
    let mut benchmarks: Vec<&str> = Vec::new();
    for run in &session.runs {
        if !benchmarks.contains(&run.benchmark) {
            benchmarks.push(run.benchmark);
        }
    }
    for benchmark in benchmarks {
        writeln!(text, "### {benchmark}\n")?;
        goals(&mut text, session, benchmark)?;
        figures(&mut text, session, benchmark)?;
    }
    Ok(text)
}

fn goals(text: &mut String, session: &Session, benchmark: &str) -> Result<()> {
    let goals: Vec<&Goal> = session
        .goals
        .iter()
        .filter(|goal| goal.benchmark == benchmark)
        .collect();
    if goals.is_empty() {
        return Ok(());
    }
    writeln!(text, "| case | what | against | result | goal | |")?;
    writeln!(text, "|---|---|---|---:|---:|---|")?;
    for goal in goals {
        let subject = session.median(benchmark, &goal.subject);
        let (against, result, times) = match &goal.against {
            Some(against) => {
                let shown = if against.case == goal.subject.case {
                    against.side.clone()
                } else {
                    format!("{}, {}", against.side, against.case)
                };
                (shown, subject / session.median(benchmark, against), "×")
            }
            None => ("–".to_owned(), subject, ""),
        };
        let (sign, met) = match goal.bound {
            Bound::AtLeast => ("≥", result >= goal.limit),
            Bound::AtMost => ("≤", result <= goal.limit),
        };
        writeln!(
            text,
            "| {} | {} | {against} | **{}{times}** | {sign} {}{times} | {} |",
            goal.subject.case,
            goal.subject.side,
            show(result),
            show(goal.limit),
            if met { "met" } else { "missed" }
        )?;
    }
    writeln!(text)?;
    Ok(())
}

fn figures(text: &mut String, session: &Session, benchmark: &str) -> Result<()> {
    let mut subjects: Vec<Subject> = Vec::new();
    for run in session.runs.iter().filter(|run| run.benchmark == benchmark) {
        let subject = Subject::new(&run.case, &run.side);
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    writeln!(
        text,
        "| case | side | median | lowest – highest | p50 ms | p99 ms | process cores | PostgreSQL cores | other cores | besides |"
    )?;
    writeln!(text, "|---|---|---:|---:|---:|---:|---:|---:|---:|---|")?;
    for subject in &subjects {
        let runs: Vec<&Run> = session.of(benchmark, subject).collect();
        let Some(first) = runs.first() else { continue };
        let values = || runs.iter().map(|run| run.value);
        let middle = |of: &dyn Fn(&Run) -> Option<f64>| {
            let found: Vec<f64> = runs.iter().filter_map(|run| of(run)).collect();
            if found.is_empty() {
                String::new()
            } else {
                show(median(found))
            }
        };
        let besides: Vec<String> = first
            .extra
            .keys()
            .map(|name| format!("{name} {}", middle(&|run| run.extra.get(name).copied())))
            .collect();
        writeln!(
            text,
            "| {} | {} | {} {} | {} – {} | {} | {} | {} | {} | {} | {} |",
            subject.case,
            subject.side,
            show(median(values())),
            first.unit,
            show(values().fold(f64::INFINITY, f64::min)),
            show(values().fold(f64::NEG_INFINITY, f64::max)),
            middle(&|run| run.p50_ms),
            middle(&|run| run.p99_ms),
            middle(&|run| Some(run.process_cpu_seconds? / run.seconds?)),
            middle(&|run| Some(run.postgres_cpu_seconds? / run.seconds?)),
            middle(&|run| Some(run.other_cpu_seconds? / run.seconds?)),
            besides.join("; ")
        )?;
    }
    writeln!(text)?;
    Ok(())
}
