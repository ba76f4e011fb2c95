//! The request's ids: its own, its trace (W3C Trace Context) and its correlation. Opens the span everything else logs
//! in. Never trusts an incoming id further than its form.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use event_schemas::TenantId;
use event_store::Clock;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use tracing::{Instrument as _, field::Empty};
use uuid::Uuid;

use super::{Client, Clients};
use crate::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The ids of a request. An extension of every request; handlers take it as an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestContext {
    /// The request's id: the client's `X-Request-Id` if that is 1 to 64 visible ASCII characters, else a new UUID.
    pub request_id: String,
    /// The W3C trace context for whatever this request causes: the client's trace, or a new one, with a span of ours.
    pub traceparent: String,
    /// The conversation: the client's `X-Correlation-Id`, the request id, whichever first is a UUID, or a new one.
    pub correlation_id: Uuid,
    /// Who asks, if something of that is to be kept.
    pub client: Option<Client>,
}

impl RequestContext {
    /// The ids of a request with these headers.
    pub fn new(headers: &HeaderMap, client: Option<Client>, clock: &dyn Clock) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(REQUEST_ID)
            .filter(|id| {
                (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
            })
            .map_or_else(|| clock.uuid_v7().to_string(), str::to_owned);
        let correlation_id = text(CORRELATION_ID)
            .and_then(|id| Uuid::parse_str(id).ok())
            .or_else(|| Uuid::parse_str(&request_id).ok())
            .unwrap_or_else(|| clock.uuid_v7());
        // Two headers would be two parents: then it is a new trace.
        let one = headers.get_all(TRACEPARENT).iter().count() == 1;
        let parent = if one { text(TRACEPARENT) } else { None };
        Self {
            request_id,
            traceparent: trace(parent, &clock.random_256()),
            correlation_id,
            client,
        }
    }

    /// What is kept of the client's address in a tenant's events.
    pub fn ip_hash(&self, tenant: TenantId) -> Option<String> {
        self.client.as_ref().map(|client| client.hash(tenant))
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.traceparent.split('-').nth(1).unwrap_or_default()
    }
}

/// Continues `parent` with a new span, or begins a sampled trace.
fn trace(parent: Option<&str>, random: &[u8; 32]) -> String {
    let (span, rest) = random.split_at(8);
    let (new, _) = rest.split_at(16);
    let (trace, flags) = match parent.and_then(parse) {
        Some((trace, flags)) => (trace.to_owned(), flags.to_owned()),
        None => (hex::encode(new), "01".to_owned()),
    };
    format!("00-{trace}-{}-{flags}", hex::encode(span))
}

/// The trace id and flags of a valid `traceparent`. A later version may have more parts, which are ignored.
fn parse(parent: &str) -> Option<(&str, &str)> {
    let hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let id = |text: &str, length: usize| hex(text, length) && text.bytes().any(|byte| byte != b'0');
    let mut parts = parent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let valid =
        hex(version, 2) && version != "ff" && id(trace, 32) && id(span, 16) && hex(flags, 2);
    (valid && (version != "00" || parts.next().is_none())).then_some((trace, flags))
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Problem;

    /// Fails with 500 outside of [`super::edge`].
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found
            .ok_or_else(|| Problem::internal_because("a route stands outside of the edge's layers"))
    }
}

/// Gives the request its ids and its span, and answers with the id.
pub(super) async fn enter(
    State((clock, clients)): State<(Arc<dyn Clock>, Clients)>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = clients.find(request.headers(), request.extensions());
    let context = RequestContext::new(request.headers(), client, &*clock);
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        request_id = context.request_id,
        trace_id = context.trace_id(),
        method = %request.method(),
        route,
        tenant.id = Empty,
        actor = Empty,
    );
    // It consists of visible ASCII characters.
    let id = HeaderValue::from_str(&context.request_id).ok();
    request.extensions_mut().insert(context);
    let begun = Instant::now();
    let answer = async {
        let response = next.run(request).await;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        tracing::info!(
            status = response.status().as_u16(),
            milliseconds,
            "answered"
        );
        response
    };
    let mut response = answer.instrument(span).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_valid_trace_is_continued_and_any_other_replaced() {
        let random = [7; 32];
        let ours = "0707070707070707";
        let continued = trace(Some(&format!("00-{TRACE}-00f067aa0ba902b7-00")), &random);
        assert_eq!(continued, format!("00-{TRACE}-{ours}-00"));
        let later = trace(
            Some(&format!("cc-{TRACE}-00f067aa0ba902b7-01-more")),
            &random,
        );
        assert_eq!(later, format!("00-{TRACE}-{ours}-01"));
        let new = format!("00-{}-{ours}-01", "07".repeat(16));
        for bad in [
            String::new(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-00f067aa0ba902b7"),
        ] {
            assert_eq!(trace(Some(&bad), &random), new, "{bad}");
        }
    }
}
