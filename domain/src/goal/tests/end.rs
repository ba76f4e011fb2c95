//! How goals end: achieved, missed or abandoned, once and for ever.

use super::*;

#[test]
fn what_reached_its_target_is_achieved() {
    let achieved = |actual: Option<&str>, waived: &[&str]| {
        vec![GoalEvent::from(GoalAchieved {
            actual: actual.map(number),
            note: None,
            waived: waived.iter().map(ToString::to_string).collect(),
        })]
    };
    let with = |target: &str, actual: &str, reached: bool| {
        let mut past = active(terms(target, 30));
        past.push(progressed(1, actual, None, reached));
        given::<Goal>(past)
    };
    let achieve = || api::<AchieveGoal>(json!({}));
    with("20", "20", true)
        .when(achieve())
        .then_expect_events(achieved(Some("20"), &[]));
    with("20", "19.999999", false)
        .when(achieve())
        .then_expect_error(Rejected::TargetNotReached);
    // From 10 down to 5.
    with("5", "6", false)
        .when(achieve())
        .then_expect_error(Rejected::TargetNotReached);
    with("5", "4.5", true)
        .when(achieve())
        .then_expect_events(achieved(Some("4.5"), &[]));
    given::<Goal>(active(terms("20", 30)))
        .when(achieve())
        .then_expect_error(Rejected::TargetNotReached);
    given::<Goal>(active(terms("20", 30)))
        .when(import::<AchieveGoal>(json!({})))
        .then_expect_events(achieved(None, &["goal-target-not-reached"]));
    given::<Goal>(vec![drafted(terms("20", 30))])
        .when(import::<AchieveGoal>(json!({})))
        .then_expect_error(Rejected::NotActive);
}

#[test]
fn what_is_due_and_not_reached_is_missed() {
    let missed = |actual: Option<&str>, waived: &[&str]| {
        vec![GoalEvent::from(GoalMissed {
            actual: actual.map(number),
            note: Some("Rain".into()),
            waived: waived.iter().map(ToString::to_string).collect(),
        })]
    };
    let miss = || api::<MissGoal>(json!({ "note": "Rain" }));
    // Due at this very moment.
    given::<Goal>(active(terms("20", 0)))
        .when(miss())
        .then_expect_events(missed(None, &[]));
    let mut soon = terms("20", 0);
    soon.due_at = Some(today() + TimeDelta::microseconds(1));
    given::<Goal>(active(soon.clone()))
        .when(miss())
        .then_expect_error(Rejected::NotDue);
    given::<Goal>(active(soon))
        .when(import::<MissGoal>(json!({ "note": "Rain" })))
        .then_expect_events(missed(None, &["goal-not-due"]));
    let with = |actual: &str, reached: bool| {
        let mut past = active(terms("20", 0));
        past.push(progressed(1, actual, None, reached));
        given::<Goal>(past)
    };
    with("21", true)
        .when(miss())
        .then_expect_error(Rejected::TargetReached);
    with("12", false)
        .when(miss())
        .then_expect_events(missed(Some("12"), &[]));
    given::<Goal>(vec![drafted(terms("20", 0))])
        .when(miss())
        .then_expect_error(Rejected::NotActive);
}

#[test]
fn what_is_closed_stays_closed_even_for_an_import() {
    let close = |event: GoalEvent| {
        let mut past = active(terms("20", 30));
        past.push(event);
        past
    };
    let abandoned = GoalAbandoned {
        reason: Some("We move".into()),
    };
    given::<Goal>(vec![drafted(terms("20", 30))])
        .when(api::<AbandonGoal>(json!({ "reason": "We move" })))
        .then_expect_events(vec![abandoned.clone().into()]);
    let (actual, note, waived) = (None, None, vec![]);
    let achieved = GoalAchieved {
        actual,
        note: note.clone(),
        waived: waived.clone(),
    };
    let missed = GoalMissed {
        actual,
        note,
        waived,
    };
    for (event, refused) in [
        (achieved.into(), Rejected::AlreadyAchieved),
        (missed.into(), Rejected::AlreadyMissed),
        (abandoned.into(), Rejected::AlreadyAbandoned),
    ] {
        for command in [
            import::<ActivateGoal>(json!({})),
            import::<LinkGoalMetric>(json!({ "metricId": METRIC, "aggregation": "sum" })),
            import::<AdjustGoal>(json!({ "target": "30" })),
            import::<RecordGoalProgress>(json!({ "actual": "30" })),
            import::<AchieveGoal>(json!({})),
            import::<MissGoal>(json!({})),
            import::<AbandonGoal>(json!({})),
        ] {
            given::<Goal>(close(GoalEvent::clone(&event)))
                .when(command)
                .then_expect_error(refused);
        }
    }
    given::<Goal>(vec![])
        .when(import::<AbandonGoal>(json!({})))
        .then_expect_error(Rejected::NotFound);
}
