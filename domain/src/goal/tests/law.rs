//! What holds of goals whatever is asked of them, and the codes that clients know.

use super::*;

#[test]
fn codes_are_stable() {
    let codes = [
        (Rejected::NotFound, "goal-not-found"),
        (Rejected::AlreadyDrafted, "goal-already-drafted"),
        (Rejected::AlreadyActive, "goal-already-active"),
        (Rejected::NotActive, "goal-not-active"),
        (Rejected::WithoutUnit, "goal-without-unit"),
        (Rejected::WithoutTarget, "goal-without-target"),
        (Rejected::WithoutDueDate, "goal-without-due-date"),
        (Rejected::TargetIsBaseline, "goal-target-is-baseline"),
        (Rejected::DueBeforeStart, "goal-due-before-start"),
        (Rejected::DueInThePast, "goal-due-in-the-past"),
        (Rejected::Unchanged, "goal-unchanged"),
        (Rejected::UnitInUse, "goal-unit-in-use"),
        (Rejected::MetricAlreadyLinked, "goal-metric-already-linked"),
        (Rejected::MetricNotLinked, "goal-metric-not-linked"),
        (Rejected::NotStarted, "goal-not-started"),
        (Rejected::ProgressUnchanged, "goal-progress-unchanged"),
        (Rejected::TargetNotReached, "goal-target-not-reached"),
        (Rejected::TargetReached, "goal-target-reached"),
        (Rejected::NotDue, "goal-not-due"),
        (Rejected::AlreadyAchieved, "goal-already-achieved"),
        (Rejected::AlreadyMissed, "goal-already-missed"),
        (Rejected::AlreadyAbandoned, "goal-already-abandoned"),
    ];
    for (rejection, code) in codes {
        assert_eq!(rejection.code(), code);
    }
}

fn any_command() -> impl Strategy<Value = GoalCommand> {
    let whole =
        json!({ "title": "t", "unit": "u", "baseline": "4", "target": "8", "dueAt": day(3) });
    prop_oneof![
        Just(read::<DraftGoal>(whole).decision()),
        Just(read::<ActivateGoal>(json!({})).decision()),
        (0..9_u32, -1..3_i64).prop_map(|(target, due)| {
            read::<AdjustGoal>(json!({ "target": target.to_string(), "dueAt": day(due) }))
                .decision()
        }),
        (0..9_u32).prop_map(|actual| {
            read::<RecordGoalProgress>(json!({ "actual": actual.to_string() })).decision()
        }),
        Just(read::<AchieveGoal>(json!({})).decision()),
        Just(read::<MissGoal>(json!({})).decision()),
        Just(
            read::<LinkGoalMetric>(json!({ "metricId": METRIC, "aggregation": "last" })).decision()
        ),
    ]
}

proptest! {
    #[test]
    fn a_goal_ends_once_and_as_its_progress_says(
        commands in vec((any_command(), prop_oneof![Just(Source::Api), Just(Source::Import)]), 0..40)
    ) {
        let (mut goal, mut events) = (Goal::default(), Vec::new());
        for (command, source) in commands {
            if let Ok((after, written)) = handle(&goal, decide(command, source)) {
                for event in &written {
                    if let GoalEvent::GoalAchieved(achieved) = event {
                        let reached = achieved.actual.is_some_and(|actual| goal.terms.are_reached_by(actual));
                        prop_assert_eq!(reached, achieved.waived.is_empty());
                    }
                    if let GoalEvent::GoalProgressed(progressed) = event {
                        prop_assert_eq!(progressed.number, goal.progress + 1);
                        prop_assert_eq!(progressed.reached, after.has_reached(&after.terms));
                    }
                }
                prop_assert!(goal.status.is_none_or(GoalStatus::is_open));
                events.extend(written);
                goal = after;
            }
            prop_assert_eq!(&replay::<Goal>(events.iter().cloned()), &goal);
        }
        prop_assert_eq!(read::<Goal>(serde_json::to_value(&goal).unwrap()), goal);
    }
}
