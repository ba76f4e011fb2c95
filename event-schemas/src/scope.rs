//! The grammar of API key scopes. Owns what a scope looks like; never decides what one allows.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// The longest word, in characters.
const MAX_WORD: usize = 64;

/// What an API key may do: `*` (everything), `<context>:*` (everything in a context) or
/// `<context>:<action>`. A word is a lower-case letter followed by up to 63 letters and digits,
/// such as `order` or `approvePayment`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// `scope`, if it follows the grammar.
    pub fn try_new(scope: impl Into<String>) -> Option<Self> {
        let scope = scope.into();
        let valid = scope == "*"
            || scope.split_once(':').is_some_and(|(context, action)| {
                is_word(context) && (action == "*" || is_word(action))
            });
        valid.then_some(Self(scope))
    }

    /// The scope.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

fn is_word(word: &str) -> bool {
    word.len() <= MAX_WORD
        && word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_new(String::deserialize(deserializer)?).ok_or_else(|| {
            de::Error::custom("not a scope; write '*', '<context>:*' or '<context>:<action>', such as 'order:place'")
        })
    }
}

impl JsonSchema for Scope {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 129,
            "pattern": r"^(\*|[a-z][A-Za-z0-9]{0,63}:(\*|[a-z][A-Za-z0-9]{0,63}))$",
            "description": "`*`, `<context>:*` or `<context>:<action>`" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_kept() {
        for scope in [
            "*",
            "order:*",
            "order:approvePayment",
            "organization:import",
        ] {
            assert!(Scope::try_new(scope).is_some(), "{scope}");
        }
        let long = format!("order:{}", "a".repeat(65));
        for scope in [
            "",
            "order",
            "Order:place",
            "order:",
            ":place",
            "*:place",
            "order:place:now",
            "order:a b",
            &long,
        ] {
            assert!(Scope::try_new(scope).is_none(), "{scope}");
        }
    }
}
