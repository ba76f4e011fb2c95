//! What the program says: data on stdout, progress on stderr. The only module that prints.
#![expect(clippy::print_stderr, reason = "this is the output module")]

use std::{
    io::{ErrorKind, IsTerminal, Write},
    time::Duration,
};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How data is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document per line.
    Ndjson,
}

/// A line of data. Ends the process quietly when nobody reads it any more, as `| head` does.
pub fn data(line: &str) {
    let mut stdout = std::io::stdout().lock();
    if writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .is_err()
    {
        std::process::exit(0);
    }
}

/// Data as it is, lines and all. Whether there may be more: nobody reads it any more behind `| head`. Fails where it cannot be
/// written, on a disk that is full, say.
pub fn bytes(data: &[u8]) -> std::io::Result<bool> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// One value as a JSON line.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => data(&line),
        Err(error) => say(&format!("the answer could not be written as JSON: {error}")),
    }
}

/// Rows of data in the asked format; `columns` are the fields' names.
pub fn rows(format: Format, columns: &[&str], rows: &[serde_json::Value]) {
    match format {
        Format::Json => json(&rows),
        Format::Ndjson => rows.iter().for_each(json),
        Format::Table => {
            let mut table = Table::new();
            table
                .load_preset(UTF8_FULL_CONDENSED)
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_header(columns);
            for row in rows {
                table.add_row(columns.iter().map(|column| cell(row.get(*column))));
            }
            data(&table.to_string());
        }
    }
}

fn cell(value: Option<&serde_json::Value>) -> String {
    match value {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Words for a person, on stderr.
pub fn say(words: &str) {
    eprintln!("{words}");
}

/// An error for a person: what happened, and what caused it.
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// A progress bar with rate and time to go on a terminal; off one, a line every few seconds.
pub struct Progress {
    bar: ProgressBar,
    plain: Option<std::sync::Mutex<std::time::Instant>>,
    what: String,
}

impl Progress {
    /// A bar over `total` steps of `what`.
    pub fn new(what: &str, total: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} {wide_bar} {human_pos}/{human_len} · {per_sec} · {eta} to go",
        ) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self {
            bar,
            plain: (!terminal).then(|| std::sync::Mutex::new(std::time::Instant::now())),
            what: what.to_owned(),
        }
    }

    /// The number of steps, where it shows only on the way.
    pub fn of(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// Steps done so far.
    pub fn at(&self, position: u64) {
        self.bar.set_position(position);
        if let Some(last) = &self.plain
            && let Ok(mut last) = last.lock()
            && last.elapsed() >= Duration::from_secs(5)
        {
            *last = std::time::Instant::now();
            let total = self.bar.length().unwrap_or(0);
            eprintln!(
                "{}: {position} of {total}, {:.0}/s, {:?} to go",
                self.what,
                self.bar.per_sec(),
                self.bar.eta()
            );
        }
    }

    /// The end.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}
