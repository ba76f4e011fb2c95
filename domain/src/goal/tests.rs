//! Given-when-then for every command and every rejection of a goal, what an import may skip, and the laws.

#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, TimeDelta, Utc};
use event_schemas::{
    Source,
    decimal::Decimal,
    goal::{
        GoalAbandoned, GoalAchieved, GoalActivated, GoalAdjusted, GoalAggregation, GoalDrafted,
        GoalEvent, GoalMetricLinked, GoalMissed, GoalProgressed, GoalStatus, GoalTerms, MetricLink,
        ProgressSource,
    },
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use uuid::Uuid;

use super::{
    AbandonGoal, AchieveGoal, ActivateGoal, AdjustGoal, DraftGoal, Goal, GoalCommand,
    GoalRejection as Rejected, LinkGoalMetric, MissGoal, RecordGoalProgress,
};
use crate::{
    Decide, Plain, Rejection,
    given::{api, decide, given, handle, import, malformed, read, replay, today},
};

mod end;
mod law;

const METRIC: Uuid = Uuid::from_u128(7);

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn day(days: i64) -> DateTime<Utc> {
    today() + TimeDelta::days(days)
}

/// From 10 to `target` visits, from yesterday until `due`.
fn terms(target: &str, due: i64) -> GoalTerms {
    GoalTerms {
        title: "Visits".into(),
        description: None,
        owner_id: None,
        unit: Some("visits".into()),
        baseline: Some(number("10")),
        target: Some(number(target)),
        starts_at: Some(day(-1)),
        due_at: Some(day(due)),
    }
}

fn drafted(terms: GoalTerms) -> GoalEvent {
    GoalDrafted { terms }.into()
}

fn activated(terms: &GoalTerms, metric: Option<MetricLink>, waived: &[&str]) -> GoalEvent {
    GoalActivated {
        unit: terms.unit.clone().unwrap(),
        baseline: terms.baseline.unwrap(),
        target: terms.target.unwrap(),
        starts_at: terms.starts_at.unwrap(),
        due_at: terms.due_at.unwrap(),
        metric,
        waived: waived.iter().map(ToString::to_string).collect(),
    }
    .into()
}

/// An active goal of these terms.
fn active(terms: GoalTerms) -> Vec<GoalEvent> {
    let active = activated(&terms, None, &[]);
    vec![drafted(terms), active]
}

fn progressed(number_: u32, actual: &str, previous: Option<&str>, reached: bool) -> GoalEvent {
    GoalProgressed {
        number: number_,
        actual: number(actual),
        previous: previous.map(number),
        reached,
        source: None,
        note: None,
        waived: vec![],
    }
    .into()
}

fn link(aggregation: GoalAggregation) -> MetricLink {
    MetricLink {
        metric_id: METRIC,
        aggregation,
    }
}

fn linked(
    aggregation: GoalAggregation,
    previous: Option<MetricLink>,
    status: GoalStatus,
) -> GoalEvent {
    GoalMetricLinked {
        metric: link(aggregation),
        previous,
        status,
        terms: terms("20", 30),
        waived: vec![],
    }
    .into()
}

#[test]
fn a_draft_may_leave_open_all_but_its_title() {
    given::<Goal>(vec![])
        .when(api::<DraftGoal>(json!({ "title": "Visits" })))
        .then_expect_events(vec![drafted(GoalTerms {
            title: "Visits".into(),
            ..GoalTerms::default()
        })]);
    given::<Goal>(vec![])
        .when(api::<DraftGoal>(
            json!({ "title": "Visits", "unit": "visits", "baseline": "10", "target": "20",
            "startsAt": day(-1), "dueAt": "2026-03-31T09:00:00-03:00" }),
        ))
        .then_expect_events(vec![drafted(terms("20", 30))]);
    given::<Goal>(vec![drafted(terms("20", 30))])
        .when(import::<DraftGoal>(json!({ "title": "Visits" })))
        .then_expect_error(Rejected::AlreadyDrafted);
    let number = json!({ "title": "Visits", "target": 20 });
    malformed::<DraftGoal>(number);
    let day = json!({ "title": "Visits", "dueAt": "2026-04-01" });
    malformed::<DraftGoal>(day);
    let local = json!({ "title": "Visits", "dueAt": "2026-04-01T00:00:00" });
    malformed::<DraftGoal>(local);
    // The database's times begin in 4713 before our era.
    let ancient = json!({ "title": "Visits", "startsAt": "-9999-01-01T00:00:00Z" });
    assert!(malformed::<DraftGoal>(ancient).contains("outside 1 to 9999"));
}

#[test]
fn what_cannot_be_reached_is_not_written_down() {
    let body = |target: &str, due: i64| json!({ "title": "Visits", "baseline": "10", "target": target, "startsAt": day(0), "dueAt": day(due) });
    given::<Goal>(vec![])
        .when(api::<DraftGoal>(body("10.0", 1)))
        .then_expect_error(Rejected::TargetIsBaseline);
    given::<Goal>(vec![])
        .when(import::<DraftGoal>(body("11", 0)))
        .then_expect_error(Rejected::DueBeforeStart);
}

#[test]
fn it_is_activated_with_a_unit_a_target_and_a_due_date() {
    let without = |leave: fn(&mut GoalTerms)| {
        let mut terms = terms("20", 30);
        leave(&mut terms);
        given::<Goal>(vec![drafted(terms)])
    };
    for (leave, refused) in [
        (
            (|terms| terms.unit = None) as fn(&mut GoalTerms),
            Rejected::WithoutUnit,
        ),
        (|terms| terms.target = None, Rejected::WithoutTarget),
        (|terms| terms.due_at = None, Rejected::WithoutDueDate),
        (
            |terms| (terms.baseline, terms.target) = (None, Some(Decimal::ZERO)),
            Rejected::TargetIsBaseline,
        ),
    ] {
        without(leave)
            .when(api::<ActivateGoal>(json!({})))
            .then_expect_error(refused);
        without(leave)
            .when(import::<ActivateGoal>(json!({})))
            .then_expect_error(refused);
    }
    let complete = terms("20", 30);
    without(|_| {})
        .when(api::<ActivateGoal>(json!({})))
        .then_expect_events(vec![activated(&complete, None, &[])]);
    // What was left open is settled: it begins with 0, and now.
    let settled = GoalTerms {
        baseline: Some(Decimal::ZERO),
        starts_at: Some(today()),
        ..complete.clone()
    };
    without(|terms| (terms.baseline, terms.starts_at) = (None, None))
        .when(api::<ActivateGoal>(json!({})))
        .then_expect_events(vec![activated(&settled, None, &[])]);
    given::<Goal>(active(complete))
        .when(import::<ActivateGoal>(json!({})))
        .then_expect_error(Rejected::AlreadyActive);
}

#[test]
fn it_is_not_activated_for_the_past_but_by_an_import_or_a_policy() {
    let late = terms("20", 0);
    given::<Goal>(vec![drafted(late.clone())])
        .when(api::<ActivateGoal>(json!({})))
        .then_expect_error(Rejected::DueInThePast);
    given::<Goal>(vec![drafted(late.clone())])
        .when(import::<ActivateGoal>(json!({})))
        .then_expect_events(vec![activated(&late, None, &["goal-due-in-the-past"])]);
    let by_policy = Decide {
        source: Source::Policy,
        ..api::<ActivateGoal>(json!({}))
    };
    given::<Goal>(vec![drafted(late.clone())])
        .when(by_policy)
        .then_expect_events(vec![activated(&late, None, &[])]);
    // What is agreed on later is another matter.
    let by_policy = Decide {
        source: Source::Policy,
        ..api::<AdjustGoal>(json!({ "title": "Calls" }))
    };
    given::<Goal>(active(late))
        .when(by_policy)
        .then_expect_error(Rejected::DueInThePast);
}

#[test]
fn a_metric_is_linked_and_another_takes_its_place() {
    let body = |aggregation: &str| json!({ "metricId": METRIC, "aggregation": aggregation });
    given::<Goal>(vec![drafted(terms("20", 30))])
        .when(api::<LinkGoalMetric>(body("sum")))
        .then_expect_events(vec![linked(GoalAggregation::Sum, None, GoalStatus::Draft)]);
    let past = || {
        let mut events = active(terms("20", 30));
        events.push(linked(GoalAggregation::Sum, None, GoalStatus::Active));
        events
    };
    given::<Goal>(past())
        .when(api::<LinkGoalMetric>(body("maximum")))
        .then_expect_events(vec![linked(
            GoalAggregation::Maximum,
            Some(link(GoalAggregation::Sum)),
            GoalStatus::Active,
        )]);
    given::<Goal>(past())
        .when(api::<LinkGoalMetric>(body("sum")))
        .then_expect_error(Rejected::MetricAlreadyLinked);
    malformed::<LinkGoalMetric>(body("median"));
    // An activation tells whoever follows metrics.
    let draft = vec![
        drafted(terms("20", 30)),
        linked(GoalAggregation::Last, None, GoalStatus::Draft),
    ];
    given::<Goal>(draft)
        .when(api::<ActivateGoal>(json!({})))
        .then_expect_events(vec![activated(
            &terms("20", 30),
            Some(link(GoalAggregation::Last)),
            &[],
        )]);
}

#[test]
fn an_adjustment_keeps_what_was_and_says_what_is() {
    let mut past = active(terms("20", 30));
    past.push(progressed(1, "15", None, false));
    let adjusted = |new: GoalTerms, reached: bool, reason: Option<&str>, waived: &[&str]| {
        vec![GoalEvent::from(GoalAdjusted {
            old: terms("20", 30),
            new,
            status: GoalStatus::Active,
            metric: None,
            reached,
            reason: reason.map(Into::into),
            waived: waived.iter().map(ToString::to_string).collect(),
        })]
    };
    given::<Goal>(past.clone())
        .when(api::<AdjustGoal>(
            json!({ "target": "15", "reason": "Enough" }),
        ))
        .then_expect_events(adjusted(terms("15", 30), true, Some("Enough"), &[]));
    for (body, refused) in [
        (json!({ "target": "20" }), Rejected::Unchanged),
        (json!({ "reason": "Hm" }), Rejected::Unchanged),
        (json!({ "target": "10" }), Rejected::TargetIsBaseline),
        (json!({ "startsAt": day(30) }), Rejected::DueBeforeStart),
        (json!({ "dueAt": day(0) }), Rejected::DueInThePast),
        (json!({ "unit": "calls" }), Rejected::UnitInUse),
    ] {
        given::<Goal>(past.clone())
            .when(api::<AdjustGoal>(body))
            .then_expect_error(refused);
    }
    let other = GoalTerms {
        unit: Some("calls".into()),
        ..terms("20", 0)
    };
    given::<Goal>(past)
        .when(import::<AdjustGoal>(
            json!({ "unit": "calls", "dueAt": day(0) }),
        ))
        .then_expect_events(adjusted(
            other,
            false,
            None,
            &["goal-due-in-the-past", "goal-unit-in-use"],
        ));
}

#[test]
fn only_an_active_goal_progresses() {
    given::<Goal>(vec![drafted(terms("20", 30))])
        .when(import::<RecordGoalProgress>(json!({ "actual": "11" })))
        .then_expect_error(Rejected::NotActive);
    given::<Goal>(active(terms("20", 30)))
        .when(api::<RecordGoalProgress>(json!({ "actual": "19.999999" })))
        .then_expect_events(vec![progressed(1, "19.999999", None, false)]);
    let mut past = active(terms("20", 30));
    past.push(progressed(1, "15", None, false));
    given::<Goal>(past.clone())
        .when(api::<RecordGoalProgress>(json!({ "actual": "20.0" })))
        .then_expect_events(vec![progressed(2, "20", Some("15"), true)]);
    given::<Goal>(past)
        .when(api::<RecordGoalProgress>(json!({ "actual": "15.00" })))
        .then_expect_error(Rejected::ProgressUnchanged);
    let mut later = terms("20", 30);
    later.starts_at = Some(day(1));
    given::<Goal>(active(later))
        .when(api::<RecordGoalProgress>(json!({ "actual": "11" })))
        .then_expect_error(Rejected::NotStarted);
}

#[test]
fn progress_comes_from_the_linked_metric_alone() {
    let from = |metric: Uuid| json!({ "actual": "11", "source": { "metricId": metric, "observationNumber": 3, "eventId": Uuid::from_u128(9) } });
    let progress = |metric_id: Uuid, waived: &[&str]| {
        vec![GoalEvent::from(GoalProgressed {
            number: 1,
            actual: number("11"),
            previous: None,
            reached: false,
            source: Some(ProgressSource {
                metric_id,
                observation_number: Some(3),
                event_id: Some(Uuid::from_u128(9)),
            }),
            note: None,
            waived: waived.iter().map(ToString::to_string).collect(),
        })]
    };
    let mut past = active(terms("20", 30));
    past.push(linked(GoalAggregation::Sum, None, GoalStatus::Active));
    given::<Goal>(past.clone())
        .when(api::<RecordGoalProgress>(from(METRIC)))
        .then_expect_events(progress(METRIC, &[]));
    let other = Uuid::from_u128(8);
    given::<Goal>(past.clone())
        .when(api::<RecordGoalProgress>(from(other)))
        .then_expect_error(Rejected::MetricNotLinked);
    given::<Goal>(past)
        .when(import::<RecordGoalProgress>(from(other)))
        .then_expect_events(progress(other, &["goal-metric-not-linked"]));
}
