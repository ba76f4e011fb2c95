//! `extensions.consistency` and the `Daybook-After` header.

use super::*;

async fn with(extensions: Value, header: Option<&str>) -> Answer {
    let body = json!({ "query": "{ consistency }", "extensions": { "consistency": extensions } });
    let mut request = request(body.to_string());
    if let Some(token) = header {
        request
            .headers_mut()
            .insert("daybook-after", token.parse().unwrap());
    }
    send(routes(), request).await
}

async fn read(extensions: Value, header: Option<&str>) -> String {
    let answer = with(extensions, header).await;
    answer.body["data"]["consistency"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn wishes_reach_the_resolvers() {
    assert_eq!(
        read(
            json!({ "after": "abc", "timeoutMs": 100, "onTimeout": "STALE" }),
            None
        )
        .await,
        "Consistency { after: Some(\"abc\"), timeout: 100ms, on_timeout: Stale }"
    );
    // The test's operations may take 300 ms: nobody waits longer.
    let by_header = "Consistency { after: Some(\"abc\"), timeout: 300ms, on_timeout: Error }";
    assert_eq!(read(Value::Null, Some("abc")).await, by_header);
    assert_eq!(
        read(json!({ "after": "abc" }), Some("abc")).await,
        by_header
    );
    assert_eq!(
        read(json!({}), None).await,
        "Consistency { after: None, timeout: 300ms, on_timeout: Error }"
    );
}

#[tokio::test]
async fn other_wishes_are_refused() {
    for (extensions, header) in [
        (json!(7), None),
        (json!({ "after": 7 }), None),
        (json!({ "after": "" }), None),
        (json!({ "after": "a b" }), None),
        (json!({ "after": "x".repeat(513) }), None),
        (json!({ "timeoutMs": -1 }), None),
        (json!({ "timeoutMs": 1.5 }), None),
        (json!({ "timeoutMs": 301 }), None),
        (json!({ "onTimeout": "stale" }), None),
        (json!({ "afterr": "abc" }), None),
        (json!({ "after": "abc" }), Some("def")),
        (Value::Null, Some("")),
    ] {
        let answer = with(extensions.clone(), header).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"),
            "{extensions}"
        );
    }
}
