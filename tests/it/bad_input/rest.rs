//! Bad requests to the REST routes: every defect of the body, and everything that can be wrong around it.

use futures::{StreamExt, stream};
use reqwest::{
    Method,
    header::{self, HeaderMap, HeaderValue},
};

use super::{
    AT_ONCE, Shop,
    check::{Answer, Report, problem},
    defect::{self, Defect},
    schema::{Document, Route},
};

/// One request that must be refused.
struct Case {
    name: String,
    method: Method,
    /// Path and query.
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Any of these; any 4xx if there are none.
    statuses: Vec<u16>,
    pointer: Option<String>,
}

impl Case {
    /// A JSON request to a path, with a name for what is wrong with it.
    fn new(name: impl Into<String>, path: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )]);
        let (name, path, body) = (
            format!("{path}: {}", name.into()),
            path.to_owned(),
            body.into(),
        );
        Self {
            name,
            method: Method::POST,
            path,
            headers,
            body,
            statuses: vec![400],
            pointer: None,
        }
    }

    fn header(mut self, name: &'static str, value: &[u8]) -> Self {
        self.headers
            .append(name, HeaderValue::from_bytes(value).unwrap());
        self
    }

    fn statuses(self, statuses: &[u16]) -> Self {
        Self {
            statuses: statuses.to_vec(),
            ..self
        }
    }

    async fn run(self, shop: &Shop) -> (String, Result<(), String>) {
        let mut request = shop.app.client.request(
            self.method.clone(),
            format!("{}{}", shop.app.url, self.path),
        );
        if !self.headers.contains_key(header::AUTHORIZATION) {
            request = request.bearer_auth(&shop.tenant.key);
        }
        let outcome = match request.headers(self.headers).body(self.body).send().await {
            Ok(response) => problem(
                &Answer::of(response).await,
                &self.statuses,
                self.pointer.as_deref(),
            ),
            Err(error) => Err(format!("no answer: {error:?}")),
        };
        (self.name, outcome)
    }
}

pub async fn run(shop: &Shop, document: &Document) -> Report {
    let mut cases = Vec::new();
    for route in document.routes() {
        let path = route
            .path
            .replace("{id}", &shop.id(&route.context, route.creates).to_string());
        cases.extend(
            defect::all(document, &route.schema)
                .into_iter()
                .map(|defect| of_body(&path, defect)),
        );
        let valid = document.sample("", &route.schema, &|_, _| None).to_string();
        around(&mut cases, document, &route, &path, &valid);
    }
    elsewhere(&mut cases);
    let mut report = Report::default();
    let mut answers =
        stream::iter(cases.into_iter().map(|case| case.run(shop))).buffer_unordered(AT_ONCE);
    while let Some((name, outcome)) = answers.next().await {
        report.note(&name, outcome);
    }
    report
}

fn of_body(path: &str, defect: Defect) -> Case {
    Case {
        pointer: defect.pointer,
        ..Case::new(defect.what, path, defect.body)
    }
}

