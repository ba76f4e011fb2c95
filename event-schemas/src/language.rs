//! Languages by their ISO 639 code. Checks the form only; never holds a list that would age.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// An ISO 639 language code: two or three lower-case letters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Language(String);

impl Language {
    /// The language of that code, if it has the form of one.
    pub fn try_new(code: impl Into<String>) -> Option<Self> {
        let code = code.into();
        let has_form =
            matches!(code.len(), 2 | 3) && code.bytes().all(|byte| byte.is_ascii_lowercase());
        has_form.then_some(Self(code))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::try_new(code).ok_or_else(|| {
            de::Error::custom(
                "not an ISO 639 language code of two or three small letters, such as 'pt'",
            )
        })
    }
}

impl JsonSchema for Language {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Language".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z]{2,3}$", "minLength": 2, "maxLength": 3,
            "description": "ISO 639 language code" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_is_checked() {
        for code in ["pt", "en", "tet"] {
            let language = Language::try_new(code);
            assert_eq!(language.as_ref().map(Language::as_str), Some(code));
        }
        assert_eq!(
            ["PT", "p", "", "pt-BR", "é"].map(Language::try_new),
            [const { None }; 5]
        );
    }
}
