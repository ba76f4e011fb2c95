//! Values of the other tenant for every argument that there is: its ids, names, cursors, tokens and keys. Never asks anything.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::world::{Side, World};

/// The parts of a filter that say how, not what.
const COMPARISONS: [&str; 10] = [
    "eq", "in", "gt", "gte", "lt", "lte", "contains", "and", "or", "not",
];
/// Values per argument, and per condition of a filter.
const VALUES: usize = 8;
/// Values of one list: all of them would cost more than an operation may.
const SOME: usize = 12;

/// Values of a type: the other tenant's own where the name says whose.
pub fn candidates(world: &World, ty: &Value, names: &[&str]) -> Vec<Value> {
    match ty["kind"].as_str() {
        Some("NON_NULL") => candidates(world, &ty["ofType"], names),
        Some("LIST") => {
            let items = candidates(world, &ty["ofType"], names);
            let mut lists: Vec<_> = items.iter().map(|item| json!([item])).collect();
            lists.push(items.into_iter().take(SOME).collect());
            lists
        }
        _ => {
            let name = ty["name"].as_str().unwrap();
            let of = world.schema.ty(name);
            match of["kind"].as_str() {
                Some("ENUM") => of["enumValues"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|value| value["name"].clone())
                    .collect(),
                Some("INPUT_OBJECT") => objects(world, of, names),
                _ => scalars(world, name, names),
            }
        }
    }
}

/// One object per value of each of its fields.
fn objects(world: &World, of: &Value, names: &[&str]) -> Vec<Value> {
    let fields = of["inputFields"].as_array().unwrap();
    let values = |field: &Value| -> Vec<Value> {
        let name = field["name"].as_str().unwrap();
        let joins = matches!(name, "and" | "or" | "not");
        if joins
            && names
                .iter()
                .any(|name| matches!(*name, "and" | "or" | "not"))
        {
            return Vec::new();
        }
        let mut values = candidates(world, &field["type"], &[names, &[name]].concat());
        values.truncate(if joins { 3 } else { VALUES * 4 });
        values
    };
    let mut base = Map::new();
    for field in fields
        .iter()
        .filter(|field| field["type"]["kind"] == "NON_NULL")
    {
        base.insert(
            field["name"].as_str().unwrap().to_owned(),
            values(field)[0].clone(),
        );
    }
    fields
        .iter()
        .flat_map(|field| {
            let base = &base;
            values(field).into_iter().map(move |value| {
                let mut object = base.clone();
                object.insert(field["name"].as_str().unwrap().to_owned(), value);
                Value::Object(object)
            })
        })
        .collect()
}

fn scalars(world: &World, ty: &str, names: &[&str]) -> Vec<Value> {
    let of = names
        .iter()
        .rev()
        .find(|name| !COMPARISONS.contains(name))
        .unwrap();
    match ty {
        "Boolean" => return vec![json!(true), json!(false)],
        "Int" => return vec![json!(5)],
        "Float" => return vec![json!(1.5)],
        "_Any" => return representations(&world.b.answers),
        "DateTime" => {
            let own = world.b.field(of);
            return own
                .first()
                .into_iter()
                .map(|time| json!(time))
                .chain([json!("2020-01-01T00:00:00Z")])
                .collect();
        }
        _ => {}
    }
    let mut values = known(&world.b, of);
    if ty == "UUID" {
        values.retain(|value| value.parse::<uuid::Uuid>().is_ok());
    }
    assert!(
        !values.is_empty(),
        "the other tenant has no {ty} for {names:?}: give the test one"
    );
    let most = if names.len() > 2 { 2 } else { VALUES * 3 };
    values.into_iter().take(most).map(Value::from).collect()
}

/// What has a type and a global id in these answers, a few of each type.
fn representations(answers: &[Value]) -> Vec<Value> {
    fn collect(value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Object(members) => {
                let (ty, id) = (&value["__typename"], &value["id"]);
                let global = id
                    .as_str()
                    .is_some_and(|id| id.parse::<uuid::Uuid>().is_err());
                let of_type = found.iter().filter(|one| one["__typename"] == *ty).count();
                let one = json!({ "__typename": ty, "id": id });
                if global && of_type < 3 && !found.contains(&one) {
                    found.push(one);
                }
                members.values().for_each(|member| collect(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for answer in answers {
        collect(answer, &mut found);
    }
    assert!(found.len() >= 6, "{found:?}");
    found
}

/// What the other tenant has under a name.
pub fn known(side: &Side, name: &str) -> Vec<String> {
    let uuids = side
        .orders
        .iter()
        .chain(&side.customers)
        .chain(&side.leads)
        .chain(&side.metrics)
        .chain(&side.goals)
        .chain(&side.documents)
        .chain(&side.keys)
        .chain([&side.tenant.id.0])
        .map(ToString::to_string);
    match name {
        "id" | "ids" => {
            // Events have plain ones, and there are many.
            let (events, global): (Vec<_>, Vec<_>) = side
                .field("id")
                .into_iter()
                .partition(|id| id.parse::<uuid::Uuid>().is_ok());
            global.into_iter().chain(uuids).chain(events).collect()
        }
        "after" | "before" => ["cursor", "startCursor", "endCursor"]
            .iter()
            .flat_map(|name| side.field(name))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        "total" | "revenue" | "freight" | "valueLost" => side.field("amount"),
        // The measures of a metric are asked for with its id alone.
        "value" | "sum" | "average" | "minimum" | "maximum" | "last" => side.field("latestValue"),
        "observations" => vec!["2".to_owned()],
        "consent" => side.field("purpose"),
        "actor" => side.keys.iter().map(ToString::to_string).collect(),
        "actorKind" => side.field("kind"),
        "correlation" => side.field("correlationId"),
        "text" => vec![side.text("organization"), side.orders[0].to_string()],
        "source" => vec![side.text("source-of-observation")],
        "query" => vec![side.text("document-title"), side.text("document-body")],
        "tag" => side.field("tags"),
        "timeZone" => vec!["Europe/Lisbon".to_owned()],
        other => side.field(other),
    }
}
