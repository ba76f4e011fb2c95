//! The JSON Schemas of the newest versions, made from the types of events and states. Describes what is stored: the JSON
//! that [`Event::encode`] writes, and what states are published as. Never knows the committed files or what is registered.
//!
//! Objects are open: a payload may hold fields that its schema does not name, so that a field can be added later.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::{BASE_URI, PREFIX, TOPIC};
use crate::{
    Event, customer::CustomerEvent, document::DocumentEvent, goal::GoalEvent, lead::LeadEvent,
    metric::MetricEvent, order::OrderEvent, organization::OrganizationEvent, state,
};

/// The newest schema of an event type, or of a context's state.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    /// The context, such as `order`.
    pub context: &'static str,
    /// The event's type, such as `OrderPlaced`, or the state's name.
    pub event_type: &'static str,
    /// Its newest schema version.
    pub schema_version: i16,
    /// The schema.
    pub schema: Value,
}

/// The newest schema of every event type, one line per context, and of every state.
pub fn newest() -> Vec<Document> {
    [
        of::<OrganizationEvent>("organization"),
        of::<CustomerEvent>("customer"),
        of::<OrderEvent>("order"),
        of::<LeadEvent>("lead"),
        of::<MetricEvent>("metric"),
        of::<GoalEvent>("goal"),
        of::<DocumentEvent>("document"),
        states(),
    ]
    .concat()
}

fn of<E: Event>(context: &'static str) -> Vec<Document> {
    E::schemas()
        .into_iter()
        .zip(E::TYPES)
        .map(|(schema, &(event_type, schema_version))| Document {
            context,
            event_type,
            schema_version,
            schema: named(context, event_type, schema_version, schema),
        })
        .collect()
}

fn states() -> Vec<Document> {
    state::KINDS
        .iter()
        .map(|kind| Document {
            context: kind.context,
            event_type: kind.name,
            schema_version: kind.schema_version,
            schema: named(kind.context, kind.name, kind.schema_version, kind.schema()),
        })
        .collect()
}

/// The topic whose records have the schema. Readers of other topics find it by its GUID.
pub fn topic(context: &str, event_type: &str, schema_version: i16) -> String {
    if state::of(context).is_some_and(|kind| kind.name == event_type) {
        state::topic(PREFIX, context, schema_version)
    } else {
        TOPIC.to_owned()
    }
}

/// An event's name with its context and version, such as `order.OrderPlaced.v1`: the title of its schema. Confluent's
/// `TopicRecordNameStrategy` makes the subject of the topic's name and this.
pub fn title(context: &str, event_type: &str, schema_version: i16) -> String {
    format!("{context}.{event_type}.v{schema_version}")
}

/// The URI of an event's schema: its `$id`.
pub fn uri(context: &str, event_type: &str, schema_version: i16) -> String {
    format!("{BASE_URI}{context}/{event_type}.v{schema_version}.json")
}

/// The schema of a payload as it is stored. What [`events!`](crate::events) makes of each type.
#[doc(hidden)]
pub fn stored<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    without_null(&mut schema);
    schema
}

fn named(context: &str, event_type: &str, schema_version: i16, mut schema: Value) -> Value {
    if let Value::Object(schema) = &mut schema {
        let title = title(context, event_type, schema_version);
        schema.insert("title".to_owned(), title.into());
        let uri = uri(context, event_type, schema_version);
        schema.insert("$id".to_owned(), uri.into());
    }
    schema
}

/// Takes `null` from what may be left out. An event's field is only optional because nothing is written for `None`
/// (`skip_serializing_if`), so `null` is never stored; the generator cannot know that.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let required: Vec<Value> = match fields.get("required") {
                Some(Value::Array(names)) => names.clone(),
                _ => Vec::new(),
            };
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                for (_, property) in properties
                    .iter_mut()
                    .filter(|(name, _)| !required.contains(&Value::from(name.as_str())))
                {
                    not_null(property);
                }
            }
            fields.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The two forms in which the generator says "or null": a list of types, and `anyOf` with the type `null`.
fn not_null(property: &mut Value) {
    let Value::Object(fields) = property else {
        return;
    };
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            fields.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(one)] = choices.as_slice() {
            let one: Map<String, Value> = one.clone();
            fields.remove("anyOf");
            for (name, value) in one {
                // What the field says of itself comes before what its type says.
                fields.entry(name).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
