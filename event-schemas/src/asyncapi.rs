//! The topic of all events, as `AsyncAPI` 3.0 document. Describes what consumers meet; sends nothing. The channel and the
//! headers are written in `asyncapi/*.yaml`, the messages come from the registered schemas.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    CONTEXTS,
    schema::{
        PREFIX, TOPIC, document,
        lock::{Entry, Files, Lock},
    },
    state,
};

/// Up to the channel's messages.
const HEAD: &str = include_str!("asyncapi/head.yaml");
/// A context's own topic of events, up to its messages.
const CONTEXT: &str = include_str!("asyncapi/context.yaml");
/// A context's topic of states.
const STATE: &str = include_str!("asyncapi/state.yaml");
/// Everything else, up to the messages themselves.
const COMPONENTS: &str = include_str!("asyncapi/components.yaml");

/// The document as YAML: a message for every version of every event type and for every state, which refers to its schema in the folder
/// `schemas` beside it.
pub fn document(lock: &Lock, files: &Files) -> String {
    let mut text = HEAD
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{topic}", TOPIC);
    let events = |context: &str| -> String {
        lock.current()
            .filter(|entry| !is_state(entry) && (context.is_empty() || entry.context == context))
            .map(|entry| reference(&entry.title()))
            .collect()
    };
    text += &events("");
    for context in CONTEXTS {
        let topic = context_topic(PREFIX, context);
        text += &CONTEXT
            .replace("{context}", context)
            .replace("{topic}", &topic)
            .replace("{all}", TOPIC);
        text += &events(context);
    }
    let mut messages = String::new();
    for entry in lock.current() {
        let title = entry.title();
        if is_state(entry) {
            let (context, version) = (&entry.context, entry.schema_version);
            text += &STATE
                .replace("{context}", context)
                .replace("{topic}", &state::topic(PREFIX, context, version))
                .replace("{title}", &entry.event_type)
                .replace("{message}", &title);
        }
        let (context, event_type, version) =
            (&entry.context, &entry.event_type, entry.schema_version);
        let uri = document::uri(context, event_type, version);
        let file = entry.file();
        let summary = files.get(&file).map(|text| summary(text));
        // Writing to a string does not fail.
        let _ = write!(
            messages,
            "    {title}:
      name: {context}.{event_type}
      title: {event_type}, version {version}
      summary: {}
      contentType: application/json
      correlationId:
        $ref: '#/components/correlationIds/conversation'
      headers:
        allOf:
          - $ref: '#/components/schemas/headers'
          - type: object
            properties:
              ce_type:
                const: {context}.{event_type}
              ce_dataschema:
                const: {uri}
      payload:
        $ref: ./schemas/{file}
      bindings:
        $ref: '#/components/messageBindings/record'
",
            summary.unwrap_or_default(),
        );
    }
    text + COMPONENTS + &messages
}

/// The topic of a context's own events, where the operator wants one.
pub fn context_topic(prefix: &str, context: &str) -> String {
    format!("{prefix}.{context}.events.v1")
}

fn is_state(entry: &Entry) -> bool {
    state::of(&entry.context).is_some_and(|kind| kind.name == entry.event_type)
}

/// A message of a channel.
fn reference(title: &str) -> String {
    format!("      {title}:\n        $ref: '#/components/messages/{title}'\n")
}

/// What the schema says of itself, as quoted YAML: text in JSON is text in YAML.
fn summary(schema: &str) -> Value {
    let schema: Option<Value> = serde_json::from_str(schema).ok();
    schema
        .and_then(|mut schema| schema.get_mut("description").map(Value::take))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::schema::document::newest;

    #[test]
    fn every_version_has_its_message() {
        let none = Lock::default();
        let newest: Vec<_> = newest()
            .into_iter()
            .filter(|document| document.event_type == "OrderPlaced")
            .collect();
        let plan = crate::schema::lock::plan(&none, &BTreeMap::new(), &newest);
        let text = plan.map(|plan| document(&plan.lock, &plan.files));
        let text = text.unwrap_or_default();
        for part in [
            "address: daybook.events.v1\n",
            "    order.OrderPlaced.v1:\n      name: order.OrderPlaced\n",
            "      summary: \"A customer ordered.\"\n",
            "        $ref: ./schemas/order/OrderPlaced.v1.json\n",
        ] {
            assert_eq!(text.matches(part).count(), 1, "{part}\n{text}");
        }
        let referred = "      order.OrderPlaced.v1:\n        $ref: '#/components/messages/order.OrderPlaced.v1'\n";
        let on = [TOPIC, "its context's own topic"];
        assert_eq!(text.matches(referred).count(), on.len(), "{text}");
    }
}