/// What can be wrong with a request besides the fields of its body, which is valid.
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn around(cases: &mut Vec<Case>, document: &Document, route: &Route, path: &str, valid: &str) {
    let case = |name: &str| Case::new(name, path, valid);
    let mut bare = |name: &str, kind: Option<&'static str>| {
        let mut case = case(name).statuses(&[415]);
        case.headers.remove(header::CONTENT_TYPE);
        if let Some(kind) = kind {
            case.headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        cases.push(case);
    };
    bare("no content type", None);
    for kind in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/x-ndjson",
        "json",
        "",
        "application/jsonx",
        "text/json",
    ] {
        bare(kind, Some(kind));
    }
    if !super::schema::required(document.resolve(&route.schema)).is_empty() {
        cases.push(Case::new("an empty body", path, ""));
    }
    cases.push(Case::new("white space alone", path, " \n "));
    cases.push(Case::new(
        "bytes that are no UTF-8",
        path,
        vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}'],
    ));
    cases.push(Case::new(
        "UTF-16",
        path,
        valid
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>(),
    ));
    cases.push(Case::new("2 MB", path, vec![b' '; 2 << 20]).statuses(&[413]));
    for value in [
        "3",
        "\"x\"",
        "W/\"3\"",
        "*",
        "\"-1\"",
        "\"99999999999\"",
        "",
        "\"\"",
        "\"1\", \"2\"",
        "\"1.0\"",
        "\"+1\"",
        "\"3",
    ] {
        cases.push(case(&format!("If-Match: {value}")).header("if-match", value.as_bytes()));
    }
    cases.push(
        case("two If-Match")
            .header("if-match", b"\"1\"")
            .header("if-match", b"\"2\""),
    );
    for (name, value) in [
        ("an empty", Vec::new()),
        ("a long", vec![b'k'; 256]),
        ("a binary", vec![0xff, 0xfe]),
    ] {
        cases.push(case(&format!("{name} Idempotency-Key")).header("idempotency-key", &value));
    }
    cases.push(
        case("two Idempotency-Keys")
            .header("idempotency-key", b"a")
            .header("idempotency-key", b"b"),
    );
    for query in [
        "foo=1",
        "dryRun=maybe",
        "dryRun=",
        "dryRun",
        "dryRun=1",
        "dryrun=true",
        "dryRun=true&dryRun=false",
        "dryRun=true&foo=1",
        "%ff=1",
        "source=import",
    ] {
        cases.push(Case::new(
            "an unknown query",
            &format!("{path}?{query}"),
            valid,
        ));
    }
    for id in [
        "123",
        "0199d3f0-7c1e-7000-8000",
        "%00",
        "%F0%9F%8D%9E",
        "null",
        "*",
        "%2e%2e%2f",
        "0199d3f0-7c1e-7000-8000-5a2a711c0dez",
    ] {
        cases.push(
            Case::new("an id that is none", &route.path.replace("{id}", id), valid)
                .statuses(&[400, 404]),
        );
    }
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let mut wrong = case(method).statuses(&[405]);
        wrong.method = Method::from_bytes(method.as_bytes()).unwrap();
        cases.push(wrong);
    }
    let command = path.rsplit_once('/').unwrap();
    for wrong in ["explode", "Place", "place/", "place%20", ""] {
        let unknown = format!("{}/{wrong}", command.0);
        cases.push(Case::new("an unknown command", &unknown, valid).statuses(&[404]));
    }
    for credential in [
        "Bearer nonsense",
        "Bearer dbk_",
        "Bearer ",
        "Basic dXNlcjpwdw==",
        "nonsense",
        "",
    ] {
        cases.push(
            case(&format!("Authorization: {credential}"))
                .header("authorization", credential.as_bytes())
                .statuses(&[401]),
        );
    }
    let other = "0199d3f0-7c1e-7000-8000-5a2a711c0de5";
    for name in ["x-organization-id", "x-tenant-id"] {
        cases.push(
            case(&format!("another {name}"))
                .header(name, other.as_bytes())
                .statuses(&[403]),
        );
    }
    for name in ["organization", "organizationId", "tenant", "tenantId"] {
        cases.push(
            Case::new(
                "another organization",
                &format!("{path}?{name}={other}"),
                valid,
            )
            .statuses(&[403]),
        );
    }
}

/// Addresses at which there is nothing, and the bulk route as a whole.
fn elsewhere(cases: &mut Vec<Case>) {
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/orders",
        "/api/v1/nothing/0199d3f0-7c1e-7000-8000-5a2a711c0de5/place",
        "/api/v2/commands",
        "/api/v1/commands/",
        "/%00",
        "/etc/passwd",
        "/graphql/",
        "/.env",
    ] {
        cases.push(Case::new("an unknown address", path, "{}").statuses(&[404]));
    }
    let bulk = "/api/v1/commands";
    for kind in ["application/json", "text/plain", ""] {
        let mut case = Case::new(format!("content type '{kind}'"), bulk, "{}").statuses(&[415]);
        case.headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
        cases.push(case);
    }
    for query in [
        "source=webhook",
        "foo=1",
        "source=",
        "source=import&source=api",
        "dryRun=true",
    ] {
        let mut case = Case::new("an unknown query", &format!("{bulk}?{query}"), "{}");
        case.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-ndjson"),
        );
        cases.push(case);
    }
    for method in ["GET", "PUT", "DELETE"] {
        let mut wrong = Case::new(method, bulk, "{}").statuses(&[405]);
        wrong.method = Method::from_bytes(method.as_bytes()).unwrap();
        cases.push(wrong);
    }
    let mut long = Case::new("a line of 2 MB", bulk, vec![b'x'; 2 << 20]).statuses(&[413]);
    long.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    cases.push(long);
}
