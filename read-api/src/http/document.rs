//! From a text to the one operation to execute; owns parsing and choosing, never validation.

use async_graphql::{
    ServerError,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition},
    },
};

use super::{
    failure::{Code, Failure, error},
    limit::{self, Limits},
};

/// Parses a document that is within the limits.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<ExecutableDocument, Failure> {
    let refusal =
        |error: ServerError| Failure::operation_errors(Code::LimitExceeded.status(), vec![error]);
    limit::check(text, limits).map_err(refusal)?;
    let document = parse_query(text).map_err(|fault| {
        let mut failure = error(Code::ParseFailed, fault.to_string(), None);
        failure.locations = fault.positions().collect();
        Failure::operation_errors(Code::ParseFailed.status(), vec![failure])
    })?;
    limit::measure(&document, limits).map_err(refusal)?;
    Ok(document)
}

/// The operation of that name, or the only one there is.
pub(super) fn choose<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Failure> {
    let refusal =
        |message: String| Failure::operation(Code::OperationResolutionFailure, message, None);
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations
            .values()
            .next()
            .map(|operation| &operation.node)
            .ok_or_else(|| refusal("the document has no operation".to_owned())),
        (DocumentOperations::Multiple(operations), None) => Err(refusal(format!(
            "the document has {} operations; say which one in operationName",
            operations.len()
        ))),
        (DocumentOperations::Single(_), Some(name)) => Err(refusal(format!(
            "the document's operation has no name, but operationName is \"{name}\"; leave one out or add the other"
        ))),
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .get(name)
            .map(|operation| &operation.node)
            .ok_or_else(|| refusal(format!("the document has no operation named \"{name}\""))),
    }
}
