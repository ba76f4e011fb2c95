//! How large an operation may be; owns the measures and their bounds, never what happens to the answer.
//!
//! Tokens, nesting, aliases, root fields, depth and selections are measured before the engine validates, because
//! validating a hostile document is itself the cost: fragments that spread fragments grow exponentially. The cost of the
//! operation, which needs the schema, is measured by the engine.

mod selection;
mod token;

use async_graphql::{ServerError, Value, indexmap::IndexMap};

pub(super) use self::{selection::measure, token::check};
use super::failure::{Code, error, set};

/// The bounds of one document. All are inclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Lexical tokens.
    pub tokens: usize,
    /// Brackets of any kind inside each other, and selection sets with fragments spread out: parser and engine recurse
    /// over them.
    pub nesting: usize,
    /// Aliased fields, those of a fragment as often as it is spread.
    pub aliases: usize,
    /// Fields at the top of an operation.
    pub root_fields: usize,
    /// Fields inside each other.
    pub depth: usize,
    /// What the operation costs, in nodes: every field 1, in a list as often as the list is long. Before validation it
    /// bounds the selections of the document, with fragments spread out.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tokens: 2_000,
            nesting: 64,
            aliases: 30,
            root_fields: 20,
            depth: 16,
            nodes: 10_000,
        }
    }
}

/// How often a list of types or fields may be asked for inside another within `__schema` or `__type`. Each multiplies
/// the answer by the size of the schema; the usual introspection needs 1.
const INTROSPECTION_LISTS: usize = 2;

/// The refusal of an operation that measures `value` where `limit` allows `max`.
pub(super) fn exceeded(limit: &'static str, value: usize, max: usize) -> ServerError {
    // Counts saturate: the largest stands for anything above it.
    let measured = if value == usize::MAX {
        format!("too many {limit} to count")
    } else {
        format!("{value} {limit}")
    };
    let mut refusal = error(
        Code::LimitExceeded,
        format!("the operation has {measured}, at most {max} are allowed; ask for less at once"),
        None,
    );
    let details = [
        ("name", Value::from(limit)),
        ("value", Value::from(value as u64)),
        ("max", Value::from(max as u64)),
    ];
    let details: IndexMap<_, _> = details
        .into_iter()
        .map(|(key, value)| (async_graphql::Name::new(key), value))
        .collect();
    set(&mut refusal, "limit", Value::Object(details));
    refusal
}

/// [`exceeded`], if it is.
fn within(limit: &'static str, value: usize, max: usize) -> Result<(), ServerError> {
    if value > max {
        return Err(exceeded(limit, value, max));
    }
    Ok(())
}
