//! Objects whose fields are resolved one after the other. Never changes what an object means.
//!
//! The engine (7.2) resolves all fields of an object at once, as a set of futures that it allocates and polls one by one. Here fields
//! only ever wait for one connection, so that brings nothing, and costs more than the fields of a plain row.

use std::borrow::Cow;

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Name, ObjectType, OutputType, Positioned,
    ServerResult, Value,
    indexmap::IndexMap,
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
};

/// An object whose fields are resolved one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Serial<T>(pub(crate) T);

impl<T: ContainerType> OutputType for Serial<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let mut selected = Vec::with_capacity(ctx.item.node.items.len());
        collect(&self.0, &ctx.item.node, ctx, &mut selected);
        let mut values = IndexMap::with_capacity(selected.len());
        for field in selected {
            let key = field.node.response_key().node.clone();
            if field.node.name.node == "__typename" {
                let name = self.0.introspection_type_name().into_owned();
                values.insert(key, Value::String(name));
                continue;
            }
            match self.0.resolve_field(&ctx.with_field(field)).await {
                Ok(value) => add(&mut values, key, value.unwrap_or_default()),
                // A field that fails is reported, and left out.
                Err(error) => ctx.add_error(error),
            }
        }
        // As the engine has it: an object all of whose fields failed.
        Ok(if values.is_empty() {
            Value::Null
        } else {
            Value::Object(values)
        })
    }
}

impl<T: ContainerType> ContainerType for Serial<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolve_field(ctx).await
    }
}

impl<T: ObjectType> ObjectType for Serial<T> {}

type Values = IndexMap<Name, Value>;

/// The fields that are selected of an object, with those of the fragments that are on its type.
fn collect<'a, T: ContainerType>(
    object: &T,
    set: &'a SelectionSet,
    ctx: &ContextSelectionSet<'a>,
    fields: &mut Vec<&'a Positioned<Field>>,
) {
    for selection in &set.items {
        let (condition, set) = match &selection.node {
            Selection::Field(field) => {
                fields.push(field);
                continue;
            }
            Selection::InlineFragment(fragment) => (
                fragment.node.type_condition.as_ref(),
                &fragment.node.selection_set.node,
            ),
            Selection::FragmentSpread(spread) => {
                let fragments = &ctx.query_env.fragments;
                let Some(fragment) = fragments.get(&spread.node.fragment_name.node) else {
                    continue;
                };
                (
                    Some(&fragment.node.type_condition),
                    &fragment.node.selection_set.node,
                )
            }
        };
        let condition = condition.map(|condition| condition.node.on.node.as_str());
        if condition.is_none_or(|condition| is(object, condition, ctx)) {
            collect(object, set, ctx, fields);
        }
    }
}

/// Whether the object is of that type, or its type has that interface.
fn is<T: ContainerType>(object: &T, condition: &str, ctx: &ContextSelectionSet<'_>) -> bool {
    let name = object.introspection_type_name();
    let interfaces = ctx.schema_env.registry.implements.get(&*name);
    name == condition || interfaces.is_some_and(|interfaces| interfaces.contains(condition))
}

/// Adds a value to those of the same key: a field may be selected in several places, each with fields of its own.
fn add(values: &mut Values, key: Name, value: Value) {
    match (values.get_mut(&key), value) {
        (None, value) => {
            values.insert(key, value);
        }
        (Some(Value::Object(before)), Value::Object(more)) => {
            for (key, value) in more {
                add(before, key, value);
            }
        }
        (Some(Value::List(before)), Value::List(more)) => {
            for (before, more) in before.iter_mut().zip(more) {
                if let (Value::Object(before), Value::Object(more)) = (before, more) {
                    for (key, value) in more {
                        add(before, key, value);
                    }
                }
            }
        }
        (Some(_), _) => {}
    }
}
