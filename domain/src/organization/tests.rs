//! Given-when-then for every command and every rejection of an organization.

#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::TimeDelta;
use event_schemas::{
    Country, Source,
    organization::{
        ApiKeyIssued, ApiKeyRevoked, OrganizationEvent, OrganizationRegistered,
        OrganizationRenamed, OrganizationResumed, OrganizationSettingsChanged,
        OrganizationSuspended,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ChangeSettings, IssueApiKey, Organization, OrganizationCommand,
    OrganizationRejection as Rejected, RegisterOrganization, RenameOrganization,
    ResumeOrganization, RevokeApiKey, SuspendOrganization,
};
use crate::{
    Command, Decide, Rejection, Settings,
    given::{api, decide, given, handle, malformed, read, replay, today},
};

fn registered() -> OrganizationEvent {
    OrganizationRegistered {
        name: "Aurora".into(),
        country: None,
        state: None,
        city: None,
    }
    .into()
}

fn key(id: u128, expires_in: Option<TimeDelta>) -> OrganizationEvent {
    ApiKeyIssued {
        key_id: Uuid::from_u128(id),
        name: "Shop".into(),
        scopes: vec!["*".into()],
        secret_hash: "ab".repeat(32),
        expires_at: expires_in.map(|delta| today() + delta),
    }
    .into()
}

fn revoked(id: u128) -> OrganizationEvent {
    ApiKeyRevoked {
        key_id: Uuid::from_u128(id),
    }
    .into()
}

fn issue(body: Value, id: u128) -> Decide<OrganizationCommand> {
    decide(
        read::<IssueApiKey>(body).prepared(Uuid::from_u128(id), [0xab; 32]),
        Source::Api,
    )
}

#[test]
fn register() {
    given::<Organization>(vec![])
        .when(api::<RegisterOrganization>(
            json!({"name": "Aurora", "country": "BR", "state": "SP"}),
        ))
        .then_expect_events(vec![
            OrganizationRegistered {
                name: "Aurora".into(),
                country: Country::try_new("BR"),
                state: Some("SP".into()),
                city: None,
            }
            .into(),
        ]);
    given::<Organization>(vec![registered()])
        .when(api::<RegisterOrganization>(json!({"name": "Aurora"})))
        .then_expect_error(Rejected::AlreadyRegistered);
}

#[test]
fn nothing_happens_to_an_unregistered_organization() {
    let commands = [
        api::<RenameOrganization>(json!({"name": "Boreal"})),
        api::<ChangeSettings>(json!({"shipBeforePayment": true})),
        api::<SuspendOrganization>(json!({"reason": "unpaid"})),
        api::<ResumeOrganization>(json!({})),
        issue(json!({"name": "Shop", "scopes": ["*"]}), 1),
        api::<RevokeApiKey>(json!({"keyId": Uuid::nil()})),
    ];
    for command in commands {
        given::<Organization>(vec![])
            .when(command)
            .then_expect_error(Rejected::NotFound);
    }
}

#[test]
fn rename() {
    let renamed: OrganizationEvent = OrganizationRenamed {
        name: "Boreal".into(),
    }
    .into();
    given::<Organization>(vec![registered()])
        .when(api::<RenameOrganization>(json!({"name": "Boreal"})))
        .then_expect_events(vec![renamed.clone()]);
    given::<Organization>(vec![registered()])
        .when(api::<RenameOrganization>(json!({"name": "Aurora"})))
        .then_expect_error(Rejected::NameUnchanged);
    given::<Organization>(vec![registered(), renamed])
        .when(api::<RenameOrganization>(json!({"name": "Boreal"})))
        .then_expect_error(Rejected::NameUnchanged);
}

#[test]
fn change_settings() {
    let changed: OrganizationEvent = OrganizationSettingsChanged {
        ship_before_payment: true,
    }
    .into();
    given::<Organization>(vec![registered()])
        .when(api::<ChangeSettings>(json!({"shipBeforePayment": true})))
        .then_expect_events(vec![changed.clone()]);
    assert_eq!(
        replay::<Organization>([registered()]).settings(),
        Settings::default()
    );
    let organization = replay::<Organization>([registered(), changed]);
    assert_eq!(
        organization.settings(),
        Settings {
            ship_before_payment: true
        }
    );
}

#[test]
fn suspend_and_resume() {
    let suspended: OrganizationEvent = OrganizationSuspended {
        reason: "unpaid".into(),
    }
    .into();
    let resumed: OrganizationEvent = OrganizationResumed {}.into();
    let suspend = || api::<SuspendOrganization>(json!({"reason": "unpaid"}));
    let resume = || api::<ResumeOrganization>(json!({}));
    given::<Organization>(vec![registered()])
        .when(suspend())
        .then_expect_events(vec![suspended.clone()]);
    given::<Organization>(vec![registered(), suspended.clone()])
        .when(suspend())
        .then_expect_error(Rejected::AlreadySuspended);
    given::<Organization>(vec![registered(), suspended.clone()])
        .when(resume())
        .then_expect_events(vec![resumed.clone()]);
    given::<Organization>(vec![registered()])
        .when(resume())
        .then_expect_error(Rejected::NotSuspended);
    given::<Organization>(vec![registered(), suspended.clone(), resumed.clone()])
        .when(resume())
        .then_expect_error(Rejected::NotSuspended);
    given::<Organization>(vec![registered(), suspended.clone(), resumed])
        .when(suspend())
        .then_expect_events(vec![suspended]);
}

#[test]
fn settings_outlive_a_suspension() {
    let settings = Settings {
        ship_before_payment: true,
    };
    let changed = OrganizationSettingsChanged {
        ship_before_payment: true,
    };
    let suspended = OrganizationSuspended {
        reason: "unpaid".into(),
    };
    let mut events = vec![registered(), changed.into(), suspended.into()];
    assert_eq!(replay::<Organization>(events.clone()).settings(), settings);
    events.push(OrganizationResumed {}.into());
    assert_eq!(replay::<Organization>(events).settings(), settings);
}

#[test]
fn issue_api_key() {
    let tomorrow = today() + TimeDelta::days(1);
    given::<Organization>(vec![registered()])
        .when(issue(
            json!({"name": "Shop", "scopes": ["*"], "expiresAt": tomorrow}),
            1,
        ))
        .then_expect_events(vec![key(1, Some(TimeDelta::days(1)))]);
    given::<Organization>(vec![registered()])
        .when(issue(
            json!({"name": "Shop", "scopes": ["*"], "expiresAt": today()}),
            1,
        ))
        .then_expect_error(Rejected::ExpiryInThePast);
}

#[test]
fn only_working_keys_count_towards_the_limit() {
    let request = || issue(json!({"name": "Shop", "scopes": ["*"]}), 500);
    let mut full = vec![registered()];
    full.extend((1..=100).map(|id| key(id, None)));
    given::<Organization>(full.clone())
        .when(request())
        .then_expect_error(Rejected::TooManyApiKeys);
    given::<Organization>(full)
        .and(vec![revoked(7)])
        .when(request())
        .then_expect_events(vec![key(500, None)]);

    let mut one_expired = vec![registered(), key(100, Some(TimeDelta::days(-1)))];
    one_expired.extend((1..100).map(|id| key(id, None)));
    given::<Organization>(one_expired)
        .when(request())
        .then_expect_events(vec![key(500, None)]);
}

#[test]
fn revoke_api_key() {
    let revoke = || api::<RevokeApiKey>(json!({"keyId": Uuid::from_u128(1)}));
    given::<Organization>(vec![registered(), key(1, None)])
        .when(revoke())
        .then_expect_events(vec![revoked(1)]);
    given::<Organization>(vec![registered(), key(2, None)])
        .when(revoke())
        .then_expect_error(Rejected::ApiKeyUnknown);
    given::<Organization>(vec![registered(), key(1, None), revoked(1)])
        .when(revoke())
        .then_expect_error(Rejected::ApiKeyAlreadyRevoked);
}

#[test]
fn malformed_input_never_reaches_a_decision() {
    let name = malformed::<RegisterOrganization>(json!({"name": "a".repeat(201)}));
    assert_eq!(name, "the text has 201 characters; at most 200 are allowed");
    assert!(malformed::<SuspendOrganization>(json!({})).contains("missing field `reason`"));
    assert!(malformed::<SuspendOrganization>(json!({"reason": " "})).contains("blank"));
    assert!(malformed::<IssueApiKey>(json!({"name": "Shop", "scopes": []})).contains("at least 1"));
    assert!(
        malformed::<IssueApiKey>(json!({"name": "Shop", "scopes": ["Order"]}))
            .contains("not a scope")
    );
    assert!(
        malformed::<RegisterOrganization>(json!({"name": "A", "country": "br"}))
            .contains("ISO 3166")
    );
    assert!(
        malformed::<RenameOrganization>(json!({"name": "A", "nmae": "B"}))
            .contains("unknown field")
    );
}

#[test]
fn commands_say_what_they_are() {
    let creates = (
        RegisterOrganization::CREATES,
        RenameOrganization::CREATES,
        IssueApiKey::CREATES,
    );
    assert_eq!(creates, (true, false, false));
    assert_eq!(IssueApiKey::NAME, "issueApiKey");
}

#[test]
fn codes_are_stable() {
    let codes = [
        (Rejected::NotFound, "organization-not-found"),
        (
            Rejected::AlreadyRegistered,
            "organization-already-registered",
        ),
        (Rejected::NameUnchanged, "organization-name-unchanged"),
        (Rejected::AlreadySuspended, "organization-already-suspended"),
        (Rejected::NotSuspended, "organization-not-suspended"),
        (Rejected::ExpiryInThePast, "expiry-in-the-past"),
        (Rejected::TooManyApiKeys, "too-many-api-keys"),
        (Rejected::ApiKeyUnknown, "api-key-unknown"),
        (Rejected::ApiKeyAlreadyRevoked, "api-key-already-revoked"),
    ];
    for (rejection, code) in codes {
        assert_eq!(rejection.code(), code);
    }
}

#[test]
fn any_events_replay_and_a_snapshot_is_the_state() {
    // A key revoked that was never issued, and everything before the registration.
    let events = [revoked(9), key(1, None), revoked(1), registered()];
    let state: Organization = replay(events.clone());
    assert_eq!(
        read::<Organization>(serde_json::to_value(&state).unwrap()),
        state
    );
    let (after, written) =
        handle(&state, api::<RenameOrganization>(json!({"name": "Boreal"}))).unwrap();
    assert_eq!(
        replay::<Organization>(events.into_iter().chain(written)),
        after
    );
}
