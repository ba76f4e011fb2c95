//! What may be asked of a customer's record. Owns the shape and the limits of the input; decides nothing.

use event_schemas::{Country, Personal, Text};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Customer;

/// Takes a customer into the shop's books. Every field may be left out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterCustomer {
    /// What the customer is called.
    pub name: Option<Personal<Text<1, 200>>>,
    /// An e-mail address.
    pub email: Option<Personal<Text<1, 320>>>,
    /// A telephone number.
    pub phone: Option<Personal<Text<1, 64>>>,
    /// The postal code.
    pub postal_code: Option<Personal<Text<1, 16>>>,
    /// The city.
    pub city: Option<Text<1, 128>>,
    /// The state or province.
    pub state: Option<Text<1, 64>>,
    /// The country.
    pub country: Option<Country>,
}

/// Changes contact data. What is left out stays as it is; at least one field is needed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ChangeContact {
    /// What the customer is called from now on.
    pub name: Option<Personal<Text<1, 200>>>,
    /// The new e-mail address.
    pub email: Option<Personal<Text<1, 320>>>,
    /// The new telephone number.
    pub phone: Option<Personal<Text<1, 64>>>,
    /// The new postal code.
    pub postal_code: Option<Personal<Text<1, 16>>>,
    /// The new city.
    pub city: Option<Text<1, 128>>,
    /// The new state or province.
    pub state: Option<Text<1, 64>>,
    /// The new country.
    pub country: Option<Country>,
}

/// Notes that the customer agrees to a use of their data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordConsent {
    /// What the data may be used for, such as `newsletter`.
    pub purpose: Text<1, 64>,
}

/// Notes that the customer no longer agrees to a use of their data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WithdrawConsent {
    /// What the data may no longer be used for.
    pub purpose: Text<1, 64>,
}

/// Everything that may be asked of a customer's record.
#[derive(Clone, Debug)]
pub enum CustomerCommand {
    /// See [`RegisterCustomer`].
    Register(RegisterCustomer),
    /// See [`ChangeContact`].
    ChangeContact(ChangeContact),
    /// See [`RecordConsent`].
    RecordConsent(RecordConsent),
    /// See [`WithdrawConsent`].
    WithdrawConsent(WithdrawConsent),
}

crate::command::commands! {
    Customer {
        RegisterCustomer = "register" creates => CustomerCommand::Register,
        ChangeContact = "changeContact" => CustomerCommand::ChangeContact,
        RecordConsent = "recordConsent" => CustomerCommand::RecordConsent,
        WithdrawConsent = "withdrawConsent" => CustomerCommand::WithdrawConsent,
    }
}
