//! Which read models a query needs, told from its document before anything is read. Never executes a field.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use async_graphql::{
    Context, Name, Positioned, QueryPathSegment,
    parser::types::{Field, FragmentDefinition, Selection, SelectionSet},
};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// The projections that the fields beside and inside this root field need.
pub(crate) fn projections(ctx: &Context<'_>) -> Vec<&'static str> {
    let env = ctx.query_env;
    let mut roots = vec![&env.operation.node.selection_set.node];
    for key in parents(ctx) {
        roots = roots
            .into_iter()
            .flat_map(|set| fields(set, &env.fragments))
            .filter(|field| *field.response_key().node == *key)
            .map(|field| &field.selection_set.node)
            .collect();
    }
    let mut needed = Vec::new();
    for root in roots
        .into_iter()
        .flat_map(|set| fields(set, &env.fragments))
    {
        needed.extend(of_root(root.name.node.as_str()));
        inside(root, &env.fragments, &mut needed);
    }
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// What a field of the query root needs.
fn of_root(field: &str) -> &'static [&'static str] {
    match field {
        "order" | "orders" | "ordersStats" => &["order"],
        "customer" | "customers" => &["customer"],
        "lead" | "leads" | "leadsStats" => &["lead"],
        "metric" | "metrics" | "metricObservations" | "metricStats" => &["metric"],
        "goal" | "goals" | "goalsStats" => &["goal"],
        "document" | "documents" | "searchDocuments" => &["document"],
        "audit" | "causation" => &["audit"],
        "organization" => &["organization"],
        "apiKeys" => &["identity"],
        "node" | "nodes" | "_entities" => &[
            "customer",
            "document",
            "goal",
            "identity",
            "lead",
            "metric",
            "order",
            "organization",
        ],
        _ => &[],
    }
}

/// What the fields inside a root field need besides.
fn inside(field: &Field, fragments: &Fragments, needed: &mut Vec<&'static str>) {
    for child in fields(&field.selection_set.node, fragments) {
        match child.name.node.as_str() {
            "customer" => needed.push("customer"),
            "metric" => needed.push("metric"),
            _ => {}
        }
        inside(child, fragments, needed);
    }
}

/// The response keys on the way from the operation to the object that this field stands in.
fn parents<'a>(ctx: &Context<'a>) -> Vec<&'a str> {
    let mut keys = Vec::new();
    let mut node = ctx.path_node.as_ref().and_then(|node| node.parent);
    while let Some(parent) = node {
        if let QueryPathSegment::Name(key) = parent.segment {
            keys.push(key);
        }
        node = parent.parent;
    }
    keys.reverse();
    keys
}

/// The fields of a selection set, those of its fragments included, in their order. The document is validated: fragments end.
pub(crate) fn fields<'a>(set: &'a SelectionSet, fragments: &'a Fragments) -> Vec<&'a Field> {
    let mut found = Vec::new();
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => found.push(&field.node),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = fragments.get(&spread.node.fragment_name.node) {
                    found.extend(fields(&fragment.node.selection_set.node, fragments));
                }
            }
            Selection::InlineFragment(fragment) => {
                found.extend(fields(&fragment.node.selection_set.node, fragments));
            }
        }
    }
    found
}
