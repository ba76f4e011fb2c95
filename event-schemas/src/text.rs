//! Text with a length limit, for the fields of commands. Owns what counts as acceptable text; never
//! repeats the refused value in an error, because it may be personal.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// What JSON Schema says about the characters: any but control characters, of which only tab and
/// line feed are text, and not white space alone.
const PATTERN: &str = r"^(?=[\s\S]*\S)[^\u0000-\u0008\u000B-\u001F\u007F-\u009F]*$";
/// The same where the empty text is acceptable too.
const PATTERN_OR_EMPTY: &str = r"^[^\u0000-\u0008\u000B-\u001F\u007F-\u009F]*$";

/// Why a text is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TextError {
    /// Fewer characters than the least.
    #[error("the text has {found} characters; at least {least} are needed")]
    TooShort {
        /// How many it has.
        found: usize,
        /// How many it needs.
        least: usize,
    },
    /// More characters than the most.
    #[error("the text has {found} characters; at most {most} are allowed")]
    TooLong {
        /// How many it has.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// White space alone where something must be said.
    #[error("the text is blank; write something or leave it out")]
    Blank,
    /// A control character other than tab and line feed.
    #[error(
        "the text contains the control character U+{0:04X}; only tab and line feed are allowed"
    )]
    Control(u32),
}

/// A text of `MIN` to `MAX` characters (Unicode scalar values, not bytes) without control characters
/// other than tab and line feed, and not blank unless `MIN` is 0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// `text`, if it keeps the limits.
    pub fn try_new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let found = text.chars().count();
        if found < MIN {
            return Err(TextError::TooShort { found, least: MIN });
        }
        if found > MAX {
            return Err(TextError::TooLong { found, most: MAX });
        }
        if let Some(control) = text
            .chars()
            .find(|c| c.is_control() && !matches!(c, '\n' | '\t'))
        {
            return Err(TextError::Control(control.into()));
        }
        if MIN > 0 && text.chars().all(char::is_whitespace) {
            return Err(TextError::Blank);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> Self {
        text.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = if MIN > 0 { PATTERN } else { PATTERN_OR_EMPTY };
        json_schema!({ "type": "string", "minLength": MIN, "maxLength": MAX, "pattern": pattern })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        assert!(Text::<1, 3>::try_new("ção").is_ok());
        assert_eq!(
            Text::<1, 3>::try_new("ação"),
            Err(TextError::TooLong { found: 4, most: 3 })
        );
        assert_eq!(
            Text::<1, 3>::try_new(""),
            Err(TextError::TooShort { found: 0, least: 1 })
        );
        assert!(Text::<0, 3>::try_new("").is_ok());
    }

    #[test]
    fn control_characters_are_no_text_but_tab_and_line_feed_are() {
        assert_eq!(Text::<1, 9>::try_new("a\0b"), Err(TextError::Control(0)));
        assert_eq!(Text::<1, 9>::try_new("a\rb"), Err(TextError::Control(13)));
        assert_eq!(
            Text::<1, 9>::try_new("a\u{85}b"),
            Err(TextError::Control(0x85))
        );
        assert!(Text::<1, 9>::try_new("a\n\tb").is_ok());
        assert_eq!(Text::<1, 9>::try_new(" \n\u{a0}"), Err(TextError::Blank));
    }

    #[test]
    fn a_refusal_never_repeats_the_text() {
        let refusal =
            serde_json::from_str::<Text<1, 5>>("\"maria@example.com\"").map_err(|e| e.to_string());
        let words = "the text has 17 characters; at most 5 are allowed";
        assert_eq!(refusal, Err(words.to_owned()));
    }
}
