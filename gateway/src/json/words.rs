//! Serde's errors in words for a person who has never seen Rust. Never says more about the server than the API does.

use serde_path_to_error::{Path, Segment};

use super::pointer;
use crate::Problem;

/// The longest piece of the caller's own text that is repeated, in characters.
const QUOTED: usize = 40;

pub(super) fn problem(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let said = error.inner().to_string();
    let said = said
        .rsplit_once(" at line ")
        .map_or(said.as_str(), |(said, _)| said);
    let mut place = pointer_of(error.path());
    // What is missing or too much has its own place, which is not always on the path.
    for (start, on_path) in [
        ("missing field `", false),
        ("unknown field `", true),
        ("duplicate field `", true),
    ] {
        if let Some(name) = said
            .strip_prefix(start)
            .and_then(|rest| rest.split('`').next())
        {
            let mut last = String::new();
            pointer::push_key(&mut last, name);
            if !(on_path && place.ends_with(&last)) {
                place.push_str(&last);
            }
        }
    }
    let shown = if place.is_empty() { "The body" } else { &place };
    let detail = format!(
        "{shown}: {}. Correct it and send the request again.",
        explain(said)
    );
    Problem::malformed(place, detail)
}

fn pointer_of(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer::push_index(&mut text, *index),
            Segment::Map { key } => pointer::push_key(&mut text, key),
            // The name of an enum's variant is a key of the JSON text.
            Segment::Enum { variant } => pointer::push_key(&mut text, variant),
            Segment::Unknown => {}
        }
    }
    text
}

/// What serde said, in our words.
fn explain(said: &str) -> String {
    if said.starts_with("missing field ") {
        return "it is missing".to_owned();
    }
    if said.starts_with("duplicate field ") {
        return "it is given twice".to_owned();
    }
    if said.starts_with("unknown field ") {
        return match choices(said) {
            Some(names) => format!("there is no such field here; the fields are {names}"),
            None => "there are no fields here".to_owned(),
        };
    }
    if said.starts_with("unknown variant ") {
        return match choices(said) {
            Some(names) => format!("this is none of the allowed values, which are {names}"),
            None => "no value is allowed here".to_owned(),
        };
    }
    for start in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some((found, wanted)) = said
            .strip_prefix(start)
            .and_then(|rest| rest.rsplit_once(", expected "))
        {
            return format!(
                "expected {}, found {}",
                expected(wanted),
                if start.ends_with("th ") {
                    other_length(found)
                } else {
                    given(found)
                }
            );
        }
    }
    if said.starts_with("UUID parsing failed") {
        return "expected a UUID, such as `0199d3f0-7c1e-7000-8000-5a2a711c0de5`".to_owned();
    }
    if matches!(
        said,
        "input contains invalid characters"
            | "premature end of input"
            | "input is out of range"
            | "trailing input"
            | "input is not enough for unique date and time"
            | "no possible date and time matching input"
    ) {
        return "expected a date or a time, such as `2026-11-21` or `2026-11-21T09:00:00Z`"
            .to_owned();
    }
    // The text is well-formed: this is what serde_json says when an enum is given neither of its forms.
    if said == "expected value" {
        return "expected a text or an object with one key".to_owned();
    }
    if leaks(said) {
        return "the value has none of the forms that are allowed here".to_owned();
    }
    short(said)
}

/// The names behind `expected`, as serde lists them.
fn choices(said: &str) -> Option<&str> {
    let (_, names) = said.rsplit_once(", expected ")?;
    Some(names.strip_prefix("one of ").unwrap_or(names))
}

/// What was wanted.
fn expected(wanted: &str) -> String {
    if let Some(range) = whole_number(wanted) {
        return range;
    }
    let first = wanted.split(' ').next().unwrap_or_default();
    if let Some(count) = [
        "an array of length ",
        "a tuple of size ",
        "an array of size ",
    ]
    .iter()
    .find_map(|start| wanted.strip_prefix(start))
    {
        return format!("a list of {count} values");
    }
    match (wanted, first) {
        ("f32" | "f64" | "a number", _) => "a number",
        ("a boolean" | "bool", _) => "true or false",
        ("a string" | "a borrowed string" | "str" | "string", _) => "a text",
        ("a character", _) => "a text of one character",
        ("a sequence" | "a tuple", _) | (_, "tuple") => "a list",
        ("a map", _) | (_, "struct" | "internally" | "adjacently") => "an object",
        ("unit" | "null", _) | (_, "unit") => "null",
        ("string or map", _) | (_, "enum") => "a text or an object with one key",
        ("a formatted UUID string" | "a UUID string", _) => {
            "a UUID, such as `0199d3f0-7c1e-7000-8000-5a2a711c0de5`"
        }
        ("an RFC 3339 formatted date and time string", _) => {
            "a time, such as `2026-11-21T09:00:00Z`"
        }
        ("a formatted date string", _) => "a date, such as `2026-11-21`",
        _ if leaks(wanted) => "a value of another form",
        _ => return short(wanted),
    }
    .to_owned()
}

/// A Rust integer type as its range.
fn whole_number(wanted: &str) -> Option<String> {
    let (least, most) = match wanted.strip_prefix("a nonzero ").unwrap_or(wanted) {
        "u8" => (0, i128::from(u8::MAX)),
        "u16" => (0, i128::from(u16::MAX)),
        "u32" => (0, i128::from(u32::MAX)),
        "u64" | "usize" => (0, i128::from(u64::MAX)),
        "i8" => (i128::from(i8::MIN), i128::from(i8::MAX)),
        "i16" => (i128::from(i16::MIN), i128::from(i16::MAX)),
        "i32" => (i128::from(i32::MIN), i128::from(i32::MAX)),
        "i64" | "isize" => (i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => return None,
    };
    let but = if wanted.starts_with("a nonzero ") {
        " other than 0"
    } else {
        ""
    };
    Some(format!("a whole number from {least} to {most}{but}"))
}

/// What was given.
fn given(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "string" => format!("the text {}", short(value)),
        "integer" | "number" => format!("the number {}", value.trim_matches('`')),
        "floating" => format!(
            "the number {}",
            value.trim_start_matches("point ").trim_matches('`')
        ),
        "boolean" => value.trim_matches('`').to_owned(),
        "null" | "unit" | "Option" => "null".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        _ => "something else".to_owned(),
    }
}

fn other_length(found: &str) -> String {
    format!("{found} values")
}

/// Whether words name Rust's types instead of JSON's.
fn leaks(words: &str) -> bool {
    words.contains("::")
        || words
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| {
                matches!(
                    word,
                    "struct" | "enum" | "variant" | "tuple" | "newtype" | "untagged" | "flattened"
                )
            })
}

/// At most a line of the caller's own text.
fn short(text: &str) -> String {
    if text.chars().count() <= QUOTED * 4 && !text.starts_with('"')
        || text.chars().count() <= QUOTED
    {
        return text.to_owned();
    }
    let limit = if text.starts_with('"') {
        QUOTED
    } else {
        QUOTED * 4
    };
    format!("{}…", text.chars().take(limit).collect::<String>())
}
