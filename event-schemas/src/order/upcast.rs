//! How the older payloads of an order's events are read. Never changes: what was once stored stays as it is.

use serde_json::{Map, Value};

use crate::UpcastError;

/// Version 1 had the reason in free words; from version 2 on it is one of a few, with the words beside it.
pub(super) fn order_refunded_1(
    mut fields: Map<String, Value>,
) -> Result<Map<String, Value>, UpcastError> {
    match fields.remove("reason") {
        None | Some(Value::Null) => {}
        Some(words @ Value::String(_)) => {
            fields.insert("reason".to_owned(), "other".into());
            fields.insert("note".to_owned(), words);
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(UpcastError {
                field: "reason",
                expected: "a text",
            });
        }
    }
    Ok(fields)
}
