//! Why an organization refuses. Owns the codes, which are part of the API, and the words, which are not.

use crate::Rejection;

/// A state of the world in which an organization cannot do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OrganizationRejection {
    /// Nothing was registered under that id.
    #[error("there is no organization with this id; the operator registers it first")]
    NotFound,
    /// Registered before.
    #[error("this organization is already registered")]
    AlreadyRegistered,
    /// The same name again.
    #[error("the organization already has this name")]
    NameUnchanged,
    /// Suspended before, and not resumed since.
    #[error("the organization is suspended already")]
    AlreadySuspended,
    /// Nothing to resume.
    #[error("the organization is not suspended")]
    NotSuspended,
    /// A key that would never work.
    #[error("the key would expire in the past; choose a later date or none")]
    ExpiryInThePast,
    /// More keys than anyone keeps an eye on.
    #[error("the organization already has 100 working api keys; revoke one first")]
    TooManyApiKeys,
    /// No such key.
    #[error("this organization has no api key with this id")]
    ApiKeyUnknown,
    /// Revoked before.
    #[error("this api key was already revoked")]
    ApiKeyAlreadyRevoked,
}

impl Rejection for OrganizationRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "organization-not-found",
            Self::AlreadyRegistered => "organization-already-registered",
            Self::NameUnchanged => "organization-name-unchanged",
            Self::AlreadySuspended => "organization-already-suspended",
            Self::NotSuspended => "organization-not-suspended",
            Self::ExpiryInThePast => "expiry-in-the-past",
            Self::TooManyApiKeys => "too-many-api-keys",
            Self::ApiKeyUnknown => "api-key-unknown",
            Self::ApiKeyAlreadyRevoked => "api-key-already-revoked",
        }
    }
}
