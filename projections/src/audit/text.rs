//! The texts of a payload that its schema calls neither personal nor secret. What the schema does not name is left out: an open
//! object may hold anything.

use std::{collections::HashMap, sync::LazyLock};

use event_schemas::{CONTEXTS, RecordedEvent, schema};
use serde_json::Value;
use uuid::Uuid;

use super::word;

/// How many bytes of words an entry has at most, about.
const MOST: usize = 4_000;
/// How long a single word may be. Longer ones are hashes, which nobody looks for.
const LONGEST: usize = 40;

/// The parts of a value that are texts to look for.
#[derive(Debug)]
enum Shape {
    Text,
    List(Box<Shape>),
    Object(HashMap<String, Shape>),
}

type Shapes = HashMap<(&'static str, i16), Shape>;

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let events = schema::all()
        .iter()
        .filter(|schema| schema.subject.starts_with(schema::TOPIC));
    events
        .filter_map(|schema| {
            let document: Value = serde_json::from_str(schema.text).ok()?;
            let shape = Shape::of(&document, &document)?;
            Some(((schema.event_type, schema.schema_version), shape))
        })
        .collect()
});

impl Shape {
    /// What of this part of a schema is text; none if there is nothing, or all of it is personal.
    fn of(part: &Value, document: &Value) -> Option<Self> {
        if part.get("x-personal").is_some() {
            return None;
        }
        if let Some(reference) = part.get("$ref").and_then(Value::as_str) {
            return Self::of(document.pointer(reference.strip_prefix('#')?)?, document);
        }
        if let Some(fields) = part.get("properties").and_then(Value::as_object) {
            let fields: HashMap<_, _> = fields
                .iter()
                .filter_map(|(name, field)| Some((name.clone(), Self::of(field, document)?)))
                .collect();
            return (!fields.is_empty()).then_some(Self::Object(fields));
        }
        if let Some(items) = part.get("items") {
            return Self::of(items, document).map(|items| Self::List(Box::new(items)));
        }
        let is_text = part.get("type").and_then(Value::as_str) == Some("string");
        let is_time = part.get("format").and_then(Value::as_str) == Some("date-time");
        (is_text && !is_time).then_some(Self::Text)
    }

    fn push(&self, value: &Value, words: &mut String) {
        match (self, value) {
            (Self::Text, Value::String(text)) => match Uuid::parse_str(text) {
                Ok(id) => push(&word::id(id), words),
                Err(_) => push(text, words),
            },
            (Self::List(shape), Value::Array(items)) => {
                for item in items {
                    shape.push(item, words);
                }
            }
            (Self::Object(shapes), Value::Object(fields)) => {
                for (name, field) in fields {
                    if let Some(shape) = shapes.get(name) {
                        shape.push(field, words);
                    }
                }
            }
            (Self::Text | Self::List(_) | Self::Object(_), _) => {}
        }
    }
}

/// Adds the texts of a payload. One that is not what its schema says has none.
pub(super) fn push_payload(event: &RecordedEvent, words: &mut String) {
    // A stream of another program may hold a type of the same name.
    if !CONTEXTS.contains(&event.stream.context()) {
        return;
    }
    // A key that lives as long as the event does.
    let shapes: &HashMap<(&str, i16), Shape> = &SHAPES;
    let Some(shape) = shapes.get(&(event.event_type.as_str(), event.schema_version)) else {
        return;
    };
    if let Ok(payload) = serde_json::from_slice::<Value>(&event.payload) {
        shape.push(&payload, words);
    }
}

/// Adds a text, once.
pub(super) fn push(text: &str, words: &mut String) {
    let is_hash = text.len() > LONGEST && !text.contains(char::is_whitespace);
    let is_repeated = words.match_indices(text).any(|(at, _)| {
        words.get(at + text.len()..).is_some_and(ends) && words.get(..at).is_some_and(begins)
    });
    if is_hash || text.is_empty() || words.len() + text.len() > MOST || is_repeated {
        return;
    }
    words.push(' ');
    words.push_str(text);
}

fn ends(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}

