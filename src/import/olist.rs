//! Owns the reading side of the Olist import: from the public CSV files to command lines in the order in which they
//! must be appended. Must never talk to the log, the network or the clock, and never hold a whole file in memory.
//!
//! # From rows to commands
//!
//! * **Tenant** = `seller_id`. An order without items has no seller: it goes to the house tenant `marketplace`, whose
//!   id is [`HOUSE`], without lines.
//! * **Order id** = the source's order id. An order with several sellers becomes one order per seller, whose id is
//!   `UUIDv5`(namespace: the source's order id, name: the seller id as 32 hexadecimal digits). `reference` is always the
//!   source's order id.
//! * **Customer** = `customer_unique_id`, registered once per tenant at the first order there; a later order there from
//!   another address is a `customer.changeContact`.
//! * **Payments** cover the whole order. Each payment row is split among the sellers in proportion to price + freight,
//!   rounded down; the odd cents go to the first seller, the one of the lowest `order_item_id`. The approval is of the
//!   sum of the order's share, which is nothing where the source knows no payment.
//! * **Reviews** go to the order of each seller, dated at their answer, or at their creation where they have none.
//! * **Leads** are the house tenant's, see `lead`.
//! * **The revenue**, if asked for: each tenant has a metric that follows its orders, whose id is `UUIDv5`(namespace: the
//!   tenant, name: `revenue`). Each month in UTC has a goal: 10 % more than the last one with orders came to.
//! * **Times** are naive in the source and taken as UTC. A step dated before the purchase occurs at the purchase; its
//!   data keep the source's date. A step without a date of its own (`processing`, `invoiced`, `canceled`,
//!   `unavailable`, or one whose date is empty) occurs at the order's last known time: the latest of purchase,
//!   approval, carrier and customer date. Other dates stay as they are, in whatever order they come.
//! * **Status**: folding the emitted steps gives the source's status. A cancelled order keeps all its steps, since
//!   cancelling is final; in any other order a step beyond its status (an approval of a `created` order, say) would
//!   change it, and is left out and counted as a quirk.
//! * **Money** is read exactly, in centavos; a single amount is at most 9,007,199,254,740, so that sums stay within what
//!   JavaScript can count.
//! * **Text** is kept as it is, but for its line ends, which become line feeds; blank text counts as absent.
//!
//! # What becomes of each row
//!
//! Every row of every file is either mapped or reported with a reason; see [`Report`]. A row naming an order that is not
//! mapped is reported. An item naming an unknown product or seller is mapped, and counted as a quirk.
//!
//! # Memory
//!
//! Files are streamed, and joined by external merge sort (`sort`). Beside the sorts' share, only the category
//! translation is held, and the window of the compressed file being read.

mod codec;
mod customer;
mod dimension;
mod field;
mod join;
mod joined;
mod lead;
mod line;
mod order;
mod read;
mod report;
mod row;
mod sort;
mod source;
mod split;
mod table;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use tempfile::TempDir;
use thiserror::Error;
use uuid::{Uuid, uuid};

use self::line::LineRow;
pub use self::report::{Example, FileReport, Report};
use self::sort::{Sorted, Stream};

/// The tenant of the orders that name no seller: `UUIDv5` of the name `marketplace.olist` in the DNS namespace.
pub const HOUSE: Uuid = uuid!("e9b89725-fcc8-575c-9673-c3fb4b66251c");

/// The currency of the whole dataset.
const CURRENCY: &str = "BRL";

/// Enough for a dataset of any size, and so little that the real one fills it: memory does not grow with the input.
/// More makes fewer, longer runs, and is hardly faster. In bytes.
pub const DEFAULT_MEMORY: usize = 12 * 1024 * 1024;

/// One command of the import, ready for the bulk executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The tenant in whose name the command runs.
    pub tenant: Uuid,
    /// Context and command, such as `order.place`.
    pub command: &'static str,
    /// The aggregate's id.
    pub id: Uuid,
    /// When it happened in the business. Never decreases within a tenant.
    pub occurred_at: DateTime<Utc>,
    /// The idempotency key: the source row it came from. Unique in its tenant.
    pub key: String,
    /// The command's fields as a JSON object.
    pub data: String,
}

/// What to import, and with how much.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the CSV files.
    pub source: PathBuf,
    /// An existing folder for temporary runs; what is written there is removed with [`Prepared`]. It takes about three
    /// times the size of the uncompressed input.
    pub spill: PathBuf,
    /// Bytes for all sort buffers together, at least 64 KiB; see [`DEFAULT_MEMORY`].
    pub memory: usize,
    /// Whether every tenant begins with a metric that follows the revenue of its orders, with a goal for each month.
    pub revenue: bool,
}

