//! What may be asked of a document. Owns the shape and the limits of the input; decides nothing.

use event_schemas::{Language, List, Text};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Document;

/// Takes in a text. Its body has at most 100,000 characters, which an event holds whatever they are.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddDocument {
    /// What it is called.
    pub title: Text<1, 200>,
    /// The text.
    pub body: Text<1, 100_000>,
    /// In which language it is written: `pt` and `en` are searched in all forms of a word, others as they are written.
    pub language: Language,
    /// What it is, such as `policy`.
    pub kind: Option<Text<1, 64>>,
    /// Words to sort it by. What is said twice counts once.
    pub tags: Option<List<Text<1, 40>, 0, 20>>,
    /// Where it comes from: an address, or words.
    pub source: Option<Text<1, 500>>,
}

/// Writes the document anew. What is left out stays as it is; something must become another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ReviseDocument {
    /// What it is called.
    pub title: Option<Text<1, 200>>,
    /// The whole text.
    pub body: Option<Text<1, 100_000>>,
    /// In which language it is written.
    pub language: Option<Language>,
    /// What it is. Empty: nothing in particular.
    pub kind: Option<Text<0, 64>>,
    /// All words to sort it by. Empty: none.
    pub tags: Option<List<Text<1, 40>, 0, 20>>,
    /// Where it comes from. Empty: nobody says.
    pub source: Option<Text<0, 500>>,
    /// What was revised, in words.
    pub note: Option<Text<1, 500>>,
}

/// Says that the document does not hold any more. It stays readable, and a search finds it only when asked to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetireDocument {
    /// Why, in words.
    pub reason: Option<Text<1, 500>>,
}

/// Everything that may be asked of a document.
#[derive(Clone, Debug)]
pub enum DocumentCommand {
    /// See [`AddDocument`].
    Add(AddDocument),
    /// See [`ReviseDocument`].
    Revise(ReviseDocument),
    /// See [`RetireDocument`].
    Retire(RetireDocument),
}

crate::command::commands! {
    Document {
        AddDocument = "add" creates => DocumentCommand::Add,
        ReviseDocument = "revise" => DocumentCommand::Revise,
        RetireDocument = "retire" => DocumentCommand::Retire,
    }
}
