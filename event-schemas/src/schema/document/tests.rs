//! What is described is what is stored.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::CONTEXTS;

fn schema(event_type: &str) -> Value {
    let mut all = newest().into_iter();
    all.find(|document| document.event_type == event_type)
        .unwrap()
        .schema
}

#[test]
fn every_context_is_described_and_no_name_is_used_twice() {
    let all = newest();
    let contexts: BTreeSet<_> = all.iter().map(|document| document.context).collect();
    assert_eq!(contexts, BTreeSet::from(CONTEXTS));
    // Kafka's consumers and `schema::find` know an event by its type alone.
    let types: BTreeSet<_> = all.iter().map(|document| document.event_type).collect();
    assert_eq!(types.len(), all.len());
}

#[test]
fn a_schema_says_what_it_is() {
    let schema = schema("OrderPlaced");
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(
        schema["$id"],
        "https://daybook.dev/schemas/order/OrderPlaced.v1.json"
    );
    assert_eq!(schema["title"], "order.OrderPlaced.v1");
    assert_eq!(schema["description"], "A customer ordered.");
    assert_eq!(
        schema["required"],
        json!(["customerId", "currency", "lines"])
    );
    assert_eq!(
        schema["properties"]["customerId"],
        json!({ "type": "string", "format": "uuid", "description": "Who ordered." })
    );
    assert_eq!(schema.get("additionalProperties"), None);
}

#[test]
fn what_is_left_out_is_never_null() {
    let cancelled = schema("OrderRefunded");
    assert_eq!(
        cancelled["properties"]["reason"],
        json!({ "$ref": "#/$defs/RefundReason", "description": "Why, where it was said." })
    );
    assert_eq!(
        schema("OrderReviewed")["properties"]["title"],
        json!({ "type": "string", "description": "The headline.", "x-personal": true })
    );
    for document in newest() {
        let text = document.schema.to_string();
        assert!(
            !text.contains("\"null\""),
            "{}: {text}",
            document.event_type
        );
    }
}

#[test]
fn null_stays_where_a_field_is_always_written() {
    #[derive(serde::Serialize, JsonSchema)]
    struct Seen {
        by: Option<String>,
    }
    let by = Seen { by: None };
    assert_eq!(serde_json::to_value(by).unwrap(), json!({ "by": null }));
    let schema = stored::<Seen>();
    assert_eq!(schema["required"], json!(["by"]));
    assert_eq!(
        schema["properties"]["by"]["type"],
        json!(["string", "null"])
    );
}
