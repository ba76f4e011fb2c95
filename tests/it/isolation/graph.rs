//! Queries and mutations over everything that introspection finds, with the other tenant's ids, names, cursors, tokens
//! and keys as arguments. An argument for which the other tenant has no value fails the test.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};

use super::{
    command::Attack,
    introspection::{named, written},
    value::{candidates, known},
    world::{Watch, World},
};
use crate::bad_input::schema::Document;

/// Root fields of one thing by exactly one of its names: no argument is needed, and none is too few.
const ONE_OF: [&str; 2] = ["order", "lead"];
/// Root fields whose answers have nothing that is a tenant's.
const NO_SECRETS: [&str; 2] = ["_service", "projections"];

/// One query with one value of the other tenant.
pub struct Operation {
    root: String,
    what: String,
    body: Value,
}

fn takes(field: &Value, argument: &str) -> bool {
    let mut args = field["args"].as_array().unwrap().iter();
    args.any(|arg| arg["name"] == argument)
}

fn paged(field: &Value) -> bool {
    takes(field, "first")
}

fn needed(field: &Value) -> Vec<&Value> {
    let args = field["args"].as_array().unwrap().iter();
    args.filter(|arg| arg["type"]["kind"] == "NON_NULL" && arg["defaultValue"].is_null())
        .collect()
}

/// What stands below a field: nothing for a scalar.
fn below(world: &World, field: &Value) -> String {
    let of = named(&field["type"]);
    if matches!(
        world.schema.ty(of)["kind"].as_str(),
        Some("SCALAR" | "ENUM")
    ) {
        String::new()
    } else {
        world.schema.selection(of, 6)
    }
}

/// Everything that may be asked without arguments.
pub fn everything(world: &World) -> Vec<String> {
    let fields = world.schema.fields("Query").iter().filter(|field| {
        needed(field).is_empty() && !ONE_OF.contains(&field["name"].as_str().unwrap())
    });
    fields
        .map(|field| {
            let first = if paged(field) { "(first: 12)" } else { "" };
            format!(
                "{{ {}{first} {} }}",
                field["name"].as_str().unwrap(),
                below(world, field)
            )
        })
        .collect()
}

/// Every root field with every argument with every value that the other tenant has for it.
pub fn operations(world: &World) -> Vec<Operation> {
    let mut operations: Vec<_> = everything(world)
        .into_iter()
        .map(|query| Operation {
            root: query.split([' ', '(']).nth(1).unwrap().to_owned(),
            what: "everything".to_owned(),
            body: json!({ "query": query }),
        })
        .collect();
    for field in world.schema.fields("Query") {
        for arg in field["args"].as_array().unwrap() {
            let (root, name) = (
                field["name"].as_str().unwrap(),
                arg["name"].as_str().unwrap(),
            );
            for value in candidates(world, &arg["type"], &[root, name]) {
                operations.push(operation(world, field, arg, value));
            }
        }
    }
    operations
}

fn operation(world: &World, field: &Value, arg: &Value, value: Value) -> Operation {
    let (root, name) = (
        field["name"].as_str().unwrap(),
        arg["name"].as_str().unwrap(),
    );
    let what = format!("{name} = {value}");
    let (mut definitions, mut arguments, mut variables) = (Vec::new(), Vec::new(), Map::new());
    let mut give = |of: &Value, value: Value| {
        let name = of["name"].as_str().unwrap();
        definitions.push(format!("${name}: {}", written(&of["type"])));
        arguments.push(format!("{name}: ${name}"));
        variables.insert(name.to_owned(), value);
    };
    give(arg, value);
    for other in needed(field).into_iter().filter(|other| *other != arg) {
        let value = candidates(
            world,
            &other["type"],
            &[root, other["name"].as_str().unwrap()],
        );
        give(other, value.into_iter().next().unwrap());
    }
    if paged(field) && !matches!(name, "first" | "last") {
        arguments.push("first: 12".to_owned());
    }
    let query = format!(
        "query({}) {{ {root}({}) {} }}",
        definitions.join(", "),
        arguments.join(", "),
        below(world, field)
    );
    Operation {
        root: root.to_owned(),
        what,
        body: json!({ "query": query, "variables": variables }),
    }
}

async fn ask(world: &World, key: &str, operation: &Operation) -> (String, String) {
    let request = world
        .app
        .client
        .post(format!("{}/graphql", world.app.url))
        .bearer_auth(key)
        .json(&operation.body);
    (
        operation.body.to_string(),
        request.send().await.unwrap().text().await.unwrap(),
    )
}

