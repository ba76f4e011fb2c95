//! JSON Schema to GraphQL input types, and GraphQL values to JSON. Knows no command by name.

use std::borrow::Cow;

use async_graphql::{
    InputType, InputValueError, InputValueResult, Value as GqlValue,
    indexmap::IndexMap,
    registry::{Deprecation, MetaEnumValue, MetaInputValue, MetaType, Registry},
};
use serde_json::Value;

use crate::Spec;

/// A command's fields as they came; the engine has validated their shape.
pub(super) struct Raw(GqlValue);

impl InputType for Raw {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("CommandInput")
    }

    fn create_type_info(_: &mut Registry) -> String {
        // Every command's own input object stands in for it.
        Self::qualified_type_name()
    }

    fn parse(value: Option<GqlValue>) -> InputValueResult<Self> {
        value
            .map(Raw)
            .ok_or_else(|| InputValueError::custom("the input is missing"))
    }

    fn to_value(&self) -> GqlValue {
        self.0.clone()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// The JSON of the fields. A 64-bit integer that came as a string becomes a number where the schema wants one.
pub(super) fn to_json(schema: &Value, input: Option<Raw>) -> Value {
    let Some(Raw(input)) = input else {
        return Value::Object(serde_json::Map::new());
    };
    let mut json = input.into_json().unwrap_or(Value::Null);
    numbers(schema, schema, &mut json);
    json
}

fn numbers(root: &Value, schema: &Value, json: &mut Value) {
    let schema = resolve(root, schema);
    match json {
        Value::String(text) if is_int64(schema) => {
            if let Ok(number) = text.parse::<i64>() {
                *json = number.into();
            }
        }
        Value::Array(items) => {
            if let Some(of) = schema.get("items") {
                for item in items.iter_mut() {
                    numbers(root, of, item);
                }
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(of) = schema.get("properties").and_then(|p| p.get(name)) {
                    numbers(root, of, value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_int64(schema: &Value) -> bool {
    schema.get("format").and_then(Value::as_str) == Some("int64")
}

/// What a schema means behind references and "or null".
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(name) = reference(schema) {
        return root
            .get("$defs")
            .and_then(|defs| defs.get(name))
            .map_or(schema, |found| resolve(root, found));
    }
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    let other = alternatives.and_then(|all| {
        all.iter()
            .find(|s| s.get("type").and_then(Value::as_str) != Some("null"))
    });
    other.map_or(schema, |found| resolve(root, found))
}

fn reference(schema: &Value) -> Option<&str> {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.strip_prefix("#/$defs/"))
}

/// The name behind references and "or null", if the schema has one.
fn named(schema: &Value) -> Option<&str> {
    reference(schema).or_else(|| {
        schema
            .get("anyOf")
            .and_then(Value::as_array)?
            .iter()
            .find_map(reference)
    })
}

/// Registers a command's input object. None if the command has no fields.
pub(super) fn register(types: &mut Registry, spec: &Spec) -> Option<String> {
    let properties = spec.schema.get("properties").and_then(Value::as_object)?;
    if properties.is_empty() {
        return None;
    }
    let name = format!("{}Input", spec.title);
    object(types, &spec.schema, &spec.schema, &name);
    let all_optional = spec
        .schema
        .get("required")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty);
    Some(if all_optional {
        name
    } else {
        format!("{name}!")
    })
}

fn description(schema: &Value) -> Option<String> {
    schema
        .get("description")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned)
}

fn object(types: &mut Registry, root: &Value, schema: &Value, name: &str) {
    if types.types.contains_key(name) {
        return;
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|r| r.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut fields = IndexMap::new();
    for (field, of) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let ty = reference_to(types, root, of, &format!("{name}{field}"));
        let ty = if required.contains(&field.as_str()) {
            format!("{ty}!")
        } else {
            ty
        };
        fields.insert(field.clone(), value(field, ty, description(of)));
    }
    types.types.insert(
        name.to_owned(),
        MetaType::InputObject {
            name: name.to_owned(),
            description: description(schema),
            input_fields: fields,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: None,
            oneof: false,
            directive_invocations: Vec::new(),
        },
    );
}

/// The nullable type of a schema, registered if it is not yet.
fn reference_to(types: &mut Registry, root: &Value, schema: &Value, fallback: &str) -> String {
    let found = resolve(root, schema);
    let name = named(schema).unwrap_or(fallback);
    if let Some(values) = enumeration(found) {
        let values = values
            .into_iter()
            .map(|(n, d)| (n.clone(), enum_value(n, d)))
            .collect();
        types
            .types
            .entry(name.to_owned())
            .or_insert_with(|| MetaType::Enum {
                name: name.to_owned(),
                description: description(found),
                enum_values: values,
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                rust_typename: None,
                directive_invocations: Vec::new(),
                requires_scopes: Vec::new(),
            });
        return name.to_owned();
    }
    let format = found.get("format").and_then(Value::as_str);
    match (kind(found), format) {
        (Some("array"), _) => {
            let of = found.get("items").map_or_else(
                || "String".to_owned(),
                |items| reference_to(types, root, items, fallback),
            );
            format!("[{of}!]")
        }
        (Some("object"), _) => {
            let name = format!("{name}Input");
            object(types, root, found, &name);
            name
        }
        (Some("integer"), Some("int64")) => big_int(types),
        (Some("integer"), _) => nullable(&<i32 as InputType>::create_type_info(types)),
        (Some("number"), _) => nullable(&<f64 as InputType>::create_type_info(types)),
        (Some("boolean"), _) => nullable(&<bool as InputType>::create_type_info(types)),
        (_, Some("uuid")) => nullable(&<uuid::Uuid as InputType>::create_type_info(types)),
        (_, Some("date-time")) => {
            nullable(&<chrono::DateTime<chrono::Utc> as InputType>::create_type_info(types))
        }
        _ => nullable(&<String as InputType>::create_type_info(types)),
    }
}

fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        _ => None,
    }
}

/// The values of an enumeration with their descriptions, however schemars wrote it.
fn enumeration(schema: &Value) -> Option<Vec<(String, Option<String>)>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(
            values
                .iter()
                .filter_map(|v| Some((v.as_str()?.to_owned(), None)))
                .collect(),
        );
    }
    let each = schema.get("oneOf").and_then(Value::as_array)?;
    each.iter()
        .map(|s| Some((s.get("const")?.as_str()?.to_owned(), description(s))))
        .collect()
}

