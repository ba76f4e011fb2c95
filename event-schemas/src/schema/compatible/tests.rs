//! Every kind of change, and the verdict on it.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::json;

use super::*;

/// An order, as the generator describes it: fields, a list of a definition, a choice.
fn order() -> Value {
    json!({
        "title": "order.OrderPlaced.v1",
        "type": "object",
        "properties": {
            "customerId": { "type": "string", "format": "uuid" },
            "amount": { "type": "integer", "format": "int64", "minimum": 0 },
            "note": { "type": "string" },
            "reason": { "$ref": "#/$defs/Reason", "description": "Why." },
            "lines": { "type": "array", "items": { "$ref": "#/$defs/Line" } },
        },
        "required": ["customerId", "amount", "lines"],
        "$defs": {
            "Reason": { "oneOf": [
                { "type": "string", "const": "fraud", "description": "Not real." },
                { "type": "string", "const": "other" },
            ] },
            "Line": {
                "type": "object",
                "properties": { "quantity": { "type": "integer" }, "unit": { "type": "string", "enum": ["kg", "m"] } },
                "required": ["quantity"],
            },
        },
    })
}

/// The verdict on the order with something put at a JSON pointer; `null` takes it away.
fn verdict(pointer: &str, value: Value) -> Result<(), String> {
    let mut new = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match new.pointer_mut(parent).unwrap() {
        Value::Object(fields) if value.is_null() => {
            fields.remove(name).unwrap();
        }
        Value::Object(fields) => {
            fields.insert(name.to_owned(), value);
        }
        other => {
            *other.get_mut(name.parse::<usize>().unwrap()).unwrap() = value;
        }
    }
    assert_ne!(new, order(), "nothing was changed");
    check(&order(), &new).map_err(|found| found.to_string())
}

#[track_caller]
fn refused(pointer: &str, value: Value, words: &str) {
    assert_eq!(verdict(pointer, value), Err(words.to_owned()));
}

#[test]
fn a_new_optional_field_is_compatible_at_every_depth() {
    assert_eq!(check(&order(), &order()), Ok(()));
    let field = json!({ "type": "string" });
    assert_eq!(verdict("/properties/reference", field.clone()), Ok(()));
    assert_eq!(verdict("/$defs/Line/properties/colour", field), Ok(()));
}

#[test]
fn words_and_the_names_of_definitions_may_change() {
    assert_eq!(
        verdict("/properties/note/description", json!("In words.")),
        Ok(())
    );
    assert_eq!(verdict("/properties/note/x-personal", json!(true)), Ok(()));
    assert_eq!(
        verdict("/$defs/Reason/oneOf/1/description", json!("Else.")),
        Ok(())
    );
    let mut renamed = order();
    let line = renamed.pointer_mut("/$defs/Line").unwrap().take();
    *renamed.pointer_mut("/$defs").unwrap() =
        json!({ "Row": line, "Reason": order().pointer("/$defs/Reason") });
    *renamed.pointer_mut("/properties/lines/items/$ref").unwrap() = json!("#/$defs/Row");
    assert_eq!(check(&order(), &renamed), Ok(()));
}

#[test]
fn the_order_of_a_choice_does_not_matter() {
    let mut turned = order();
    let choices = turned.pointer_mut("/$defs/Reason/oneOf").unwrap();
    choices.as_array_mut().unwrap().reverse();
    assert_eq!(check(&order(), &turned), Ok(()));
}

#[test]
fn a_field_that_is_gone_is_refused_optional_or_not() {
    refused(
        "/properties/note",
        Value::Null,
        "the field `note` is gone or has another name",
    );
    refused(
        "/properties/amount",
        Value::Null,
        "the field `amount` is gone or has another name",
    );
    refused(
        "/$defs/Line/properties/unit",
        Value::Null,
        "the field `lines[].unit` is gone or has another name",
    );
}

#[test]
fn what_is_required_stays_required_and_nothing_else_becomes_so() {
    let all = json!(["customerId", "amount", "lines", "note"]);
    refused(
        "/required",
        all,
        "the field `note` was optional and is required",
    );
    let fewer = json!(["customerId", "lines"]);
    refused(
        "/required",
        fewer,
        "the field `amount` was required and is optional",
    );
    refused(
        "/required",
        Value::Null,
        "the field `amount` was required and is optional",
    );
    let mut new = order();
    *new.pointer_mut("/required").unwrap() = json!(["customerId", "amount", "lines", "shop"]);
    let shop = json!({ "type": "string" });
    new.pointer_mut("/properties")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .insert("shop".to_owned(), shop);
    let found = check(&order(), &new).unwrap_err();
    assert_eq!(found.to_string(), "the field `shop` is new and required");
}

#[test]
fn another_type_or_format_is_refused() {
    refused(
        "/properties/amount/type",
        json!("string"),
        "the field `amount` was of type integer and is of type string",
    );
    refused(
        "/properties/note/type",
        json!(["string", "null"]),
        "the field `note` was of type string and is of type [\"string\",\"null\"]",
    );
    refused(
        "/properties/customerId/format",
        Value::Null,
        "the field `customerId` had `format` \"uuid\" and has nothing",
    );
    refused(
        "/properties/lines/items",
        json!({ "type": "string" }),
        "the field `lines[]` was of type object and is of type string",
    );
    refused(
        "/properties/lines/items",
        Value::Null,
        "the field `lines` had `items` {\"$ref\":\"#/$defs/Line\"} and has nothing",
    );
}

#[test]
fn another_value_of_a_choice_is_refused_whether_gone_or_new() {
    refused(
        "/$defs/Reason/oneOf",
        json!([{ "type": "string", "const": "other" }]),
        "the field `reason` has other values: gone \"fraud\"",
    );
    refused(
        "/$defs/Reason/oneOf/0/const",
        json!("stolen"),
        "the field `reason` has other values: gone \"fraud\" new \"stolen\"",
    );
    refused(
        "/$defs/Line/properties/unit/enum",
        json!(["kg", "m", "l"]),
        "the field `lines[].unit` has other values: new \"l\"",
    );
    refused(
        "/$defs/Line/properties/unit/enum",
        Value::Null,
        "the field `lines[].unit` had `enum` [\"kg\",\"m\"] and has nothing",
    );
    refused(
        "/$defs/Reason/oneOf/0",
        json!({ "type": "string" }),
        "the field `reason` had `const` \"fraud\" and has nothing",
    );
}

#[test]
fn limits_neither_widen_nor_narrow() {
    let (pointer, field) = ("/properties/amount/minimum", "the field `amount`");
    refused(
        pointer,
        json!(1),
        &format!("{field} had `minimum` 0 and has 1"),
    );
    refused(
        pointer,
        Value::Null,
        &format!("{field} had `minimum` 0 and has nothing"),
    );
    refused(
        "/properties/note/maxLength",
        json!(10),
        "the field `note` had `maxLength` nothing and has 10",
    );
    refused(
        "/additionalProperties",
        json!(false),
        "the payload had `additionalProperties` nothing and has false",
    );
}

#[test]
fn a_type_that_holds_itself_comes_to_an_end() {
    let tree = |leaf: &str| {
        json!({
            "$ref": "#/$defs/Tree",
            "$defs": { "Tree": {
                "type": "object",
                "properties": { "leaf": { "type": leaf }, "children": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } },
            } },
        })
    };
    assert_eq!(check(&tree("string"), &tree("string")), Ok(()));
    let found = check(&tree("string"), &tree("integer")).unwrap_err();
    assert_eq!(found.at, "leaf");
}
