//! What is remembered of a text to tell another one from it. Never the text.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many bytes of the hash are kept: enough that no two texts of one document share them.
const BYTES: usize = 16;

/// The beginning of a text's SHA-256, in hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Mark(String);

impl Mark {
    /// The mark of a text.
    pub(super) fn of(text: &str) -> Self {
        Self::hex(Sha256::new().chain_update(text))
    }

    /// The mark of a list of texts in their order.
    pub(super) fn of_all(texts: &[String]) -> Self {
        let mut hash = Sha256::new();
        for text in texts {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
        Self::hex(hash)
    }

    /// Becomes that of a text, if there is one.
    pub(super) fn follow(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            *self = Self::of(text);
        }
    }

    fn hex(hash: Sha256) -> Self {
        let mut digits = String::with_capacity(2 * BYTES);
        for byte in hash.finalize().into_iter().take(BYTES) {
            // Writing into a text cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Self(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_has_another_mark_and_lists_know_where_items_end() {
        assert_eq!(Mark::of("a"), Mark::of("a"));
        assert_ne!(Mark::of("a"), Mark::of("b"));
        let all =
            |texts: &[&str]| Mark::of_all(&texts.iter().map(|t| (*t).into()).collect::<Vec<_>>());
        assert_ne!(all(&["ab"]), all(&["a", "b"]));
        assert_ne!(all(&["a", "b"]), all(&["b", "a"]));
        assert_eq!(all(&[]), all(&[]));
    }
}
