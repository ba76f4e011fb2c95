//! Every problem as a client sees it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::too_many_lines)]

use http_body_util::BodyExt as _;
use serde_json::json;

use super::*;

async fn answer(problem: Problem) -> (u16, Value, Vec<(String, String)>) {
    let response = problem.into_response();
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned()));
    let headers = headers.filter(|(name, _)| name != "content-type").collect();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap(), headers)
}

fn entry(code: &str) -> (&'static str, &'static str) {
    let entry = catalogue().iter().find(|entry| entry.code == code).unwrap();
    (entry.title, entry.detail)
}

/// The problem, its status, its body and its headers besides the content type.
type Case<'a> = (Problem, u16, Value, &'a [(&'a str, &'a str)]);

/// The members that every problem has, and then `more`, which may replace the usual words.
fn body(code: &str, status: u16, more: &Value) -> Value {
    let (title, detail) = entry(code);
    let mut body = json!({ "type": format!("https://daybook.dev/problems/{code}"), "title": title, "status": status,
        "detail": detail, "code": code });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn each_constructor_has_its_status_body_and_headers() {
    let io = std::io::Error::other("select secret from table");
    let cases: Vec<Case> = vec![
        (
            Problem::malformed("/a/0", "Bad."),
            400,
            body(
                "malformed",
                400,
                &json!({"detail": "Bad.", "pointer": "/a/0"}),
            ),
            &[],
        ),
        (
            Problem::malformed_request("Bad."),
            400,
            body("malformed", 400, &json!({"detail": "Bad."})),
            &[],
        ),
        (
            Problem::unauthenticated(),
            401,
            body("unauthenticated", 401, &json!({})),
            &[("www-authenticate", r#"Bearer realm="daybook""#)],
        ),
        (
            Problem::invalid_credential(),
            401,
            body(
                "unauthenticated",
                401,
                &json!({"detail": "The API key is not valid: it is unknown, expired or revoked. Ask an administrator of your organisation for a new one."}),
            ),
            &[(
                "www-authenticate",
                r#"Bearer realm="daybook", error="invalid_token""#,
            )],
        ),
        (
            Problem::forbidden("order:place"),
            403,
            body(
                "forbidden",
                403,
                &json!({"permission": "order:place", "detail": "This needs the permission `order:place`, which the credential lacks. Ask an administrator of your organisation for it."}),
            ),
            &[],
        ),
        (
            Problem::tenant_mismatch(),
            403,
            body("tenant-mismatch", 403, &json!({})),
            &[],
        ),
        (
            Problem::not_found(),
            404,
            body("not-found", 404, &json!({})),
            &[],
        ),
        (
            Problem::method_not_allowed(&["GET", "HEAD"]),
            405,
            body(
                "method-not-allowed",
                405,
                &json!({"allow": ["GET", "HEAD"]}),
            ),
            &[("allow", "GET, HEAD")],
        ),
        (
            Problem::conflict(7, true),
            409,
            body(
                "conflict",
                409,
                &json!({"currentVersion": 7, "retryable": true, "detail": "The record has changed in the meantime and is now at version 7. Send the request again."}),
            ),
            &[],
        ),
        (
            Problem::not_caught_up(),
            409,
            body("not-caught-up", 409, &json!({"retryable": true})),
            &[],
        ),
        (
            Problem::payload_too_large(10),
            413,
            body(
                "payload-too-large",
                413,
                &json!({"limitBytes": 10, "detail": "The body is larger than the 10 bytes that this address takes. Send less at once."}),
            ),
            &[],
        ),
        (
            Problem::unsupported_media_type("application/x-ndjson"),
            415,
            body(
                "unsupported-media-type",
                415,
                &json!({"detail": "The body has a content type that this address does not take. Send `Content-Type: application/x-ndjson`."}),
            ),
            &[],
        ),
        (
            Problem::key_reused(),
            422,
            body("key-reused", 422, &json!({})),
            &[],
        ),
        (
            Problem::rate_limited(9),
            429,
            body(
                "rate-limited",
                429,
                &json!({"retryAfter": 9, "retryable": true}),
            ),
            &[("retry-after", "9")],
        ),
        (
            Problem::internal(&io),
            500,
            body("internal", 500, &json!({})),
            &[],
        ),
        (
            Problem::overloaded(3),
            503,
            body(
                "overloaded",
                503,
                &json!({"retryAfter": 3, "retryable": true}),
            ),
            &[("retry-after", "3")],
        ),
        (
            Problem::unavailable(),
            503,
            body(
                "unavailable",
                503,
                &json!({"retryAfter": 1, "retryable": true}),
            ),
            &[("retry-after", "1")],
        ),
        (
            Problem::outcome_unknown(),
            503,
            body(
                "outcome-unknown",
                503,
                &json!({"retryAfter": 1, "retryable": true}),
            ),
            &[("retry-after", "1")],
        ),
        (
            Problem::timed_out(),
            504,
            body("timed-out", 504, &json!({"retryable": true})),
            &[],
        ),
    ];
    for (problem, status, expected, headers) in cases {
        let headers: Vec<_> = headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(answer(problem).await, (status, expected, headers));
    }
    let rejected = Problem::rejected("order-already-paid", "The order is paid already.")
        .with_request_id("r-1")
        .with_instance("/api/v1/orders")
        .with("orderId", "o-1");
    let expected = json!({ "type": "https://daybook.dev/problems/order-already-paid", "title": "The rules do not allow this",
        "status": 422, "detail": "The order is paid already.", "code": "order-already-paid", "requestId": "r-1",
        "instance": "/api/v1/orders", "orderId": "o-1" });
    assert_eq!(answer(rejected).await, (422, expected, vec![]));
}

#[test]
fn the_catalogue_is_sound() {
    let mut codes: Vec<_> = catalogue().iter().map(|entry| entry.code).collect();
    assert!(
        catalogue()
            .iter()
            .all(|entry| entry.status.as_u16() >= 400 && entry.detail.ends_with('.'))
    );
    assert!(
        catalogue()
            .windows(2)
            .all(|pair| pair[0].status <= pair[1].status)
    );
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), catalogue().len());
}

#[test]
fn a_bare_status_has_a_problem() {
    let of = |status: u16| {
        let problem = Problem::from_status(StatusCode::from_u16(status).unwrap());
        assert_eq!(problem.status().as_u16(), status);
        problem.code().to_owned()
    };
    let found = [400, 401, 404, 413, 415, 418, 500, 502, 503, 504].map(of);
    assert_eq!(
        found.each_ref().map(String::as_str),
        [
            "malformed",
            "unauthenticated",
            "not-found",
            "payload-too-large",
            "unsupported-media-type",
            "malformed",
            "internal",
            "internal",
            "unavailable",
            "timed-out"
        ]
    );
}

#[test]
fn the_log_s_failures_keep_their_meaning_and_hide_their_words() {
    use event_store::Error;
    let failures = [
        Error::Overloaded {
            retry_after_seconds: 2,
        },
        Error::ShuttingDown,
        Error::OutcomeUnknown(sqlx::Error::PoolClosed),
        Error::Database(sqlx::Error::RowNotFound),
    ];
    let found = failures.map(Problem::from);
    assert_eq!(
        found.each_ref().map(Problem::code),
        ["overloaded", "unavailable", "outcome-unknown", "internal"]
    );
    assert!(!found[3].detail().contains("row"));
}

#[test]
fn a_cause_is_logged_with_its_sources() {
    let error = event_store::Error::Unavailable(sqlx::Error::PoolClosed);
    let line = construct::chain(&error);
    assert!(line.contains("nothing was written; try again: "), "{line}");
}
