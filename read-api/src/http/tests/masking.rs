//! What a client reads about faults.

use super::*;

#[tokio::test]
async fn internal_texts_do_not_leak() {
    for query in ["{ hello broken }", "{ hello vague }"] {
        let answer = ask(query).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::OK, "INTERNAL"),
            "{query}"
        );
        let text = answer.body.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains("relation"),
            "{text}"
        );
        assert!(answer.body.get("data").is_some());
        assert!(answer.body["errors"][0]["path"].is_array());
    }
}

#[tokio::test]
async fn errors_written_for_the_client_pass() {
    let answer = ask("{ hello forbidden }").await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert_eq!(answer.message(), "the permission order:read is missing");
    assert_eq!(
        answer.body["data"],
        json!({ "hello": "hello, world", "forbidden": null })
    );
}

#[tokio::test]
async fn refused_arguments_are_explained() {
    let answer = ask("{ page(first: 101) }").await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.body);
    assert!(answer.message().contains("101"), "{}", answer.message());
    assert_eq!(answer.body["data"], Value::Null);
}
