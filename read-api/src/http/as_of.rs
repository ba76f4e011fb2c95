//! The moment that a whole operation is about; owns the words of the request, never what the moment means.

use async_graphql::{InputType, Value};
use serde_json::Map;

use super::failure::{Code, Failure};
use crate::as_of::{AsOf, WholeOperation};

/// Reads the request's `extensions.asOf {position, time}`.
pub(super) fn read(extensions: &Map<String, serde_json::Value>) -> Result<WholeOperation, Failure> {
    let Some(asked) = extensions.get("asOf") else {
        return Ok(WholeOperation(None));
    };
    let value = Value::from_json(asked.clone()).unwrap_or_default();
    let unknown = asked.as_object().is_some_and(|fields| {
        fields
            .keys()
            .any(|name| name != "position" && name != "time")
    });
    match Option::<AsOf>::parse(Some(value)) {
        Ok(as_of) if !unknown => Ok(WholeOperation(as_of)),
        _ => Err(Failure::request(
            Code::BadUserInput,
            "extensions.asOf must be an object of either a position, a whole number, or a time, such as \
             2026-03-01T00:00:00Z",
        )),
    }
}
