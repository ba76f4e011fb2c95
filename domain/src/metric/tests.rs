//! Given-when-then for every command and every rejection of a metric, what an import may skip, and the laws.

#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::TimeDelta;
use event_schemas::{
    Source, TimeZone,
    decimal::Decimal,
    metric::{
        Aggregation, Feed, MetricDefined, MetricEvent, MetricObserved, MonthlyGoal, Observation,
        ObservationCorrected,
    },
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{
    CorrectObservation, DefineMetric, MAX_OBSERVATIONS, Metric, MetricCommand,
    MetricRejection as Rejected, ObserveMetric,
};
use crate::{
    Decide, Plain, Rejection,
    given::{api, decide, given, handle, import, malformed, read, replay, today},
};

fn defined() -> MetricEvent {
    MetricDefined {
        name: "Visits".into(),
        unit: "visits".into(),
        aggregation: Aggregation::Sum,
        description: None,
        feed: None,
        monthly_goal: None,
    }
    .into()
}

fn fed() -> MetricEvent {
    MetricDefined {
        name: "Revenue".into(),
        unit: "BRL".into(),
        aggregation: Aggregation::Sum,
        description: None,
        feed: Some(Feed::OrderRevenue),
        monthly_goal: None,
    }
    .into()
}

fn definition() -> Value {
    json!({ "name": "Visits", "unit": "visits", "aggregation": "sum" })
}

fn observed(first_number: u32, values: &[&str]) -> MetricEvent {
    let observation = |value: &&str| Observation {
        observed_at: today(),
        value: Decimal::parse(value).unwrap(),
        source: None,
    };
    MetricObserved {
        first_number,
        observations: values.iter().map(observation).collect(),
        waived: vec![],
    }
    .into()
}

fn observations(values: &[&str]) -> Value {
    let one = |value: &&str| json!({ "observedAt": today(), "value": value });
    json!({ "observations": values.iter().map(one).collect::<Vec<_>>() })
}

#[test]
fn what_measures_itself_is_money_and_nobody_else_measures_it() {
    let feed = |unit: &str, aggregation: &str| {
        api::<DefineMetric>(
            json!({ "name": "Revenue", "unit": unit, "aggregation": aggregation, "feed": "orderRevenue" }),
        )
    };
    given::<Metric>(vec![])
        .when(feed("BRL", "sum"))
        .then_expect_events(vec![fed()]);
    for (unit, aggregation) in [("visits", "sum"), ("BRL", "last"), ("brl", "sum")] {
        given::<Metric>(vec![])
            .when(feed(unit, aggregation))
            .then_expect_error(Rejected::FeedNeedsCurrency);
    }
    given::<Metric>(vec![fed()])
        .when(api::<ObserveMetric>(observations(&["1"])))
        .then_expect_error(Rejected::MeasuredByItself);
    let by_policy = Decide {
        source: Source::Policy,
        ..api::<ObserveMetric>(observations(&["1"]))
    };
    given::<Metric>(vec![fed()])
        .when(by_policy)
        .then_expect_events(vec![observed(1, &["1"])]);
    given::<Metric>(vec![fed(), observed(1, &["1"])])
        .when(api::<CorrectObservation>(
            json!({ "number": 1, "value": "2" }),
        ))
        .then_expect_events(vec![
            ObservationCorrected {
                number: 1,
                value: Decimal::parse("2").unwrap(),
                reason: None,
            }
            .into(),
        ]);
}

#[test]
fn a_sum_has_monthly_goals_that_grow_within_reason() {
    let goal = |aggregation: &str, goal: Value| {
        api::<DefineMetric>(
            json!({ "name": "Visits", "unit": "visits", "aggregation": aggregation, "monthlyGoal": goal }),
        )
    };
    let with = |growth: &str, zone: &str| {
        let MetricEvent::MetricDefined(defined) = defined() else {
            unreachable!()
        };
        let goal = MonthlyGoal {
            growth_percent: Decimal::parse(growth).unwrap(),
            time_zone: TimeZone::try_new(zone).unwrap(),
        };
        MetricEvent::from(MetricDefined {
            monthly_goal: Some(goal),
            ..defined
        })
    };
    for growth in ["-99.999999", "0", "2.5", "10000"] {
        given::<Metric>(vec![])
            .when(goal("sum", json!({ "growthPercent": growth })))
            .then_expect_events(vec![with(growth, "UTC")]);
    }
    let zone = "America/Sao_Paulo";
    given::<Metric>(vec![])
        .when(goal(
            "sum",
            json!({ "growthPercent": "10", "timeZone": zone }),
        ))
        .then_expect_events(vec![with("10", zone)]);
    for growth in ["-100", "10000.000001"] {
        given::<Metric>(vec![])
            .when(goal("sum", json!({ "growthPercent": growth })))
            .then_expect_error(Rejected::GrowthOutOfRange);
    }
    for aggregation in ["last", "average"] {
        given::<Metric>(vec![])
            .when(goal(aggregation, json!({ "growthPercent": "10" })))
            .then_expect_error(Rejected::MonthlyGoalNeedsSum);
    }
    let nowhere = json!({ "name": "V", "unit": "v", "aggregation": "sum",
        "monthlyGoal": { "growthPercent": "10", "timeZone": "Mars/Olympus" } });
    assert!(malformed::<DefineMetric>(nowhere).contains("IANA"));
}

#[test]
fn define() {
    given::<Metric>(vec![])
        .when(api::<DefineMetric>(definition()))
        .then_expect_events(vec![defined()]);
    given::<Metric>(vec![defined()])
        .when(import::<DefineMetric>(definition()))
        .then_expect_error(Rejected::AlreadyDefined);
    let median = json!({ "name": "V", "unit": "v", "aggregation": "median" });
    assert!(malformed::<DefineMetric>(median).contains("unknown variant"));
}

#[test]
fn observations_are_numbered_on() {
    given::<Metric>(vec![defined()])
        .when(api::<ObserveMetric>(observations(&["1.5", "-2"])))
        .then_expect_events(vec![observed(1, &["1.5", "-2"])]);
    given::<Metric>(vec![defined(), observed(1, &["1.5", "-2"])])
        .when(api::<ObserveMetric>(observations(&["3"])))
        .then_expect_events(vec![observed(3, &["3"])]);
}

#[test]
fn what_was_not_measured_yet_is_refused_and_noted_for_an_import() {
    let later = today() + TimeDelta::days(500);
    let body =
        || json!({ "observations": [{ "observedAt": later, "value": "1", "source": "a:1" }] });
    given::<Metric>(vec![defined()])
        .when(api::<ObserveMetric>(body()))
        .then_expect_error(Rejected::ObservedInTheFuture);
    given::<Metric>(vec![defined()])
        .when(import::<ObserveMetric>(body()))
        .then_expect_events(vec![
            MetricObserved {
                first_number: 1,
                observations: vec![Observation {
                    observed_at: later,
                    value: Decimal::parse("1").unwrap(),
                    source: Some("a:1".into()),
                }],
                waived: vec!["observed-in-the-future".into()],
            }
            .into(),
        ]);
}

#[test]
fn correct() {
    let body = |number: u32| json!({ "number": number, "value": "7", "reason": "Swapped" });
    let past = || vec![defined(), observed(1, &["1", "2"])];
    given::<Metric>(past())
        .when(api::<CorrectObservation>(body(2)))
        .then_expect_events(vec![
            ObservationCorrected {
                number: 2,
                value: Decimal::parse("7").unwrap(),
                reason: Some("Swapped".into()),
            }
            .into(),
        ]);
    given::<Metric>(past())
        .when(import::<CorrectObservation>(body(3)))
        .then_expect_error(Rejected::ObservationNotFound);
    assert!(malformed::<CorrectObservation>(body(0)).contains("outside 1 to"));
}

#[test]
fn nothing_is_measured_before_it_is_defined() {
    for command in [
        import::<ObserveMetric>(observations(&["1"])),
        import::<CorrectObservation>(json!({ "number": 1, "value": "1" })),
    ] {
        given::<Metric>(vec![])
            .when(command)
            .then_expect_error(Rejected::NotFound);
    }
}

#[test]
fn there_is_an_end_to_the_numbers() {
    let full = Metric {
        defined: true,
        fed: true,
        observations: MAX_OBSERVATIONS,
    };
    let refused = handle(&full, import::<ObserveMetric>(observations(&["1"])));
    assert_eq!(refused.unwrap_err(), Rejected::TooManyObservations);
}

#[test]
fn what_is_no_exact_number_never_reaches_a_decision() {
    for value in [json!(1.5), json!(1), json!("1e3"), json!("0.0000001")] {
        let body = json!({ "observations": [{ "observedAt": today(), "value": value }] });
        malformed::<ObserveMetric>(body);
    }
    assert!(malformed::<ObserveMetric>(json!({ "observations": [] })).contains("at least 1"));
    let many = vec!["1"; 501];
    assert!(malformed::<ObserveMetric>(observations(&many)).contains("more than 500"));
}

#[test]
fn codes_are_stable() {
    let codes = [
        (Rejected::NotFound, "metric-not-found"),
        (Rejected::AlreadyDefined, "metric-already-defined"),
        (Rejected::MonthlyGoalNeedsSum, "monthly-goal-needs-sum"),
        (Rejected::GrowthOutOfRange, "growth-out-of-range"),
        (Rejected::ObservedInTheFuture, "observed-in-the-future"),
        (Rejected::ObservationNotFound, "observation-not-found"),
        (Rejected::TooManyObservations, "too-many-observations"),
    ];
    for (rejection, code) in codes {
        assert_eq!(rejection.code(), code);
    }
}

fn any_command() -> impl Strategy<Value = MetricCommand> {
    prop_oneof![
        Just(read::<DefineMetric>(definition()).decision()),
        vec(Just("1.5"), 1..4)
            .prop_map(|values| read::<ObserveMetric>(observations(&values)).decision()),
        (1..9_u32).prop_map(|number| {
            read::<CorrectObservation>(json!({ "number": number, "value": "2" })).decision()
        }),
    ]
}

proptest! {
    #[test]
    fn every_observation_has_a_number_of_its_own(commands in vec(any_command(), 0..30)) {
        let (mut metric, mut events, mut next) = (Metric::default(), Vec::new(), 1);
        for command in commands {
            if let Ok((after, written)) = handle(&metric, decide(command, Source::Api)) {
                for event in &written {
                    if let MetricEvent::MetricObserved(observed) = event {
                        prop_assert_eq!(observed.first_number, next);
                        next += u32::try_from(observed.observations.len()).unwrap();
                    }
                }
                events.extend(written);
                metric = after;
            }
            prop_assert_eq!(&replay::<Metric>(events.iter().cloned()), &metric);
        }
        prop_assert_eq!(read::<Metric>(serde_json::to_value(&metric).unwrap()), metric);
    }
}
