//! A stream taken in event by event, as far as is wanted. Holds one state and a part of the stream's events.

use std::collections::VecDeque;

use event_schemas::{RecordedEvent, StreamId, state};
use event_store::read::Direction;
use serde_json::{Map, Value};

use crate::{failure::Failure, session::Snapshot};

/// How many events are read at once.
const PART: i64 = 200;

/// The version of a stream's newest event; `None`: there is no such stream.
pub(super) async fn newest(snapshot: &Snapshot, stream: &StreamId) -> Result<Option<i32>, Failure> {
    let mut transaction = snapshot.transaction().await;
    let events = transaction
        .read_stream(stream, i32::MAX, Direction::Backwards, 1)
        .await?;
    Ok(events.first().map(|event| event.version))
}

/// A stream's state at a version.
pub(super) struct Fold<'s> {
    snapshot: &'s Snapshot,
    stream: StreamId,
    taken_in: Box<dyn state::Fold>,
    version: i32,
    /// What comes next, as far as it was read.
    ahead: VecDeque<RecordedEvent>,
}

impl<'s> Fold<'s> {
    /// Before the first event.
    pub(super) fn new(snapshot: &'s Snapshot, kind: &state::Kind, stream: StreamId) -> Self {
        Self {
            snapshot,
            stream,
            taken_in: kind.begin(),
            version: 0,
            ahead: VecDeque::new(),
        }
    }

    /// How many events were taken in.
    pub(super) fn version(&self) -> i32 {
        self.version
    }

    /// What they come to. What is not there has no fields.
    pub(super) fn state(&self) -> Result<Value, Failure> {
        let text = self
            .taken_in
            .text()
            .map_err(|error| Failure::fault(&error))?;
        match text {
            None => Ok(Value::Object(Map::new())),
            Some(text) => serde_json::from_slice(&text).map_err(|error| Failure::fault(&error)),
        }
    }

    /// Takes in the next event, which is told; `None`: there is none.
    pub(super) async fn step(&mut self) -> Result<Option<RecordedEvent>, Failure> {
        if !self.look().await? {
            return Ok(None);
        }
        let Some(event) = self.ahead.pop_front() else {
            return Ok(None);
        };
        self.taken_in
            .apply(&event)
            .map_err(|error| Failure::fault(&error))?;
        self.version = event.version;
        Ok(Some(event))
    }

    /// Takes in all events before a version.
    pub(super) async fn skip_to(&mut self, version: i32) -> Result<(), Failure> {
        while self.version + 1 < version && self.step().await?.is_some() {}
        Ok(())
    }

    /// Takes in all events up to a position.
    pub(super) async fn go_to(&mut self, position: i64) -> Result<(), Failure> {
        while self.look().await?
            && self
                .ahead
                .front()
                .is_some_and(|event| event.position <= position)
        {
            self.step().await?;
        }
        Ok(())
    }

    /// Reads on where nothing is ahead; whether anything is.
    async fn look(&mut self) -> Result<bool, Failure> {
        if self.ahead.is_empty() {
            let mut transaction = self.snapshot.transaction().await;
            let events = transaction
                .read_stream(&self.stream, self.version + 1, Direction::Forwards, PART)
                .await?;
            self.ahead = events.into();
        }
        Ok(!self.ahead.is_empty())
    }
}
