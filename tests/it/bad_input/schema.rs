//! The commands' JSON Schemas as the OpenAPI document has them, and valid values of them. Fails on anything in a schema
//! that it does not know, so that nothing new goes untested.

use serde_json::{Map, Value, json};

/// What a text of the pattern looks like, and texts that break it.
struct Pattern {
    is: fn(&str) -> bool,
    sample: &'static str,
    wrong: &'static [&'static str],
}

const PATTERNS: [Pattern; 7] = [
    // Any text but control characters.
    Pattern {
        is: |p| p.contains("\\u0000-\\u0008"),
        sample: "a text",
        wrong: &["a\u{7}b", "\u{9f}"],
    },
    Pattern {
        is: |p| p == "^[A-Z]{3}$",
        sample: "EUR",
        wrong: &["eur", "E1R"],
    },
    Pattern {
        is: |p| p == "^[A-Z]{2}$",
        sample: "BE",
        wrong: &["be", "1E"],
    },
    Pattern {
        is: |p| p == "^[a-z]{2,3}$",
        sample: "pt",
        wrong: &["PT", "p1"],
    },
    Pattern {
        is: |p| p == "^[A-Za-z0-9_+/-]+$",
        sample: "America/Sao_Paulo",
        wrong: &["Sao Paulo", "UTC."],
    },
    Pattern {
        is: |p| p.starts_with("^-?(0|[1-9]"),
        sample: "12.5",
        wrong: &["1,5", "1e3", ".5"],
    },
    Pattern {
        is: |p| p.starts_with("^(\\*|[a-z]"),
        sample: "order:place",
        wrong: &["order", "Order:place", "order:place:now"],
    },
];

fn pattern(pattern: &str) -> &'static Pattern {
    PATTERNS
        .iter()
        .find(|known| (known.is)(pattern))
        .unwrap_or_else(|| panic!("no sample is known for the pattern {pattern}"))
}

/// One command as the document describes it.
#[derive(Clone, Debug)]
pub struct Route {
    /// With `{id}` in it.
    pub path: String,
    pub mutation: String,
    /// As bulk lines call it, such as `order.place`.
    pub kind: String,
    pub context: String,
    pub creates: bool,
    pub schema: Value,
    pub parameters: Vec<Value>,
}

/// The OpenAPI document, read.
pub struct Document(Value);

impl Document {
    pub fn new() -> Self {
        Self(commands::openapi::document())
    }

    /// Every route but the bulk one. A path, method or body of another form fails the test.
    pub fn routes(&self) -> Vec<Route> {
        let paths = self.0["paths"].as_object().unwrap();
        let routes: Vec<_> = paths
            .iter()
            .filter(|(path, _)| *path != "/api/v1/commands")
            .map(|(path, item)| {
                let methods: Vec<_> = item.as_object().unwrap().keys().collect();
                assert_eq!(
                    methods,
                    ["post"],
                    "{path} has a method that no test is made for"
                );
                let operation = &item["post"];
                let content = operation["requestBody"]["content"].as_object().unwrap();
                assert_eq!(
                    content.keys().collect::<Vec<_>>(),
                    ["application/json"],
                    "{path}"
                );
                Route {
                    path: path.clone(),
                    mutation: operation["operationId"].as_str().unwrap().to_owned(),
                    kind: operation["x-permission"]
                        .as_str()
                        .unwrap()
                        .replace(':', "."),
                    context: operation["tags"][0].as_str().unwrap().to_owned(),
                    creates: operation["responses"].get("201").is_some(),
                    schema: content["application/json"]["schema"].clone(),
                    parameters: operation["parameters"].as_array().unwrap().clone(),
                }
            })
            .collect();
        assert!(
            routes.len() >= 17 && paths.contains_key("/api/v1/commands"),
            "{} routes",
            routes.len()
        );
        routes
    }

    /// The kinds that the bulk route takes.
    pub fn bulk_kinds(&self) -> Vec<String> {
        let kinds = self.0["components"]["schemas"]["BulkLine"]["properties"]["type"]["enum"]
            .as_array()
            .unwrap();
        kinds
            .iter()
            .map(|kind| kind.as_str().unwrap().to_owned())
            .collect()
    }

    /// What a schema means behind references and "or null".
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
            let found = self.0.pointer(path.strip_prefix('#').unwrap());
            return self.resolve(found.unwrap_or_else(|| panic!("{path} leads nowhere")));
        }
        if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
            let other: Vec<_> = alternatives
                .iter()
                .filter(|a| a["type"] != "null")
                .collect();
            assert_eq!(
                other.len(),
                1,
                "a choice that no test is made for: {schema}"
            );
            return self.resolve(other[0]);
        }
        schema
    }

    /// A valid value with every property. `special` may give the value of a property of that name and format.
    pub fn sample(
        &self,
        name: &str,
        schema: &Value,
        special: &dyn Fn(&str, &str) -> Option<Value>,
    ) -> Value {
        let schema = self.resolve(schema);
        let format = schema
            .get("format")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(found) = special(name, format) {
            return found;
        }
        if let Some(values) = enumeration(schema) {
            return values[0].clone();
        }
        match kind(schema) {
            "object" => {
                let properties = properties(schema);
                properties
                    .iter()
                    .map(|(name, of)| (name.clone(), self.sample(name, of, special)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            "array" => json!([self.sample(name, &schema["items"], special)]),
            "boolean" => json!(true),
            "integer" => json!(
                schema
                    .get("minimum")
                    .and_then(Value::as_i64)
                    .unwrap_or(0)
                    .max(1)
            ),
            "string" => match format {
                "uuid" => json!("0199d3f0-7c1e-7000-8000-5a2a711c0de5"),
                "date-time" => json!("2026-01-02T03:04:05Z"),
                "" => json!(
                    pattern(
                        schema["pattern"]
                            .as_str()
                            .unwrap_or_else(|| panic!("a text without pattern: {schema}"))
                    )
                    .sample
                ),
                other => panic!("no sample is known for the format {other}"),
            },
            other => panic!("no sample is known for the type {other}"),
        }
    }
}

/// The properties of an object's schema, which must list them all.
pub fn properties(schema: &Value) -> Map<String, Value> {
    assert_eq!(
        schema["additionalProperties"], false,
        "unknown fields are refused: {schema}"
    );
    schema
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

pub fn required(schema: &Value) -> Vec<&str> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .map(|r| r.iter().map(|n| n.as_str().unwrap()).collect())
        .unwrap_or_default()
}

/// The values of an enumeration, however it is written.
pub fn enumeration(schema: &Value) -> Option<Vec<Value>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.clone());
    }
    let each = schema.get("oneOf").and_then(Value::as_array)?;
    Some(
        each.iter()
            .map(|s| {
                s.get("const")
                    .unwrap_or_else(|| panic!("a choice that no test is made for: {s}"))
                    .clone()
            })
            .collect(),
    )
}

/// The type but for null.
pub fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap(),
        other => panic!("a type that no test is made for: {other} in {schema}"),
    }
}

/// Whether null is a value.
pub fn nullable(schema: &Value) -> bool {
    let one_of = |kinds: &Value| {
        kinds
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"))
    };
    one_of(&schema["type"])
        || schema
            .get("anyOf")
            .and_then(Value::as_array)
            .is_some_and(|of| of.iter().any(|s| s["type"] == "null"))
}

/// Texts that a pattern refuses although their length is right.
pub fn breaking(schema: &Value) -> &'static [&'static str] {
    schema
        .get("pattern")
        .and_then(Value::as_str)
        .map_or(&[], |of| pattern(of).wrong)
}
