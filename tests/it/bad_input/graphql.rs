//! Bad operations: the defects of every mutation's input, given as variables, and everything that can be wrong with the
//! request around an operation. The answer is GraphQL's: a 4xx with errors, errors beside null data, or a typed problem.

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    AT_ONCE, Shop,
    check::{Answer, Report, discreet},
    defect,
    schema::{Document, required},
};
use crate::isolation::introspection::{Schema, written};

/// One request that must be refused.
struct Case {
    name: String,
    method: &'static str,
    query: String,
    kind: &'static str,
    body: Vec<u8>,
    /// Any 4xx, or a refusal at 200, if there are none.
    statuses: Vec<u16>,
    /// Where a typed problem must point, below `input`.
    pointer: Option<String>,
    /// Whether the raw text is at fault: then the error's message says where.
    in_text: bool,
}

impl Case {
    fn new(name: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            method: "POST",
            query: String::new(),
            kind: "application/json",
            body: body.into(),
            statuses: Vec::new(),
            pointer: None,
            in_text: false,
        }
    }

    fn status(self, status: u16) -> Self {
        Self {
            statuses: vec![status],
            ..self
        }
    }

    async fn run(self, shop: &Shop) -> (String, Result<(), String>) {
        let url = format!("{}/graphql{}", shop.app.url, self.query);
        let request = shop
            .app
            .client
            .request(self.method.parse().unwrap(), url)
            .bearer_auth(&shop.tenant.key);
        let request = request
            .header("content-type", self.kind)
            .header("accept", "application/graphql-response+json");
        let outcome = match request.body(self.body).send().await {
            Ok(response) => self_check(
                &Answer::of(response).await,
                &self.statuses,
                self.pointer.as_deref(),
                self.in_text,
            ),
            Err(error) => Err(format!("no answer: {error:?}")),
        };
        (self.name, outcome)
    }
}

