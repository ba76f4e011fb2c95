//! The constructors of problems, one per case. They fill in what the case knows; the words come from the catalogue.

use std::{borrow::Cow, error::Error, fmt::Write as _};

use http::StatusCode;

use super::{
    Problem,
    catalogue::{
        self, CONFLICT, FORBIDDEN, INTERNAL, KEY_REUSED, MALFORMED, METHOD_NOT_ALLOWED,
        NOT_CAUGHT_UP, NOT_FOUND, OUTCOME_UNKNOWN, OVERLOADED, PAYLOAD_TOO_LARGE, RATE_LIMITED,
        REJECTED, TENANT_MISMATCH, TIMED_OUT, UNAUTHENTICATED, UNAVAILABLE, UNSUPPORTED_MEDIA_TYPE,
    },
};

impl Problem {
    /// 400: the request cannot be read. `pointer` is the JSON pointer of the place in the body.
    pub fn malformed(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::of(&MALFORMED)
            .with_pointer(pointer)
            .with_detail(detail)
    }

    /// 400: something outside the body cannot be read, such as a header or a part of the address.
    pub fn malformed_request(detail: impl Into<String>) -> Self {
        Self::of(&MALFORMED).with_detail(detail)
    }

    /// 401: there is no credential.
    pub fn unauthenticated() -> Self {
        Self::of(&UNAUTHENTICATED).with_challenge(r#"Bearer realm="daybook""#)
    }

    /// 401: there is a credential, but none that is accepted. The same words for every reason.
    pub fn invalid_credential() -> Self {
        Self::of(&UNAUTHENTICATED)
            .with_detail(
                "The API key is not valid: it is unknown, expired or revoked. Ask an administrator of your \
                 organisation for a new one.",
            )
            .with_challenge(r#"Bearer realm="daybook", error="invalid_token""#)
    }

    /// 403: the permission `context:action` is missing.
    pub fn forbidden(permission: &str) -> Self {
        Self::of(&FORBIDDEN)
            .with_detail(format!(
                "This needs the permission `{permission}`, which the credential lacks. Ask an administrator of your \
                 organisation for it."
            ))
            .with("permission", permission)
    }

    /// 403: the request names another organisation than its credential's.
    pub fn tenant_mismatch() -> Self {
        Self::of(&TENANT_MISMATCH)
    }

    /// 404: nothing is under this address, or nothing that the caller may see.
    pub fn not_found() -> Self {
        Self::of(&NOT_FOUND)
    }

    /// 405, with the methods that are allowed.
    pub fn method_not_allowed(allow: &[&str]) -> Self {
        Self::of(&METHOD_NOT_ALLOWED).with("allow", allow.to_vec())
    }

    /// 409: the record is at `current_version`, not at the expected one. `retryable` if the same request may simply
    /// be sent again.
    pub fn conflict(current_version: i32, retryable: bool) -> Self {
        let next = if retryable {
            "Send the request again."
        } else {
            "Read it again and decide anew."
        };
        Self::of(&CONFLICT)
            .with_detail(format!(
                "The record has changed in the meantime and is now at version {current_version}. {next}"
            ))
            .with("currentVersion", current_version)
            .with("retryable", retryable)
    }

    /// 409: the data has not caught up with the token in time.
    pub fn not_caught_up() -> Self {
        Self::of(&NOT_CAUGHT_UP).with("retryable", true)
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn payload_too_large(limit: usize) -> Self {
        Self::of(&PAYLOAD_TOO_LARGE)
            .with_detail(format!("The body is larger than the {limit} bytes that this address takes. Send less at once."))
            .with("limitBytes", limit)
    }

    /// 415: the body is not `expected`, a media type.
    pub fn unsupported_media_type(expected: &str) -> Self {
        Self::of(&UNSUPPORTED_MEDIA_TYPE).with_detail(format!(
            "The body has a content type that this address does not take. Send `Content-Type: {expected}`."
        ))
    }

    /// 422: refused by the rules of the business, with the rejection's own stable code and words.
    pub fn rejected(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let mut problem = Self::of(&REJECTED).with_detail(detail);
        problem.0.code = code.into();
        problem
    }

    /// 404: the business knows nothing by this id, with the rejection's own stable code and words.
    pub fn unknown(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let mut problem = Self::of(&NOT_FOUND).with_detail(detail);
        problem.0.code = code.into();
        problem
    }

    /// 422: the idempotency key was used for a different request.
    pub fn key_reused() -> Self {
        Self::of(&KEY_REUSED)
    }

    /// 429: too many requests; `retry_after` in seconds.
    pub fn rate_limited(retry_after: u32) -> Self {
        Self::of(&RATE_LIMITED)
            .with("retryAfter", retry_after)
            .with("retryable", true)
    }

    /// 503: too much is waiting, nothing was done; `retry_after` in seconds.
    pub fn overloaded(retry_after: u32) -> Self {
        Self::of(&OVERLOADED)
            .with("retryAfter", retry_after)
            .with("retryable", true)
    }

    /// 503: the service cannot do anything at the moment, nothing was done.
    pub fn unavailable() -> Self {
        Self::of(&UNAVAILABLE)
            .with("retryAfter", 1)
            .with("retryable", true)
    }

    /// 503: it is not known whether it was done; a repetition with the same idempotency key is safe.
    pub fn outcome_unknown() -> Self {
        Self::of(&OUTCOME_UNKNOWN)
            .with("retryAfter", 1)
            .with("retryable", true)
    }

    /// 504: reading took too long.
    pub fn timed_out() -> Self {
        Self::of(&TIMED_OUT).with("retryable", true)
    }

    /// 500: a fault of ours. The cause is logged here, once, and not shown; the caller sees the request id only.
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        Self::internal_because(&chain(cause))
    }

    /// 500, for a cause that is no error value. It is logged and not shown.
    pub fn internal_because(cause: &str) -> Self {
        tracing::error!(cause, "a request failed");
        Self::of(&INTERNAL)
    }

    /// The problem that stands for a bare HTTP status of 400 or more.
    pub fn from_status(status: StatusCode) -> Self {
        if status == StatusCode::UNAUTHORIZED {
            return Self::unauthenticated();
        }
        let mut problem = Self::of(catalogue::by_status(status));
        problem.0.status = status;
        problem
    }
}

/// An error with all its sources, in one line.
pub(super) fn chain(cause: &(dyn Error + 'static)) -> String {
    let mut words = cause.to_string();
    let mut source = cause.source();
    while let Some(error) = source {
        let said = error.to_string();
        // A transparent error repeats its source.
        if !words.ends_with(&said) {
            // Writing to a string does not fail.
            let _ = write!(words, ": {said}");
        }
        source = error.source();
    }
    words
}
