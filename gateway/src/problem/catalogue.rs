//! Every problem of the edge with its code, status, title and usual words: the table behind the constructors, the
//! OpenAPI document and the documentation. Rejections by the business rules bring their own codes.

use http::StatusCode;

/// One kind of problem.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// What kind of problem it is.
    pub title: &'static str,
    /// The usual words; a constructor may say it more exactly.
    pub detail: &'static str,
}

macro_rules! entries {
    ($($name:ident: $status:ident, $code:literal, $title:literal, $detail:literal;)*) => {
        $(pub(super) const $name: Entry =
            Entry { code: $code, status: StatusCode::$status, title: $title, detail: $detail };)*
        const ALL: &[Entry] = &[$($name),*];
    };
}

entries! {
    MALFORMED: BAD_REQUEST, "malformed", "The request is malformed",
        "The request could not be read. Correct it and send it again.";
    UNAUTHENTICATED: UNAUTHORIZED, "unauthenticated", "The request is not authenticated",
        "Send an API key in the header `Authorization: Bearer dbk_…`.";
    FORBIDDEN: FORBIDDEN, "forbidden", "A permission is missing",
        "The credential lacks a permission that this needs. Ask an administrator of your organisation for it.";
    TENANT_MISMATCH: FORBIDDEN, "tenant-mismatch", "The organisation is not yours",
        "The request names another organisation than the one its credential belongs to. Leave the organisation out, \
         or use a credential of that organisation.";
    NOT_FOUND: NOT_FOUND, "not-found", "There is nothing here",
        "Nothing was found under this address. Check the path and the id in it.";
    METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here",
        "This address does not take that HTTP method. Use one of those in the header `Allow`.";
    CONFLICT: CONFLICT, "conflict", "Somebody else was faster",
        "The record has changed since the version that was expected. Read it again and decide anew.";
    NOT_CAUGHT_UP: CONFLICT, "not-caught-up", "The answer is not up to date yet",
        "The data has not caught up with the given token in time. Ask again in a moment, or accept an older answer.";
    PAYLOAD_TOO_LARGE: PAYLOAD_TOO_LARGE, "payload-too-large", "The request is too large",
        "The body is larger than this address takes. Send less at once.";
    UNSUPPORTED_MEDIA_TYPE: UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The content type is not supported",
        "The body has a content type that this address does not take. Send `Content-Type: application/json`.";
    REJECTED: UNPROCESSABLE_ENTITY, "rejected", "The rules do not allow this",
        "The request was understood, but the rules of the business do not allow it.";
    KEY_REUSED: UNPROCESSABLE_ENTITY, "key-reused", "The idempotency key was used for something else",
        "The idempotency key was already used for another request. Use a new key for a new request.";
    RATE_LIMITED: TOO_MANY_REQUESTS, "rate-limited", "Too many requests",
        "Your organisation has sent more requests than its plan allows. Wait for the time in `Retry-After`.";
    INTERNAL: INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side",
        "The request failed because of a fault of ours, which has been logged. Tell support the request id.";
    OVERLOADED: SERVICE_UNAVAILABLE, "overloaded", "The service is taking all it can",
        "Nothing was done, because too much is waiting already. Try again after the time in `Retry-After`.";
    UNAVAILABLE: SERVICE_UNAVAILABLE, "unavailable", "The service is not available",
        "Nothing was done, because the service cannot reach its database or is being restarted. Try again in a moment.";
    OUTCOME_UNKNOWN: SERVICE_UNAVAILABLE, "outcome-unknown", "It is not known whether it was done",
        "The connection to the database was lost midway, so the request may or may not have been done. Repeat it with \
         the same idempotency key: it will not be done twice.";
    TIMED_OUT: GATEWAY_TIMEOUT, "timed-out", "The answer took too long",
        "The request was stopped because it took too long. Ask for less at once, or try again later.";
}

/// Every problem of the edge, in the order of their statuses.
pub fn catalogue() -> &'static [Entry] {
    ALL
}

/// The entry that stands for a bare status, where some part below the edge answered without a problem.
pub(super) fn by_status(status: StatusCode) -> &'static Entry {
    // Of those that share a status, the one that promises least.
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return &UNAVAILABLE;
    }
    if let Some(entry) = ALL.iter().find(|entry| entry.status == status) {
        return entry;
    }
    if status == StatusCode::REQUEST_TIMEOUT {
        &TIMED_OUT
    } else if status.is_server_error() {
        &INTERNAL
    } else {
        &MALFORMED
    }
}
