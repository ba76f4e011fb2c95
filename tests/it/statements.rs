//! How many statements an operation costs the database: for every list and everything below it, as many for a hundred
//! things as for one. What is counted is what the driver sends, whoever sends it. New lists are found by introspection.

mod counter;
mod shop;

use async_graphql::{Request, Variables, parser::parse_query};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gateway::Principal;
use read_api::http::Document;
use serde_json::{Value, json};

use self::{counter::Counter, shop::Shop};
use crate::isolation::introspection::{Schema, named};

/// Pages to compare.
const SIZES: [usize; 3] = [1, 20, 100];
/// The most statements that one list with something below it may take, with the beginning and the end of its transaction.
const MOST: usize = 12;

/// A list with one thing below it, and where its answer holds the rows that must be there.
struct Case {
    name: String,
    query: String,
    rows: Option<String>,
}

/// Arguments that a root list needs, or without which it has one row.
fn arguments(shop: &Shop, root: &str) -> String {
    match root {
        "metricObservations" | "metricStats" => format!("id: \"{}\", ", shop.observed),
        "history" => {
            let metric = URL_SAFE_NO_PAD.encode(format!("metric:{}", shop.observed));
            format!("id: \"{metric}\", ")
        }
        "ordersStats" => "groupBy: [PRODUCT], ".to_owned(),
        "leadsStats" => "groupBy: [ORIGIN], ".to_owned(),
        "searchDocuments" => "query: \"bread\", ".to_owned(),
        _ => String::new(),
    }
}

fn is_leaf(schema: &Schema, field: &Value) -> bool {
    let kind = &schema.ty(named(&field["type"]))["kind"];
    kind == "SCALAR" || kind == "ENUM"
}

fn is_list(ty: &Value) -> bool {
    ty["kind"] == "LIST" || ty["kind"] == "NON_NULL" && is_list(&ty["ofType"])
}

fn has(field: &Value, argument: &str) -> bool {
    let mut args = field["args"].as_array().unwrap().iter();
    args.any(|arg| arg["name"] == argument)
}

/// All leaves of a type as one selection, and everything else of it one by one.
fn below(schema: &Schema, ty: &str) -> Vec<(String, String)> {
    let (leaves, others): (Vec<_>, Vec<_>) = schema
        .fields(ty)
        .iter()
        .partition(|field| is_leaf(schema, field));
    let name = |field: &&Value| field["name"].as_str().unwrap().to_owned();
    let all: Vec<_> = leaves.iter().map(name).collect();
    let mut selections = vec![("leaves".to_owned(), all.join(" "))];
    for field in others {
        let of = schema.selection(named(&field["type"]), 3);
        let first = if has(field, "first") {
            "(first: 2)"
        } else {
            ""
        };
        let name = name(&field);
        selections.push((name.clone(), format!("__typename {name}{first} {of}")));
    }
    selections
}

/// Every list of the query root with everything below its items, `size` of them.
fn cases(shop: &Shop, schema: &Schema, size: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for field in schema.fields("Query") {
        let (root, of) = (field["name"].as_str().unwrap(), named(&field["type"]));
        let connection = schema
            .fields(of)
            .iter()
            .any(|inner| inner["name"] == "edges");
        if !connection && !is_list(&field["type"]) {
            continue;
        }
        if matches!(root, "nodes" | "_entities") {
            cases.extend(by_ids(shop, schema, root, size));
            continue;
        }
        let paged = has(field, "first");
        let first = if paged {
            format!("first: {size}")
        } else {
            String::new()
        };
        let arguments = arguments(shop, root) + &first;
        let call = if arguments.is_empty() {
            root.to_owned()
        } else {
            format!("{root}({arguments})")
        };
        if connection {
            let node = schema
                .fields(of)
                .iter()
                .find(|inner| inner["name"] == "nodes")
                .unwrap();
            for (what, selection) in below(schema, named(&node["type"])) {
                cases.push(Case {
                    name: format!("{root} {what}"),
                    query: format!("{{ {call} {{ nodes {{ {selection} }} }} }}"),
                    rows: Some(format!("/{root}/nodes")),
                });
            }
            let rest = schema
                .fields(of)
                .iter()
                .any(|inner| inner["name"] == "totalCount");
            let total = if rest { "totalCount" } else { "" };
            cases.push(Case {
                name: format!("{root} edges"),
                query: format!("{{ {call} {{ edges {{ cursor node {{ __typename }} }} pageInfo {{ endCursor }} {total} }} }}"),
                rows: Some(format!("/{root}/edges")),
            });
        } else {
            for (what, selection) in below(schema, of) {
                cases.push(Case {
                    name: format!("{root} {what}"),
                    query: format!("{{ {call} {{ {selection} }} }}"),
                    rows: None,
                });
            }
        }
    }
    cases
}

