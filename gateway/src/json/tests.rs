//! What strict JSON refuses, where, and in which words.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::*;

fn fault(text: &str) -> (String, Reason) {
    let fault = check(text.as_bytes(), &Limits::default()).unwrap_err();
    (fault.pointer, fault.reason)
}

#[test]
fn doubtful_json_is_refused_at_its_place() {
    assert_eq!(
        fault(r#"{"a":1,"b":{"x/y~z":1,"x/y~z":2}}"#),
        ("/b/x~1y~0z".into(), Reason::DuplicateKey)
    );
    assert_eq!(
        fault(r#"{"a":1,"\u0061":2}"#),
        ("/a".into(), Reason::DuplicateKey)
    );
    assert_eq!(
        fault(r#"[1,{"a":["x\u0000y"]}]"#),
        ("/1/a/0".into(), Reason::Nul)
    );
    assert_eq!(fault(r#"{"a\u0000":1}"#), ("/a\0".into(), Reason::Nul));
    assert_eq!(
        fault(r#"{"a":"\ud800"}"#),
        ("/a".into(), Reason::LoneSurrogate)
    );
    assert_eq!(
        fault(r#"{"a":"\ud800\u0041"}"#),
        ("/a".into(), Reason::LoneSurrogate)
    );
    assert_eq!(
        fault(r#"{"a":"\ud800x"}"#),
        ("/a".into(), Reason::LoneSurrogate)
    );
    assert_eq!(
        fault(r#"{"a":"\udc00"}"#),
        ("/a".into(), Reason::LoneSurrogate)
    );
    assert_eq!(
        fault(r#"{"a":1e999}"#),
        ("/a".into(), Reason::NumberOutOfRange)
    );
    assert_eq!(fault(""), (String::new(), Reason::Incomplete));
    assert_eq!(fault(r#"{"a":[1,"#), ("/a/1".into(), Reason::Incomplete));
    for text in [
        "{'a':1}",
        "[1,]",
        "{} {}",
        "nuk",
        "01",
        "[NaN]",
        "\"\t\"",
        "\u{feff}{}",
    ] {
        assert!(matches!(fault(text).1, Reason::Malformed { .. }), "{text}");
    }
    assert!(check(b"\"\xff\"", &Limits::default()).is_err());
    check(
        r#"{"a":"\ud83d\ude00","b":[1,-1,1.5,18446744073709551615,true,null]}"#.as_bytes(),
        &Limits::default(),
    )
    .unwrap();
}

fn depth_of(max_depth: usize) -> Limits {
    Limits {
        max_depth,
        ..Limits::default()
    }
}

#[test]
fn a_list_does_not_pass_for_an_object() {
    #[derive(serde::Deserialize)]
    struct Line {
        #[expect(dead_code, reason = "only read in")]
        product: String,
    }
    #[derive(serde::Deserialize)]
    struct Order {
        #[expect(dead_code, reason = "only read in")]
        lines: Vec<Line>,
    }
    assert!(super::parse::<Order>(br#"{"lines":[{"product":"bread"}]}"#).is_ok());
    let refused = super::parse::<Order>(br#"{"lines":[["bread"]]}"#)
        .err()
        .unwrap();
    assert_eq!(refused.pointer(), Some("/lines/0"));
}

#[test]
fn depth_is_counted_exactly() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(nested(32).as_bytes(), &Limits::default()).unwrap();
    assert_eq!(fault(&nested(33)).1, Reason::TooDeep(32));
    assert_eq!(fault(&"[".repeat(100_000)).1, Reason::TooDeep(32));
    assert_eq!(fault(&r#"{"a":"#.repeat(100_000)).1, Reason::TooDeep(32));
    check(b"1", &depth_of(0)).unwrap();
    assert!(check(b"{}", &depth_of(0)).is_err());
    assert!(check(nested(121).as_bytes(), &depth_of(1000)).is_err());
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Order {
    customer_id: Uuid,
    lines: Vec<Line>,
    #[serde(default)]
    placed_at: Option<DateTime<Utc>>,
    #[serde(default)]
    payment: Option<Payment>,
    #[serde(default)]
    form: Option<Form>,
    #[serde(default)]
    pair: Option<(u8, u8)>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Line {
    quantity: u32,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only read")]
enum Payment {
    Pix,
    Card { digits: u16 },
}

#[derive(Deserialize, Debug)]
#[serde(untagged)]
#[expect(dead_code, reason = "only read")]
enum Form {
    A { a: u8 },
    B { b: u8 },
}

fn refused(fields: &str) -> (String, String) {
    let text = format!(r#"{{"customerId":"0199d3f0-7c1e-7000-8000-5a2a711c0de5"{fields}}}"#);
    words(&text)
}

fn words(text: &str) -> (String, String) {
    let problem = parse::<Order>(text.as_bytes()).unwrap_err();
    assert_eq!(
        (problem.status().as_u16(), problem.code()),
        (400, "malformed")
    );
    let pointer = problem.pointer().unwrap().to_owned();
    let detail = problem
        .detail()
        .strip_suffix(". Correct it and send the request again.")
        .unwrap();
    let place = if pointer.is_empty() {
        "The body"
    } else {
        &pointer
    };
    (
        detail
            .strip_prefix(place)
            .unwrap()
            .trim_start_matches(": ")
            .to_owned(),
        pointer,
    )
}

#[test]
fn wrong_fields_are_explained_without_rust() {
    let cases = [
        (
            r#","lines":[{"quantity":"x"}]"#,
            "/lines/0/quantity",
            "expected a whole number from 0 to 4294967295, found the text \"x\"",
        ),
        (
            r#","lines":[{"quantity":-1}]"#,
            "/lines/0/quantity",
            "expected a whole number from 0 to 4294967295, found the number -1",
        ),
        (
            r#","lines":[{"quantity":1.5}]"#,
            "/lines/0/quantity",
            "expected a whole number from 0 to 4294967295, found the number 1.5",
        ),
        (
            r#","lines":[{"quantity":null}]"#,
            "/lines/0/quantity",
            "expected a whole number from 0 to 4294967295, found null",
        ),
        (
            r#","lines":[{"quantity":true}]"#,
            "/lines/0/quantity",
            "expected a whole number from 0 to 4294967295, found true",
        ),
        (
            r#","lines":[{"quantity":4294967296}]"#,
            "/lines/0/quantity",
            "expected a whole number from 0 to 4294967295, found the number 4294967296",
        ),
        (
            r#","lines":[{"quantity":1},{}]"#,
            "/lines/1/quantity",
            "it is missing",
        ),
        (
            r#","lines":[{"quantity":1,"b/c":1}]"#,
            "/lines/0/b~1c",
            "there is no such field here; the fields are `quantity`",
        ),
        (
            r#","lines":[5]"#,
            "/lines/0",
            "expected an object, found the number 5",
        ),
        (
            r#","lines":{}"#,
            "/lines",
            "expected a list, found an object",
        ),
        ("", "/lines", "it is missing"),
        (
            r#","lines":[],"lines2":1"#,
            "/lines2",
            "there is no such field here; the fields are `customerId`, `lines`, `placedAt`, `payment`, `form`, `pair`",
        ),
        (
            r#","lines":[],"placedAt":"yesterday""#,
            "/placedAt",
            "expected a date or a time, such as `2026-11-21` or `2026-11-21T09:00:00Z`",
        ),
        (
            r#","lines":[],"placedAt":7"#,
            "/placedAt",
            "expected a time, such as `2026-11-21T09:00:00Z`, found the number 7",
        ),
        (
            r#","lines":[],"payment":"cash""#,
            "/payment",
            "this is none of the allowed values, which are `pix` or `card`",
        ),
        (
            r#","lines":[],"payment":7"#,
            "/payment",
            "expected a text or an object with one key",
        ),
        (
            r#","lines":[],"payment":{"card":{"digits":true}}"#,
            "/payment/card/digits",
            "expected a whole number from 0 to 65535, found true",
        ),
        (
            r#","lines":[],"payment":"card""#,
            "/payment/card",
            "expected an object, found null",
        ),
        (
            r#","lines":[],"form":{"c":1}"#,
            "/form",
            "the value has none of the forms that are allowed here",
        ),
        (
            r#","lines":[],"pair":[1]"#,
            "/pair",
            "expected a list of 2 values, found 1 values",
        ),
    ];
    for (fields, pointer, detail) in cases {
        assert_eq!(
            refused(fields),
            (detail.to_owned(), pointer.to_owned()),
            "{fields}"
        );
    }
    assert_eq!(words("[]").1, "");
    assert_eq!(
        words("7"),
        (
            "expected an object, found the number 7".to_owned(),
            String::new()
        )
    );
    let uuid = "expected a UUID, such as `0199d3f0-7c1e-7000-8000-5a2a711c0de5`";
    assert_eq!(
        words(r#"{"customerId":"me"}"#),
        (uuid.to_owned(), "/customerId".to_owned())
    );
    assert_eq!(
        words(r#"{"customerId":1}"#).0,
        format!("{uuid}, found the number 1")
    );
    let long = words(&format!(
        r#"{{"customerId":"0199d3f0-7c1e-7000-8000-5a2a711c0de5","lines":"{}"}}"#,
        "x".repeat(9999)
    ));
    assert!(long.0.len() < 100, "{}", long.0);
}

#[test]
fn faults_become_problems_with_their_pointer() {
    let problem = parse::<Value>(br#"{"a":{"b":1,"b":2}}"#).unwrap_err();
    assert_eq!(problem.pointer(), Some("/a/b"));
    assert_eq!(
        problem.detail(),
        "/a/b: the key is given twice in the same object. Correct it and send the request again."
    );
}

#[test]
fn only_json_in_utf8_is_json() {
    let is = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, value.parse().unwrap());
        is_json(&headers)
    };
    assert!(is("application/json"));
    assert!(is("Application/JSON; charset=UTF-8"));
    assert!(is("application/json;charset=\"utf-8\"; version=1"));
    assert!(!is("application/json; charset=latin1"));
    assert!(!is("text/plain"));
    assert!(!is("application/jsonx"));
    assert!(!is_json(&HeaderMap::new()));
}

/// Any JSON value without U+0000.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        "[^\u{0}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            // A list directly within a list is refused, so it is put into an object here.
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| items
                .into_iter()
                .map(|item| if item.is_array() {
                    serde_json::json!({ "list": item })
                } else {
                    item
                })
                .collect()),
            prop::collection::btree_map("[^\u{0}]{0,4}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = check(&bytes, &Limits::default());
        let _ = parse::<Order>(&bytes);
    }

    #[test]
    fn text_close_to_json_never_panics_and_is_no_laxer_than_serde_json(text in r#"[\[\]{}:,"\\a-cu0-9dD8e.+\- ]{0,48}"#) {
        let strict = check(text.as_bytes(), &Limits::default()).is_ok();
        prop_assert!(!strict || serde_json::from_str::<Value>(&text).is_ok());
        let _ = parse::<Order>(text.as_bytes());
    }

    #[test]
    fn every_proper_value_is_read_as_serde_json_reads_it(value in value()) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(parse::<Value>(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }
}
