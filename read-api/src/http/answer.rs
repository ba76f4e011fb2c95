//! From a result to an HTTP answer; owns statuses, headers and what a client may read about a fault.

use std::collections::BTreeMap;

use async_graphql::{Response, ServerError, Value};
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{
    failure::{Code, Failure, code_of, set},
    media::Media,
};

/// What a client reads instead of the text of a fault of ours.
const MASK: &str =
    "something went wrong on our side; try again, and quote the trace id if it persists";

/// The members of a GraphQL response. Without `data`, nothing was executed.
#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

/// The answer with what the engine returned: 200, unless the engine refused to execute.
pub(super) fn executed(
    mut response: Response,
    media: Media,
    trace: Option<&str>,
) -> axum::response::Response {
    finish(&mut response.errors, trace);
    let refusal = refusal(&response);
    let status = match (refusal, media) {
        (Some(status), Media::GraphqlResponse) => status,
        (Some(_), Media::Json) | (None, _) => StatusCode::OK,
    };
    let envelope = Envelope {
        errors: &response.errors,
        data: refusal.is_none().then_some(&response.data),
        extensions: &response.extensions,
    };
    let mut reply = reply(status, media, &envelope);
    reply.headers_mut().extend(response.http_headers);
    reply
}

/// The answer to a request that did not reach the engine, or did not come back in time.
pub(super) fn refused(
    mut failure: Failure,
    media: Media,
    trace: Option<&str>,
) -> axum::response::Response {
    finish(&mut failure.errors, trace);
    let status = match media {
        Media::Json if failure.well_formed => StatusCode::OK,
        Media::Json | Media::GraphqlResponse => failure.status,
    };
    let envelope = Envelope {
        errors: &failure.errors,
        data: None,
        extensions: &BTreeMap::new(),
    };
    let mut reply = reply(status, media, &envelope);
    if let Some((name, value)) = failure.header {
        reply
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// The status for a response without data: that of its first error. An error of execution always has a path.
fn refusal(response: &Response) -> Option<StatusCode> {
    let first = response.errors.first()?;
    let before_execution =
        response.data == Value::Null && response.errors.iter().all(|error| error.path.is_empty());
    before_execution.then(|| match code_of(first) {
        Some("INTERNAL") => Code::Internal.status(),
        _ => StatusCode::BAD_REQUEST,
    })
}

/// Gives every error a code and the trace id, and masks what was not written for the client.
fn finish(errors: &mut [ServerError], trace: Option<&str>) {
    for error in errors {
        if code_of(error).is_none() {
            if is_input(error) {
                set(error, "code", Code::BadUserInput.as_str());
            } else {
                tracing::error!(trace.id = trace, path = ?error.path, error = error.message, "a resolver failed");
                MASK.clone_into(&mut error.message);
                set(error, "code", Code::Internal.as_str());
            }
        }
        if let Some(trace) = trace {
            set(error, "traceId", trace);
        }
    }
}

/// Whether the engine refused a value given by the client while it read an argument. Such an error has no source, as one
/// that a resolver passes on with `?` has, and begins with the engine's words.
fn is_input(error: &ServerError) -> bool {
    error.source.is_none()
        && ["Failed to parse \"", "Expected input type \"", "Variable "]
            .iter()
            .any(|start| error.message.starts_with(start))
}

fn reply(status: StatusCode, media: Media, envelope: &Envelope<'_>) -> axum::response::Response {
    let headers: HeaderMap = [
        (header::CONTENT_TYPE, media.content_type()),
        // An answer is of one tenant and of one moment.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("accept")),
    ]
    .into_iter()
    .collect();
    match serde_json::to_vec(envelope) {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => {
            tracing::error!(%error, "the result of an operation cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
