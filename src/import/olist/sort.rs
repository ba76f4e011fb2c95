//! Owns the external merge sort: sorted runs in temporary files, merged a bounded number at a time. Must never hold more
//! than its share of memory (and one record), however many records come.
//!
//! Records are compared byte by byte, whole; so the order is total, and does not depend on the size of the runs.

use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::marker::PhantomData;
use std::mem;
use std::path::PathBuf;

use tempfile::{NamedTempFile, TempPath};

use super::Error;
use super::codec::{Fields, Record};

/// Runs merged at a time, at most: each is an open file.
const MAX_FAN_IN: usize = 32;
/// Below this a read buffer costs more calls than it saves memory. In bytes.
const LEAST_BUFFER: usize = 4 * 1024;
/// Bytes of the buffer that writes a run, at most.
const WRITE_BUFFER: usize = 64 * 1024;

/// A record type. Its encoding begins with what it is sorted by.
pub(super) trait Row: Sized {
    /// Writes all fields.
    fn write(&self, record: &mut Record);
    /// Reads them back.
    fn read(fields: &mut Fields<'_>) -> Result<Self, Error>;
}

/// Where runs go, and how many bytes one sort or one merge may hold.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) folder: PathBuf,
    pub(super) bytes: usize,
}

impl Share {
    fn fan_in(&self) -> usize {
        (self.bytes / LEAST_BUFFER).clamp(2, MAX_FAN_IN)
    }
}

/// Takes records in any order.
#[derive(Debug)]
pub(super) struct Sorter<T> {
    share: Share,
    runs: VecDeque<TempPath>,
    arena: Vec<u8>,
    index: Vec<Entry>,
    record: Record,
    len: u64,
    row: PhantomData<fn(T)>,
}

/// Where a record is in the arena. Its first bytes are here too, which decides nearly every comparison.
#[derive(Clone, Copy, Debug)]
struct Entry {
    head: u128,
    start: usize,
    end: usize,
}

impl<T: Row> Sorter<T> {
    pub(super) fn new(share: &Share) -> Self {
        Self {
            share: share.clone(),
            runs: VecDeque::new(),
            arena: Vec::new(),
            index: Vec::new(),
            record: Record::default(),
            len: 0,
            row: PhantomData,
        }
    }

    /// Takes one record, writing a run when the share is full.
    pub(super) fn push(&mut self, row: &T) -> Result<(), Error> {
        self.record.clear();
        row.write(&mut self.record);
        let bytes = self.record.bytes();
        let held = self.arena.len() + self.index.len() * size_of::<Entry>();
        if held + bytes.len() + size_of::<Entry>() > self.share.bytes && !self.index.is_empty() {
            let run = write_run(&self.share, &mut self.arena, &mut self.index)?;
            self.runs.push_back(run);
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.index.push(Entry {
            head: head(bytes),
            start,
            end: self.arena.len(),
        });
        self.len += 1;
        Ok(())
    }

    /// Ends the input. Nothing stays in memory.
    pub(super) fn finish(mut self) -> Result<Sorted<T>, Error> {
        if !self.index.is_empty() {
            let run = write_run(&self.share, &mut self.arena, &mut self.index)?;
            self.runs.push_back(run);
        }
        // Before the merge takes its share.
        self.arena = Vec::new();
        self.index = Vec::new();
        let fan_in = self.share.fan_in();
        while self.runs.len() > fan_in {
            // No more than needed: what is left afterwards is merged once more by the reader.
            let count = (self.runs.len() - fan_in + 1).min(fan_in);
            let group: Vec<TempPath> = self.runs.drain(..count).collect();
            let mut merge = Merge::open(&self.share, &group)?;
            let mut writer = RunWriter::create(&self.share)?;
            while let Some(record) = merge.head() {
                writer.write(record)?;
                merge.advance()?;
            }
            self.runs.push_back(writer.finish()?);
        }
        Ok(Sorted {
            share: self.share,
            runs: self.runs.into(),
            len: self.len,
            row: PhantomData,
        })
    }
}

fn head(bytes: &[u8]) -> u128 {
    let mut head = [0; 16];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = *from;
    }
    u128::from_be_bytes(head)
}

