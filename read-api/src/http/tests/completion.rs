//! Failed fields in the data, by the nullability of their types.

use super::*;

#[tokio::test]
async fn null_stands_where_the_types_allow_it() {
    for (query, data) in [
        (
            "{ hello optional { id may } }",
            json!({ "hello": "hello, world", "optional": { "id": 1, "may": null } }),
        ),
        (
            "{ optional { may } }",
            json!({ "optional": { "may": null } }),
        ),
        (
            "{ required { may } }",
            json!({ "required": { "may": null } }),
        ),
        (
            "{ hello optional { id must } }",
            json!({ "hello": "hello, world", "optional": null }),
        ),
        (
            "{ hello optional { a: must may } }",
            json!({ "hello": "hello, world", "optional": null }),
        ),
        ("{ hello required { id must } }", Value::Null),
        ("{ hello vague }", Value::Null),
        (
            "{ broken forbidden }",
            json!({ "broken": null, "forbidden": null }),
        ),
        (
            "{ hello list { id must } }",
            json!({ "hello": "hello, world", "list": null }),
        ),
        (
            "{ list { id may } }",
            json!({ "list": [{ "id": 0, "may": null }, { "id": 1, "may": null }] }),
        ),
        (
            "{ holes { id must } }",
            json!({ "holes": [{ "id": 0, "must": 0 }, null] }),
        ),
        (
            "{ holes { must } }",
            json!({ "holes": [{ "must": 0 }, null] }),
        ),
        (
            "{ hello items }",
            json!({ "hello": "hello, world", "items": null }),
        ),
        (
            "{ optional { id } optional { must } }",
            json!({ "optional": null }),
        ),
        (
            "{ me { me { hello optional { must } } } }",
            json!({ "me": { "me": { "hello": "hello, world", "optional": null } } }),
        ),
        ("{ hello me { me { required { must } } } }", Value::Null),
    ] {
        let answer = ask(query).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
        assert_eq!(answer.body["data"], data, "{query}");
        assert!(
            answer.code() == "INTERNAL" || answer.code() == "FORBIDDEN",
            "{query}"
        );
        assert!(
            answer.body.as_object().unwrap().contains_key("data"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_failure_is_reported_once() {
    let answer = ask("{ optional { must may } holes { must } }").await;
    let mut paths: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["path"].to_string())
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            r#"["holes",1,"must"]"#,
            r#"["optional","may"]"#,
            r#"["optional","must"]"#
        ]
    );
}