/// A 64-bit integer as GraphQL has none: a string, or a number where it fits one.
fn big_int(types: &mut Registry) -> String {
    types
        .types
        .entry("BigInt".to_owned())
        .or_insert_with(|| MetaType::Scalar {
            name: "BigInt".to_owned(),
            description: Some("A 64-bit integer, as a string; as input also a number.".to_owned()),
            is_valid: Some(std::sync::Arc::new(|value| match value {
                GqlValue::String(text) => text.parse::<i64>().is_ok(),
                GqlValue::Number(number) => number.is_i64(),
                _ => false,
            })),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            specified_by_url: None,
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        });
    "BigInt".to_owned()
}

fn nullable(qualified: &str) -> String {
    qualified.trim_end_matches('!').to_owned()
}

fn enum_value(name: String, description: Option<String>) -> MetaEnumValue {
    MetaEnumValue {
        name,
        description,
        deprecation: Deprecation::NoDeprecated,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        directive_invocations: Vec::new(),
    }
}

/// An argument or input field.
pub(super) fn value(name: &str, ty: String, description: Option<String>) -> MetaInputValue {
    MetaInputValue {
        name: name.to_owned(),
        description,
        ty,
        deprecation: Deprecation::NoDeprecated,
        default_value: None,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        is_secret: false,
        directive_invocations: Vec::new(),
    }
}
