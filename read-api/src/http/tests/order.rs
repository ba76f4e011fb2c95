//! Fields stand in the order in which the selection names them, whatever takes longer.

use super::*;

/// The answer's data as it was sent: members of an object that is parsed may come in any order.
async fn data(query: &str) -> String {
    let request = request(json!({ "query": query }).to_string());
    let body = routes().oneshot(request).await.unwrap().into_body();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let data = text.split_once(r#""data":"#).unwrap().1;
    let end = data.find(r#","extensions""#).unwrap_or(data.len());
    data[..end].to_owned()
}

#[tokio::test]
async fn fields_stand_as_they_were_asked_for() {
    for (query, expected) in [
        ("{ later square(of: 2) }", r#"{"later":"done","square":4}"#),
        (
            "{ square(of: 2) later hello }",
            r#"{"square":4,"later":"done","hello":"hello, world"}"#,
        ),
        // A fragment's fields stand where it does, and once.
        (
            "{ ...slow hello later } fragment slow on Query { a: later square(of: 2) hello }",
            r#"{"a":"done","square":4,"hello":"hello, world","later":"done"}"#,
        ),
        (
            "{ me { later } hello me { hello later } }",
            r#"{"me":{"later":"done","hello":"hello, world"},"hello":"hello, world"}"#,
        ),
        (
            "{ list { id may } hello }",
            r#"{"list":[{"id":0,"may":null},{"id":1,"may":null}],"hello":"hello, world"}"#,
        ),
        // What failed stands in its place too.
        (
            "{ later broken hello }",
            r#"{"later":"done","broken":null,"hello":"hello, world"}"#,
        ),
        (
            "{ later @skip(if: true) me { later ... @include(if: true) { hello } } }",
            r#"{"me":{"later":"done","hello":"hello, world"}}"#,
        ),
        (
            "mutation { b: double(number: 1) a: double(number: 2) }",
            r#"{"b":2,"a":4}"#,
        ),
        (
            r#"{ __type(name: "Order") { name fields { type { kind } name } kind } }"#,
            r#"{"__type":{"name":"Order","fields":[{"type":{"kind":"NON_NULL"},"name":"id"}],"kind":"OBJECT"}}"#,
        ),
    ] {
        assert_eq!(data(query).await, expected, "{query}");
    }
}
