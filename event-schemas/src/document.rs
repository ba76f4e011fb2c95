//! The events of a document: a text that is kept and looked up, such as a policy, a note, a product's description. Never
//! decides whether something may happen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Language;

mod state;
pub mod status;

pub use state::DocumentState;
pub use status::DocumentStatus;

/// A text was taken in: the document's first revision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentAdded {
    /// What it is called.
    pub title: String,
    /// The text.
    pub body: String,
    /// In which language it is written.
    pub language: Language,
    /// What it is, such as `policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Words to sort it by, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where it comes from: an address, or words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The document says something else now. What is absent stays as before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentRevised {
    /// The number of this revision. The first was added and is 1.
    pub revision: u32,
    /// What it is called now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The whole text as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// In which language it is written now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What it is now. Empty: nothing in particular any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// All words to sort it by now. Empty: none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Where it comes from now. Empty: nobody says any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What was revised, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The document does not hold any more. It stays readable.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentRetired {
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

crate::events! {
    /// What happens to a document.
    DocumentEvent {
        DocumentAdded = 1,
        DocumentRevised = 1,
        DocumentRetired = 1,
    }
}
