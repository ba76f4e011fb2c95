//! Trusted documents: those that the server knows by the hash of their text, and whether it executes others. Owns the
//! choice of a request's document; never reads a file.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    document::{self, Document, Lately},
    failure::{Code, Failure},
    limit::Limits,
};

/// What every identifier begins with: the persisted documents of GraphQL over HTTP know no other method by name.
const PREFIX: &str = "sha256:";

/// Whether documents are executed that are not known.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every request brings its document.
    #[default]
    Off,
    /// A request brings its document or names one.
    Allowed,
    /// A request names its document.
    Required,
}

/// The documents that the server knows. Cloning is cheap.
#[derive(Clone, Default, Debug)]
pub struct Trusted {
    mode: Mode,
    /// By the hash in hexadecimal digits.
    known: Arc<HashMap<String, Arc<Document>>>,
    others: Lately,
}

/// Why a set of documents is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// The name is no hash of ours.
    #[error(
        "\"{0}\" is not the SHA-256 of a document, 64 lower-case hexadecimal digits; have the client's compiler write that one (Relay: \"algorithm\": \"SHA256\")"
    )]
    Name(String),
    /// The text is not what the name says.
    #[error(
        "the document named {name} has the hash {found}; it was changed after it was named, so have it written anew"
    )]
    Changed {
        /// The given name.
        name: String,
        /// The hash of the text.
        found: String,
    },
    /// The text is no document, or one that is over the limits.
    #[error("the document {name} cannot be executed: {why}")]
    Refused {
        /// Its hash.
        name: String,
        /// Why.
        why: String,
    },
    /// There is none, and others are not executed.
    #[error("only trusted documents are to be executed, but there are none")]
    None,
}

impl Trusted {
    /// Takes documents with the names that somebody gave them, with or without `sha256:`; without a name it is the hash
    /// of the text. All are parsed now, and never again.
    pub fn try_new(
        mode: Mode,
        documents: impl IntoIterator<Item = (Option<String>, String)>,
        limits: &Limits,
    ) -> Result<Self, TrustedError> {
        let mut known = HashMap::new();
        for (name, text) in documents {
            let found = hash(&text);
            if let Some(name) = name {
                let given = name.strip_prefix(PREFIX).unwrap_or(&name);
                if !is_hash(given) {
                    return Err(TrustedError::Name(name));
                }
                if given != found {
                    return Err(TrustedError::Changed { name, found });
                }
            }
            let document = document::parse(&text, limits).map_err(|failure| {
                let why = failure.errors.into_iter().map(|error| error.message);
                TrustedError::Refused {
                    name: found.clone(),
                    why: why.collect::<Vec<_>>().join("; "),
                }
            })?;
            known.insert(found, Arc::new(Document::new(document)));
        }
        if mode == Mode::Required && known.is_empty() {
            return Err(TrustedError::None);
        }
        Ok(Self {
            mode,
            known: Arc::new(known),
            others: Lately::default(),
        })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// The document of a request that gives its text, its identifier, or both, and its text.
    pub(super) fn choose(
        &self,
        text: Option<String>,
        id: Option<&str>,
        limits: &Limits,
    ) -> Result<Arc<Document>, Failure> {
        let refusal = |code, message: &str| Err(Failure::operation(code, message, None));
        let id = match (self.mode, &text, id) {
            // To whom identifiers mean nothing they are members like all that are unknown.
            (Mode::Off, Some(_), _) => None,
            (Mode::Off, None, _) => {
                return refusal(
                    Code::DocumentUnknown,
                    "this server knows no trusted documents; send the document in query",
                );
            }
            (Mode::Required, _, None) => {
                return refusal(
                    Code::DocumentIdRequired,
                    "this server executes only the documents that it knows; send documentId, \"sha256:\" and the hash of one of \
                     them, instead of query",
                );
            }
            (Mode::Allowed | Mode::Required, _, id) => id,
        };
        let hash_of_id = id.map(read).transpose()?;
        if let (Some(text), Some(id)) = (&text, hash_of_id)
            && hash(text) != id
        {
            return refusal(
                Code::DocumentMismatch,
                "query is not the document of documentId; send one of them, or the hash of exactly this text",
            );
        }
        match (hash_of_id.map(|id| self.known.get(id)), text) {
            (Some(Some(known)), _) => Ok(Arc::clone(known)),
            // Its text is there and fits: somebody who may send any text may send this one.
            (Some(None) | None, Some(text)) if self.mode != Mode::Required => {
                self.others.parse(text, limits)
            }
            (Some(None) | None, _) => refusal(
                Code::DocumentUnknown,
                "this server does not know the document of documentId; deploy the client's documents before the client",
            ),
        }
    }
}

/// The hash in an identifier.
fn read(id: &str) -> Result<&str, Failure> {
    id.strip_prefix(PREFIX)
        .filter(|hash| is_hash(hash))
        .ok_or_else(|| {
            Failure::request(
                Code::BadRequest,
                "documentId must be \"sha256:\" and 64 lower-case hexadecimal digits, the SHA-256 of the document's text",
            )
        })
}

fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}
