//! Whether a schema may take the place of another one under the same version. Pure: two documents in, a verdict out.
//! Knows the part of JSON Schema that is generated from event types; whatever else stands in a schema must stay as it is.
//!
//! Two things may change: words about the data (titles, descriptions), and an object may get a field that is optional.
//! Then both directions hold. A consumer with the earlier schema reads later payloads, because objects are open: that is
//! Confluent's `FORWARD_TRANSITIVE`. A consumer with the later schema reads earlier payloads, because what is new is
//! optional, was in no payload, and no name that was ever there can come back with another meaning. Confluent's own check
//! would not call this `BACKWARD`: it cannot know that nobody else wrote that name into an open object. Daybook does: it
//! is the only writer.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde_json::{Map, Value};

/// Keywords that tell people something and decide nothing.
const WORDS: [&str; 7] = [
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "examples",
    "x-personal",
];
/// Keywords that are compared by what they mean, each in its own way.
const STRUCTURE: [&str; 8] = [
    "$defs",
    "$ref",
    "properties",
    "required",
    "items",
    "oneOf",
    "anyOf",
    "enum",
];

/// A change that would break a reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incompatible {
    /// Where: the path of the field, such as `lines[].quantity`; empty for the payload as a whole.
    pub at: String,
    /// What.
    pub change: Change,
}

/// What would break a reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The field is gone, or has another name.
    Removed,
    /// The field is new and required: earlier payloads lack it.
    NewRequired,
    /// The field was optional and is required: earlier payloads may lack it.
    Required,
    /// The field was required and is optional: earlier readers count on it.
    Optional,
    /// The field is of another type.
    Type {
        /// The type it had.
        from: String,
        /// The type it would have.
        to: String,
    },
    /// A choice has other values.
    Values {
        /// Those that are gone.
        gone: Vec<String>,
        /// Those that are new: earlier readers do not know them.
        new: Vec<String>,
    },
    /// Another keyword has another value.
    Keyword {
        /// Which.
        name: String,
        /// The value it had.
        from: String,
        /// The value it would have.
        to: String,
    },
}

impl std::error::Error for Incompatible {}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str("the payload ")?,
            at => write!(f, "the field `{at}` ")?,
        }
        match &self.change {
            Change::Removed => f.write_str("is gone or has another name"),
            Change::NewRequired => f.write_str("is new and required"),
            Change::Required => f.write_str("was optional and is required"),
            Change::Optional => f.write_str("was required and is optional"),
            Change::Type { from, to } => write!(f, "was of type {from} and is of type {to}"),
            Change::Values { gone, new } => {
                f.write_str("has other values:")?;
                for (word, values) in [("gone", gone), ("new", new)] {
                    if !values.is_empty() {
                        write!(f, " {word} {}", values.join(" "))?;
                    }
                }
                Ok(())
            }
            Change::Keyword { name, from, to } => write!(f, "had `{name}` {from} and has {to}"),
        }
    }
}

/// Whether `new` may take the place of `old`.
pub fn check(old: &Value, new: &Value) -> Result<(), Incompatible> {
    let mut walk = Walk {
        old,
        new,
        seen: BTreeSet::new(),
    };
    walk.compare(old, new, "")
}

struct Walk<'a> {
    old: &'a Value,
    new: &'a Value,
    /// The pairs of definitions that are compared already, so that a type that holds itself comes to an end.
    seen: BTreeSet<(String, String)>,
}

