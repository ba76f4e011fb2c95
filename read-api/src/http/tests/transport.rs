//! Methods, media types, parameters and the choice of the operation.

use super::*;

#[tokio::test]
async fn a_query_is_answered() {
    let answer = ask("{ hello tenant }").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.headers["content-type"],
        "application/graphql-response+json; charset=utf-8"
    );
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["vary"], "accept");
    assert_eq!(
        answer.body,
        json!({
            "data": { "hello": "hello, world", "tenant": "00000000-0000-0000-0000-000000000000" },
            "extensions": { "cost": { "nodes": 2, "depth": 1, "limit": { "nodes": 10_000, "depth": 16 } } },
        })
    );
}

#[tokio::test]
async fn nobody_is_answered_without_a_principal() {
    let answer = send(public_routes(), request(r#"{"query":"{ __typename }"}"#)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_query_may_come_in_the_query_string() {
    let answer = get(
        "query=query($n:String){hello(name:$n)}&variables=%7B%22n%22:%22Ana%22%7D&operationName=",
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["data"]["hello"], "hello, Ana");
}

#[tokio::test]
async fn a_mutation_needs_post() {
    let mutation = "mutation { double(number: 2) }";
    assert_eq!(ask(mutation).await.body["data"]["double"], 4);
    let answer = get("query=mutation{double(number:2)}").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
    // The operation that is chosen counts, not the first one.
    let answer = get("query=query+Q{hello}mutation+M{double(number:2)}&operationName=M").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    let answer = get("query=query+Q{hello}mutation+M{double(number:2)}&operationName=Q").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn other_methods_are_refused() {
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = Request::builder()
            .method(method)
            .uri("/graphql")
            .body(Body::empty())
            .unwrap();
        let answer = send(routes(), request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.headers["allow"], "GET, HEAD, POST");
    }
}

#[tokio::test]
async fn the_accept_header_is_negotiated() {
    let new = Some("application/graphql-response+json; charset=utf-8");
    let old = Some("application/json; charset=utf-8");
    for (accept, expected) in [
        ("application/graphql-response+json", new),
        ("application/json", old),
        ("*/*", old),
        ("application/*", old),
        ("APPLICATION/JSON", old),
        ("application/json;charset=\"UTF-8\"", old),
        (
            "application/graphql-response+json, application/json;q=0.9",
            new,
        ),
        (
            "application/graphql-response+json;q=0.5, application/json;q=0.9",
            old,
        ),
        ("application/json, application/graphql-response+json", new),
        ("application/graphql-response+json;q=0, */*", old),
        ("text/html, */*;q=0.1", old),
        ("text/html", None),
        ("application/json;charset=utf-16", None),
        ("application/json;q=0", None),
        ("application/json;q=2", None),
        ("", None),
    ] {
        let mut request = request(r#"{"query":"{ hello }"}"#);
        request
            .headers_mut()
            .insert("accept", accept.parse().unwrap());
        let answer = send(routes(), request).await;
        match expected {
            Some(media) => assert_eq!(answer.headers["content-type"], media, "{accept}"),
            None => assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE, "{accept}"),
        }
    }
}

#[tokio::test]
async fn only_plain_json_is_read() {
    for (content_type, accepted) in [
        (Some("application/json"), true),
        (Some("Application/JSON; charset=UTF-8"), true),
        (Some("application/json; charset=latin1"), false),
        (Some("text/plain"), false),
        (Some("application/x-www-form-urlencoded"), false),
        (Some("multipart/form-data; boundary=x"), false),
        (Some("application/jsonp"), false),
        (None, false),
    ] {
        let mut request = request(r#"{"query":"{ hello }"}"#);
        request.headers_mut().remove("content-type");
        if let Some(content_type) = content_type {
            request
                .headers_mut()
                .insert("content-type", content_type.parse().unwrap());
        }
        let status = send(routes(), request).await.status;
        assert_eq!(status == StatusCode::OK, accepted, "{content_type:?}");
        assert!(
            accepted || status == StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{content_type:?}"
        );
    }
    let mut compressed = request("x");
    compressed
        .headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(
        send(routes(), compressed).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn malformed_requests_are_400_for_every_client() {
    for (body, words) in [
        ("", "body"),
        ("{", "body"),
        ("\u{feff}{}", "body"),
        ("null", "object"),
        ("\"{ hello }\"", "object"),
        ("{}", "query is missing"),
        (r#"{"query":null}"#, "query is missing"),
        (r#"{"query":1}"#, "query must be a string"),
        (r#"[{"query":"{ hello }"}]"#, "batches are not executed"),
        (
            r#"{"query":"{ hello }","operationName":1}"#,
            "operationName must be a string",
        ),
        (
            r#"{"query":"{ hello }","variables":"{}"}"#,
            "variables must be an object",
        ),
        (
            r#"{"query":"{ hello }","extensions":[]}"#,
            "extensions must be an object",
        ),
        (
            r#"{"query":"{ hello }","query":"{ me { hello } }"}"#,
            "body",
        ),
        (
            r#"{"query":"{ hello }","variables":{"a":{"b":1,"b":2}}}"#,
            "body",
        ),
        (
            r#"{"query":"{ hello }","variables":{"a":"\u0000"}}"#,
            "body",
        ),
        (
            r#"{"extensions":{"persistedQuery":{"version":1}}}"#,
            "persisted queries of that kind are not supported",
        ),
    ] {
        for accept in ["application/json", "application/graphql-response+json"] {
            let mut request = request(body);
            request
                .headers_mut()
                .insert("accept", accept.parse().unwrap());
            let answer = send(routes(), request).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
            assert_eq!(answer.code(), "BAD_REQUEST", "{body}");
            assert!(
                answer.message().contains(words),
                "{body}: {}",
                answer.message()
            );
            assert_eq!(answer.body.get("data"), None);
        }
    }
}

#[tokio::test]
async fn query_strings_are_as_strict() {
    for (query_string, words) in [
        ("", "query is missing"),
        (
            "query={hello}&query={me{hello}}",
            "query is there more than once",
        ),
        ("query={hello}&variables=[]", "variables must be an object"),
        ("query={hello}&variables={", "the parameter variables"),
        (
            "query={hello}&variables={%22a%22:1,%22a%22:2}",
            "the parameter variables",
        ),
    ] {
        let answer = get(query_string).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query_string}");
        assert!(
            answer.message().contains(words),
            "{query_string}: {}",
            answer.message()
        );
    }
    assert_eq!(
        get("query={hello}&unknown=1&unknown=2").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    assert_eq!(
        post(json!({ "query": "{ hello }", "id": 7 })).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn faults_of_the_document_have_a_code_and_no_data() {
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("type Query { hello: Int }", "GRAPHQL_PARSE_FAILED"),
        ("{ hello } { hello }", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ square(of: \"two\") }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query A { hello } query B { hello }",
            "OPERATION_RESOLUTION_FAILURE",
        ),
        ("subscription { hello }", "BAD_REQUEST"),
        ("query($of: Int!) { square(of: $of) }", "BAD_USER_INPUT"),
    ] {
        let answer = ask(query).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, code),
            "{query}"
        );
        assert_eq!(answer.body.get("data"), None, "{query}");

        let mut older = request(json!({ "query": query }).to_string());
        older
            .headers_mut()
            .insert("accept", "application/json".parse().unwrap());
        let answer = send(routes(), older).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::OK, code),
            "{query}"
        );
        assert_eq!(answer.body.get("data"), None, "{query}");
    }
}

#[tokio::test]
async fn the_operation_is_chosen_by_name() {
    let query = "query A { hello } query B { square(of: 3) }";
    let answer = post(json!({ "query": query, "operationName": "B" })).await;
    assert_eq!(answer.body["data"], json!({ "square": 9 }));
    for (query, name) in [(query, "C"), ("{ hello }", "A"), ("query A { hello }", "")] {
        let answer = post(json!({ "query": query, "operationName": name })).await;
        assert_eq!(
            answer.code(),
            "OPERATION_RESOLUTION_FAILURE",
            "{query} {name}"
        );
    }
}

#[tokio::test]
async fn required_variables_are_checked_before_anything_is_executed() {
    let query =
        "mutation($a: Int!, $b: Int!) { first: double(number: $a) second: double(number: $b) }";
    for (variables, words) in [
        (
            json!({ "a": 1 }),
            "the variable \"$b\" of type \"Int!\" is required and was not given",
        ),
        (
            json!({ "a": 1, "b": null }),
            "the variable \"$b\" of type \"Int!\" must not be null",
        ),
    ] {
        let answer = post(json!({ "query": query, "variables": variables })).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "BAD_USER_INPUT")
        );
        assert_eq!(answer.message(), words);
    }
    let answer = post(json!({ "query": query, "variables": { "a": 1, "b": "x" } })).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    let query = "query($n: String, $of: Int! = 3) { hello(name: $n) square(of: $of) }";
    assert_eq!(
        ask(query).await.body["data"],
        json!({ "hello": "hello, world", "square": 9 })
    );
}

#[tokio::test]
async fn a_mutation_is_never_executed_twice_for_one_field_of_the_answer() {
    for query in [
        "mutation { double(number: 1) double(number: 1) }",
        "mutation { double(number: 1) ...f } fragment f on Mutation { double(number: 1) }",
        "mutation { ...f ... { ...f } } fragment f on Mutation { double(number: 1) }",
        "mutation { a: double(number: 1) ... on Mutation { a: double(number: 1) } }",
    ] {
        let answer = ask(query).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{query}");
        assert!(
            answer.message().contains("more than one field"),
            "{}",
            answer.message()
        );
        assert_eq!(answer.body.get("data"), None);
    }
    let answer = ask("mutation { a: double(number: 1) b: double(number: 1) }").await;
    assert_eq!(answer.body["data"], json!({ "a": 2, "b": 2 }));
}
