//! Why a document refuses. Owns the codes, which are part of the API, and the words, which are not.

use crate::Rejection;

/// A state of the world in which a document cannot do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DocumentRejection {
    /// Nothing was added under that id.
    #[error("there is no document with this id; add it first")]
    NotFound,
    /// It was added before.
    #[error("this document was already added; revise it, or use another id for a new one")]
    AlreadyAdded,
    /// It says all of this already.
    #[error("this document says so already; change at least one of its fields")]
    Unchanged,
    /// It does not hold any more.
    #[error("this document was already retired; add a new one instead")]
    AlreadyRetired,
}

impl Rejection for DocumentRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "document-not-found",
            Self::AlreadyAdded => "document-already-added",
            Self::Unchanged => "document-unchanged",
            Self::AlreadyRetired => "document-already-retired",
        }
    }
}