impl Walk<'_> {
    fn compare(&mut self, old: &Value, new: &Value, at: &str) -> Result<(), Incompatible> {
        if let (Some(old), Some(new)) = (target(old), target(new))
            && !self.seen.insert((old.to_owned(), new.to_owned()))
        {
            return Ok(());
        }
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        let (Value::Object(old), Value::Object(new)) = (&*old, &*new) else {
            // `true` or `false` in the place of a schema.
            return same(at, "schema", Some(&*old), Some(&*new));
        };
        keywords(old, new, at)?;
        self.fields(old, new, at)?;
        match (old.get("items"), new.get("items")) {
            (Some(old), Some(new)) => self.compare(old, new, &format!("{at}[]"))?,
            (old, new) => same(at, "items", old, new)?,
        }
        for name in ["oneOf", "anyOf"] {
            self.choices(name, old.get(name), new.get(name), at)?;
        }
        Ok(())
    }

    fn fields(
        &mut self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        at: &str,
    ) -> Result<(), Incompatible> {
        let (must_before, must_after) = (names(old.get("required")), names(new.get("required")));
        let properties = |schema| Map::get(schema, "properties").and_then(Value::as_object);
        let after = properties(new);
        for (name, old) in properties(old).into_iter().flatten() {
            let path = join(at, name);
            let Some(new) = after.and_then(|after| after.get(name)) else {
                return fail(&path, Change::Removed);
            };
            match (must_before.contains(name), must_after.contains(name)) {
                (false, true) => return fail(&path, Change::Required),
                (true, false) => return fail(&path, Change::Optional),
                (true, true) | (false, false) => self.compare(old, new, &path)?,
            }
        }
        let added = must_after.iter().find(|name| !must_before.contains(*name));
        match added {
            Some(name) => fail(&join(at, name), Change::NewRequired),
            None => Ok(()),
        }
    }

    fn choices(
        &mut self,
        name: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        at: &str,
    ) -> Result<(), Incompatible> {
        let (Some(Value::Array(before)), Some(Value::Array(after))) = (old, new) else {
            return same(at, name, old, new);
        };
        let consts = |choices: &[Value]| {
            let values = choices.iter().map(|choice| choice.get("const"));
            values.map(|value| value.map(Value::to_string)).collect()
        };
        let values: (Option<BTreeSet<String>>, Option<BTreeSet<String>>) =
            (consts(before), consts(after));
        if let (Some(before), Some(after)) = values {
            return same_values(at, &before, &after);
        }
        if before.len() != after.len() {
            return same(at, name, old, new);
        }
        before
            .iter()
            .zip(after)
            .try_for_each(|(old, new)| self.compare(old, new, at))
    }
}

/// Every keyword that is neither words nor structure stays as it is; the type first, because it explains the others.
fn keywords(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    at: &str,
) -> Result<(), Incompatible> {
    if old.get("type") != new.get("type") {
        let of = |schema: &Map<String, Value>| match schema.get("type") {
            Some(Value::String(name)) => name.clone(),
            other => said(other),
        };
        let (from, to) = (of(old), of(new));
        return fail(at, Change::Type { from, to });
    }
    if let (Some(Value::Array(before)), Some(Value::Array(after))) =
        (old.get("enum"), new.get("enum"))
    {
        let set = |values: &[Value]| values.iter().map(Value::to_string).collect();
        same_values(at, &set(before), &set(after))?;
    } else {
        same(at, "enum", old.get("enum"), new.get("enum"))?;
    }
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    all.into_iter()
        .filter(|name| !WORDS.contains(&name.as_str()) && !STRUCTURE.contains(&name.as_str()))
        .try_for_each(|name| same(at, name, old.get(name), new.get(name)))
}

fn same(
    at: &str,
    name: &str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Result<(), Incompatible> {
    if old == new {
        return Ok(());
    }
    let name = name.to_owned();
    let (from, to) = (said(old), said(new));
    fail(at, Change::Keyword { name, from, to })
}

fn same_values(
    at: &str,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> Result<(), Incompatible> {
    if before == after {
        return Ok(());
    }
    let gone = before.difference(after).cloned().collect();
    let new = after.difference(before).cloned().collect();
    fail(at, Change::Values { gone, new })
}

fn fail(at: &str, change: Change) -> Result<(), Incompatible> {
    let at = at.to_owned();
    Err(Incompatible { at, change })
}

fn said(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn names(list: Option<&Value>) -> BTreeSet<String> {
    let names = list.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The definition that a schema refers to.
fn target(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()
}

/// The schema with the definition that it refers to put in its place. What stands beside the reference holds too.
fn resolve<'a>(document: &Value, schema: &'a Value) -> Cow<'a, Value> {
    let definition = target(schema)
        .and_then(|path| path.strip_prefix('#'))
        .and_then(|pointer| document.pointer(pointer));
    match (schema, definition) {
        (Value::Object(schema), Some(Value::Object(definition))) => {
            let mut whole = definition.clone();
            whole.extend(schema.clone());
            whole.remove("$ref");
            // A definition that is itself a reference.
            if let Some(further) = definition.get("$ref") {
                whole.insert("$ref".to_owned(), further.clone());
                let whole = Value::Object(whole);
                return Cow::Owned(resolve(document, &whole).into_owned());
            }
            Cow::Owned(Value::Object(whole))
        }
        _ => Cow::Borrowed(schema),
    }
}

#[cfg(test)]
mod tests;
