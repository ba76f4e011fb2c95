//! Owns the account of an import: what became of every row, and what was odd about the data. Must never decide anything,
//! and never grow with the input: examples are bounded, reasons and quirks are a fixed vocabulary.

use std::collections::BTreeMap;

use serde::Serialize;

use super::table::Table;

/// Examples kept of one reason in one table.
const EXAMPLES: u64 = 5;

/// What became of every row of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// By table; in each, `mapped` and all of `reported` add up to `rows`.
    pub files: BTreeMap<&'static str, FileReport>,
    /// The tables whose file is not in the folder.
    pub missing_files: Vec<&'static str>,
    /// Files in the folder that no table is read from.
    pub ignored_files: Vec<String>,
    /// What is odd about rows that were mapped nevertheless: how often, by name.
    pub quirks: BTreeMap<String, u64>,
    /// The first few rows of every reason.
    pub examples: Vec<Example>,
    /// Command lines by command.
    pub commands: BTreeMap<&'static str, u64>,
}

/// What became of the rows of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    /// The file's name.
    pub file: String,
    /// Rows without the header.
    pub rows: u64,
    /// Rows that went into commands.
    pub mapped: u64,
    /// Rows that did not: how many, by reason.
    pub reported: BTreeMap<String, u64>,
}

/// A row that did not go into a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Example {
    /// The file's name.
    pub file: String,
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

impl Report {
    /// Names the file of `table`.
    pub(super) fn open(&mut self, table: Table, file: String) {
        self.files.entry(table.name()).or_default().file = file;
    }

    /// Counts a row read.
    pub(super) fn row(&mut self, table: Table) {
        self.files.entry(table.name()).or_default().rows += 1;
    }

    /// Counts a row mapped.
    pub(super) fn mapped(&mut self, table: Table) {
        self.files.entry(table.name()).or_default().mapped += 1;
    }

    /// Counts a row that is not mapped.
    pub(super) fn reject(&mut self, table: Table, line: u64, reason: &str) {
        let file = self.files.entry(table.name()).or_default();
        let count = add(&mut file.reported, reason);
        if count <= EXAMPLES {
            self.examples.push(Example {
                file: file.file.clone(),
                line,
                reason: reason.to_owned(),
            });
        }
    }

    /// Counts something odd.
    pub(super) fn quirk(&mut self, name: &str) {
        add(&mut self.quirks, name);
    }

    /// Counts a command line.
    pub(super) fn command(&mut self, name: &'static str) {
        *self.commands.entry(name).or_default() += 1;
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) -> u64 {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
        return *count;
    }
    counts.insert(name.to_owned(), 1);
    1
}
