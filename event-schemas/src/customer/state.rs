//! A customer as the shop knows them, folded from the events, for the compacted topic. Never what decisions go by.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::CustomerEvent;
use crate::{Country, Personal, RecordedEvent, state::State};

/// A customer as the shop knows them.
#[derive(Clone, PartialEq, Default, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerState {
    /// What the customer is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<String>>,
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal<String>>,
    /// A telephone number, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<String>>,
    /// The postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Personal<String>>,
    /// The city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The state or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What the data may be used for.
    pub consents: BTreeSet<String>,
}

impl State for CustomerState {
    type Event = CustomerEvent;

    fn after(before: Option<Self>, event: CustomerEvent, _: &RecordedEvent) -> Option<Self> {
        let mut customer = before.unwrap_or_default();
        match event {
            CustomerEvent::CustomerRegistered(registered) => {
                customer.name = registered.name;
                customer.email = registered.email;
                customer.phone = registered.phone;
                customer.postal_code = registered.postal_code;
                customer.city = registered.city;
                customer.state = registered.state;
                customer.country = registered.country;
            }
            CustomerEvent::CustomerContactChanged(changed) => {
                customer.name = changed.name.or(customer.name);
                customer.email = changed.email.or(customer.email);
                customer.phone = changed.phone.or(customer.phone);
                customer.postal_code = changed.postal_code.or(customer.postal_code);
                customer.city = changed.city.or(customer.city);
                customer.state = changed.state.or(customer.state);
                customer.country = changed.country.or(customer.country);
            }
            CustomerEvent::ConsentRecorded(consent) => {
                customer.consents.insert(consent.purpose);
            }
            CustomerEvent::ConsentWithdrawn(consent) => {
                customer.consents.remove(&consent.purpose);
            }
        }
        Some(customer)
    }
}
