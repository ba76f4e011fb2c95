//! What months come to, and the goals that follow from it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use chrono::NaiveDate;
use event_schemas::{
    StreamId, TenantId,
    decimal::MAX_MICROS,
    metric::{
        Aggregation, MetricDefined, MetricObserved, MonthlyGoal, Observation, ObservationCorrected,
    },
};

use super::*;
use crate::sample::event;

const KEY: Key = (Uuid::from_u128(1), Uuid::from_u128(7));

fn fact(recorded: &RecordedEvent, event: impl Into<MetricEvent>) -> Fact<'_> {
    (recorded, KEY, event.into())
}

fn recorded(offset: i64) -> RecordedEvent {
    RecordedEvent {
        tenant: TenantId(KEY.0),
        stream: StreamId::new("metric", KEY.1),
        event_id: Uuid::from_u128(100 + u128::from(offset.unsigned_abs())),
        ..event(offset)
    }
}

fn defined(growth: &str, zone: &str) -> MetricEvent {
    MetricDefined {
        name: "Revenue".to_owned(),
        unit: "BRL".to_owned(),
        aggregation: Aggregation::Sum,
        description: None,
        feed: None,
        monthly_goal: Some(MonthlyGoal {
            growth_percent: Decimal::parse(growth).unwrap(),
            time_zone: TimeZone::try_new(zone).unwrap(),
        }),
    }
    .into()
}

/// Observations with the numbers from `first_number` on, each with its time and value.
fn observed(first_number: u32, given: &[(&str, &str)]) -> MetricEvent {
    let observations = given.iter().map(|(at, value)| Observation {
        observed_at: format!("{at}:00Z").parse().unwrap(),
        value: Decimal::parse(value).unwrap(),
        source: None,
    });
    MetricObserved {
        first_number,
        observations: observations.collect(),
        waived: vec![],
    }
    .into()
}

fn corrected(number: u32, value: &str) -> MetricEvent {
    ObservationCorrected {
        number,
        value: Decimal::parse(value).unwrap(),
        reason: None,
    }
    .into()
}

/// The titles and targets of the goals that are drafted, in order.
fn drafted(events: Vec<MetricEvent>) -> Vec<(String, String)> {
    let recorded: Vec<_> = (0..).map(recorded).take(events.len()).collect();
    let facts = recorded.iter().zip(events);
    let facts = facts.map(|(recorded, event)| fact(recorded, event));
    let effects = fold(&mut BTreeMap::new(), facts.collect()).unwrap();
    let text = |wanted: &Wanted, field: &str| wanted.data[field].as_str().unwrap().to_owned();
    effects
        .commands()
        .filter(|wanted| wanted.command == "goal.draft")
        .map(|wanted| (text(wanted, "title"), text(wanted, "target")))
        .collect()
}

fn goals(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(month, target): &(&str, &str)| (format!("Revenue, {month}"), (*target).into());
    expected.iter().map(owned).collect()
}

#[test]
fn a_month_has_the_goal_that_the_last_one_with_observations_leads_to() {
    let events = vec![
        defined("10", "UTC"),
        observed(1, &[("2017-10-02T10:00", "30")]),
        observed(2, &[("2017-10-31T23:59", "12.5")]),
        observed(3, &[("2017-11-01T00:00", "1")]),
        observed(4, &[("2017-11-02T00:00", "1")]),
        // Nothing in December; and what is told late counts no more.
        observed(5, &[("2017-10-30T00:00", "900"), ("2018-01-05T00:00", "7")]),
    ];
    let expected = [("November 2017", "46.75"), ("January 2018", "2.2")];
    assert_eq!(drafted(events), goals(&expected));
}

#[test]
fn a_goal_is_drafted_linked_and_activated() {
    let (first, second) = (recorded(1), recorded(2));
    let facts = vec![
        fact(&first, defined("-12.5", "America/Sao_Paulo")),
        fact(&first, observed(1, &[("2017-11-01T02:59", "0")])),
        // In November there already, which begins at two; at the end of February, at three.
        fact(
            &second,
            observed(
                2,
                &[
                    ("2018-03-01T03:00", "1"),
                    ("2017-10-31T12:00", "100"),
                    ("2018-02-01T02:00", "8"),
                ],
            ),
        ),
    ];
    let effects = fold(&mut BTreeMap::new(), facts).unwrap();
    let march = Uuid::new_v5(&KEY.1, b"2018-03");
    let expected = [
        (
            "goal.draft",
            json!({
                "title": "Revenue, March 2018",
                "description": "What February 2018 came to, 8 BRL, and 12.5 % less.",
                "unit": "BRL",
                "target": "7",
                "startsAt": "2018-03-01T03:00:00Z",
                "dueAt": "2018-04-01T03:00:00Z",
            }),
        ),
        (
            "goal.linkMetric",
            json!({ "metricId": KEY.1, "aggregation": "sum" }),
        ),
        ("goal.activate", json!({})),
    ];
    let expected = expected.map(|(command, data)| Wanted {
        command,
        id: march,
        data,
    });
    // November came to nothing: February has no goal.
    assert_eq!(
        effects.commands().cloned().collect::<Vec<_>>(),
        expected.to_vec()
    );
}