fn begins(before: &str) -> bool {
    before.is_empty() || before.ends_with(' ')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use event_schemas::StreamId;

    use super::*;
    use crate::sample;

    fn words(stream: &str, event_type: &str, payload: &str) -> String {
        let event = RecordedEvent {
            stream: StreamId(stream.to_owned()),
            event_type: event_type.to_owned(),
            payload: payload.as_bytes().to_vec(),
            ..sample::event(0)
        };
        let mut words = String::new();
        push_payload(&event, &mut words);
        words
    }

    #[test]
    fn texts_are_words_but_no_personal_field_no_unknown_one_and_no_hash_is() {
        let registered = r#"{"name":"Ana","email":"ana@example.com","city":"São Paulo","state":"SP","other":"Rua A"}"#;
        assert_eq!(
            words("customer-1", "CustomerRegistered", registered),
            " São Paulo SP"
        );
        let issued = format!(
            r#"{{"name":"shop","keyId":"0190b5a2-7c10-7a3a-8e0c-3f6a5d4c2b1a","scopes":["*"],"secretHash":"{}"}}"#,
            "a".repeat(64)
        );
        let found = words("organization", "ApiKeyIssued", &issued);
        assert!(found.contains(" shop"), "{found}");
        assert!(
            found.contains(" x0190b5a27c107a3a8e0c3f6a5d4c2b1a"),
            "{found}"
        );
        assert!(!found.contains("aaaa"), "{found}");
    }

    #[test]
    fn what_repeats_is_there_once_and_what_is_too_much_is_left_out() {
        let line = r#"{"productId":"p1","category":"toys","quantity":1,"unitPrice":1}"#;
        let placed = format!(r#"{{"customerId":"c","currency":"BRL","lines":[{line},{line}]}}"#);
        let found = words("order-1", "OrderPlaced", &placed);
        assert_eq!(found.matches("toys").count(), 1, "{found}");
        let lines: Vec<String> = (0..2_000)
            .map(|n| format!(r#"{{"productId":"product-{n}","quantity":1,"unitPrice":1}}"#))
            .collect();
        let placed = format!(
            r#"{{"customerId":"c","currency":"BRL","lines":[{}]}}"#,
            lines.join(",")
        );
        assert!(words("order-1", "OrderPlaced", &placed).len() <= MOST + 1);
    }

    #[test]
    fn what_is_not_ours_or_not_as_it_should_be_has_no_words() {
        let registered = r#"{"city":"Recife"}"#;
        assert_eq!(words("account-1", "CustomerRegistered", registered), "");
        assert_eq!(words("customer-1", "CustomerRegistered", "{"), "");
        assert_eq!(
            words("customer-1", "CustomerRegistered", r#"{"city":{"a":"b"}}"#),
            ""
        );
    }

    #[test]
    fn no_personal_field_of_any_schema_is_in_a_shape() {
        fn check(part: &Value, document: &Value, shape: Option<&Shape>) -> usize {
            if let Some(reference) = part.get("$ref").and_then(Value::as_str) {
                let part = document
                    .pointer(reference.strip_prefix('#').unwrap())
                    .unwrap();
                return check(part, document, shape);
            }
            if part.get("x-personal").is_some() {
                assert!(shape.is_none(), "{part}");
                return 1;
            }
            let mut personal = 0;
            if let Some(Value::Object(fields)) = part.get("properties") {
                for (name, field) in fields {
                    let shape = match shape {
                        Some(Shape::Object(shapes)) => shapes.get(name),
                        _ => None,
                    };
                    personal += check(field, document, shape);
                }
            }
            if let Some(items) = part.get("items") {
                let shape = match shape {
                    Some(Shape::List(shape)) => Some(&**shape),
                    _ => None,
                };
                personal += check(items, document, shape);
            }
            personal
        }
        let mut personal = 0;
        for schema in schema::all() {
            let document: Value = serde_json::from_str(schema.text).unwrap();
            let shape = SHAPES.get(&(schema.event_type, schema.schema_version));
            personal += check(&document, &document, shape);
        }
        assert!(personal > 10, "{personal}");
    }
}
