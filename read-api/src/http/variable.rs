//! The variables that an operation requires; owns their presence, never their types, which validation checks.
//!
//! The engine would find a missing one only when a resolver reads it: in the middle of a mutation.

use async_graphql::{Value, Variables, parser::types::OperationDefinition};

use super::failure::{Code, Failure, error};

/// Refuses values that leave out a required variable or give null for it.
pub(super) fn check(operation: &OperationDefinition, values: &Variables) -> Result<(), Failure> {
    let errors: Vec<_> = operation
        .variable_definitions
        .iter()
        .filter(|definition| !definition.node.var_type.node.nullable)
        .filter_map(|definition| {
            let name = &definition.node.name.node;
            let problem = match (values.get(name), &definition.node.default_value) {
                (None, None) => "is required and was not given",
                (Some(Value::Null), _) => "must not be null",
                (Some(_), _) | (None, Some(_)) => return None,
            };
            let ty = &definition.node.var_type.node;
            let message = format!("the variable \"${name}\" of type \"{ty}\" {problem}");
            Some(error(Code::BadUserInput, message, Some(definition.pos)))
        })
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::operation_errors(
        Code::BadUserInput.status(),
        errors,
    ))
}