#[test]
fn what_is_told_at_once_is_taken_in_as_it_happened() {
    let events = vec![
        defined("0", "UTC"),
        observed(
            1,
            &[
                ("2018-02-01T00:00", "3"),
                ("2017-12-05T00:00", "5"),
                ("2018-01-05T00:00", "4"),
                ("2017-12-01T00:00", "6"),
            ],
        ),
    ];
    let expected = [("January 2018", "11"), ("February 2018", "4")];
    assert_eq!(drafted(events), goals(&expected));
}

#[test]
fn corrections_of_the_newest_month_count() {
    let events = vec![
        defined("100", "UTC"),
        observed(1, &[("2017-10-02T10:00", "1"), ("2017-10-03T10:00", "2")]),
        corrected(2, "5"),
        corrected(2, "4"),
        observed(3, &[("2017-11-02T10:00", "7")]),
        corrected(1, "90"),
        observed(4, &[("2017-12-02T10:00", "1")]),
    ];
    let expected = [("November 2017", "10"), ("December 2017", "14")];
    assert_eq!(drafted(events), goals(&expected));
}

#[test]
fn other_metrics_and_months_that_came_to_nothing_lead_to_no_goal() {
    let without = MetricEvent::from(MetricDefined {
        monthly_goal: None,
        ..match defined("10", "UTC") {
            MetricEvent::MetricDefined(defined) => defined,
            _ => unreachable!(),
        }
    });
    let months = [("2017-10-02T10:00", "1"), ("2017-11-02T10:00", "1")];
    assert_eq!(drafted(vec![without, observed(1, &months)]), []);
    for value in ["0", "-1"] {
        let months = [("2017-10-02T10:00", value), ("2017-11-02T10:00", "1")];
        let events = vec![defined("10", "UTC"), observed(1, &months)];
        assert_eq!(drafted(events), [], "{value}");
    }
}

#[test]
fn a_target_is_exact_and_halves_are_rounded_up() {
    let found = |total, growth: &str| {
        let growth = Decimal::parse(growth).unwrap().micros();
        target(total, growth).map(|found| found.map(|(_, target)| target.micros()))
    };
    assert_eq!(found(1_000_000, "10"), Ok(Some(1_100_000)));
    assert_eq!(found(5, "10"), Ok(Some(6)));
    assert_eq!(found(4, "10"), Ok(Some(4)));
    assert_eq!(found(3, "-50"), Ok(Some(2)));
    assert_eq!(found(100_000_000, "0.000001"), Ok(Some(100_000_001)));
    assert_eq!(found(1, "-99.999999"), Ok(None));
    assert_eq!(found(7, "10000"), Ok(Some(707)));
    assert_eq!(found(MAX_MICROS.into(), "0"), Ok(Some(MAX_MICROS)));
    assert_eq!(found(MAX_MICROS.into(), "0.000001"), Err(()));
    assert_eq!(found(i128::from(MAX_MICROS) + 1, "-50"), Err(()));
    assert_eq!(found(i128::MAX, "10"), Err(()));
}

#[test]
fn a_month_begins_where_the_clocks_say_so() {
    let month = |year, month| Month::with(NaiveDate::from_ymd_opt(year, month, 9).unwrap());
    let begins = |month: Month, zone| {
        let zone = TimeZone::try_new(zone).unwrap();
        let at = month.begins(zone).unwrap();
        assert_eq!(Month::of(at, zone), month);
        at.to_rfc3339()
    };
    let cases = [
        (month(2017, 11), "UTC", "2017-11-01T00:00:00+00:00"),
        (
            month(2017, 11),
            "Asia/Kathmandu",
            "2017-10-31T18:15:00+00:00",
        ),
        // Midnight was left out.
        (month(2005, 4), "Asia/Amman", "2005-03-31T22:00:00+00:00"),
        // It came twice.
        (
            month(2020, 11),
            "America/Havana",
            "2020-11-01T04:00:00+00:00",
        ),
    ];
    for (month, zone, expected) in cases {
        assert_eq!(begins(month, zone), expected, "{month} {zone}");
    }
    assert_eq!(month(2017, 12).next(), Some(month(2018, 1)));
    assert_eq!(month(2018, 3).words(), "March 2018");
}
