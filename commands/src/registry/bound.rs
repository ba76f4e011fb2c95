//! Binds a command type of the domain to the registry: parse, fold, decide. Knows no context and does no I/O.

use std::{any::Any, marker::PhantomData, sync::Arc};

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use domain::{Command, Decide, Entity, Rejection, Settings, snapshot_hash};
use event_schemas::{Actor, DecodeError, Event, Source};
use event_store::{Clock, Loaded};
use futures::FutureExt;
use gateway::Problem;
use serde_json::{Map, Value};

/// What a decision may know besides state and command.
pub(crate) struct Situation {
    pub(crate) now: DateTime<Utc>,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) source: Source,
    pub(crate) actor: Actor,
    pub(crate) settings: Settings,
}

/// A stream folded so far: the aggregate, and the version it is at. Cheap to clone.
#[derive(Clone)]
pub(crate) struct State {
    entity: Arc<dyn Any + Send + Sync>,
    pub(crate) version: i32,
    /// About how many bytes it takes: those of what was folded.
    pub(crate) weight: usize,
}

impl State {
    /// The aggregate, if it is one of these.
    pub(crate) fn entity<E: Entity>(&self) -> Option<&E> {
        self.entity.downcast_ref::<E>()
    }

    #[cfg(test)]
    pub(crate) fn of(entity: Arc<dyn Any + Send + Sync>, version: i32) -> Self {
        Self {
            entity,
            version,
            weight: 0,
        }
    }
}

/// The bytes of one decided event.
pub(crate) struct DecidedEvent {
    pub(crate) event_type: &'static str,
    pub(crate) schema_version: i16,
    pub(crate) payload: Vec<u8>,
}

/// What was decided.
pub(crate) struct Decided {
    pub(crate) events: Vec<DecidedEvent>,
    /// What the first answer tells besides, such as a new key's secret; never stored.
    pub(crate) extra: Map<String, Value>,
}

/// Why nothing was decided.
pub(crate) enum Refused {
    /// The fields are not those of the command.
    Malformed(Box<Problem>),
    /// The business rules say no.
    Rejected { code: &'static str, detail: String },
}

/// One command type behind the registry.
pub(crate) trait Handler: Send + Sync {
    /// The hash of what a snapshot of its aggregate looks like.
    fn snapshot_hash(&self) -> [u8; 32];
    /// The state before a stream's first event.
    fn empty(&self) -> State;
    /// Folds what was loaded of a stream.
    fn fold(&self, loaded: &Loaded) -> Result<State, DecodeError>;
    /// The state's bytes, for a snapshot.
    fn snapshot(&self, state: &State) -> Option<Vec<u8>>;
    /// Decides on the state; keeps what the new events change in it only if the answer is yes.
    fn decide(
        &self,
        state: &mut State,
        data: &[u8],
        situation: Situation,
        clock: &dyn Clock,
    ) -> Result<Decided, Refused>;
}

/// The decision of a command and what its first answer tells besides.
pub(crate) type Prepared<E> = (<E as Entity>::Decision, Map<String, Value>);
type Prepare<C> = dyn Fn(C, &dyn Clock) -> Prepared<<C as Command>::Entity> + Send + Sync;

pub(crate) struct Bound<C: Command> {
    prepare: Arc<Prepare<C>>,
    snapshot_hash: [u8; 32],
    command: PhantomData<fn() -> C>,
}

impl<C: Command> Bound<C> {
    pub(crate) fn new(
        prepare: impl Fn(C, &dyn Clock) -> Prepared<C::Entity> + Send + Sync + 'static,
    ) -> Self {
        Self {
            prepare: Arc::new(prepare),
            snapshot_hash: snapshot_hash::<C::Entity>(),
            command: PhantomData,
        }
    }
}

impl<C: Command> Handler for Bound<C> {
    fn snapshot_hash(&self) -> [u8; 32] {
        self.snapshot_hash
    }

    fn empty(&self) -> State {
        State {
            entity: Arc::new(C::Entity::default()),
            version: 0,
            weight: 0,
        }
    }

    fn fold(&self, loaded: &Loaded) -> Result<State, DecodeError> {
        fold::<C::Entity>(loaded)
    }

    fn snapshot(&self, state: &State) -> Option<Vec<u8>> {
        serde_json::to_vec(state.entity::<C::Entity>()?).ok()
    }

    fn decide(
        &self,
        state: &mut State,
        data: &[u8],
        situation: Situation,
        clock: &dyn Clock,
    ) -> Result<Decided, Refused> {
        // Serde would take a list of the values for the object.
        if data.trim_ascii_start().starts_with(b"[") {
            let problem = Problem::malformed("", "The body: expected an object, found a list.");
            return Err(Refused::Malformed(Box::new(problem)));
        }
        let command: C =
            gateway::json::parse(data).map_err(|problem| Refused::Malformed(Box::new(problem)))?;
        let (decision, extra) = (self.prepare)(command, clock);
        let internal = |what: &str| Refused::Malformed(Box::new(Problem::internal_because(what)));
        let Some(entity) = state.entity::<C::Entity>() else {
            return Err(internal(
                "a stream's state is of another context than its command",
            ));
        };
        let decide = Decide {
            command: decision,
            now: situation.now,
            occurred_at: situation.occurred_at,
            source: situation.source,
            actor: situation.actor,
            settings: situation.settings,
        };
        // The aggregate applies what it writes, so it works on a copy that counts only if it says yes.
        let mut next = entity.clone();
        let sink = EventSink::default();
        let verdict = at_once(next.handle(decide, &(), &sink))
            .ok_or_else(|| internal("a decision waited for something"))?;
        verdict.map_err(|rejection| Refused::Rejected {
            code: rejection.code(),
            detail: rejection.to_string(),
        })?;
        let written =
            at_once(sink.collect()).ok_or_else(|| internal("a decision waited for something"))?;
        let mut events = Vec::with_capacity(written.len());
        for event in written {
            events.push(DecidedEvent {
                event_type: event.name(),
                schema_version: event.schema_version(),
                payload: event.encode().map_err(|e| internal(&e.to_string()))?,
            });
        }
        let count =
            i32::try_from(events.len()).map_err(|_| internal("a decision has too many events"))?;
        *state = State {
            entity: Arc::new(next),
            version: state.version + count,
            weight: state.weight + events.iter().map(|e| e.payload.len()).sum::<usize>(),
        };
        Ok(Decided { events, extra })
    }
}

/// The aggregate that was loaded: from its snapshot if there is one, then event by event.
pub(crate) fn fold<E: Entity>(loaded: &Loaded) -> Result<State, DecodeError> {
    let mut entity = match &loaded.snapshot {
        // Its hash was the one of today's form, so it has that form.
        Some(snapshot) => {
            serde_json::from_slice(&snapshot.state).map_err(|source| DecodeError::Payload {
                event_type: "snapshot".to_owned(),
                source,
            })?
        }
        None => E::default(),
    };
    for stored in &loaded.events {
        entity.apply(Event::decode(
            &stored.event_type,
            stored.schema_version,
            &stored.payload,
        )?);
    }
    Ok(State {
        entity: Arc::new(entity),
        version: loaded.version(),
        weight: loaded.snapshot.as_ref().map_or(0, |s| s.state.len())
            + loaded.events.iter().map(|e| e.payload.len()).sum::<usize>(),
    })
}

/// A future that never waits. The sink's lock is never contended, but tokio's budget for a task would have it yield
/// now and then: a decision is not subject to that.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    tokio::task::coop::unconstrained(future).now_or_never()
}
