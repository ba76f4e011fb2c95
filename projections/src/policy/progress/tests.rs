//! What observations come to, one by one.

#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, TimeDelta, Utc};
use event_schemas::goal::GoalAggregation;

use super::*;

fn day(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(day)
}

fn goal(aggregation: GoalAggregation) -> Goal {
    Goal {
        active: true,
        link: Some(MetricLink {
            metric_id: Uuid::nil(),
            aggregation,
        }),
        baseline: Some(0),
        target: Some(10),
        starts_at: Some(day(10)),
        due_at: Some(day(20)),
        ..Goal::default()
    }
}

fn seen(number: i32, at: i64, value: i64) -> Seen {
    Seen {
        number,
        at: day(at),
        value,
    }
}

fn actual(goal: &Goal) -> Option<i64> {
    goal.actual().unwrap().map(Decimal::micros)
}

#[test]
fn only_the_span_counts() {
    let mut goal = goal(GoalAggregation::Sum);
    assert_eq!(actual(&goal), None);
    for (number, at, counts) in [(1, 9, false), (2, 10, true), (3, 19, true), (4, 20, false)] {
        assert_eq!(goal.take_in(seen(number, at, 3)), counts, "{at}");
    }
    assert_eq!(actual(&goal), Some(6));
}

#[test]
fn each_aggregation_has_its_own_value() {
    let cases = [
        (GoalAggregation::Sum, -4),
        (GoalAggregation::Last, -9),
        (GoalAggregation::Average, -1),
        (GoalAggregation::Minimum, -9),
        (GoalAggregation::Maximum, 4),
    ];
    for (aggregation, expected) in cases {
        let mut goal = goal(aggregation);
        for one in [seen(1, 12, 4), seen(2, 14, -9), seen(3, 13, 1)] {
            goal.take_in(one);
        }
        assert_eq!(actual(&goal), Some(expected), "{aggregation:?}");
    }
}

#[test]
fn a_correction_counts_and_at_the_edge_it_needs_another_look() {
    let mut goal = goal(GoalAggregation::Sum);
    for one in [seen(1, 12, 4), seen(2, 14, 6), seen(3, 13, 9)] {
        goal.take_in(one);
    }
    assert!(goal.correct(seen(2, 14, 6), seen(2, 14, 7)));
    assert_eq!(
        (actual(&goal), goal.sum.last),
        (Some(20), Some(seen(2, 14, 7)))
    );
    assert!(!goal.correct(seen(3, 13, 9), seen(3, 13, 5)));
    assert_eq!(actual(&goal), Some(16));
}

#[test]
fn means_are_rounded_to_the_nearest() {
    for (values, expected) in [(&[1, 2][..], 2), (&[-1, -2][..], -2), (&[1, 1, 2][..], 1)] {
        let mut goal = goal(GoalAggregation::Average);
        for (number, value) in (1..).zip(values) {
            goal.take_in(seen(number, 12, *value));
        }
        assert_eq!(actual(&goal), Some(expected), "{values:?}");
    }
}

#[test]
fn what_is_out_of_range_is_said() {
    let mut goal = goal(GoalAggregation::Sum);
    for number in 1..=2 {
        goal.take_in(seen(number, 12, event_schemas::decimal::MAX_MICROS));
    }
    assert_eq!(goal.actual(), Err(()));
}
