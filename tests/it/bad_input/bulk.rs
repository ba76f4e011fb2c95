//! Bad lines of the bulk route: the defects of every command's fields, and of the line around them. Each is answered in
//! its own line, with a pointer from the line's root.

use serde_json::{Value, json};

use super::{
    Shop,
    check::{Report, details},
    defect,
    schema::Document,
};

/// One line that must be refused.
struct Line {
    name: String,
    text: String,
    statuses: &'static [u16],
    pointer: Option<String>,
}

pub async fn run(shop: &Shop, document: &Document) -> Report {
    let mut report = Report::default();
    let routes = document.routes();
    let mut kinds: Vec<_> = routes.iter().map(|route| route.kind.clone()).collect();
    let mut taken = document.bulk_kinds();
    kinds.sort();
    taken.sort();
    assert_eq!(kinds, taken, "bulk takes what the routes take");
    for route in &routes {
        let id = shop.id(&route.context, route.creates);
        let head = format!("{{\"type\":\"{}\",\"id\":\"{id}\",\"data\":", route.kind);
        let of_fields = defect::all(document, &route.schema)
            .into_iter()
            .map(|defect| Line {
                name: format!("{} data: {}", route.kind, defect.what),
                text: format!("{head}{}}}", defect.body),
                statuses: &[400],
                // What Rust's option would take for "left out" is an object where it must be one.
                pointer: defect.pointer.map(|pointer| format!("/data{pointer}")),
            });
        // A null stands for no fields, as if `data` were left out.
        let empty = super::schema::required(document.resolve(&route.schema)).is_empty();
        let mut lines: Vec<_> = of_fields
            .filter(|line| !(empty && line.text.ends_with(":null}")))
            .collect();
        for line in &mut lines {
            if line.text.ends_with("\"data\":null}") {
                line.pointer = None;
            }
        }
        let valid = document.sample("", &route.schema, &|_, _| None);
        around(
            &mut lines,
            &json!({ "type": route.kind, "id": id, "data": valid }),
        );
        for part in lines.chunks(200) {
            send(shop, part, &mut report).await;
        }
    }
    report
}

/// What can be wrong with a line besides its data.
fn around(lines: &mut Vec<Line>, valid: &Value) {
    let mut with = |member: &str, value: Value, pointer: &str| {
        let mut line = valid.clone();
        line[member] = value;
        lines.push(Line {
            name: format!("{} {member}", valid["type"]),
            text: line.to_string(),
            statuses: &[400],
            pointer: Some(pointer.to_owned()),
        });
    };
    for wrong in [
        json!(null),
        json!(1),
        json!("nothing"),
        json!("order"),
        json!(""),
        json!("organization.register"),
        json!([]),
    ] {
        with("type", wrong, "/type");
    }
    for wrong in [json!(null), json!(1), json!("x"), json!([]), json!("")] {
        with("id", wrong, "/id");
    }
    for wrong in [json!(1), json!([]), json!("")] {
        with("idempotencyKey", wrong, "/idempotencyKey");
    }
    with("idempotencyKey", json!("k".repeat(256)), "/idempotencyKey");
    for wrong in [
        json!(-1),
        json!("1"),
        json!(1.5),
        json!(2_147_483_648_u32),
        json!([]),
    ] {
        with("expectedVersion", wrong, "/expectedVersion");
    }
    for wrong in [json!("yesterday"), json!(1), json!("2020-01-01T00:00:00Z")] {
        with("occurredAt", wrong, "/occurredAt");
    }
    with("unknown", json!(1), "/unknown");
    with("dryRun", json!(true), "/dryRun");
    for member in ["type", "id"] {
        let mut line = valid.clone();
        line.as_object_mut().unwrap().remove(member);
        lines.push(Line {
            name: format!("without {member}"),
            text: line.to_string(),
            statuses: &[400],
            pointer: Some(format!("/{member}")),
        });
    }
    let twice = valid.to_string().replacen('{', "{\"id\":\"x\",", 1);
    lines.push(Line {
        name: "the id twice".to_owned(),
        text: twice,
        statuses: &[400],
        pointer: Some("/id".to_owned()),
    });
    let values: Vec<_> = valid.as_object().unwrap().values().cloned().collect();
    let positional = json!([valid["type"], valid["id"], valid["data"], null, null, null]);
    for text in [
        "[]".to_owned(),
        "null".to_owned(),
        "\"x\"".to_owned(),
        json!(values).to_string(),
        positional.to_string(),
    ] {
        lines.push(Line {
            name: format!("{text} instead of a line"),
            text,
            statuses: &[400],
            pointer: Some(String::new()),
        });
    }
    lines.push(Line {
        name: "a line of 1 MiB and more".to_owned(),
        text: " ".repeat(8) + &"x".repeat(1 << 20),
        statuses: &[413],
        pointer: None,
    });
}

async fn send(shop: &Shop, lines: &[Line], report: &mut Report) {
    // The first line is harmless: a bad first line that cannot even be read may refuse the whole request.
    let unknown = format!(
        "{{\"type\":\"order.ship\",\"id\":\"{}\",\"data\":{{}}}}\n",
        uuid::Uuid::from_u128(404)
    );
    let body: String = std::iter::once(unknown)
        .chain(lines.iter().map(|line| format!("{}\n", line.text)))
        .collect();
    let request = shop
        .app
        .client
        .post(format!("{}/api/v1/commands", shop.app.url))
        .bearer_auth(&shop.tenant.key);
    let response = request
        .header("content-type", "application/x-ndjson")
        .body(body)
        .send()
        .await
        .unwrap();
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), lines.len() + 1, "one answer per line");
    assert_eq!(
        (&answers[0]["line"], &answers[0]["status"]),
        (&json!(1), &json!(404)),
        "{}",
        answers[0]
    );
    for (number, (line, answer)) in (2..).zip(lines.iter().zip(&answers[1..])) {
        let status = answer["status"]
            .as_u64()
            .and_then(|s| u16::try_from(s).ok())
            .unwrap_or(0);
        let outcome = if answer["line"] != json!(number) {
            Err(format!("answers line {} and not {number}", answer["line"]))
        } else if !line.statuses.contains(&status) {
            Err(format!("{status} instead of {:?}: {answer}", line.statuses))
        } else {
            details(&answer["problem"], status, line.pointer.as_deref())
        };
        report.note(&line.name, outcome);
    }
}