fn self_check(
    answer: &Answer,
    statuses: &[u16],
    pointer: Option<&str>,
    in_text: bool,
) -> Result<(), String> {
    let Answer { status, kind, body } = answer;
    if !statuses.is_empty() && !statuses.contains(status)
        || !(*status == 200 || (400..500).contains(status))
    {
        return Err(format!("{status}: {body}"));
    }
    if !kind.starts_with("application/graphql-response+json")
        && !kind.starts_with("application/json")
        && kind != "application/problem+json"
    {
        return Err(format!("{status} with {kind}: {body}"));
    }
    let answer: Value = serde_json::from_str(body).map_err(|e| format!("{e}: {body}"))?;
    if kind == "application/problem+json" {
        return super::check::details(&answer, *status, None);
    }
    if let Some(errors) = answer["errors"].as_array() {
        for error in errors {
            let code = error["extensions"]["code"].as_str().unwrap_or_default();
            if code.is_empty() || code == "INTERNAL" {
                return Err(format!("a fault of ours: {error}"));
            }
            let message = error["message"].as_str().unwrap_or_default();
            discreet(message)?;
            if let Some(pointer) = pointer.filter(|_| in_text)
                && !message.contains(&format!("/variables/input{pointer}"))
            {
                return Err(format!("does not blame {pointer:?}: {message}"));
            }
        }
        return if errors.is_empty() {
            Err("no errors in errors".to_owned())
        } else {
            Ok(())
        };
    }
    let result = answer["data"]
        .as_object()
        .and_then(|data| data.values().next())
        .cloned()
        .unwrap_or_default();
    discreet(result["message"].as_str().unwrap_or_default())?;
    if result["__typename"] != "InvalidInput" {
        return Err(format!("not refused as invalid: {body}"));
    }
    let path: Vec<_> = result["path"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let wanted = pointer.map(|pointer| {
        format!("input{pointer}")
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect::<Vec<_>>()
    });
    match wanted {
        Some(wanted) if wanted != path => Err(format!(
            "blames {path:?} instead of {wanted:?}: {}",
            result["message"]
        )),
        _ => Ok(()),
    }
}

pub async fn run(shop: &Shop, document: &Document) -> Report {
    let schema = Schema::of(&shop.app, &shop.tenant.key).await;
    let routes = document.routes();
    let mut cases = Vec::new();
    for field in schema.fields("Mutation") {
        let name = field["name"].as_str().unwrap();
        let route = routes
            .iter()
            .find(|route| route.mutation == name)
            .unwrap_or_else(|| panic!("nothing is known of the mutation {name}"));
        let args = field["args"].as_array().unwrap();
        let definitions: Vec<_> = args
            .iter()
            .map(|arg| {
                format!(
                    "${}: {}",
                    arg["name"].as_str().unwrap(),
                    written(&arg["type"])
                )
            })
            .collect();
        let arguments: Vec<_> = args
            .iter()
            .map(|arg| arg["name"].as_str().unwrap())
            .map(|name| format!("{name}: ${name}"))
            .collect();
        let query = format!(
            "mutation({}) {{ {name}({}) {{ __typename ... on Accepted {{ version }} ... on Problem {{ code message path }} }} }}",
            definitions.join(", "),
            arguments.join(", ")
        );
        let id = shop.id(&route.context, route.creates);
        if args.iter().any(|arg| arg["name"] == "input") {
            let optional = required(document.resolve(&route.schema)).is_empty();
            for defect in defect::all(document, &route.schema) {
                // What is left out of nothing, or nothing at all, is valid where every field may be left out.
                if optional && defect.body == "null" {
                    continue;
                }
                // A 64-bit integer may come as text, for JavaScript's sake.
                let is_money = ["/freight", "/unitPrice", "/amount"]
                    .iter()
                    .any(|f| defect.what.contains(f));
                if is_money && defect.what.ends_with("= \"1\"") {
                    continue;
                }
                let body = format!(
                    "{{\"query\":{},\"variables\":{{\"id\":\"{id}\",\"input\":{}}}}}",
                    json!(query),
                    defect.body
                );
                cases.push(Case {
                    pointer: defect.pointer,
                    in_text: defect.in_text,
                    ..Case::new(format!("{name} {}", defect.what), body)
                });
            }
        }
        let valid = document.sample("", &route.schema, &|_, _| None);
        arguments_of(
            &mut cases,
            &query,
            name,
            &json!({ "id": id, "input": valid }),
        );
    }
    around(&mut cases);
    let mut report = Report::default();
    let mut answers =
        stream::iter(cases.into_iter().map(|case| case.run(shop))).buffer_unordered(AT_ONCE);
    while let Some((name, outcome)) = answers.next().await {
        report.note(&name, outcome);
    }
    report
}

/// What can be wrong with a mutation's other arguments.
fn arguments_of(cases: &mut Vec<Case>, query: &str, name: &str, valid: &Value) {
    for (argument, wrong) in [
        ("id", json!(null)),
        ("id", json!(1)),
        ("id", json!("x")),
        ("id", json!("")),
        ("id", json!([])),
        ("commandId", json!("")),
        ("commandId", json!("k".repeat(256))),
        ("commandId", json!(1)),
        ("commandId", json!({})),
        ("expectedVersion", json!(-1)),
        ("expectedVersion", json!("1")),
        ("expectedVersion", json!(1.5)),
        ("expectedVersion", json!(2_147_483_648_u32)),
        ("dryRun", json!("true")),
        ("dryRun", json!(1)),
        ("input", json!("x")),
        ("input", json!(1)),
        ("input", json!([1])),
    ] {
        if !query.contains(&format!("${argument}:")) {
            continue;
        }
        let mut variables = valid.clone();
        variables[argument] = wrong;
        let body = json!({ "query": query, "variables": variables });
        cases.push(Case::new(
            format!("{name} {argument} = {}", body["variables"][argument]),
            body.to_string(),
        ));
    }
    let unknown = query.replacen("(id: $id", "(nonsense: 1, id: $id", 1);
    cases.push(
        Case::new(
            format!("{name} with an unknown argument"),
            json!({ "query": unknown, "variables": valid }).to_string(),
        )
        .status(400),
    );
    let mut without = valid.clone();
    without.as_object_mut().unwrap().remove("id");
    cases.push(
        Case::new(
            format!("{name} without id"),
            json!({ "query": query, "variables": without }).to_string(),
        )
        .status(400),
    );
    let mut wrong = Case::new(format!("{name} with GET"), "").status(405);
    wrong.method = "GET";
    wrong.query = format!(
        "?query={}&variables={}",
        encoded(query),
        encoded(&valid.to_string())
    );
    cases.push(wrong);
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect::<Vec<_>>()
        .concat()
}

/// What can be wrong with any request.
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn around(cases: &mut Vec<Case>) {
    let good = json!({ "query": "{ viewer { tenantId } }" }).to_string();
    for text in [
        "",
        "{",
        "[]",
        "[{\"query\":\"{ viewer { tenantId } }\"}]",
        "\"x\"",
        "1",
        "null",
        "true",
        "{}",
        "{\"query\":null}",
        "{\"query\":1}",
        "{\"query\":[]}",
        "{\"query\":\"\"}",
        "{\"query\":\"{\"}",
        "{\"query\":\"nonsense\"}",
        "{\"query\":\"{ nothing }\"}",
        "{\"query\":\"{ viewer { tenantId } }\",\"query\":\"{ viewer { kind } }\"}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":1}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":[]}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":\"{}\"}",
        "{\"query\":\"{ viewer { tenantId } }\",\"operationName\":1}",
        "{\"query\":\"{ viewer { tenantId } }\",\"operationName\":\"other\"}",
        "{\"query\":\"{ viewer { tenantId } }\",\"extensions\":1}",
        "{\"query\":\"query a { viewer { kind } } query b { viewer { kind } }\"}",
        "{\"query\":\"subscription { x }\"}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":{\"a\":1,\"a\":2}}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":{\"a\":{\"b\":[{\"c\":1,\"c\":2}]}}}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":{\"a\":\"\\u0000\"}}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":{\"a\":\"\\ud800\"}}",
        "{\"query\":\"{ viewer { tenantId } }\",\"variables\":{\"a\":1e400}}",
        "{\"query\":\"{ viewer { tenantId } }\",\"extensions\":{\"consistency\":{\"after\":\"x\"}}}x",
        "{\"query\":\"{ orders(first: 101) { nodes { id } } }\"}x",
        "{\"query\":\"{ viewer }\"}",
        "{\"query\":\"{ orders(first: \\\"x\\\") { nodes { id } } }\"}",
        "{\"query\":\"{ order(id: 1.5) { id } }\"}",
        "{\"query\":\"{ orders(filter: {nothing: 1}) { nodes { id } } }\"}",
    ] {
        cases.push(Case::new(text, text).status(400));
    }
    for text in [
        "{ order { id } }",
        "{ order(id: \"x\") { id } }",
        "{ order(number: \"99999999999999999999\") { id } }",
        "{ orders(first: -1) { nodes { id } } }",
        "{ orders(first: 101) { nodes { id } } }",
        "{ orders(first: 1, last: 1) { nodes { id } } }",
        "{ orders(after: \"nonsense\") { nodes { id } } }",
        "{ node(id: \"nonsense\") { id } }",
        "{ nodes(ids: [\"x\"]) { id } }",
        "{ customer(id: \"\") { id } }",
        "{ orders(filter: {placedAt: {gt: \"yesterday\"}}) { nodes { id } } }",
        "{ orders(filter: {reference: {eq: \"a\\u0000b\"}}) { nodes { id } } }",
        "{ order(reference: \"a\\u0000b\") { id } }",
        "{ orders(filter: {total: {gt: \"1e5\"}}) { nodes { id } } }",
        "{ orders(filter: {number: {eq: \"170141183460469231731687303715884105728\"}}) { nodes { id } } }",
    ] {
        cases.push(Case::new(text, json!({ "query": text }).to_string()));
    }
    for kind in [
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ] {
        cases.push(
            Case {
                kind,
                ..Case::new(kind, good.clone())
            }
            .status(415),
        );
    }
    for method in ["PUT", "DELETE", "PATCH"] {
        cases.push(
            Case {
                method,
                ..Case::new(method, good.clone())
            }
            .status(405),
        );
    }
    cases.push(Case::new("bytes that are no UTF-8", b"{\"query\":\"\xff\"}".to_vec()).status(400));
    cases.push(Case::new("2 MB", vec![b' '; 2 << 20]).status(413));
    cases.push(Case::new("257 KiB", vec![b' '; 257 << 10]).status(413));
    for (what, document) in [
        (
            "fields too deep",
            format!(
                "{}id{}",
                "{ node(id: \"x\") { ... on Order ".repeat(60),
                "}".repeat(120)
            ),
        ),
        ("brackets too deep", "{".repeat(10_000)),
        (
            "lists too deep",
            format!("{{ nodes(ids: {}) {{ id }} }}", "[".repeat(10_000)),
        ),
        (
            "too many aliases",
            format!(
                "{{ {} }}",
                (0..31)
                    .map(|n| format!("a{n}: viewer {{ kind }} "))
                    .collect::<Vec<_>>()
                    .concat()
            ),
        ),
        (
            "too many tokens",
            format!("{{ {} }}", "__typename ".repeat(3000)),
        ),
        (
            "a bomb of fragments",
            format!(
                "{{ viewer {{ ...f0 }} }} {} fragment f40 on Viewer {{ kind }}",
                (0..40)
                    .map(|n| format!("fragment f{n} on Viewer {{ ...f{} ...f{} }} ", n + 1, n + 1))
                    .collect::<Vec<_>>()
                    .concat()
            ),
        ),
        (
            "a circle of fragments",
            "{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...a }"
                .to_owned(),
        ),
    ] {
        cases.push(Case::new(what, json!({ "query": document }).to_string()).status(400));
    }
}
