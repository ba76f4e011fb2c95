//! Strict JSON: what two readers could understand differently is refused before anything is read from it. Never
//! shows a Rust type to a caller.

mod pointer;
mod scan;
mod words;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::Problem;

pub use scan::{Fault, Reason, check};

/// The bounds of a JSON text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many lists and objects may stand within each other: 0 to 120.
    pub max_depth: usize,
    /// Whether a list may stand directly within a list. No command has one; it would pass for an object's fields.
    pub lists_in_lists: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 32,
            lists_in_lists: true,
        }
    }
}

/// A value from JSON text: [`check`] with the default limits, then deserialized.
///
/// Fails with 400, the JSON pointer of the place and words for a person.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let limits = Limits {
        lists_in_lists: false,
        ..Limits::default()
    };
    check(bytes, &limits)?;
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    // Once more for the words: following the place costs as much as reading.
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| words::problem(&error))
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let place = if fault.pointer.is_empty() {
            "The body"
        } else {
            &fault.pointer
        };
        let detail = format!(
            "{place}: {}. Correct it and send the request again.",
            fault.reason
        );
        Self::malformed(fault.pointer, detail)
    }
}

/// A request's body, read strictly. In place of `axum::Json` for everything that comes in.
///
/// Fails with 415 for another content type, 413 for too large a body, and as [`parse`].
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media_type("application/json"));
        }
        // A body that cannot be read is too large or was cut off; the status says which.
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::from_status(rejection.status()))?;
        parse(&bytes).map(Self)
    }
}

/// Whether the content type is JSON, in UTF-8.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            Some(_) | None => true,
        })
}

#[cfg(test)]
mod tests;
