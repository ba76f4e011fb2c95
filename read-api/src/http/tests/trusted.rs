//! Trusted documents: what is known is executed by its hash, and what must be known is.

use super::*;
use crate::http::trusted::{Mode, Trusted, TrustedError};

const HELLO: &str = "query Hello($n: String) { hello(name: $n) }";
/// `printf %s "$HELLO" | sha256sum`
const ID: &str = "sha256:27eea5f2deb585822b45f2cf43f5e7e4b8b76c84a77e8b0992d976dc4186b29b";
const DOUBLE: &str = "mutation { double(number: 2) }";

fn id(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    format!("sha256:{:x}", Sha256::digest(text))
}

fn documents(mode: Mode, documents: &[(Option<&str>, &str)]) -> Result<Trusted, TrustedError> {
    let documents = documents
        .iter()
        .map(|(name, text)| (name.map(str::to_owned), (*text).to_owned()));
    Trusted::try_new(mode, documents, &Options::default().limits)
}

async fn tell(mode: Mode, request: Request<Body>) -> Answer {
    let trusted = documents(mode, &[(Some(ID), HELLO), (None, DOUBLE)]).unwrap();
    send(routes_with(trusted), request).await
}

async fn tell_json(mode: Mode, body: Value) -> Answer {
    tell(mode, request(body.to_string())).await
}

#[tokio::test]
async fn a_known_document_is_executed_by_its_hash() {
    for mode in [Mode::Allowed, Mode::Required] {
        let answer = tell_json(
            mode,
            json!({ "documentId": ID, "variables": { "n": "Ana" } }),
        )
        .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["data"]["hello"], "hello, Ana");
        assert_eq!(answer.body["extensions"]["cost"]["nodes"], 1);
        // The same document again, with other variables, and by its operation's name.
        let body = json!({ "documentId": ID, "operationName": "Hello" });
        assert_eq!(
            tell_json(mode, body).await.body["data"]["hello"],
            "hello, world"
        );
        let body = json!({ "documentId": ID, "operationName": "Other" });
        assert_eq!(
            tell_json(mode, body).await.code(),
            "OPERATION_RESOLUTION_FAILURE"
        );
        let body = json!({ "documentId": ID, "variables": { "n": 1 } });
        assert_eq!(
            tell_json(mode, body).await.code(),
            "GRAPHQL_VALIDATION_FAILED"
        );
        let body = json!({ "documentId": ID, "query": HELLO });
        assert_eq!(tell_json(mode, body).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_known_document_may_be_asked_for_in_the_query_string() {
    let by = |id: &str| {
        Request::get(format!(
            "/graphql?documentId={id}&variables=%7B%22n%22:%22Ana%22%7D"
        ))
        .header("accept", "application/graphql-response+json")
        .body(Body::empty())
        .unwrap()
    };
    let answer = tell(Mode::Required, by(ID)).await;
    assert_eq!(answer.body["data"]["hello"], "hello, Ana");
    let answer = tell(Mode::Required, by(&id(DOUBLE))).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn only_where_it_is_required_must_a_document_be_known() {
    let unknown = json!({ "query": "{ hello }" });
    let both = json!({ "query": "{ hello }", "documentId": id("{ hello }") });
    for body in [&unknown, &both] {
        for mode in [Mode::Off, Mode::Allowed] {
            assert_eq!(tell_json(mode, body.clone()).await.status, StatusCode::OK);
        }
    }
    let answer = tell_json(Mode::Required, unknown).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "DOCUMENT_ID_REQUIRED");
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), 1);
    let answer = tell_json(Mode::Required, both).await;
    assert_eq!(answer.code(), "DOCUMENT_UNKNOWN");
    // Not even a known document is executed by its text alone: a client that sends texts would not notice the day before.
    let answer = tell_json(Mode::Required, json!({ "query": HELLO })).await;
    assert_eq!(answer.code(), "DOCUMENT_ID_REQUIRED");
}

#[tokio::test]
async fn an_identifier_that_names_nothing_is_refused() {
    for (mode, body, code) in [
        (Mode::Off, json!({ "documentId": ID }), "DOCUMENT_UNKNOWN"),
        (
            Mode::Allowed,
            json!({ "documentId": id("{ me }") }),
            "DOCUMENT_UNKNOWN",
        ),
        (
            Mode::Allowed,
            json!({ "documentId": ID, "query": "{ hello }" }),
            "DOCUMENT_MISMATCH",
        ),
        (
            Mode::Required,
            json!({ "documentId": ID, "query": "{ hello }" }),
            "DOCUMENT_MISMATCH",
        ),
        (
            Mode::Allowed,
            json!({ "documentId": ID.to_uppercase() }),
            "BAD_REQUEST",
        ),
        (
            Mode::Allowed,
            json!({ "documentId": ID.trim_start_matches("sha256:") }),
            "BAD_REQUEST",
        ),
        (
            Mode::Allowed,
            json!({ "documentId": "sha256:" }),
            "BAD_REQUEST",
        ),
        (
            Mode::Allowed,
            json!({ "documentId": "", "query": "{ hello }" }),
            "BAD_REQUEST",
        ),
        (Mode::Allowed, json!({ "documentId": 7 }), "BAD_REQUEST"),
        (Mode::Allowed, json!({ "documentId": null }), "BAD_REQUEST"),
    ] {
        let answer = tell_json(mode, body.clone()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, code),
            "{mode:?} {body}"
        );
    }
}

#[test]
fn a_set_of_documents_is_what_it_says_or_is_refused() {
    let refusal = |name: Option<&str>, text: &str| {
        documents(Mode::Allowed, &[(name, text)])
            .unwrap_err()
            .to_string()
    };
    // Relay's default is MD5.
    let message = refusal(Some("9a0364b9e99bb480dd25e1f0284c8555"), HELLO);
    assert!(message.contains("\"algorithm\": \"SHA256\""), "{message}");
    let message = refusal(Some(ID), "{ hello }");
    assert!(
        message.contains("was changed after it was named"),
        "{message}"
    );
    let message = refusal(None, "{ hello");
    assert!(message.contains("cannot be executed"), "{message}");
    let deep = "{ me ".repeat(20) + "{ hello }" + &" }".repeat(20);
    assert!(refusal(None, &deep).contains("at most 16"));
    assert!(documents(Mode::Required, &[]).is_err());
    assert_eq!(documents(Mode::Allowed, &[]).unwrap().count(), 0);
    let plain = ID.trim_start_matches("sha256:");
    assert_eq!(
        documents(Mode::Required, &[(Some(plain), HELLO)])
            .unwrap()
            .count(),
        1
    );
}
