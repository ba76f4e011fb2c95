//! Money as clients see it. Never adds amounts of different currencies.

use async_graphql::SimpleObject;

use crate::scalar::BigInt;

/// An amount of money.
#[derive(Clone, SimpleObject, Debug)]
pub(crate) struct Money {
    /// In minor units of the currency: cents, centavos.
    amount: BigInt,
    /// ISO 4217, three capital letters.
    currency: String,
}

impl Money {
    pub(crate) fn new(amount: impl Into<BigInt>, currency: &str) -> Self {
        Self {
            amount: amount.into(),
            currency: currency.to_owned(),
        }
    }
}
