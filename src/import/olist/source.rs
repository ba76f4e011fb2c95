//! Owns finding, opening and cutting the CSV files into rows. Must never judge what a row says, and never hold more
//! than one row.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};
use zstd::zstd_safe::DCtx;

use super::table::Table;
use super::{Error, Report};

/// The most bytes a row may have: a quote that is not closed must not swallow the memory.
const ROW_LIMIT: u64 = 1024 * 1024;
const BUFFER: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The files of one folder.
#[derive(Debug)]
pub(super) struct Source {
    folder: PathBuf,
    files: BTreeMap<Table, String>,
    /// Bytes of all the files together, as they are on disk.
    pub(super) bytes: u64,
    /// Bytes read of them so far.
    read: Rc<Cell<u64>>,
}

impl Source {
    /// Finds the tables' files in `folder`.
    pub(super) fn find(folder: &Path, report: &mut Report) -> Result<Self, Error> {
        let listing = |source| Error::Folder {
            path: folder.to_owned(),
            source,
        };
        let mut names = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !is_csv(&name) {
                continue;
            }
            // Follows links, unlike the entry's own metadata.
            let data = fs::metadata(entry.path()).map_err(listing)?;
            if data.is_file() {
                names.insert(name, data.len());
            }
        }
        let mut source = Self {
            folder: folder.to_owned(),
            files: BTreeMap::new(),
            bytes: 0,
            read: Rc::default(),
        };
        for table in Table::ALL {
            source.choose(table, &mut names, report)?;
        }
        report.ignored_files = names.into_keys().collect();
        Ok(source)
    }

    fn choose(
        &mut self,
        table: Table,
        names: &mut BTreeMap<String, u64>,
        report: &mut Report,
    ) -> Result<(), Error> {
        for stem in table.stems() {
            for name in [format!("{stem}.csv"), format!("{stem}.csv.zst")] {
                let Some(bytes) = names.remove(&name) else {
                    continue;
                };
                self.bytes += bytes;
                report.open(table, name.clone());
                if let Some(first) = self.files.insert(table, name.clone()) {
                    return Err(Error::TwoFiles {
                        first,
                        second: name,
                    });
                }
            }
        }
        if !self.files.contains_key(&table) {
            if table.is_required() {
                let expected = table.stems().into_iter().next().unwrap_or_default() + ".csv";
                return Err(Error::MissingFile {
                    folder: self.folder.clone(),
                    expected,
                });
            }
            report.missing_files.push(table.name());
        }
        Ok(())
    }

    /// Opens the table's file and reads its header; nothing if there is no such file. The window of one `context`
    /// serves all files: a new one for each would stay behind in the allocator.
    pub(super) fn open<'a>(
        &self,
        table: Table,
        context: &'a mut DCtx<'static>,
        report: &mut Report,
    ) -> Result<Option<Rows<'a>>, Error> {
        let Some(name) = self.files.get(&table) else {
            return Ok(None);
        };
        let failed = |source| Error::Read {
            file: name.clone(),
            source,
        };
        let file = File::open(self.folder.join(name)).map_err(failed)?;
        let counted = BufReader::with_capacity(
            BUFFER,
            Counted {
                file,
                read: Rc::clone(&self.read),
            },
        );
        let plain: Box<dyn Read + 'a> = if has_extension(name, "zst") {
            Box::new(zstd::Decoder::with_context(counted, context))
        } else {
            Box::new(counted)
        };
        let mut plain = BufReader::with_capacity(BUFFER, plain);
        if skip_mark(&mut plain).map_err(failed)? {
            report.quirk("byteOrderMark");
        }
        Rows::begin(table, name.clone(), plain)
    }

    /// Bytes read so far, of all files.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.get()
    }
}

fn has_extension(name: impl AsRef<Path>, extension: &str) -> bool {
    let found = name.as_ref().extension();
    found.is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn is_csv(name: &str) -> bool {
    let plain = if has_extension(name, "zst") {
        Path::new(name).file_stem()
    } else {
        None
    };
    has_extension(plain.unwrap_or(name.as_ref()), "csv")
}

/// Skips a byte-order mark; true if there was one.
fn skip_mark(reader: &mut impl BufRead) -> io::Result<bool> {
    // The first read of a file or a decoder yields far more than three bytes, or the whole file.
    let marked = reader.fill_buf()?.starts_with(BYTE_ORDER_MARK);
    if marked {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    Ok(marked)
}

/// Counts the bytes as they are on disk, for the progress.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Ends a row that does not end: fails once too much was read since the last row.
struct Limited<'a> {
    reader: BufReader<Box<dyn Read + 'a>>,
    since: Rc<Cell<u64>>,
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > ROW_LIMIT {
            return Err(io::Error::other("endless row"));
        }
        let count = self.reader.read(buffer)?;
        self.since.set(self.since.get() + count as u64);
        Ok(count)
    }
}

/// The rows of one file, one after another.
pub(super) struct Rows<'a> {
    file: String,
    reader: csv::Reader<Limited<'a>>,
    since: Rc<Cell<u64>>,
    record: ByteRecord,
    /// Where the table's columns are.
    columns: Vec<usize>,
    width: usize,
}

/// One row.
pub(super) struct Cells<'a> {
    record: &'a ByteRecord,
    columns: &'a [usize],
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Whether it has as many columns as the header.
    pub(super) is_whole: bool,
}

impl Cells<'_> {
    /// What the row has in the table's `index`-th column.
    pub(super) fn get(&self, index: usize) -> &[u8] {
        self.columns
            .get(index)
            .and_then(|column| self.record.get(*column))
            .unwrap_or_default()
    }
}

impl<'a> Rows<'a> {
    fn begin(
        table: Table,
        file: String,
        reader: BufReader<Box<dyn Read + 'a>>,
    ) -> Result<Option<Self>, Error> {
        let since = Rc::new(Cell::new(0));
        let limited = Limited {
            reader,
            since: Rc::clone(&since),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(limited);
        let record = ByteRecord::new();
        let mut rows = Self {
            file,
            reader,
            since,
            record,
            columns: Vec::new(),
            width: 0,
        };
        rows.advance()?;
        rows.width = rows.record.len();
        for column in table.columns() {
            let place = rows
                .record
                .iter()
                .position(|name| name.trim_ascii() == column.as_bytes());
            let place = place.ok_or_else(|| Error::MissingColumn {
                file: rows.file.clone(),
                column,
            })?;
            rows.columns.push(place);
        }
        Ok(Some(rows))
    }

    fn advance(&mut self) -> Result<bool, Error> {
        let line = self.reader.position().line();
        let more = self.reader.read_byte_record(&mut self.record);
        if more.is_err() && self.since.get() > ROW_LIMIT {
            return Err(Error::EndlessRow {
                file: self.file.clone(),
                line,
                limit: ROW_LIMIT,
            });
        }
        self.since.set(0);
        more.map_err(|error| Error::Read {
            file: self.file.clone(),
            source: error.into(),
        })
    }

    /// The next row, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Cells<'_>>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let is_whole = self.record.len() == self.width;
        Ok(Some(Cells {
            record: &self.record,
            columns: &self.columns,
            line,
            is_whole,
        }))
    }
}
