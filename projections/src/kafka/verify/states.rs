//! Proves a compacted topic of states: each record is what its stream had come to at its version, and every stream's last
//! version is told.

use std::collections::{HashMap, HashSet};

use event_schemas::{
    RecordedEvent, StreamId, TenantId,
    state::{Fold, Kind},
};
use event_store::{Store, read::StreamSpan};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Log, Reader, Report};
use crate::kafka::{Envelope, Error, Record, Settings};

/// How many streams are folded at once, and the bytes that are read for them at once.
const STREAMS: usize = 200;
const BYTES: i64 = 4 << 20;

/// Reads the topic to its end. Alone, its numbers are held against each other; with the log, each record is held against the
/// fold of its stream. Remembers some 30 bytes of each stream of the partition.
pub(super) async fn prove(
    reader: &mut Reader<'_>,
    settings: &Settings,
    store: Option<&Store>,
    log: Option<Log<'_>>,
    kind: &Kind,
) -> Result<Report, Error> {
    let mut proof = Proof {
        report: Report::new(reader.partition),
        told: HashMap::new(),
    };
    let mut envelope = Envelope::new(settings.source());
    loop {
        let page = reader.page().await?;
        if page.is_empty() {
            break;
        }
        let mut placed = Vec::new();
        for (kafka_offset, record) in &page {
            placed.extend(proof.place(*kafka_offset, record));
        }
        let Some(store) = store else { continue };
        for some in apart(placed) {
            fold(store, kind, some, &mut envelope, &mut proof.report).await?;
        }
    }
    if let Some(mut log) = log {
        proof.report.head = Some(log.head().await?);
        let mut behind = 0;
        while let Some(event) = log.next().await? {
            let told = proof.told.get(&mark(envelope.key(&event)));
            behind += i64::from(told.is_none_or(|version| *version < event.version));
        }
        proof.report.behind = Some(behind);
    }
    Ok(proof.report)
}

struct Proof {
    report: Report,
    /// The last version that was told of a stream, by the mark of its key.
    told: HashMap<[u8; 16], i32>,
}

/// A record and the stream it speaks of.
struct Placed<'a> {
    kafka_offset: i64,
    record: &'a Record,
    tenant: TenantId,
    stream: StreamId,
    version: i32,
}

impl Proof {
    /// Holds a record's numbers against those before it.
    fn place<'a>(&mut self, kafka_offset: i64, record: &'a Record) -> Option<Placed<'a>> {
        self.report.records += 1;
        let Some(placed) = parse(kafka_offset, record) else {
            let what = "a record that is no state of a stream".to_owned();
            self.report.fault(Some(kafka_offset), what);
            return None;
        };
        let before = self.told.insert(mark(&record.key), placed.version);
        if let Some(before) = before.filter(|before| *before >= placed.version) {
            let (stream, version) = (placed.stream.as_str(), placed.version);
            let what = format!("version {version} of {stream} comes after version {before}");
            self.report.fault(Some(kafka_offset), what);
            return None;
        }
        let offset = record.number("ce_offset").unwrap_or(0);
        self.report.next_offset = self.report.next_offset.max(offset + 1);
        Some(placed)
    }
}

fn parse(kafka_offset: i64, record: &Record) -> Option<Placed<'_>> {
    let key = std::str::from_utf8(&record.key).ok()?;
    let (tenant, stream) = key.split_once('/')?;
    Some(Placed {
        kafka_offset,
        record,
        tenant: TenantId(Uuid::parse_str(tenant).ok()?),
        stream: StreamId(stream.to_owned()),
        version: i32::try_from(record.number("ce_version")?).ok()?,
    })
}

/// What stands for a key.
fn mark(key: &[u8]) -> [u8; 16] {
    let mut mark = [0; 16];
    for (to, from) in mark.iter_mut().zip(Sha256::digest(key)) {
        *to = from;
    }
    mark
}

