//! What streams have come to with the events of a page: folds them on from what is remembered, or else from the log. Bounded
//! in memory; never publishes.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    error::Error as _,
};

use event_schemas::{
    RecordedEvent, StreamId, TenantId,
    state::{Fold, Kind},
};
use event_store::{Store, read::StreamSpan};
use quick_cache::{Weighter, unsync::Cache};

use crate::kafka::Error;

/// What the streams that are remembered take, in bytes, roughly.
const MOST_BYTES: u64 = 8 << 20;
/// What is read of the log at once, in bytes.
const READ_BYTES: i64 = 2 << 20;
/// What the streams of one page may have taken in, in bytes, before the page ends.
const PAGE_BYTES: usize = 16 << 20;

/// A stream of a tenant.
type Target = (TenantId, StreamId);

/// A stream, folded.
struct Kept {
    fold: Box<dyn Fold>,
    /// The last version that is in it.
    version: i32,
    /// The bytes of what is in it.
    weight: usize,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Target, Kept> for Weight {
    fn weight(&self, (_, stream): &Target, kept: &Kept) -> u64 {
        let bytes = 256 + stream.as_str().len() + kept.weight;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// A state to be published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Told {
    /// The topic, by its place in the settings.
    pub(super) output: usize,
    /// The stream's last event, by its place in the page.
    pub(super) event: usize,
    /// The state as JSON; none where nothing is left to tell.
    pub(super) text: Option<Vec<u8>>,
}

/// What came of a page.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) told: Vec<Told>,
    /// Topics that cannot go on, and why.
    pub(super) failed: BTreeMap<usize, String>,
}

/// The streams of a slot.
pub(super) struct States {
    remembered: Cache<Target, Kept, Weight>,
}

impl States {
    pub(super) fn new() -> Self {
        let items = usize::try_from(MOST_BYTES / 1024).unwrap_or(usize::MAX);
        Self {
            remembered: Cache::with_weighter(items, MOST_BYTES, Weight),
        }
    }

