//! What the given-when-then tests of every context share. Never part of the product.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test support")]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use chrono::{DateTime, TimeZone, Utc};
use cqrs_es::{
    event_sink::EventSink,
    test::{AggregateTestExecutor, TestFramework},
};
use event_schemas::{Actor, ActorKind, Source};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Decide, Entity, Plain, Settings};

/// An aggregate that these events happened to.
pub(crate) fn given<A: Entity>(events: Vec<A::Event>) -> AggregateTestExecutor<A> {
    TestFramework::<A>::with(()).given(events)
}

/// The moment at which everything happens here.
pub(crate) fn today() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

/// The command from the JSON that a client sends.
#[track_caller]
pub(crate) fn read<C: DeserializeOwned>(body: Value) -> C {
    serde_json::from_value(body).unwrap()
}

/// Why the JSON is not the command.
#[track_caller]
pub(crate) fn malformed<C: DeserializeOwned>(body: Value) -> String {
    match serde_json::from_value::<C>(body) {
        Ok(_) => panic!("the command was accepted"),
        Err(error) => error.to_string(),
    }
}

/// The decision on a command that came in that way.
pub(crate) fn decide<C>(command: C, source: Source) -> Decide<C> {
    let actor = Actor {
        kind: ActorKind::ApiKey,
        id: "key".to_owned(),
        on_behalf_of: None,
    };
    // An import happened before now; a decision must look at when it happened.
    let now = if source == Source::Import {
        today() + chrono::TimeDelta::days(400)
    } else {
        today()
    };
    Decide {
        command,
        now,
        occurred_at: today(),
        source,
        actor,
        settings: Settings::default(),
    }
}

/// A client's command.
#[track_caller]
pub(crate) fn api<C: Plain>(body: Value) -> Decide<<C::Entity as Entity>::Decision> {
    decide(read::<C>(body).decision(), Source::Api)
}

/// A command of an import.
#[track_caller]
pub(crate) fn import<C: Plain>(body: Value) -> Decide<<C::Entity as Entity>::Decision> {
    decide(read::<C>(body).decision(), Source::Import)
}

/// What `handle` makes of the state, and the events it wrote. It must answer at once.
pub(crate) fn handle<A: Entity>(
    state: &A,
    command: Decide<A::Decision>,
) -> Result<(A, Vec<A::Event>), A::Refusal> {
    let mut next = state.clone();
    let sink = EventSink::default();
    at_once(next.handle(command, &(), &sink))?;
    let events = at_once(sink.collect());
    Ok((next, events))
}

/// The state after these events.
pub(crate) fn replay<A: Entity>(events: impl IntoIterator<Item = A::Event>) -> A {
    events.into_iter().fold(A::default(), |mut state, event| {
        state.apply(event);
        state
    })
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a decision waited for something"),
    }
}
