//! The topics beside the one of all events, which the operator may want: the events of one context, and the states of its
//! streams. Knows what belongs on each; never publishes.

use event_schemas::{RecordedEvent, asyncapi, state};

use super::Error;

/// A topic beside the one of all events.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// What it is called in checkpoints: the topic without prefix and version, such as `order.events`.
    pub(crate) name: String,
    /// The topic.
    pub(crate) topic: String,
    /// The context whose events make its records.
    pub(crate) context: String,
    /// What its records hold.
    pub(crate) content: Content,
}

/// What the records of a topic hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// The events, each once.
    Events,
    /// What a stream has come to, after the last of its events in a batch.
    States(&'static state::Kind),
}

impl Output {
    /// Whether an event belongs here.
    pub(crate) fn takes(&self, event: &RecordedEvent) -> bool {
        event.stream.context() == self.context
    }
}

/// The topics of these contexts' events and of those contexts' states.
pub(super) fn all(
    prefix: &str,
    contexts: &[String],
    states: &[String],
) -> Result<Vec<Output>, Error> {
    let events = contexts.iter().map(|context| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
        if context.is_empty() || context.len() > 100 || !context.chars().all(fits) {
            return Err(Error::Settings(format!(
                "kafka.context_topics has {context:?}, which cannot be a context on Kafka: 1 to 100 letters, digits, . and _, as before the first - of a stream's name"
            )));
        }
        Ok(Output {
            name: format!("{context}.events"),
            topic: asyncapi::context_topic(prefix, context),
            context: context.clone(),
            content: Content::Events,
        })
    });
    let states = states.iter().map(|context| {
        let Some(kind) = state::of(context) else {
            let all: Vec<_> = state::KINDS.iter().map(|kind| kind.context).collect();
            return Err(Error::Settings(format!(
                "kafka.state_topics has {context:?}, and only these contexts have states: {}",
                all.join(", ")
            )));
        };
        Ok(Output {
            name: format!("{context}.state.v{}", kind.schema_version),
            topic: state::topic(prefix, context, kind.schema_version),
            context: context.clone(),
            content: Content::States(kind),
        })
    });
    let mut all: Vec<Output> = Vec::new();
    for output in events.chain(states) {
        let output = output?;
        if all.iter().all(|known| known.name != output.name) {
            all.push(output);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn named(contexts: &[&str], states: &[&str]) -> Result<Vec<String>, String> {
        let owned = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        all("d", &owned(contexts), &owned(states))
            .map(|all| all.into_iter().map(|output| output.topic).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_context_has_its_own_topics() {
        assert_eq!(
            named(&["order", "account", "order"], &["customer"]).unwrap(),
            [
                "d.order.events.v1",
                "d.account.events.v1",
                "d.customer.state.v1"
            ]
        );
    }

    #[test]
    fn what_is_no_context_or_has_no_state_is_refused() {
        let refused = named(&["my order"], &[]).unwrap_err();
        assert!(refused.contains("\"my order\", which cannot be"));
        let refused = named(&[], &["account"]).unwrap_err();
        assert!(
            refused.contains("organization, customer, order"),
            "{refused}"
        );
    }
}
