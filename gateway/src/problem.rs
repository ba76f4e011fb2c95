//! Problem details (RFC 9457): the one way in which a request fails, and the only place that knows the HTTP status
//! of a failure. Never shows SQL, a stack or a Rust type.

mod catalogue;
mod construct;
mod store;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

pub use catalogue::{Entry, catalogue};

#[cfg(test)]
mod tests;

/// The content type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What every problem's `type` starts with; the code follows.
pub const TYPE_BASE: &str = "https://daybook.dev/problems/";

/// A failed request: a stable code, words for a person, and what a program needs to react.
///
/// As JSON: `type`, `title`, `status`, `detail`, `code`, and where known `instance`, `pointer`, `requestId` and
/// extensions such as `currentVersion` or `retryable`.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, PartialEq, Debug)]
struct Inner {
    code: Cow<'static, str>,
    title: Cow<'static, str>,
    status: StatusCode,
    detail: String,
    instance: Option<String>,
    pointer: Option<String>,
    request_id: Option<String>,
    challenge: Option<&'static str>,
    extensions: Map<String, Value>,
}

impl Problem {
    fn of(entry: &Entry) -> Self {
        Self(Box::new(Inner {
            code: Cow::Borrowed(entry.code),
            title: Cow::Borrowed(entry.title),
            status: entry.status,
            detail: entry.detail.to_owned(),
            instance: None,
            pointer: None,
            request_id: None,
            challenge: None,
            extensions: Map::new(),
        }))
    }

    /// The problem's type: a URI that stays the same for ever.
    pub fn type_uri(&self) -> String {
        format!("{TYPE_BASE}{}", self.0.code)
    }

    /// The stable code, such as `conflict`: the last part of the type.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What kind of problem it is, the same for every occurrence.
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What happened this time and what to do next, in words for a person.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The path of the request that failed.
    pub fn instance(&self) -> Option<&str> {
        self.0.instance.as_deref()
    }

    /// Where in the body it is: a JSON pointer (RFC 6901), empty for the body as a whole.
    pub fn pointer(&self) -> Option<&str> {
        self.0.pointer.as_deref()
    }

    /// The id of the request, to be quoted to support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Everything else a program may want, by camelCase name.
    pub fn extensions(&self) -> &Map<String, Value> {
        &self.0.extensions
    }

    /// With other words.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// With the place in the body: a JSON pointer.
    #[must_use]
    pub fn with_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into());
        self
    }

    /// With the id of the request. The edge does this for every answer.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// With the path of the request. The edge does this for every answer.
    #[must_use]
    pub fn with_instance(mut self, path: impl Into<String>) -> Self {
        self.0.instance = Some(path.into());
        self
    }

    /// With an extension. `name` is camelCase and none of the members of RFC 9457.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.extensions.insert(name.to_owned(), value.into());
        self
    }

    fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.0.challenge = Some(challenge);
        self
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            instance: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pointer: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
            #[serde(flatten)]
            extensions: &'a Map<String, Value>,
        }
        Body {
            r#type: self.type_uri(),
            title: self.title(),
            status: self.0.status.as_u16(),
            detail: self.detail(),
            code: self.code(),
            instance: self.instance(),
            pointer: self.pointer(),
            request_id: self.request_id(),
            extensions: &self.0.extensions,
        }
        .serialize(serializer)
    }
}

impl IntoResponse for Problem {
    /// The answer, with the headers that belong to it. The problem itself stays in the response's extensions, so that
    /// the edge can add the request id.
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(challenge) = self.0.challenge {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        if let Some(seconds) = self.0.extensions.get("retryAfter").and_then(Value::as_u64) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.0.extensions.get("allow").and_then(Value::as_array) {
            let methods: Vec<_> = allow.iter().filter_map(Value::as_str).collect();
            if let Ok(value) = HeaderValue::from_str(&methods.join(", ")) {
                headers.insert(header::ALLOW, value);
            }
        }
        response.extensions_mut().insert(self);
        response
    }
}
