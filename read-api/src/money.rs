//! Money as clients see it. Never adds amounts of different currencies.

use async_graphql::SimpleObject;

use crate::{scalar::BigInt, serial::Serial};

/// An amount of money, as a field of other objects.
pub(crate) type Money = Serial<Amount>;

// What follows is the schema's text.
/// An amount of money.
#[derive(Clone, SimpleObject, Debug)]
#[graphql(name = "Money")]
pub(crate) struct Amount {
    /// In minor units of the currency: cents, centavos.
    amount: BigInt,
    /// ISO 4217, three capital letters.
    currency: String,
}

impl Money {
    pub(crate) fn new(amount: impl Into<BigInt>, currency: &str) -> Self {
        Self(Amount {
            amount: amount.into(),
            currency: currency.to_owned(),
        })
    }
}