/// Things of each kind by their ids, with everything below them.
fn by_ids(shop: &Shop, schema: &Schema, root: &str, size: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (ty, ids) in &shop.ids {
        let ids = &ids[..size.min(ids.len())];
        let (argument, values) = if root == "nodes" {
            ("ids", json!(ids).to_string())
        } else {
            let values = ids
                .iter()
                .map(|id| format!("{{ __typename: \"{ty}\", id: \"{id}\" }}"));
            (
                "representations",
                format!("[{}]", values.collect::<Vec<_>>().join(", ")),
            )
        };
        for (what, selection) in below(schema, ty) {
            cases.push(Case {
                name: format!("{root} of {ty} {what}"),
                query: format!(
                    "{{ {root}({argument}: {values}) {{ ... on {ty} {{ {selection} }} }} }}"
                ),
                rows: Some(format!("/{root}")).filter(|_| ids.len() == size),
            });
        }
    }
    cases
}

/// Every field that an answer holds, but for the types' names, which are free.
fn fields(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "__typename")
            .map(|(_, member)| 1 + fields(member))
            .sum(),
        Value::Array(items) => items.iter().map(fields).sum(),
        _ => 0,
    }
}

#[tokio::test]
async fn a_hundred_things_take_as_many_statements_as_one() {
    let shop = Shop::open().await;
    let (counter, _guard) = Counter::start();
    let engine = shop.engine();
    let ask = async |query: &str| {
        let principal: Principal = shop.principal.clone();
        let request = Request::new("")
            .variables(Variables::default())
            .data(principal);
        let document = Document::new(parse_query(query).unwrap());
        let before = counter.count();
        let answer = engine.execute(&document, request).await;
        (serde_json::to_value(answer).unwrap(), counter.since(before))
    };
    // The connections are made before anything is counted.
    ask("{ orders(first: 1) { nodes { id } } projections { name } }").await;

    let all: Vec<Vec<Case>> = SIZES
        .iter()
        .map(|size| cases(&shop, &shop.types, *size))
        .collect();
    let mut wrong = Vec::new();
    let mut nested = 0;
    for index in 0..all[0].len() {
        let mut counts = Vec::new();
        for (size, cases) in SIZES.iter().zip(&all) {
            let case = &cases[index];
            let (answer, statements) = ask(&case.query).await;
            assert!(
                answer.get("errors").is_none(),
                "{}: {answer:#}\n{}",
                case.name,
                case.query
            );
            if let Some(rows) = &case.rows {
                let rows = answer["data"].pointer(rows).and_then(Value::as_array);
                assert_eq!(rows.map(Vec::len), Some(*size), "{}: {answer}", case.name);
                let cost = answer["extensions"]["cost"]["nodes"].as_u64().unwrap();
                let found = fields(&answer["data"]);
                assert!(
                    found as u64 <= cost,
                    "{} at {size}: {found} fields for {cost}",
                    case.name
                );
            }
            counts.push(statements);
        }
        let name = &all[0][index].name;
        nested += usize::from(!name.ends_with("leaves") && !name.ends_with("edges"));
        let numbers: Vec<_> = counts.iter().map(Vec::len).collect();
        if numbers
            .iter()
            .any(|number| *number != numbers[0] || *number > MOST)
        {
            wrong.push(format!(
                "{name}: {numbers:?} statements for {SIZES:?}, at {}:\n{}",
                SIZES[2],
                counts[2].join("\n")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    eprintln!(
        "{} lists with what is below them, {nested} of them objects",
        all[0].len()
    );
    assert!(nested >= 10, "{nested}");
}

#[tokio::test]
async fn the_counter_sees_every_statement() {
    let shop = Shop::open_empty().await;
    let (counter, _guard) = Counter::start();
    let before = counter.count();
    let mut tx = shop.store.tenant_tx(shop.principal.tenant).await.unwrap();
    let opened = counter.since(before).len();
    for _ in 0..7 {
        sqlx::query("select 1")
            .execute(tx.connection())
            .await
            .unwrap();
    }
    assert_eq!(counter.since(before).len(), opened + 7);
}
