//! The customer: contact data and consents. Owns the state its decisions need, which is no personal data.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, event_sink::EventSink};
use event_schemas::{
    Personal, Text,
    customer::{
        ConsentRecorded, ConsentWithdrawn, CustomerContactChanged, CustomerEvent,
        CustomerRegistered,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decide, Entity};

mod command;
mod rejection;
#[cfg(test)]
mod tests;

pub use command::{
    ChangeContact, CustomerCommand, RecordConsent, RegisterCustomer, WithdrawConsent,
};
pub use rejection::CustomerRejection;

/// How many purposes a customer may agree to at once, so that the state stays small.
const MAX_CONSENTS: usize = 100;

/// What a customer's record must remember to decide.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    registered: bool,
    /// The purposes agreed to and not withdrawn.
    consents: BTreeSet<String>,
}

impl Customer {
    fn decide(&self, command: CustomerCommand) -> Result<CustomerEvent, CustomerRejection> {
        if self.registered == matches!(command, CustomerCommand::Register(_)) {
            return Err(if self.registered {
                CustomerRejection::AlreadyRegistered
            } else {
                CustomerRejection::NotFound
            });
        }
        match command {
            CustomerCommand::Register(command) => Ok(register(command).into()),
            CustomerCommand::ChangeContact(command) => change_contact(command).map(Into::into),
            CustomerCommand::RecordConsent(command) => self.record(command).map(Into::into),
            CustomerCommand::WithdrawConsent(command) => self.withdraw(command).map(Into::into),
        }
    }

    fn record(&self, command: RecordConsent) -> Result<ConsentRecorded, CustomerRejection> {
        let purpose = command.purpose.into_string();
        if self.consents.contains(&purpose) {
            return Err(CustomerRejection::ConsentAlreadyRecorded);
        }
        if self.consents.len() >= MAX_CONSENTS {
            return Err(CustomerRejection::TooManyConsents);
        }
        Ok(ConsentRecorded { purpose })
    }

    fn withdraw(&self, command: WithdrawConsent) -> Result<ConsentWithdrawn, CustomerRejection> {
        let purpose = command.purpose.into_string();
        if !self.consents.contains(&purpose) {
            return Err(CustomerRejection::ConsentNotRecorded);
        }
        Ok(ConsentWithdrawn { purpose })
    }
}

impl Aggregate for Customer {
    const TYPE: &'static str = "customer";
    type Command = Decide<CustomerCommand>;
    type Event = CustomerEvent;
    type Error = CustomerRejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), CustomerRejection> {
        let event = self.decide(command.command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: CustomerEvent) {
        match event {
            CustomerEvent::CustomerRegistered(_) => self.registered = true,
            CustomerEvent::CustomerContactChanged(_) => {}
            CustomerEvent::ConsentRecorded(consent) => {
                self.consents.insert(consent.purpose);
            }
            CustomerEvent::ConsentWithdrawn(consent) => {
                self.consents.remove(&consent.purpose);
            }
        }
    }
}

impl Entity for Customer {
    type Decision = CustomerCommand;
    type Fact = CustomerEvent;
    type Refusal = CustomerRejection;
    const PLURAL: &'static str = "customers";
}

fn register(command: RegisterCustomer) -> CustomerRegistered {
    CustomerRegistered {
        name: command.name.map(personal),
        email: command.email.map(personal),
        phone: command.phone.map(personal),
        postal_code: command.postal_code.map(personal),
        city: command.city.map(Into::into),
        state: command.state.map(Into::into),
        country: command.country,
    }
}

fn change_contact(command: ChangeContact) -> Result<CustomerContactChanged, CustomerRejection> {
    let changed = CustomerContactChanged {
        name: command.name.map(personal),
        email: command.email.map(personal),
        phone: command.phone.map(personal),
        postal_code: command.postal_code.map(personal),
        city: command.city.map(Into::into),
        state: command.state.map(Into::into),
        country: command.country,
    };
    let nothing = CustomerContactChanged {
        name: None,
        email: None,
        phone: None,
        postal_code: None,
        city: None,
        state: None,
        country: None,
    };
    if changed == nothing {
        Err(CustomerRejection::ContactUnchanged)
    } else {
        Ok(changed)
    }
}

fn personal<const MIN: usize, const MAX: usize>(
    Personal(text): Personal<Text<MIN, MAX>>,
) -> Personal<String> {
    Personal(text.into())
}
