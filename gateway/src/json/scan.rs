//! The check of raw JSON bytes, in one pass and without building the value. Never changes or keeps what it reads.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Limits, pointer};

/// Why and where JSON text is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{pointer}: {reason}")]
pub struct Fault {
    /// The place: a JSON pointer (RFC 6901), empty for the whole text.
    pub pointer: String,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with JSON text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// It is not JSON.
    #[error("this is not valid JSON ({what} at line {line}, column {column})")]
    Malformed {
        /// What was found or expected.
        what: String,
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
    },
    /// It ends before it is complete.
    #[error("the JSON text ends before it is complete")]
    Incomplete,
    /// An object has a key twice; two readers could take different ones.
    #[error("the key is given twice in the same object")]
    DuplicateKey,
    /// A string or key contains U+0000, which the database cannot store.
    #[error("the text contains the character U+0000")]
    Nul,
    /// A string or key contains half of a surrogate pair, which is no character.
    #[error(
        "the text contains half of a surrogate pair (`\\ud800` to `\\udfff` without its other half)"
    )]
    LoneSurrogate,
    /// Lists and objects stand too deeply within each other.
    #[error("lists and objects are nested more than {0} levels deep")]
    TooDeep(usize),
    /// A list stands where an object or a plain value is wanted.
    #[error("a list stands directly within a list, where an object is wanted")]
    ListInList,
    /// A number that no 64-bit integer and no finite 64-bit float holds.
    #[error("the number is out of range")]
    NumberOutOfRange,
}

/// The deepest that `serde_json`'s own guard against overflowing the stack lets us look.
const DEEPEST: usize = 120;

/// Checks JSON text: well-formed, no key twice in an object, no U+0000, no lone surrogate, no number out of range, and
/// not nested too deeply.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<(), Fault> {
    let mut scan = Scan {
        max_depth: limits.max_depth.min(DEEPEST),
        lists_in_lists: limits.lists_in_lists,
        path: Vec::new(),
        found: None,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let result = Seed(&mut scan)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    result.map_err(|error| Fault {
        pointer: scan.pointer(),
        reason: scan.found.take().unwrap_or_else(|| reason(&error)),
    })
}

/// The reason behind one of `serde_json`'s own errors.
fn reason(error: &serde_json::Error) -> Reason {
    let words = error.to_string();
    let what = words
        .rsplit_once(" at line ")
        .map_or(words.as_str(), |(what, _)| what);
    match what {
        // The second is what it says when something else follows a leading half.
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            Reason::LoneSurrogate
        }
        "number out of range" => Reason::NumberOutOfRange,
        _ if error.is_eof() => Reason::Incomplete,
        _ => Reason::Malformed {
            what: what.to_owned(),
            line: error.line(),
            column: error.column(),
        },
    }
}

enum Segment<'de> {
    Key(Cow<'de, str>),
    Index(usize),
}

struct Scan<'de> {
    max_depth: usize,
    lists_in_lists: bool,
    /// Where the scan is. After an error it is left as it was.
    path: Vec<Segment<'de>>,
    found: Option<Reason>,
}

impl Scan<'_> {
    fn pointer(&self) -> String {
        let mut text = String::new();
        for segment in &self.path {
            match segment {
                Segment::Key(key) => pointer::push_key(&mut text, key),
                Segment::Index(index) => pointer::push_index(&mut text, *index),
            }
        }
        text
    }

    fn refuse<E: serde::de::Error>(&mut self, reason: Reason) -> E {
        self.found = Some(reason);
        E::custom("refused")
    }

    fn text<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            Err(self.refuse(Reason::Nul))
        } else {
            Ok(())
        }
    }

    /// Every list and object that the scan is within has put one segment on the path.
    fn descend<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.path.len() >= self.max_depth {
            return Err(self.refuse(Reason::TooDeep(self.max_depth)));
        }
        Ok(())
    }
}

/// Checks one value.
struct Seed<'s, 'de>(&'s mut Scan<'de>);

impl<'de> DeserializeSeed<'de> for Seed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        if number.is_finite() {
            Ok(())
        } else {
            Err(self.0.refuse(Reason::NumberOutOfRange))
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.descend()?;
        if !self.0.lists_in_lists && matches!(self.0.path.last(), Some(Segment::Index(_))) {
            return Err(self.0.refuse(Reason::ListInList));
        }
        for index in 0.. {
            self.0.path.push(Segment::Index(index));
            let more = list.next_element_seed(Seed(self.0))?;
            self.0.path.pop();
            if more.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.0.descend()?;
        let mut seen = Keys::default();
        while let Some(key) = object.next_key_seed(KeySeed)? {
            self.0.path.push(Segment::Key(key.clone()));
            self.0.text(&key)?;
            if !seen.is_new(key) {
                return Err(self.0.refuse(Reason::DuplicateKey));
            }
            object.next_value_seed(Seed(self.0))?;
            self.0.path.pop();
        }
        Ok(())
    }
}

/// The keys of one object: looked through while they are few, hashed when they are many.
#[derive(Default)]
struct Keys<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Keys<'de> {
    const FEW: usize = 16;

    fn is_new(&mut self, key: Cow<'de, str>) -> bool {
        if self.few.contains(&key) {
            return false;
        }
        if self.few.len() < Self::FEW {
            self.few.push(key);
            return true;
        }
        self.many.insert(key)
    }
}

/// Reads a key, from the input itself where it has no escapes.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
