//! The parameters of a GraphQL request, from a JSON body or a query string; owns their shapes, never their meaning.

use serde_json::{Map, Value};

use super::{
    failure::{Code, Failure},
    json,
};

/// A well-formed GraphQL request.
#[derive(Debug, PartialEq)]
pub(super) struct Parameters {
    /// The document, its identifier, or both.
    pub(super) query: Option<String>,
    pub(super) document_id: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Map<String, Value>,
    pub(super) extensions: Map<String, Value>,
}

impl Parameters {
    /// Reads a JSON body. Unknown members are ignored, as the specification wants.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, Failure> {
        match json::read(body, "the body")? {
            Value::Object(members) => Self::from_members(members),
            Value::Array(_) => Err(bad(
                "the body is a list, and batches are not executed; send one operation per request",
            )),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(bad(
                "the body must be an object {query, operationName, variables, extensions}",
            )),
        }
    }

    /// Reads a query string, in which `variables` and `extensions` are JSON.
    pub(super) fn from_query_string(text: &str) -> Result<Self, Failure> {
        let mut members = Map::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let value = match name.as_ref() {
                "operationName" | "variables" | "extensions" if value.is_empty() => Value::Null,
                "query" | "documentId" | "operationName" => Value::String(value.into_owned()),
                "variables" | "extensions" => {
                    json::read(value.as_bytes(), &format!("the parameter {name}"))?
                }
                _ => continue,
            };
            if members.insert(name.clone().into_owned(), value).is_some() {
                return Err(bad(format!("the parameter {name} is there more than once")));
            }
        }
        Self::from_members(members)
    }

    fn from_members(mut members: Map<String, Value>) -> Result<Self, Failure> {
        let query = text(&mut members, "query")?;
        let document_id = text(&mut members, "documentId")?;
        if query.is_none() && document_id.is_none() {
            return Err(bad(if persisted(&members) {
                "persisted queries of that kind are not supported; send the document in query, or its identifier in documentId"
            } else {
                "query is missing; it holds the GraphQL document"
            }));
        }
        let operation_name = text(&mut members, "operationName")?;
        Ok(Self {
            query,
            document_id,
            operation_name,
            variables: map(&mut members, "variables")?,
            extensions: map(&mut members, "extensions")?,
        })
    }
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Failure> {
    match members.remove(name) {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Null) | None => Ok(None),
        Some(_) => Err(bad(format!("{name} must be a string"))),
    }
}

fn map(members: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, Failure> {
    match members.remove(name) {
        Some(Value::Object(map)) => Ok(map),
        Some(Value::Null) | None => Ok(Map::new()),
        Some(_) => Err(bad(format!("{name} must be an object"))),
    }
}

/// Whether the client only named a document by its hash.
fn persisted(members: &Map<String, Value>) -> bool {
    members
        .get("extensions")
        .is_some_and(|extensions| extensions.get("persistedQuery").is_some())
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::request(Code::BadRequest, message)
}
