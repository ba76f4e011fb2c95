//! What a stream has come to, as it is published: the record of a context's compacted topic. Owns the fold of stored events
//! into it, and which contexts have one. Never decides anything, and never keeps a state.
//!
//! A state is a document for readers, with a schema of its own that changes as an event's does. What an aggregate decides
//! by is something else and stays private.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    DecodeError, Event, RecordedEvent, customer::CustomerState, document::DocumentState,
    goal::GoalState, lead::LeadState, metric::MetricState, order::OrderState,
    organization::OrganizationState, schema::document,
};

/// A context's state.
pub trait State: Serialize + JsonSchema + Send + Sync + Sized + 'static {
    /// The context's events.
    type Event: Event;

    /// The state after an event. `None`: nothing is left to tell, and readers forget what they had.
    fn after(before: Option<Self>, event: Self::Event, recorded: &RecordedEvent) -> Option<Self>;
}

/// A stream that is folded event by event.
pub trait Fold: Send + Sync {
    /// Takes in the stream's next event. After an error the fold is of no more use.
    fn apply(&mut self, recorded: &RecordedEvent) -> Result<(), DecodeError>;
    /// The state as JSON; `None` where there is nothing to tell.
    fn text(&self) -> Result<Option<Vec<u8>>, serde_json::Error>;
}

/// The state that a context publishes.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The context, such as `order`.
    pub context: &'static str,
    /// The state's name, such as `OrderState`. No event has the same.
    pub name: &'static str,
    /// The version of its form. Another version is another topic.
    pub schema_version: i16,
    begin: fn() -> Box<dyn Fold>,
    schema: fn() -> Value,
}

/// Every context's state: one line each.
pub static KINDS: [Kind; 7] = [
    kind::<OrganizationState>("organization", "OrganizationState", 1),
    kind::<CustomerState>("customer", "CustomerState", 1),
    kind::<OrderState>("order", "OrderState", 1),
    kind::<LeadState>("lead", "LeadState", 1),
    kind::<MetricState>("metric", "MetricState", 1),
    kind::<GoalState>("goal", "GoalState", 1),
    kind::<DocumentState>("document", "DocumentState", 1),
];

const fn kind<S: State>(context: &'static str, name: &'static str, schema_version: i16) -> Kind {
    Kind {
        context,
        name,
        schema_version,
        begin: || Box::new(Folded::<S>(None)),
        schema: document::stored::<S>,
    }
}

impl Kind {
    /// A stream before its first event.
    pub fn begin(&self) -> Box<dyn Fold> {
        (self.begin)()
    }

    /// The JSON Schema of the newest version, without its name.
    pub(crate) fn schema(&self) -> Value {
        (self.schema)()
    }
}

/// The compacted topic of a context's states in that version.
pub fn topic(prefix: &str, context: &str, schema_version: i16) -> String {
    format!("{prefix}.{context}.state.v{schema_version}")
}

/// The state of a context, if it has one.
pub fn of(context: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.context == context)
}

struct Folded<S>(Option<S>);

impl<S: State> Fold for Folded<S> {
    fn apply(&mut self, recorded: &RecordedEvent) -> Result<(), DecodeError> {
        let event = S::Event::decode(
            &recorded.event_type,
            recorded.schema_version,
            &recorded.payload,
        )?;
        self.0 = S::after(self.0.take(), event, recorded);
        Ok(())
    }

    fn text(&self) -> Result<Option<Vec<u8>>, serde_json::Error> {
        self.0.as_ref().map(serde_json::to_vec).transpose()
    }
}

#[cfg(test)]
mod tests;
