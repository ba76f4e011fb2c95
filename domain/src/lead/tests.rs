//! Given-when-then for every command and every rejection of a lead, what an import may skip, and the laws.

#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::TimeDelta;
use event_schemas::{
    Personal, Source,
    lead::{
        LeadAssigned, LeadCaptured, LeadEvent, LeadLost, LeadProfile, LeadQualified, LeadWon,
        LossReason,
    },
    money::{Currency, Minor, Money},
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::{
    AssignLead, CaptureLead, Lead, LeadCommand, LeadRejection as Rejected, LoseLead, QualifyLead,
    WinLead,
};
use crate::{
    Decide, Plain, Rejection,
    given::{api, decide, given, handle, import, malformed, read, replay, today},
};

fn captured() -> LeadEvent {
    LeadCaptured {
        reference: None,
        name: None,
        email: None,
        phone: None,
        company: None,
        origin: None,
        landing_page_id: None,
    }
    .into()
}

fn waived(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

fn qualified(skipped: &[&str]) -> LeadEvent {
    LeadQualified {
        profile: LeadProfile::default(),
        note: None,
        waived: waived(skipped),
    }
    .into()
}

fn assigned(development: Option<&str>, sales: Option<&str>, skipped: &[&str]) -> LeadEvent {
    LeadAssigned {
        development_rep_id: development.map(Into::into),
        sales_rep_id: sales.map(Into::into),
        waived: waived(skipped),
    }
    .into()
}

/// Won today by an API, at an unknown time by an import.
fn won(skipped: Option<&[&str]>) -> LeadEvent {
    LeadWon {
        won_at: skipped.is_none().then(today),
        seller_id: None,
        development_rep_id: None,
        sales_rep_id: None,
        profile: LeadProfile::default(),
        waived: waived(skipped.unwrap_or_default()),
    }
    .into()
}

fn lost(skipped: &[&str]) -> LeadEvent {
    LeadLost {
        reason: LossReason::NoBudget,
        note: None,
        waived: waived(skipped),
    }
    .into()
}

#[test]
fn capture() {
    given::<Lead>(vec![])
        .when(api::<CaptureLead>(json!({})))
        .then_expect_events(vec![captured()]);
    let body = json!({
        "reference": "m-1", "name": "Ana", "email": "ana@example.com", "phone": "1", "company": "Pets", "origin": "social",
        "landingPageId": "p",
    });
    given::<Lead>(vec![])
        .when(import::<CaptureLead>(body))
        .then_expect_events(vec![
            LeadCaptured {
                reference: Some("m-1".into()),
                name: Some(Personal("Ana".into())),
                email: Some(Personal("ana@example.com".into())),
                phone: Some(Personal("1".into())),
                company: Some("Pets".into()),
                origin: Some("social".into()),
                landing_page_id: Some("p".into()),
            }
            .into(),
        ]);
    given::<Lead>(vec![captured()])
        .when(import::<CaptureLead>(json!({})))
        .then_expect_error(Rejected::AlreadyCaptured);
}

#[test]
fn qualify() {
    let body = json!({ "note": "Soon", "profile": {
        "businessSegment": "pet", "businessType": "reseller", "leadType": "online_big", "behaviourProfile": "cat",
        "hasCompany": true, "hasGtin": false, "averageStock": "5-20", "declaredCatalogSize": 9,
        "declaredMonthlyRevenue": { "amount": 100, "currency": "BRL" } } });
    given::<Lead>(vec![captured()])
        .when(api::<QualifyLead>(body))
        .then_expect_events(vec![
            LeadQualified {
                profile: LeadProfile {
                    business_segment: Some("pet".into()),
                    business_type: Some("reseller".into()),
                    lead_type: Some("online_big".into()),
                    behaviour_profile: Some("cat".into()),
                    has_company: Some(true),
                    has_gtin: Some(false),
                    average_stock: Some("5-20".into()),
                    declared_catalog_size: Some(9),
                    declared_monthly_revenue: Some(Money {
                        amount: Minor::try_new(100).unwrap(),
                        currency: Currency::try_new("BRL").unwrap(),
                    }),
                },
                note: Some("Soon".into()),
                waived: vec![],
            }
            .into(),
        ]);
    given::<Lead>(vec![captured(), qualified(&[])])
        .when(api::<QualifyLead>(json!({})))
        .then_expect_error(Rejected::AlreadyQualified);
}

#[test]
fn assign() {
    let assign = |events: Vec<LeadEvent>, body: Value| {
        given::<Lead>(events)
            .when(api::<AssignLead>(body))
            .inspect_result()
    };
    let both = json!({ "developmentRepId": "d", "salesRepId": "s" });
    assert_eq!(
        assign(vec![captured()], both.clone()),
        Ok(vec![assigned(Some("d"), Some("s"), &[])])
    );
    let past = || vec![captured(), assigned(Some("d"), Some("s"), &[])];
    assert_eq!(assign(past(), both), Err(Rejected::AlreadyAssigned));
    assert_eq!(
        assign(past(), json!({ "salesRepId": "s" })),
        Err(Rejected::AlreadyAssigned)
    );
    assert_eq!(
        assign(past(), json!({ "salesRepId": "t" })),
        Ok(vec![assigned(None, Some("t"), &[])])
    );
    assert_eq!(assign(past(), json!({})), Err(Rejected::WithoutAssignee));
}

#[test]
fn win() {
    given::<Lead>(vec![captured(), qualified(&[])])
        .when(api::<WinLead>(json!({})))
        .then_expect_events(vec![won(None)]);
    given::<Lead>(vec![captured()])
        .when(api::<WinLead>(json!({})))
        .then_expect_error(Rejected::NotQualified);
    given::<Lead>(vec![captured(), qualified(&[]), won(None)])
        .when(api::<WinLead>(json!({})))
        .then_expect_error(Rejected::AlreadyWon);
    given::<Lead>(vec![captured(), qualified(&[]), lost(&[])])
        .when(api::<WinLead>(json!({})))
        .then_expect_error(Rejected::AlreadyLost);
    let tomorrow = today() + TimeDelta::days(1);
    given::<Lead>(vec![captured(), qualified(&[])])
        .when(api::<WinLead>(json!({ "wonAt": tomorrow })))
        .then_expect_error(Rejected::WonInTheFuture);
}

#[test]
fn lose() {
    let body = || json!({ "reason": "noBudget" });
    for past in [vec![captured()], vec![captured(), qualified(&[])]] {
        given::<Lead>(past)
            .when(api::<LoseLead>(body()))
            .then_expect_events(vec![lost(&[])]);
    }
    given::<Lead>(vec![captured(), lost(&[])])
        .when(api::<LoseLead>(body()))
        .then_expect_error(Rejected::AlreadyLost);
    given::<Lead>(vec![captured(), qualified(&[]), won(None)])
        .when(api::<LoseLead>(body()))
        .then_expect_error(Rejected::AlreadyWon);
    let list = json!({ "profile": { "declaredMonthlyRevenue": [100, "BRL"] } });
    assert!(malformed::<QualifyLead>(list).contains("expected an object"));
    assert!(malformed::<LoseLead>(json!({})).contains("reason"));
    assert!(malformed::<LoseLead>(json!({ "reason": "bored" })).contains("unknown variant"));
}

fn later() -> Vec<Decide<LeadCommand>> {
    vec![
        api::<QualifyLead>(json!({})),
        api::<AssignLead>(json!({ "salesRepId": "s" })),
        api::<WinLead>(json!({})),
        api::<LoseLead>(json!({ "reason": "other" })),
    ]
}

#[test]
fn nothing_happens_to_what_was_not_captured_or_is_closed() {
    for mut command in later() {
        let closed = given::<Lead>(vec![captured(), lost(&[])]);
        closed
            .when(command.clone())
            .then_expect_error(Rejected::AlreadyLost);
        command.source = Source::Import;
        given::<Lead>(vec![])
            .when(command)
            .then_expect_error(Rejected::NotFound);
    }
}

#[test]
fn an_import_writes_down_what_it_skips_and_makes_up_no_date() {
    given::<Lead>(vec![captured()])
        .when(import::<WinLead>(json!({})))
        .then_expect_events(vec![won(Some(&["lead-not-qualified"]))]);
    given::<Lead>(vec![captured(), qualified(&[])])
        .when(import::<QualifyLead>(json!({})))
        .then_expect_events(vec![qualified(&["lead-already-qualified"])]);
    given::<Lead>(vec![captured(), lost(&[])])
        .when(import::<WinLead>(json!({})))
        .then_expect_events(vec![won(Some(&["lead-already-lost"]))]);
    given::<Lead>(vec![captured(), won(None)])
        .when(import::<LoseLead>(json!({ "reason": "noBudget" })))
        .then_expect_events(vec![lost(&["lead-already-won"])]);
    given::<Lead>(vec![captured(), assigned(None, Some("s"), &[])])
        .when(import::<AssignLead>(json!({ "salesRepId": "s" })))
        .then_expect_events(vec![assigned(None, Some("s"), &["lead-already-assigned"])]);
    given::<Lead>(vec![captured()])
        .when(import::<AssignLead>(json!({})))
        .then_expect_error(Rejected::WithoutAssignee);
}

#[test]
fn codes_are_stable() {
    let codes = [
        (Rejected::NotFound, "lead-not-found"),
        (Rejected::AlreadyCaptured, "lead-already-captured"),
        (Rejected::AlreadyQualified, "lead-already-qualified"),
        (Rejected::NotQualified, "lead-not-qualified"),
        (Rejected::WithoutAssignee, "lead-without-assignee"),
        (Rejected::AlreadyAssigned, "lead-already-assigned"),
        (Rejected::AlreadyWon, "lead-already-won"),
        (Rejected::AlreadyLost, "lead-already-lost"),
        (Rejected::WonInTheFuture, "lead-won-in-the-future"),
    ];
    for (rejection, code) in codes {
        assert_eq!(rejection.code(), code);
    }
}

fn any_event() -> impl Strategy<Value = LeadEvent> {
    let rep = || option::of("[ab]");
    prop_oneof![
        Just(captured()),
        Just(qualified(&[])),
        (rep(), rep()).prop_map(|(d, s)| assigned(d.as_deref(), s.as_deref(), &[])),
        Just(won(None)),
        Just(lost(&[])),
    ]
}

fn any_command() -> impl Strategy<Value = LeadCommand> {
    prop_oneof![
        Just(read::<CaptureLead>(json!({})).decision()),
        Just(read::<QualifyLead>(json!({})).decision()),
        option::of("[ab]").prop_map(|s| read::<AssignLead>(json!({ "salesRepId": s })).decision()),
        Just(read::<WinLead>(json!({ "developmentRepId": "a" })).decision()),
        Just(read::<LoseLead>(json!({ "reason": "duplicate" })).decision()),
    ]
}

proptest! {
    #[test]
    fn replay_never_panics_and_a_snapshot_is_the_state(events in vec(any_event(), 0..30)) {
        let lead: Lead = replay(events);
        prop_assert_eq!(read::<Lead>(serde_json::to_value(&lead).unwrap()), lead);
    }

    #[test]
    fn handling_is_replaying_what_was_written(commands in vec((any_command(), any::<bool>()), 0..30)) {
        let (mut lead, mut events) = (Lead::default(), Vec::new());
        for (command, past) in commands {
            let source = if past { Source::Import } else { Source::Api };
            if let Ok((next, written)) = handle(&lead, decide(command, source)) {
                prop_assert_eq!(written.len(), 1);
                events.extend(written);
                lead = next;
            }
            prop_assert_eq!(&replay::<Lead>(events.iter().cloned()), &lead);
        }
    }

    #[test]
    fn without_imports_nothing_happens_after_the_outcome(commands in vec(any_command(), 0..30)) {
        let mut lead: Lead = replay([captured()]);
        for command in commands {
            let before = lead.clone();
            if let Ok((next, written)) = handle(&lead, decide(command, Source::Api)) {
                prop_assert!(before.status.is_some_and(event_schemas::lead::LeadStatus::is_open));
                prop_assert!(!serde_json::to_string(&written).unwrap().contains("waived"));
                lead = next;
            }
        }
    }
}