/// Asks everything as the one who may, so that the questions are known to be good ones.
pub async fn control(world: &World, operations: &[Operation]) {
    let watch = world.without("");
    let mut seeing = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut answers =
        stream::iter(operations)
            .map(|operation| async move {
                (operation, ask(world, &world.b.tenant.key, operation).await)
            })
            .buffer_unordered(4);
    while let Some((operation, (request, answer))) = answers.next().await {
        if watch.leak(&request, &answer).is_some() {
            seeing.insert(operation.root.clone());
            seeing.insert(format!(
                "{} {}",
                operation.root,
                operation.what.split(' ').next().unwrap()
            ));
        }
        if answer.contains("GRAPHQL_")
            || answer.contains("INTERNAL")
            || answer.contains("LIMIT_EXCEEDED")
        {
            wrong.push(format!(
                "{} {}: {answer}\n{request}",
                operation.root, operation.what
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} questions are wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
    let blind: Vec<_> = world
        .schema
        .fields("Query")
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .filter(|root| !seeing.contains(*root))
        .collect();
    assert_eq!(blind, NO_SECRETS, "these show nothing even to their owner");
    for (root, arg) in [
        ("order", "id"),
        ("order", "number"),
        ("order", "reference"),
        ("customer", "id"),
        ("lead", "id"),
        ("lead", "reference"),
        ("metric", "id"),
        ("metricStats", "id"),
        ("metricObservations", "id"),
        ("goal", "id"),
        ("document", "id"),
        ("searchDocuments", "query"),
        ("searchDocuments", "filter"),
        ("node", "id"),
        ("nodes", "ids"),
        ("_entities", "representations"),
    ] {
        assert!(
            seeing.contains(&format!("{root} {arg}")),
            "{root}({arg}) shows nothing even to its owner"
        );
    }
}

/// Everything of the other tenant that the questions bring to light.
pub async fn leaks(watch: &Watch<'_>, operations: &[Operation]) -> Vec<String> {
    let world = watch.world;
    let asked = stream::iter(operations).map(|operation| async move {
        (operation, ask(world, &world.a.tenant.key, operation).await)
    });
    let leaks = asked
        .buffer_unordered(4)
        .filter_map(|(operation, (request, answer))| async move {
            let leak = watch
                .leak(&request, &answer)
                .map(|secret| format!("shows '{secret}': {answer}"));
            let fault = answer
                .contains("\"INTERNAL\"")
                .then(|| format!("fails: {answer}"));
            let what = leak.or(fault)?;
            Some(format!(
                "{} with {} {}",
                operation.root,
                operation.what,
                what.chars().take(600).collect::<String>()
            ))
        });
    leaks.collect().await
}

/// Tokens and cursors of the other tenant are refused, not read.
pub async fn foreign_tokens_are_refused(world: &World) {
    let key = &world.a.tenant.key;
    for token in &world.b.tokens {
        let query = json!({ "query": "{ orders { nodes { id } } }" });
        let mut extended = query.clone();
        extended["extensions"] = json!({ "consistency": { "after": token } });
        let url = format!("{}/graphql", world.app.url);
        for request in [
            world.app.client.post(&url).json(&extended),
            world
                .app
                .client
                .post(&url)
                .json(&query)
                .header("daybook-after", token),
        ] {
            let answer: Value = request
                .bearer_auth(key)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            let nothing = answer["data"].is_null() || answer["data"]["orders"].is_null();
            assert!(
                nothing && answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT",
                "{answer}"
            );
        }
    }
    // A list that needs more than a page is asked with it among the operations.
    let whole = |field: &&Value| takes(field, "after") && needed(field).is_empty();
    let lists = world.schema.fields("Query").iter().filter(whole);
    for list in lists {
        let name = list["name"].as_str().unwrap();
        let cursors = known(&world.b, "after");
        assert!(!cursors.is_empty());
        for cursor in cursors {
            let query = format!(
                "query($c: String) {{ {name}(after: $c) {{ pageInfo {{ hasNextPage }} }} }}"
            );
            let answer = world.app.graphql(key, &query, json!({ "c": cursor })).await;
            assert!(
                answer["data"][name].is_null()
                    && answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT",
                "{name}: {answer}"
            );
        }
    }
}

/// Every mutation on everything of the other tenant.
pub fn mutations(world: &World) -> Vec<Attack> {
    let document = Document::new();
    let routes = document.routes();
    let mut attacks = Vec::new();
    for field in world.schema.fields("Mutation") {
        let name = field["name"].as_str().unwrap();
        let route = routes
            .iter()
            .find(|route| route.mutation == name)
            .unwrap_or_else(|| panic!("nothing is known of the mutation {name}"));
        let input = document.sample("", &route.schema, &|name, format| {
            super::command::foreign(world, name, format)
        });
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
            "mutation({}) {{ {name}({}) {} }}",
            definitions.join(", "),
            arguments.join(", "),
            below(world, field)
        );
        for id in super::command::ids(world, &route.context) {
            for (variant, dry_run) in [(0, false), (1, false), (2, false), (2, true)] {
                let mut variables = Map::new();
                for arg in args {
                    let value = match arg["name"].as_str().unwrap() {
                        "id" => json!(id),
                        "input" => input.clone(),
                        "commandId" if variant == 1 => {
                            json!(world.b.idempotency[attacks.len() % world.b.idempotency.len()])
                        }
                        "expectedVersion" if variant == 2 => json!(1),
                        "commandId" | "expectedVersion" => Value::Null,
                        "dryRun" => json!(dry_run),
                        other => {
                            panic!("no value of the other tenant is known for {name}({other})")
                        }
                    };
                    variables.insert(arg["name"].as_str().unwrap().to_owned(), value);
                }
                attacks.push(Attack::new(
                    format!("{name} {variant}"),
                    "/graphql",
                    &[],
                    &json!({ "query": query, "variables": variables }),
                ));
            }
        }
    }
    attacks
}
