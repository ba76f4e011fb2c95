//! Given-when-then for every command and every rejection of a customer's record.

#![allow(clippy::unwrap_used, reason = "tests")]

use event_schemas::{
    Country, Personal,
    customer::{
        ConsentRecorded, ConsentWithdrawn, CustomerContactChanged, CustomerEvent,
        CustomerRegistered,
    },
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::{
    ChangeContact, Customer, CustomerRejection as Rejected, RecordConsent, RegisterCustomer,
    WithdrawConsent,
};
use crate::{
    Rejection,
    given::{api, given, handle, import, malformed, read, replay},
};

fn registered() -> CustomerEvent {
    CustomerRegistered {
        name: None,
        email: None,
        phone: None,
        postal_code: None,
        city: None,
        state: None,
        country: None,
    }
    .into()
}

fn recorded(purpose: &str) -> CustomerEvent {
    ConsentRecorded {
        purpose: purpose.into(),
    }
    .into()
}

fn withdrawn(purpose: &str) -> CustomerEvent {
    ConsentWithdrawn {
        purpose: purpose.into(),
    }
    .into()
}

#[test]
fn register() {
    given::<Customer>(vec![])
        .when(api::<RegisterCustomer>(json!({})))
        .then_expect_events(vec![registered()]);
    let body = json!({
        "name": "Maria", "email": "maria@example.com", "phone": "+55 19 5555 0100", "postalCode": "13010-001",
        "city": "Campinas", "state": "SP", "country": "BR",
    });
    given::<Customer>(vec![])
        .when(import::<RegisterCustomer>(body))
        .then_expect_events(vec![
            CustomerRegistered {
                name: Some(Personal("Maria".into())),
                email: Some(Personal("maria@example.com".into())),
                phone: Some(Personal("+55 19 5555 0100".into())),
                postal_code: Some(Personal("13010-001".into())),
                city: Some("Campinas".into()),
                state: Some("SP".into()),
                country: Country::try_new("BR"),
            }
            .into(),
        ]);
    given::<Customer>(vec![registered()])
        .when(import::<RegisterCustomer>(json!({})))
        .then_expect_error(Rejected::AlreadyRegistered);
}

#[test]
fn nothing_happens_to_an_unregistered_customer() {
    let commands = [
        api::<ChangeContact>(json!({"city": "Campinas"})),
        import::<ChangeContact>(json!({"city": "Campinas"})),
        api::<RecordConsent>(json!({"purpose": "newsletter"})),
        api::<WithdrawConsent>(json!({"purpose": "newsletter"})),
    ];
    for command in commands {
        given::<Customer>(vec![])
            .when(command)
            .then_expect_error(Rejected::NotFound);
    }
}

#[test]
fn change_contact() {
    let changed = CustomerContactChanged {
        name: None,
        email: Some(Personal("maria@example.com".into())),
        phone: None,
        postal_code: None,
        city: None,
        state: None,
        country: None,
    };
    given::<Customer>(vec![registered()])
        .when(api::<ChangeContact>(
            json!({"email": "maria@example.com", "name": null}),
        ))
        .then_expect_events(vec![changed.into()]);
    for nothing in [json!({}), json!({"name": null})] {
        given::<Customer>(vec![registered()])
            .when(api::<ChangeContact>(nothing))
            .then_expect_error(Rejected::ContactUnchanged);
    }
}

#[test]
fn record_consent() {
    let record = || api::<RecordConsent>(json!({"purpose": "newsletter"}));
    given::<Customer>(vec![registered(), recorded("profiling")])
        .when(record())
        .then_expect_events(vec![recorded("newsletter")]);
    given::<Customer>(vec![registered(), recorded("newsletter")])
        .when(record())
        .then_expect_error(Rejected::ConsentAlreadyRecorded);
    given::<Customer>(vec![
        registered(),
        recorded("newsletter"),
        withdrawn("newsletter"),
    ])
    .when(record())
    .then_expect_events(vec![recorded("newsletter")]);
    let mut full = vec![registered()];
    full.extend((0..100).map(|n| recorded(&format!("purpose {n}"))));
    given::<Customer>(full)
        .when(record())
        .then_expect_error(Rejected::TooManyConsents);
}

#[test]
fn withdraw_consent() {
    let withdraw = || api::<WithdrawConsent>(json!({"purpose": "newsletter"}));
    given::<Customer>(vec![registered(), recorded("newsletter")])
        .when(withdraw())
        .then_expect_events(vec![withdrawn("newsletter")]);
    given::<Customer>(vec![registered(), recorded("profiling")])
        .when(withdraw())
        .then_expect_error(Rejected::ConsentNotRecorded);
}

#[test]
fn malformed_input_never_reaches_a_decision() {
    let postal_code = malformed::<RegisterCustomer>(json!({"postalCode": "1".repeat(17)}));
    assert_eq!(
        postal_code,
        "the text has 17 characters; at most 16 are allowed"
    );
    assert!(malformed::<RegisterCustomer>(json!({"name": "a\u{0}"})).contains("U+0000"));
    assert!(malformed::<RecordConsent>(json!({"purpose": " "})).contains("blank"));
    assert!(malformed::<RecordConsent>(json!({})).contains("missing field `purpose`"));
}

#[test]
fn personal_data_stays_out_of_logs_and_state() {
    let command: RegisterCustomer = read(json!({"name": "Maria", "email": "maria@example.com"}));
    assert!(!format!("{command:?}").contains("aria"));
    let (state, events) = handle(
        &Customer::default(),
        api::<RegisterCustomer>(json!({"name": "Maria"})),
    )
    .unwrap();
    assert!(!format!("{state:?}{events:?}").contains("aria"));
}

#[test]
fn codes_are_stable() {
    let codes = [
        (Rejected::NotFound, "customer-not-found"),
        (Rejected::AlreadyRegistered, "customer-already-registered"),
        (Rejected::ContactUnchanged, "customer-contact-unchanged"),
        (Rejected::ConsentAlreadyRecorded, "consent-already-recorded"),
        (Rejected::ConsentNotRecorded, "consent-not-recorded"),
        (Rejected::TooManyConsents, "too-many-consents"),
    ];
    for (rejection, code) in codes {
        assert_eq!(rejection.code(), code);
    }
}

proptest! {
    #[test]
    fn handling_is_replaying_what_was_written(steps in vec((0..4, 0..3), 0..30)) {
        let (mut state, mut events) = (Customer::default(), Vec::new());
        for (command, purpose) in steps {
            let purpose = json!({"purpose": format!("purpose {purpose}")});
            let command = match command {
                0 => api::<RegisterCustomer>(json!({})),
                1 => api::<ChangeContact>(json!({"city": "Campinas"})),
                2 => api::<RecordConsent>(purpose),
                _ => api::<WithdrawConsent>(purpose),
            };
            if let Ok((next, written)) = handle(&state, command) {
                events.extend(written);
                state = next;
            }
            prop_assert_eq!(&replay::<Customer>(events.iter().cloned()), &state);
        }
        prop_assert_eq!(read::<Customer>(serde_json::to_value(&state).unwrap()), state);
    }
}
