//! The GraphQL schema as introspection tells it, and selections of everything in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::Served;

const TYPE: &str =
    "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The types by name.
pub struct Schema(BTreeMap<String, Value>);

impl Schema {
    pub async fn of(app: &Served, key: &str) -> Self {
        let query = format!(
            "{{ __schema {{ types {{ kind name fields {{ name args {{ name defaultValue type {{ {TYPE} }} }} type {{ {TYPE} }} }} \
             inputFields {{ name type {{ {TYPE} }} }} enumValues {{ name }} possibleTypes {{ name }} }} }} }}"
        );
        let data = app.query(key, &query, json!({})).await;
        let types = data["__schema"]["types"].as_array().unwrap();
        Self(
            types
                .iter()
                .map(|ty| (ty["name"].as_str().unwrap().to_owned(), ty.clone()))
                .collect(),
        )
    }

    pub fn ty(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or_else(|| panic!("no type {name}"))
    }

    pub fn fields(&self, name: &str) -> &[Value] {
        self.ty(name)["fields"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Everything of a type, nothing twice below itself, without what only arguments of no known value could give.
    pub fn selection(&self, name: &str, depth: usize) -> String {
        self.within(name, depth, &mut Vec::new())
    }

    fn within(&self, name: &str, depth: usize, path: &mut Vec<String>) -> String {
        let ty = self.ty(name);
        path.push(name.to_owned());
        let mut parts = vec!["__typename".to_owned()];
        let possible = ty["possibleTypes"]
            .as_array()
            .filter(|_| ty["kind"] != "OBJECT");
        if let Some(possible) = possible {
            for of in possible.iter().map(|of| of["name"].as_str().unwrap()) {
                parts.push(format!("... on {of} {}", self.within(of, depth, path)));
            }
        } else {
            parts.extend(
                self.fields(name)
                    .iter()
                    .filter_map(|field| self.field(field, depth, path)),
            );
        }
        path.pop();
        format!("{{ {} }}", parts.join(" "))
    }

    /// A field with everything below it; none if that is too deep or was seen on the way.
    fn field(&self, field: &Value, depth: usize, path: &mut Vec<String>) -> Option<String> {
        let name = field["name"].as_str().unwrap();
        let args: Vec<_> = field["args"].as_array().unwrap().iter().collect();
        let needed: Vec<_> = args
            .iter()
            .filter(|arg| arg["type"]["kind"] == "NON_NULL" && arg["defaultValue"].is_null())
            .collect();
        let one_of = name == "order";
        if (one_of || !needed.is_empty()) && path.last().is_some_and(|of| of == "Query") {
            // Root fields get their arguments from their own test.
            return None;
        }
        assert!(
            needed.is_empty(),
            "{path:?}.{name} needs arguments that no test has values for: {needed:?}"
        );
        let paged = args.iter().any(|arg| arg["name"] == "first");
        let call = if paged {
            format!("{name}(first: 5)")
        } else {
            name.to_owned()
        };
        let of = named(&field["type"]);
        if matches!(self.ty(of)["kind"].as_str(), Some("SCALAR" | "ENUM")) {
            return Some(call);
        }
        if depth == 0 || path.iter().any(|seen| seen == of) {
            return None;
        }
        Some(format!("{call} {}", self.within(of, depth - 1, path)))
    }
}

/// The name behind lists and "not null".
pub fn named(ty: &Value) -> &str {
    ty["name"].as_str().unwrap_or_else(|| named(&ty["ofType"]))
}

/// The type as it is written.
pub fn written(ty: &Value) -> String {
    match ty["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&ty["ofType"])),
        Some("LIST") => format!("[{}]", written(&ty["ofType"])),
        _ => ty["name"].as_str().unwrap().to_owned(),
    }
}
