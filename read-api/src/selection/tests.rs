//! What documents need.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema, Variables, value};

use super::projections;

/// Fields of the names of real ones, which answer what they need.
struct Probe;

#[Object]
impl Probe {
    async fn orders(&self, ctx: &Context<'_>) -> Nodes {
        Nodes(projections(ctx).join(" "))
    }
    async fn organization(&self, ctx: &Context<'_>) -> String {
        projections(ctx).join(" ")
    }
    async fn viewer(&self, ctx: &Context<'_>) -> String {
        projections(ctx).join(" ")
    }
    async fn query(&self) -> Probe {
        Probe
    }
}

struct Nodes(String);

#[Object]
impl Nodes {
    async fn nodes(&self) -> Vec<Nodes> {
        vec![Nodes(self.0.clone())]
    }
    async fn customer(&self) -> &str {
        &self.0
    }
    async fn needs(&self) -> &str {
        &self.0
    }
}

async fn needs(document: &str) -> Vec<String> {
    let request = async_graphql::Request::new(document)
        .variables(Variables::from_value(value!({ "no": false })));
    let schema = Schema::new(Probe, EmptyMutation, EmptySubscription);
    let answer = schema
        .execute(request)
        .await
        .into_result()
        .unwrap()
        .data
        .into_json()
        .unwrap();
    let mut found = Vec::new();
    leaves(&answer, &mut found);
    found.sort();
    found.dedup();
    found
}

fn leaves(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        leaf => found.push(leaf.as_str().unwrap().to_owned()),
    }
}

#[tokio::test]
async fn only_what_is_selected_is_needed() {
    assert_eq!(needs("{ viewer }").await, [""]);
    assert_eq!(needs("{ orders { needs } }").await, ["order"]);
    assert_eq!(needs("{ orders { nodes { needs } } }").await, ["order"]);
    assert_eq!(
        needs("{ a: orders { nodes { customer } } }").await,
        ["customer order"]
    );
    assert_eq!(
        needs("query($no: Boolean!) { viewer organization @include(if: $no) }").await,
        [""]
    );
}

#[tokio::test]
async fn all_fields_of_one_root_need_the_same() {
    assert_eq!(
        needs("{ viewer organization orders { needs } }").await,
        ["order organization"]
    );
    let fragments = "{ viewer ...A } fragment A on Probe { orders { ...B } } fragment B on Nodes { nodes { customer } }";
    assert_eq!(needs(fragments).await, ["customer order"]);
}

#[tokio::test]
async fn roots_inside_an_answer_need_what_they_select_themselves() {
    assert_eq!(
        needs("{ query { viewer organization } }").await,
        ["organization"]
    );
    assert_eq!(
        needs("{ a: query { orders { needs } } b: query { organization } }").await,
        ["order", "organization"]
    );
    assert_eq!(
        needs("{ a: query { viewer } ...A } fragment A on Probe { a: query { organization } }")
            .await,
        ["organization"]
    );
}
