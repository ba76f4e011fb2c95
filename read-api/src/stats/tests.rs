//! The time that a condition leaves, within which gaps are filled. Never asks.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, TimeDelta, Utc};

use super::Span;
use crate::filter::{Clause, Test, Value};

#[derive(Clone, Copy, PartialEq)]
enum Field {
    When,
    Other,
}

fn at(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(day)
}

fn when(test: fn(Value) -> Test, day: i64) -> Clause<Field> {
    Clause::Field(Field::When, test(Value::Time(at(day))))
}

fn span(clause: Clause<Field>) -> [Option<DateTime<Utc>>; 2] {
    // As filters are: conditions within conditions.
    let span = Span::of(&Clause::All(vec![Clause::All(vec![clause])]), Field::When);
    [span.from, span.until]
}

#[test]
fn the_time_is_what_all_conditions_leave() {
    let microsecond = TimeDelta::microseconds(1);
    assert_eq!(span(when(Test::AtLeast, 1)), [Some(at(1)), None]);
    assert_eq!(
        span(when(Test::Above, 1)),
        [Some(at(1) + microsecond), None]
    );
    assert_eq!(span(when(Test::Below, 9)), [None, Some(at(9))]);
    assert_eq!(
        span(when(Test::AtMost, 9)),
        [None, Some(at(9) + microsecond)]
    );
    let moment = when(|value| Test::Is(Some(value)), 5);
    assert_eq!(span(moment), [Some(at(5)), Some(at(5) + microsecond)]);
    let tighter = Clause::All(vec![
        when(Test::AtLeast, 1),
        when(Test::Below, 9),
        when(Test::AtLeast, 3),
        when(Test::Below, 8),
    ]);
    assert_eq!(span(tighter), [Some(at(3)), Some(at(8))]);
}

#[test]
fn what_need_not_hold_leaves_all_time() {
    for clause in [
        Clause::Any(vec![when(Test::AtLeast, 1)]),
        Clause::Not(Box::new(when(Test::AtLeast, 1))),
        Clause::Field(Field::Other, Test::AtLeast(Value::Time(at(1)))),
        Clause::Field(Field::When, Test::Is(None)),
    ] {
        assert_eq!(span(clause), [None, None]);
    }
}
