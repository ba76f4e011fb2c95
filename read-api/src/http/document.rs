//! From a text to the one operation to execute; owns parsing and choosing, never validation.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_graphql::{
    ServerError,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition},
    },
};

use quick_cache::sync::Cache;

use super::{
    failure::{Code, Failure, error},
    limit::{self, Limits},
};

/// How many documents are kept that were parsed.
const KEPT: usize = 256;
/// The longest text of one that is kept, in bytes.
const LONGEST_KEPT: usize = 8 * 1024;

/// A parsed document.
#[derive(Debug)]
pub struct Document {
    /// Of no other document of this process.
    pub(super) id: u64,
    pub(super) parsed: ExecutableDocument,
}

impl Document {
    /// A document that was parsed, whatever its limits.
    pub fn new(parsed: ExecutableDocument) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            parsed,
        }
    }
}

/// Documents that were parsed lately: a client asks the same again and again. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct Lately(Arc<Cache<String, Arc<Document>>>);

impl Default for Lately {
    fn default() -> Self {
        Self(Arc::new(Cache::new(KEPT)))
    }
}

impl Lately {
    /// The document with that text, which must be within the limits. All calls are with the same limits.
    pub(super) fn parse(&self, text: String, limits: &Limits) -> Result<Arc<Document>, Failure> {
        if let Some(document) = self.0.get(&text) {
            return Ok(document);
        }
        let document = Arc::new(Document::new(parse(&text, limits)?));
        if text.len() <= LONGEST_KEPT {
            self.0.insert(text, Arc::clone(&document));
        }
        Ok(document)
    }
}

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