/// Some records at a time, each of another stream.
fn apart(placed: Vec<Placed<'_>>) -> Vec<Vec<Placed<'_>>> {
    let mut all = Vec::new();
    let (mut some, mut seen) = (Vec::new(), HashSet::new());
    for one in placed {
        let fresh = seen.insert((one.tenant, one.stream.clone()));
        if !fresh || some.len() == STREAMS {
            all.push(std::mem::take(&mut some));
            seen.clear();
            seen.insert((one.tenant, one.stream.clone()));
        }
        some.push(one);
    }
    all.push(some);
    all
}

/// A stream on its way to the version of its record.
struct Folding<'a> {
    placed: Placed<'a>,
    fold: Box<dyn Fold>,
    last: Option<RecordedEvent>,
    broken: Option<String>,
}

/// Holds records against the folds of their streams.
async fn fold(
    store: &Store,
    kind: &Kind,
    placed: Vec<Placed<'_>>,
    envelope: &mut Envelope,
    report: &mut Report,
) -> Result<(), Error> {
    let mut all: Vec<Folding<'_>> = placed
        .into_iter()
        .map(|placed| Folding {
            placed,
            fold: kind.begin(),
            last: None,
            broken: None,
        })
        .collect();
    loop {
        let spans: Vec<StreamSpan> = all.iter().filter_map(Folding::missing).collect();
        if spans.is_empty() {
            break;
        }
        let mut tx = store.partition_tx().await?;
        let read = tx.read_streams(&spans, BYTES).await?;
        if read.is_empty() {
            // The log ends before what the records say.
            break;
        }
        let at: HashMap<(TenantId, StreamId), usize> = (0..)
            .zip(&all)
            .map(|(at, one)| ((one.placed.tenant, one.placed.stream.clone()), at))
            .collect();
        for event in read {
            let found = at.get(&(event.tenant, event.stream.clone()));
            if let Some(one) = found.and_then(|at| all.get_mut(*at)) {
                one.apply(event);
            }
        }
    }
    for one in &all {
        if let Some(what) = one.wrong(kind, envelope) {
            report.fault(Some(one.placed.kafka_offset), what);
        }
    }
    Ok(())
}

impl Folding<'_> {
    fn version(&self) -> i32 {
        self.last.as_ref().map_or(0, |last| last.version)
    }

    /// What is to be read yet.
    fn missing(&self) -> Option<StreamSpan> {
        let open = self.broken.is_none() && self.version() < self.placed.version;
        open.then(|| StreamSpan {
            tenant: self.placed.tenant,
            stream: self.placed.stream.clone(),
            from: self.version() + 1,
            before: self.placed.version + 1,
        })
    }

    fn apply(&mut self, event: RecordedEvent) {
        if let Err(error) = self.fold.apply(&event) {
            self.broken = Some(error.to_string());
        }
        self.last = Some(event);
    }

    /// What of the record is not as it must be.
    fn wrong(&self, kind: &Kind, envelope: &mut Envelope) -> Option<String> {
        let Placed {
            record,
            stream,
            version,
            ..
        } = &self.placed;
        let stream = stream.as_str();
        if let Some(why) = &self.broken {
            return Some(format!("the state of {stream} cannot be told: {why}"));
        }
        let Some(last) = self.last.as_ref().filter(|last| last.version == *version) else {
            return Some(format!("the log has no version {version} of {stream}"));
        };
        let mut differs = Vec::new();
        if self.fold.text().ok()?.unwrap_or_default() != record.value {
            differs.push("its state".to_owned());
        }
        let mut given = record.headers.iter();
        envelope.state_headers(last, kind, |name, value| {
            let same = |(given, is): &(String, Vec<u8>)| given == name && is == value;
            if !given.next().is_some_and(same) && name != crate::kafka::SCHEMA_ID {
                differs.push(format!("its header {name}"));
            }
        });
        (!differs.is_empty()).then(|| {
            format!(
                "version {version} of {stream} is not what the log comes to: {}",
                differs.join(", ")
            )
        })
    }
}