    /// Folds the events of a page into the states of `topics`, each by its place in the settings. Ends the page early where
    /// its streams would take too much memory.
    pub(super) async fn fold(
        &mut self,
        store: &Store,
        topics: &[(usize, &'static Kind)],
        events: &mut Vec<RecordedEvent>,
    ) -> Result<Folded, Error> {
        let mut folded = Folded::default();
        let mut open = self.open(store, topics, events, &mut folded).await?;
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        for ((place, event), stream) in events.iter().enumerate().zip(&open.at) {
            let Some(stream) = *stream else { continue };
            let Some(opened) = open.streams.get_mut(stream) else {
                continue;
            };
            if folded.failed.contains_key(&opened.output) {
                continue;
            }
            match opened.kept.apply(event) {
                Ok(()) => {
                    last.insert(stream, place);
                }
                Err(why) => {
                    folded.failed.insert(opened.output, why);
                }
            }
        }
        for (index, opened) in open.streams.into_iter().enumerate() {
            let Some(event) = last.get(&index).copied() else {
                continue;
            };
            if folded.failed.contains_key(&opened.output) {
                continue;
            }
            match opened.kept.fold.text() {
                Ok(text) => folded.told.push(Told {
                    output: opened.output,
                    event,
                    text,
                }),
                Err(error) => {
                    let why = format!("the state of {} cannot be told: {error}", opened.target.1.0);
                    folded.failed.insert(opened.output, why);
                    continue;
                }
            }
            self.remembered.insert(opened.target, opened.kept);
        }
        folded
            .told
            .retain(|told| !folded.failed.contains_key(&told.output));
        folded.told.sort_by_key(|told| told.event);
        Ok(folded)
    }

    /// The streams of the page, each folded up to its first event there.
    async fn open(
        &mut self,
        store: &Store,
        topics: &[(usize, &'static Kind)],
        events: &mut Vec<RecordedEvent>,
        folded: &mut Folded,
    ) -> Result<Open, Error> {
        let mut open = Open::default();
        let mut bytes = 0;
        let mut cold = Vec::new();
        for event in events.iter() {
            let context = event.stream.context();
            let Some((output, kind)) = topics.iter().find(|(_, kind)| kind.context == context)
            else {
                open.at.push(None);
                continue;
            };
            let target = (event.tenant, event.stream.clone());
            let free = match open.by_target.entry(target) {
                Entry::Occupied(known) => {
                    open.at.push(Some(*known.get()));
                    continue;
                }
                Entry::Vacant(free) => free,
            };
            open.at.push(Some(open.streams.len()));
            let before = event.version - 1;
            let remembered = self.remembered.remove(free.key());
            let kept = remembered
                .map(|(_, kept)| kept)
                .filter(|kept| kept.version == before)
                .unwrap_or_else(|| Kept::new(kind));
            bytes += kept.weight;
            if kept.version < before {
                cold.push((open.streams.len(), before));
            }
            let target = free.key().clone();
            free.insert(open.streams.len());
            open.streams.push(Opened {
                target,
                output: *output,
                kept,
            });
        }
        let mut waiting = cold.into_iter().peekable();
        while waiting.peek().is_some() {
            let some: Vec<(usize, i32)> = waiting.by_ref().take(500).collect();
            let unread = open.read(store, &some, &mut bytes, folded).await?;
            if let Some(first) = unread {
                open.cut(events, first);
                break;
            }
        }
        Ok(open)
    }
}

/// A stream of the page.
struct Opened {
    target: Target,
    output: usize,
    kept: Kept,
}

/// The streams of the page, in the order of their first events.
#[derive(Default)]
struct Open {
    streams: Vec<Opened>,
    by_target: HashMap<Target, usize>,
    /// Of each event of the page its stream.
    at: Vec<Option<usize>>,
}

impl Open {
    /// Reads streams from the log up to a version each. The answer is the first one that was not read for want of room.
    async fn read(
        &mut self,
        store: &Store,
        cold: &[(usize, i32)],
        bytes: &mut usize,
        folded: &mut Folded,
    ) -> Result<Option<usize>, Error> {
        loop {
            let missing: Vec<(usize, i32)> = cold
                .iter()
                .copied()
                .filter(|(stream, before)| self.wants(*stream, *before, folded))
                .collect();
            let Some((first, _)) = missing.first().copied() else {
                return Ok(None);
            };
            // The first stream of a page is read however much it is: the page must come to something.
            if *bytes > PAGE_BYTES && first > 0 {
                return Ok(Some(first));
            }
            let spans: Vec<StreamSpan> = missing
                .iter()
                .filter_map(|(stream, before)| self.span(*stream, *before))
                .collect();
            let mut tx = store.partition_tx().await?;
            let read = tx.read_streams(&spans, READ_BYTES).await?;
            if let (true, Some(opened)) = (read.is_empty(), self.streams.get(first)) {
                let why = format!(
                    "the log lacks events of the stream {}, whose later ones are there: run `daybook log fsck`",
                    opened.target.1.as_str()
                );
                folded.failed.insert(opened.output, why);
            }
            for event in &read {
                let target = (event.tenant, event.stream.clone());
                let index = self.by_target.get(&target).copied();
                let Some(opened) = index.and_then(|index| self.streams.get_mut(index)) else {
                    continue;
                };
                *bytes += event.payload.len();
                if let Err(why) = opened.kept.apply(event) {
                    folded.failed.insert(opened.output, why);
                }
            }
        }
    }

    fn wants(&self, stream: usize, before: i32, folded: &Folded) -> bool {
        self.streams.get(stream).is_some_and(|opened| {
            opened.kept.version < before && !folded.failed.contains_key(&opened.output)
        })
    }

    fn span(&self, stream: usize, before: i32) -> Option<StreamSpan> {
        let Opened { target, kept, .. } = self.streams.get(stream)?;
        Some(StreamSpan {
            tenant: target.0,
            stream: target.1.clone(),
            from: kept.version + 1,
            before: before + 1,
        })
    }

    /// Ends the page before the first event of a stream.
    fn cut(&mut self, events: &mut Vec<RecordedEvent>, first: usize) {
        let place = self.at.iter().position(|stream| *stream == Some(first));
        let place = place.unwrap_or(events.len());
        events.truncate(place);
        self.at.truncate(place);
        self.streams.truncate(first);
    }
}

impl Kept {
    fn new(kind: &Kind) -> Self {
        Self {
            fold: kind.begin(),
            version: 0,
            weight: 0,
        }
    }

    /// Takes in the next event, or says why it cannot.
    fn apply(&mut self, event: &RecordedEvent) -> Result<(), String> {
        if event.version != self.version + 1 {
            return Err(format!(
                "the log has version {} of the stream {} where {} follows: run `daybook log fsck`",
                event.version,
                event.stream.as_str(),
                self.version + 1
            ));
        }
        self.fold.apply(event).map_err(|error| {
            let because = error.source().map(|source| format!(": {source}"));
            format!(
                "event {}: {error}{}",
                event.offset,
                because.unwrap_or_default()
            )
        })?;
        self.version = event.version;
        self.weight += event.payload.len();
        Ok(())
    }
}