/// How far the preparation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes of the source files read so far, as they are on disk.
    pub bytes_read: u64,
    /// Bytes of all the source files, as they are on disk.
    pub bytes_total: u64,
}

/// The phases of the preparation, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The files are read and sorted.
    Reading,
    /// Their rows are joined to orders.
    Joining,
    /// The command lines are sorted.
    Sorting,
}

/// Why an import cannot be prepared. Single bad rows are no errors: they are in the [`Report`].
#[derive(Debug, Error)]
pub enum Error {
    /// The folder cannot be listed.
    #[error("cannot list the source folder {path}: {source}; check that it exists and may be read")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file without which nothing can be imported is not there.
    #[error(
        "the folder {folder} has no {expected}; put the file there, plain or as .zst, and import again"
    )]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file's usual name.
        expected: String,
    },
    /// The same table is there twice.
    #[error(
        "the folder has both {first} and {second}, which hold the same table; keep one of them and import again"
    )]
    TwoFiles {
        /// One file's name.
        first: String,
        /// The other's.
        second: String,
    },
    /// A file's header lacks a column.
    #[error(
        "the header of {file} has no column {column}; check that the file has the public dataset's layout"
    )]
    MissingColumn {
        /// The file's name.
        file: String,
        /// The column's name.
        column: &'static str,
    },
    /// A file cannot be read, or is not valid zstd.
    #[error("cannot read {file}: {source}; check that the file is complete")]
    Read {
        /// The file's name.
        file: String,
        /// What the reader said.
        source: io::Error,
    },
    /// A row does not end.
    #[error(
        "the row at line {line} of {file} is longer than {limit} bytes: most likely a quote is not closed; mend it and import again"
    )]
    EndlessRow {
        /// The file's name.
        file: String,
        /// The line where the row begins, from 1.
        line: u64,
        /// The most bytes that a row may have.
        limit: u64,
    },
    /// The temporary runs cannot be written or read.
    #[error(
        "cannot use the folder for temporary files: {0}; check its free space and its permissions"
    )]
    Spill(#[from] io::Error),
    /// A temporary run does not hold what was written.
    #[error(
        "a temporary file of the import is damaged; import again, and check the disk if it happens again"
    )]
    Damaged,
    /// A command could not be written as JSON.
    #[error("cannot write a command as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Reads, joins and sorts the files of `options.source`. `progress` is told at least every few thousand rows while
/// reading, and at each step after that. The result does not depend on `options.memory`.
///
/// # Errors
/// See [`Error`]. Nothing is left behind in `options.spill`.
pub fn prepare(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Prepared, Error> {
    let folder = tempfile::Builder::new()
        .prefix("daybook-olist-")
        .tempdir_in(&options.spill)?;
    let (lines, report) = join::run(options, folder.path(), progress)?;
    Ok(Prepared {
        lines,
        report,
        _folder: folder,
    })
}

/// The sorted command lines of an import, on disk.
#[derive(Debug)]
pub struct Prepared {
    lines: Sorted<LineRow>,
    report: Report,
    /// Keeps the temporary folder; declared last, so that it goes after the runs in it.
    _folder: TempDir,
}

impl Prepared {
    /// How many lines there are.
    pub fn total_lines(&self) -> u64 {
        self.lines.len()
    }

    /// What became of every row.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// All lines from the first one on: tenants one after another in the order of their ids, within a tenant by time,
    /// and at the same time in an order that keeps causality. The first line of a tenant is its registration.
    ///
    /// An error ends the iteration.
    pub fn lines(&mut self) -> impl Iterator<Item = Result<Line, Error>> {
        Lines {
            sorted: &self.lines,
            state: State::Fresh,
        }
    }
}

struct Lines<'a> {
    sorted: &'a Sorted<LineRow>,
    state: State,
}

enum State {
    Fresh,
    Open(Stream<LineRow>),
    Done,
}

impl Lines<'_> {
    fn step(&mut self) -> Result<Option<Line>, Error> {
        if matches!(self.state, State::Fresh) {
            self.state = State::Open(self.sorted.stream()?);
        }
        match &mut self.state {
            State::Open(stream) => Ok(stream.next()?.map(LineRow::into_line)),
            State::Fresh | State::Done => Ok(None),
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.state = State::Done;
        }
        step.transpose()
    }
}
