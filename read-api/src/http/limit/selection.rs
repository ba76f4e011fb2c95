//! Measures the selections of a parsed document with its fragments spread out; never looks at the schema.
//!
//! Every fragment is measured once and its measure reused, so that the work is linear in the document however large the
//! spread-out operation is.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned, ServerError,
    parser::types::{
        ExecutableDocument, Field, FragmentSpread, OperationType, Selection, SelectionSet,
    },
};

use super::{INTROSPECTION_LISTS, Limits, within};
use crate::http::failure::{Code, error};

/// The introspection fields whose answers are lists of types or fields.
const INTROSPECTION_FIELDS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];

/// Refuses a document that is over one of the limits, or whose fragments spread each other in a circle.
pub(in crate::http) fn measure(
    document: &ExecutableDocument,
    limits: &Limits,
) -> Result<(), ServerError> {
    let mut measuring = Measuring {
        document,
        fragments: HashMap::new(),
    };
    let mut total = Measure::default();
    for (_, operation) in document.operations.iter() {
        let measure = measuring.set(&operation.node.selection_set)?;
        within("root fields", measure.width, limits.root_fields)?;
        total = total.beside(measure);
    }
    within("levels of fields", total.depth, limits.depth)?;
    within("aliases", total.aliases, limits.aliases)?;
    within("nested selections", total.nesting, limits.nesting)?;
    within("selections", total.selections, limits.nodes)?;
    within(
        "introspection lists inside each other",
        total.introspection,
        INTROSPECTION_LISTS,
    )?;
    // Only now: within the limits, spreading the fragments out is cheap.
    for (_, operation) in document.operations.iter() {
        if operation.node.ty == OperationType::Mutation {
            distinct(document, &operation.node.selection_set, &mut HashSet::new())?;
        }
    }
    Ok(())
}

/// Refuses a mutation two of whose fields have the same name in the answer. The specification merges them into one, but
/// the engine would execute both: a command would be given twice.
fn distinct<'a>(
    document: &'a ExecutableDocument,
    set: &'a Positioned<SelectionSet>,
    seen: &mut HashSet<&'a Name>,
) -> Result<(), ServerError> {
    for selection in &set.node.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                if !seen.insert(key) {
                    return Err(error(
                        Code::ValidationFailed,
                        format!(
                            "the mutation has more than one field \"{key}\"; remove one or give it an alias"
                        ),
                        Some(field.pos),
                    ));
                }
            }
            Selection::InlineFragment(fragment) => {
                distinct(document, &fragment.node.selection_set, seen)?;
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    distinct(document, &fragment.node.selection_set, seen)?;
                }
            }
        }
    }
    Ok(())
}

/// The measure of a selection set. Counts saturate.
#[derive(Clone, Copy, Default)]
struct Measure {
    /// Fields at the top.
    width: usize,
    /// Fields inside each other.
    depth: usize,
    /// Selection sets inside each other, those of fragments too: the engine recurses over them.
    nesting: usize,
    /// Aliased fields.
    aliases: usize,
    /// Fields and fragment spreads.
    selections: usize,
    /// Introspection lists inside each other, wherever they are.
    lists: usize,
    /// Introspection lists inside each other, within `__schema` or `__type`.
    introspection: usize,
}

impl Measure {
    /// Of two selections in the same set.
    fn beside(self, other: Self) -> Self {
        Self {
            width: self.width.saturating_add(other.width),
            depth: self.depth.max(other.depth),
            nesting: self.nesting.max(other.nesting),
            aliases: self.aliases.saturating_add(other.aliases),
            selections: self.selections.saturating_add(other.selections),
            lists: self.lists.max(other.lists),
            introspection: self.introspection.max(other.introspection),
        }
    }
}

/// What is known of the fragments so far; `None` while one is being measured.
struct Measuring<'a> {
    document: &'a ExecutableDocument,
    fragments: HashMap<&'a Name, Option<Measure>>,
}

impl<'a> Measuring<'a> {
    fn set(&mut self, set: &'a Positioned<SelectionSet>) -> Result<Measure, ServerError> {
        let mut total = Measure::default();
        for selection in &set.node.items {
            let measure = match &selection.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::InlineFragment(fragment) => {
                    let inner = self.set(&fragment.node.selection_set)?;
                    Measure {
                        nesting: inner.nesting + 1,
                        ..inner
                    }
                }
                Selection::FragmentSpread(spread) => self.spread(spread)?,
            };
            total = total.beside(measure);
        }
        Ok(total)
    }

    fn field(&mut self, field: &'a Field) -> Result<Measure, ServerError> {
        let inner = self.set(&field.selection_set)?;
        let name = field.name.node.as_str();
        Ok(Measure {
            width: 1,
            depth: inner.depth + 1,
            nesting: inner.nesting + usize::from(inner.selections > 0),
            aliases: inner
                .aliases
                .saturating_add(usize::from(field.alias.is_some())),
            selections: inner.selections.saturating_add(1),
            lists: inner.lists + usize::from(INTROSPECTION_FIELDS.contains(&name)),
            introspection: if matches!(name, "__schema" | "__type") {
                inner.lists
            } else {
                inner.introspection
            },
        })
    }

    fn spread(&mut self, spread: &'a Positioned<FragmentSpread>) -> Result<Measure, ServerError> {
        let name = &spread.node.fragment_name.node;
        let measure = match self.fragments.get(name) {
            Some(Some(measure)) => *measure,
            Some(None) => {
                return Err(error(
                    Code::ValidationFailed,
                    format!(
                        "the fragment \"{name}\" spreads itself; remove one spread of the circle"
                    ),
                    Some(spread.pos),
                ));
            }
            None => {
                // A fragment that is not there is for the engine to report.
                let Some(fragment) = self.document.fragments.get(name) else {
                    return Ok(Measure::default());
                };
                self.fragments.insert(name, None);
                let measure = self.set(&fragment.node.selection_set)?;
                self.fragments.insert(name, Some(measure));
                measure
            }
        };
        Ok(Measure {
            selections: measure.selections.saturating_add(1),
            nesting: measure.nesting + 1,
            ..measure
        })
    }
}
