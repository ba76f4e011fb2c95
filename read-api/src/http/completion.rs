//! Completes a result in which fields failed, as the specification wants (October 2021, 6.4.4): a failed field is null, and where
//! its type forbids that, what holds it is. Never makes or removes an error.
//!
//! The engine (7.2) leaves a failed field out of its object, and lets null stand where a type forbids it.

use std::collections::HashMap;

use async_graphql::{
    Name, PathSegment, Value,
    indexmap::IndexMap,
    parser::{
        parse_schema,
        types::{
            BaseType, ExecutableDocument, OperationDefinition, OperationType, Selection,
            SelectionSet, Type, TypeKind, TypeSystemDefinition,
        },
    },
};

/// The types of the fields of objects and interfaces, by the names of both.
pub(super) struct Types {
    query: String,
    mutation: String,
    fields: HashMap<String, HashMap<String, Type>>,
}

impl Types {
    /// Reads a schema in its own language, as the engine writes it.
    pub(super) fn of(sdl: &str) -> Self {
        let mut types = Self {
            query: "Query".to_owned(),
            mutation: "Mutation".to_owned(),
            fields: HashMap::new(),
        };
        let definitions = match parse_schema(sdl) {
            Ok(schema) => schema.definitions,
            Err(error) => {
                tracing::error!(%error, "the schema cannot be read: null may stand where it must not");
                return types;
            }
        };
        for definition in definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    if let Some(query) = schema.node.query {
                        types.query = query.node.to_string();
                    }
                    if let Some(mutation) = schema.node.mutation {
                        types.mutation = mutation.node.to_string();
                    }
                }
                TypeSystemDefinition::Type(ty) => {
                    let fields = match ty.node.kind {
                        TypeKind::Object(object) => object.fields,
                        TypeKind::Interface(interface) => interface.fields,
                        TypeKind::Scalar
                        | TypeKind::Union(_)
                        | TypeKind::Enum(_)
                        | TypeKind::InputObject(_) => continue,
                    };
                    let fields = fields
                        .into_iter()
                        .map(|field| (field.node.name.node.to_string(), field.node.ty.node));
                    let name = ty.node.name.node.to_string();
                    types.fields.insert(name, fields.collect());
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        types
    }
}

/// Puts null where it must stand because of what failed: fields and items, by their paths in the answer.
pub(super) fn complete<'a>(
    data: &mut Value,
    failed: impl Iterator<Item = &'a [PathSegment]>,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    types: &Types,
) {
    let walk = Walk { document, types };
    let root = match operation.ty {
        OperationType::Mutation => &types.mutation,
        OperationType::Query | OperationType::Subscription => &types.query,
    };
    // What has no path was refused before it was executed.
    let mut nulls: Vec<_> = failed
        .filter(|path| !path.is_empty())
        .map(|path| walk.absorb(root, &operation.selection_set.node, path))
        .collect();
    // The innermost first, so that what holds them has the last word.
    nulls.sort_by_key(|path| std::cmp::Reverse(path.len()));
    for path in nulls {
        set_null(data, path);
    }
}

/// A selection on a type.
type On<'a> = (&'a str, &'a SelectionSet);

struct Walk<'a> {
    document: &'a ExecutableDocument,
    types: &'a Types,
}

impl<'a> Walk<'a> {
    /// Where null stands for what failed at `path`: there, or at the innermost of what holds it that may be null; the root may.
    fn absorb<'p>(
        &self,
        root: &'a str,
        set: &'a SelectionSet,
        path: &'p [PathSegment],
    ) -> &'p [PathSegment] {
        let (mut ty, mut on): (Option<&Type>, Vec<On<'_>>) = (None, vec![(root, set)]);
        let mut absorbs = 0;
        for (depth, segment) in (1..).zip(path) {
            match segment {
                PathSegment::Field(key) => (ty, on) = self.field(&on, key),
                PathSegment::Index(_) => {
                    ty = ty.and_then(|ty| match &ty.base {
                        BaseType::List(item) => Some(&**item),
                        BaseType::Named(_) => None,
                    });
                }
            }
            // Introspection's types are not in the schema's text.
            if ty.is_none_or(|ty| ty.nullable) {
                absorbs = depth;
            }
        }
        path.get(..absorbs).unwrap_or_default()
    }

    /// The type of the field with that response key, and what is selected of it.
    fn field(&self, on: &[On<'a>], key: &str) -> (Option<&'a Type>, Vec<On<'a>>) {
        let (mut ty, mut inside) = (None, Vec::new());
        for (parent, set) in on {
            self.find(parent, set, key, &mut ty, &mut inside);
        }
        (ty, inside)
    }

    fn find(
        &self,
        parent: &'a str,
        set: &'a SelectionSet,
        key: &str,
        ty: &mut Option<&'a Type>,
        inside: &mut Vec<On<'a>>,
    ) {
        for selection in &set.items {
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    if field.node.response_key().node == *key {
                        let fields = self.types.fields.get(parent);
                        let found = fields.and_then(|all| all.get(field.node.name.node.as_str()));
                        *ty = ty.or(found);
                        let name = found.map_or("", |found| named(&found.base));
                        inside.push((name, &field.node.selection_set.node));
                    }
                    continue;
                }
                Selection::InlineFragment(fragment) => (
                    fragment.node.type_condition.as_ref(),
                    &fragment.node.selection_set.node,
                ),
                Selection::FragmentSpread(spread) => {
                    let fragments = &self.document.fragments;
                    let Some(fragment) = fragments.get(&spread.node.fragment_name.node) else {
                        continue;
                    };
                    (
                        Some(&fragment.node.type_condition),
                        &fragment.node.selection_set.node,
                    )
                }
            };
            let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
            self.find(parent, set, key, ty, inside);
        }
    }
}

/// The name inside a type's lists.
fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(&item.base),
    }
}

/// Puts null at `path`, if its list is still there. An object all of whose fields failed is null to the engine: it is
/// made anew.
fn set_null(value: &mut Value, path: &[PathSegment]) {
    let Some((segment, rest)) = path.split_first() else {
        *value = Value::Null;
        return;
    };
    match segment {
        PathSegment::Field(name) => {
            if *value == Value::Null {
                *value = Value::Object(IndexMap::new());
            }
            if let Value::Object(fields) = value {
                let field = fields.entry(Name::new(name)).or_insert(Value::Null);
                set_null(field, rest);
            }
        }
        PathSegment::Index(index) => {
            if let Value::List(items) = value
                && let Some(item) = items.get_mut(*index)
            {
                set_null(item, rest);
            }
        }
    }
}