fn write_run(
    share: &Share,
    arena: &mut Vec<u8>,
    index: &mut Vec<Entry>,
) -> Result<TempPath, Error> {
    let record = |entry: &Entry| arena.get(entry.start..entry.end).unwrap_or_default();
    index.sort_unstable_by(|a, b| a.head.cmp(&b.head).then_with(|| record(a).cmp(record(b))));
    let mut writer = RunWriter::create(share)?;
    for entry in &*index {
        writer.write(record(entry))?;
    }
    arena.clear();
    index.clear();
    writer.finish()
}

/// A run: length and bytes of each record.
struct RunWriter(BufWriter<NamedTempFile>);

impl RunWriter {
    fn create(share: &Share) -> Result<Self, Error> {
        let file = NamedTempFile::with_suffix_in(".run", &share.folder)?;
        Ok(Self(BufWriter::with_capacity(
            share.bytes.clamp(LEAST_BUFFER, WRITE_BUFFER),
            file,
        )))
    }

    fn write(&mut self, record: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(record.len()).map_err(io::Error::other)?;
        self.0.write_all(&length.to_be_bytes())?;
        self.0.write_all(record)?;
        Ok(())
    }

    fn finish(self) -> Result<TempPath, Error> {
        let file = self
            .0
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        Ok(file.into_temp_path())
    }
}

/// Records in order, on disk; may be read more than once. Its files go with it.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    share: Share,
    runs: Vec<TempPath>,
    len: u64,
    row: PhantomData<fn() -> T>,
}

impl<T: Row> Sorted<T> {
    /// How many records there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The records from the first one on.
    pub(super) fn stream(&self) -> Result<Stream<T>, Error> {
        Ok(Stream {
            merge: Merge::open(&self.share, &self.runs)?,
            row: PhantomData,
        })
    }
}

/// Records in order, one after another.
pub(super) struct Stream<T> {
    merge: Merge,
    row: PhantomData<fn() -> T>,
}

impl<T: Row> Stream<T> {
    /// The next record, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<T>, Error> {
        let Some(record) = self.merge.head() else {
            return Ok(None);
        };
        let row = T::read(&mut Fields::new(record))?;
        self.merge.advance()?;
        Ok(Some(row))
    }
}

/// The merge of some runs.
struct Merge(BinaryHeap<Head>);

/// The least record of a run not yet merged, and the rest of the run.
struct Head {
    record: Vec<u8>,
    run: BufReader<File>,
}

impl Merge {
    fn open(share: &Share, runs: &[TempPath]) -> Result<Self, Error> {
        let buffer = share.bytes / runs.len().max(1);
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for path in runs {
            let run = BufReader::with_capacity(buffer.max(LEAST_BUFFER), File::open(path)?);
            let mut head = Head {
                record: Vec::new(),
                run,
            };
            if head.advance()? {
                heads.push(head);
            }
        }
        Ok(Self(heads))
    }

    fn head(&self) -> Option<&[u8]> {
        self.0.peek().map(|head| head.record.as_slice())
    }

    fn advance(&mut self) -> Result<(), Error> {
        if let Some(mut head) = self.0.peek_mut()
            && !head.advance()?
        {
            mem::drop(PeekMut::pop(head));
        }
        Ok(())
    }
}

impl Head {
    /// Reads the run's next record; false at its end.
    fn advance(&mut self) -> Result<bool, Error> {
        if self.run.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let mut length = [0; 4];
        self.run.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length))
            .ok()
            .ok_or(Error::Damaged)?;
        self.record.resize(length, 0);
        self.run.read_exact(&mut self.record)?;
        Ok(true)
    }
}

/// The greatest head is the one with the least record: a binary heap gives the greatest.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.record.cmp(&self.record)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}
