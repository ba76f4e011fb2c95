//! Why a customer's record refuses. Owns the codes, which are part of the API, and the words, which are not.

use crate::Rejection;

/// A state of the world in which a customer's record cannot do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CustomerRejection {
    /// Nobody was registered under that id.
    #[error("there is no customer with this id; register the customer first")]
    NotFound,
    /// Registered before.
    #[error("this customer is already registered; change the contact data instead")]
    AlreadyRegistered,
    /// A change of nothing.
    #[error("nothing to change was given; name at least one field")]
    ContactUnchanged,
    /// Agreed before and not withdrawn.
    #[error("the customer already agreed to this purpose")]
    ConsentAlreadyRecorded,
    /// Never agreed, or withdrawn since.
    #[error("the customer has not agreed to this purpose, so there is nothing to withdraw")]
    ConsentNotRecorded,
    /// More purposes than one customer can sensibly have.
    #[error("the customer already agreed to 100 purposes; withdraw one first")]
    TooManyConsents,
}

impl Rejection for CustomerRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "customer-not-found",
            Self::AlreadyRegistered => "customer-already-registered",
            Self::ContactUnchanged => "customer-contact-unchanged",
            Self::ConsentAlreadyRecorded => "consent-already-recorded",
            Self::ConsentNotRecorded => "consent-not-recorded",
            Self::TooManyConsents => "too-many-consents",
        }
    }
}
