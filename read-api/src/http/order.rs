//! The order of an answer's fields: that in which the selection names them first, fragments in their place (`CollectFields` in the
//! specification, October 2021, 6.3.2). Never makes or removes a value.
//!
//! The engine (7.2) answers with fields in the order in which they were done.

use async_graphql::{
    Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, OperationDefinition, SelectionSet},
};

use crate::selection::fields;

/// The fields that an object may have in an answer, in their order; none for what has no selection.
///
/// Fields of fragments on several types stand in the order of the document: an object has those of its own type.
#[derive(Default)]
pub(super) struct Shape<'a>(IndexMap<&'a str, Shape<'a>>);

impl<'a> Shape<'a> {
    /// What the operation selects.
    pub(super) fn of(document: &'a ExecutableDocument, operation: &'a OperationDefinition) -> Self {
        let mut shape = Self::default();
        shape.add(document, &operation.selection_set.node);
        shape
    }

    fn add(&mut self, document: &'a ExecutableDocument, set: &'a SelectionSet) {
        for field in fields(set, &document.fragments) {
            let shape = self.0.entry(field.response_key().node.as_str());
            shape.or_default().add(document, &field.selection_set.node);
        }
    }

    /// Puts the fields of objects in their order.
    pub(super) fn arrange(&self, value: &mut Value) {
        match value {
            Value::List(items) => {
                for item in items {
                    self.arrange(item);
                }
            }
            // An object without a selection is a scalar.
            Value::Object(fields) if !self.0.is_empty() => {
                if !self.arrange_inside(fields) {
                    let mut unordered = std::mem::take(fields);
                    for (&name, shape) in &self.0 {
                        if let Some((name, mut value)) = unordered.swap_remove_entry(name) {
                            shape.arrange(&mut value);
                            fields.insert(name, value);
                        }
                    }
                }
            }
            Value::Object(_)
            | Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => {}
        }
    }

    /// Arranges the fields' values as long as the fields are in order themselves; whether all are.
    fn arrange_inside(&self, fields: &mut IndexMap<async_graphql::Name, Value>) -> bool {
        let mut selected = self.0.iter();
        fields.iter_mut().all(|(name, value)| {
            let shape = selected.find(|(selected, _)| **selected == name.as_str());
            shape.is_some_and(|(_, shape)| {
                shape.arrange(value);
                true
            })
        })
    }
}
