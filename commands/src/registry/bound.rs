//! Binds a command type of the domain to the registry: parse, fold, decide. Knows no context and does no I/O.

use std::{any::Any, marker::PhantomData, sync::Arc};

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use domain::{Command, Decide, Entity, Rejection, Settings};
use event_schemas::{Actor, DecodeError, Event, Source};
use event_store::{Clock, StoredEvent};
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

/// A stream folded so far: the aggregate, and the version it is at.
pub(crate) struct State {
    entity: Box<dyn Any + Send>,
    pub(crate) version: i32,
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
    /// Folds a stream's events, oldest first.
    fn fold(&self, events: &[StoredEvent]) -> Result<State, DecodeError>;
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
    command: PhantomData<fn() -> C>,
}

impl<C: Command> Bound<C> {
    pub(crate) fn new(
        prepare: impl Fn(C, &dyn Clock) -> Prepared<C::Entity> + Send + Sync + 'static,
    ) -> Self {
        Self {
            prepare: Arc::new(prepare),
            command: PhantomData,
        }
    }
}

impl<C: Command> Handler for Bound<C> {
    fn fold(&self, events: &[StoredEvent]) -> Result<State, DecodeError> {
        let mut entity = C::Entity::default();
        for stored in events {
            entity.apply(Event::decode(
                &stored.event_type,
                stored.schema_version,
                &stored.payload,
            )?);
        }
        Ok(State {
            entity: Box::new(entity),
            version: events.last().map_or(0, |e| e.version),
        })
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
        let Some(entity) = state.entity.downcast_mut::<C::Entity>() else {
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
        *entity = next;
        state.version +=
            i32::try_from(events.len()).map_err(|_| internal("a decision has too many events"))?;
        Ok(Decided { events, extra })
    }
}

/// A future that never waits. The sink's lock is never contended, but tokio's budget for a task would have it yield
/// now and then: a decision is not subject to that.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    tokio::task::coop::unconstrained(future).now_or_never()
}
