//! What leaves the edge: every failure a problem with its request id, and the security headers on every answer. Never
//! lets a library's own error text out.

use std::any::Any;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header};

use super::RequestContext;
use crate::Problem;

/// What every answer carries unless its route said otherwise. The policy forbids an answer to load anything.
const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// Adds the security headers and takes a server's banner away.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.remove(header::SERVER);
    for (name, value) in SECURITY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Completes problems with the request's id and path, and turns every other bare failure into one.
pub(super) async fn map(request: Request, next: Next) -> Response {
    let context = request.extensions().get::<RequestContext>().cloned();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        // A 405 gets its `Allow` from the router, which is further out than any layer.
        None if is_bare(&response) => Problem::from_status(response.status()),
        None => return response,
    };
    let problem = problem.with_instance(path);
    let problem = match context {
        Some(context) => problem.with_request_id(context.request_id),
        None => problem,
    };
    let mut answer = problem.into_response();
    answer.extensions_mut().remove::<Problem>();
    // Headers that other layers gave the answer stay; those that describe the old body do not.
    let mut headers = std::mem::take(response.headers_mut());
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::ETAG,
    ] {
        headers.remove(name);
    }
    headers.extend(std::mem::take(answer.headers_mut()));
    *answer.headers_mut() = headers;
    answer
}

/// A failure without a body made for a client: empty, or the plain text of a library.
fn is_bare(response: &Response) -> bool {
    let status = response.status();
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

/// The answer after a handler has panicked.
#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
pub(super) fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let words = cause
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    Problem::internal_because(&format!(
        "a handler panicked: {}",
        words.unwrap_or("without words")
    ))
    .into_response()
}
