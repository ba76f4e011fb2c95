//! Every limit: one below it passes, one above it is refused with its name and measure.

use std::fmt::Write as _;

use super::*;

/// Refused with `words`, before anything was executed.
#[track_caller]
fn assert_refused(answer: &Answer, words: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::BAD_REQUEST, "LIMIT_EXCEEDED"),
        "{}",
        answer.body
    );
    assert!(answer.message().contains(words), "{}", answer.message());
    assert_eq!(answer.body.get("data"), None);
    let limit = &answer.body["errors"][0]["extensions"]["limit"];
    assert!(limit["value"].as_u64() > limit["max"].as_u64(), "{limit}");
}

#[track_caller]
fn assert_passes(answer: &Answer) {
    assert_eq!(answer.body.get("errors"), None);
}

fn nested(levels: usize) -> String {
    format!(
        "{{ {}hello{} }}",
        "me { ".repeat(levels - 1),
        " }".repeat(levels - 1)
    )
}

#[tokio::test]
async fn depth() {
    assert_passes(&ask(&nested(16)).await);
    assert_refused(&ask(&nested(17)).await, "17 levels of fields, at most 16");
    let hidden = format!("{{ ...a }} fragment a on Query {}", nested(17));
    assert_refused(&ask(&hidden).await, "17 levels of fields");
}

#[tokio::test]
async fn aliases() {
    let many = |count: usize| {
        let fields = (0..count).fold(String::new(), |mut fields, number| {
            let _ = write!(fields, "me {{ a{number}: hello }} ");
            fields
        });
        format!("{{ me {{ {fields} }} }}")
    };
    assert_passes(&ask(&many(30)).await);
    assert_refused(&ask(&many(31)).await, "31 aliases, at most 30");
    let spread = "{ me { ...a me { ...a ...a ...a } } } fragment a on Query { a:hello b:hello c:hello d:hello \
                  e:hello f:hello g:hello h:hello }";
    assert_refused(&ask(spread).await, "32 aliases");
}

#[tokio::test]
async fn root_fields() {
    assert_passes(&ask(&format!("{{ {} }}", "hello ".repeat(20))).await);
    assert_refused(
        &ask(&format!("{{ {} }}", "hello ".repeat(21))).await,
        "21 root fields, at most 20",
    );
    let spread = format!(
        "{{ hello ... {{ ...a }} }} fragment a on Query {{ {} }}",
        "hello ".repeat(20)
    );
    assert_refused(&ask(&spread).await, "21 root fields");
}

#[tokio::test]
async fn tokens_and_brackets() {
    assert_refused(
        &ask(&format!("{{ me {{ {} }} }}", "hello ".repeat(2_000))).await,
        "2005 tokens, at most 2000",
    );
    let brackets = |count: usize| {
        format!(
            "{{ hello(name: {}{}) }}",
            "[".repeat(count),
            "]".repeat(count)
        )
    };
    assert_eq!(ask(&brackets(62)).await.code(), "GRAPHQL_VALIDATION_FAILED");
    assert_refused(&ask(&brackets(63)).await, "65 nested brackets, at most 64");
    assert_refused(&ask(&brackets(900)).await, "902 nested brackets");
}

#[tokio::test]
async fn cost() {
    let answer = ask("{ orders(first: 9000) { id } }").await;
    assert_passes(&answer);
    assert_eq!(answer.body["extensions"]["cost"]["nodes"], 9_001);
    let answer = ask("{ orders(first: 10000) { id } }").await;
    assert_refused(&answer, "10001 nodes, at most 10000");
    assert_eq!(answer.body["extensions"]["cost"]["nodes"], 10_001);
}

/// What is remembered of a document is remembered with its variables.
#[tokio::test]
async fn the_cost_is_that_of_the_variables() {
    let routes = routes();
    let ask = async |first: Value| {
        let query = "query($first: Int!) { orders(first: $first) { id } }";
        let body = json!({ "query": query, "variables": { "first": first } });
        send(routes.clone(), request(body.to_string())).await
    };
    for _ in 0..2 {
        for first in [1, 9_000] {
            let answer = ask(json!(first)).await;
            assert_passes(&answer);
            assert_eq!(answer.body["extensions"]["cost"]["nodes"], first + 1);
        }
        assert_refused(&ask(json!(10_000)).await, "10001 nodes, at most 10000");
        let wrong = ask(json!("many")).await;
        assert_eq!(wrong.code(), "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(wrong.body.get("data"), None);
    }
}

/// Fifty fragments that each spread the next one twice: 2^50 selections in a few hundred tokens.
#[tokio::test]
async fn fragments_that_multiply_are_refused_at_once() {
    let mut query = "{ ...f0 } fragment f50 on Query { hello }".to_owned();
    for number in 0..50 {
        let next = number + 1;
        let _ = write!(
            query,
            " fragment f{number} on Query {{ ...f{next} ...f{next} }}"
        );
    }
    assert_refused(&ask(&query).await, "root fields");
    let inside = query.replace("{ ...f0 }", "{ me { ...f0 } }");
    assert_refused(&ask(&inside).await, "selections, at most 10000");
    for root in ["{ ...f0 }", "mutation { ...f0 }"] {
        let nothing = query
            .replace("{ ...f0 }", root)
            .replace("{ hello }", "{ ...missing }");
        assert_refused(&ask(&nothing).await, "selections, at most 10000");
    }
}

#[tokio::test]
async fn introspection_cannot_multiply_itself() {
    let usual = "{ __schema { types { fields { type { ofType { ofType { name } } } inputFields { name } } } } }";
    assert_ne!(ask(usual).await.code(), "LIMIT_EXCEEDED");
    let twice = "{ __schema { types { fields { type { fields { name } } } } } }";
    assert_passes(&ask(twice).await);
    let thrice = "{ __schema { types { fields { type { fields { type { ...t } } } } } } } \
                  fragment t on __Type { possibleTypes { name } }";
    assert_refused(&ask(thrice).await, "3 introspection lists");
}

#[tokio::test]
async fn bodies() {
    let padded = |length: usize| {
        let body = json!({ "query": "{ hello }", "padding": "" }).to_string();
        body.replace("\"\"", &format!("\"{}\"", "x".repeat(length - body.len())))
    };
    let limit = 256 * 1024;
    assert_eq!(
        send(routes(), request(padded(limit))).await.status,
        StatusCode::OK
    );
    let answer = send(routes(), request(padded(limit + 1))).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED")
    );
    assert!(answer.message().contains("262144 bytes"));
}

#[tokio::test]
async fn time() {
    let answer = ask("{ slow }").await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT")
    );
    assert!(
        answer.message().contains("longer than 0.3 s"),
        "{}",
        answer.message()
    );
    let answer = ask("mutation { stuck }").await;
    assert!(
        answer.message().contains("commandId"),
        "{}",
        answer.message()
    );
}

/// Each fragment spreads the next one: few tokens, no bracket inside another, no field inside another.
#[tokio::test]
async fn chains_of_fragments() {
    let chain = |length: usize| {
        let fragments = (1..length).fold(String::new(), |mut fragments, number| {
            let next = number + 1;
            let _ = write!(fragments, " fragment f{number} on Query {{ ...f{next} }}");
            fragments
        });
        format!("{{ ...f1 }}{fragments} fragment f{length} on Query {{ hello }}")
    };
    assert_passes(&ask(&chain(64)).await);
    assert_refused(&ask(&chain(65)).await, "65 nested selections, at most 64");
    assert_refused(&ask(&chain(220)).await, "220 nested selections");
}
