//! Which table answers. Never asks.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use async_graphql::{InputType, Value as GraphQl};
use serde_json::{Value, json};

use super::{OrderFilter, OrderGroup, OrderMeasure, source::Source};
use crate::{bucket::Bucket, filter::Clause, order::filter::OrderField, stats::Measure};

fn clause(filter: Value) -> Clause<OrderField> {
    OrderFilter::parse(Some(GraphQl::from_json(filter).unwrap()))
        .ok()
        .unwrap()
        .checked()
        .unwrap()
}

fn chosen(filter: Value, groups: &[OrderGroup], measures: &[OrderMeasure]) -> Source {
    Source::choose(&clause(filter), groups, None, measures, false)
}

fn in_buckets(size: &str, zone: &str) -> Source {
    let bucket = json!({ "size": size, "timeZone": zone });
    let bucket = Bucket::parse(Some(GraphQl::from_json(bucket).unwrap()))
        .ok()
        .unwrap();
    Source::choose(
        &clause(json!({})),
        &[],
        Some(&bucket),
        &[OrderMeasure::Revenue],
        false,
    )
}

#[test]
fn totals_answer_what_only_their_dimensions_ask() {
    use OrderGroup::{Currency, Seller, State, Status};
    use OrderMeasure::{Cancelled, Freight, Items, Orders, Revenue, ValueLost};
    let months = json!({ "placedAt": { "gte": "2017-01-01T00:00:00Z", "lt": "2017-12-01T00:00:00Z" }, "state": { "in": ["SP"] } });
    let sums = [Items, Revenue, Freight, ValueLost];
    assert_eq!(chosen(months.clone(), &[Seller], &[Orders]), Source::Totals);
    assert_eq!(
        chosen(json!({}), &[State, Status, Currency], &sums),
        Source::Totals
    );
    for one in [
        json!({ "sellerId": { "eq": "s" } }),
        json!({ "and": [{ "sellerId": { "in": ["s"] } }] }),
    ] {
        assert_eq!(chosen(one, &[], &[Orders, Cancelled]), Source::Totals);
    }
    for counted in [Orders, Cancelled] {
        assert_eq!(
            chosen(months.clone(), &[], &[counted]),
            Source::Orders,
            "an order of two sellers counts once"
        );
    }
    let two = json!({ "sellerId": { "in": ["s", "t"] } });
    assert_eq!(chosen(two.clone(), &[], &[Orders]), Source::Lines);
    assert_eq!(chosen(two, &[], &sums), Source::Totals);
    let not = json!({ "not": { "sellerId": { "eq": "s" } } });
    assert_eq!(chosen(not, &[], &[Orders]), Source::Lines);
    for (size, zone, source) in [
        ("MONTH", "UTC", Source::Totals),
        ("QUARTER", "UTC", Source::Totals),
        ("YEAR", "UTC", Source::Totals),
        ("DAY", "UTC", Source::Orders),
        ("WEEK", "UTC", Source::Orders),
        ("MONTH", "America/Sao_Paulo", Source::Orders),
    ] {
        assert_eq!(in_buckets(size, zone), source, "{size} of {zone}");
    }
}

#[test]
fn everything_else_is_read_from_the_orders_or_their_lines() {
    use OrderGroup::{Category, Product, Seller};
    use OrderMeasure::{Orders, Revenue};
    assert_eq!(chosen(json!({}), &[Product], &[]), Source::Lines);
    assert_eq!(
        chosen(json!({ "category": { "eq": "toys" } }), &[], &[]),
        Source::Lines
    );
    assert_eq!(chosen(json!({}), &[Category], &[Orders]), Source::Lines);
    for measure in OrderMeasure::ALL.iter().filter(|m| !m.is_in_totals()) {
        assert_eq!(chosen(json!({}), &[], &[*measure]), Source::Orders);
        assert_eq!(chosen(json!({}), &[Seller], &[*measure]), Source::Lines);
    }
    for placed_at in [
        json!({ "gte": "2017-01-02T00:00:00Z" }),
        json!({ "gte": "2017-01-01T00:00:01Z" }),
        json!({ "gte": "2017-01-01T00:00:00+02:00" }),
        json!({ "gt": "2017-01-01T00:00:00Z" }),
        json!({ "lte": "2017-01-01T00:00:00Z" }),
        json!({ "eq": "2017-01-01T00:00:00Z" }),
    ] {
        let filter = json!({ "placedAt": placed_at });
        assert_eq!(
            chosen(filter.clone(), &[], &[Revenue]),
            Source::Orders,
            "{filter}"
        );
        assert_eq!(
            chosen(filter.clone(), &[Seller], &[Orders]),
            Source::Lines,
            "{filter}"
        );
    }
    for filter in [
        json!({ "total": { "gt": "5" } }),
        json!({ "or": [{ "number": { "lt": "5" } }, {}] }),
    ] {
        assert_eq!(
            chosen(filter.clone(), &[], &[Revenue]),
            Source::Orders,
            "{filter}"
        );
    }
}

#[test]
fn a_currency_always_is_a_key() {
    for source in [Source::Totals, Source::Orders, Source::Lines] {
        for groups in [&[][..], &[OrderGroup::State, OrderGroup::State]] {
            let names: Vec<_> = source.keys(groups).iter().map(|(name, _)| *name).collect();
            let last = names.last().copied();
            assert_eq!(last, Some("currency"));
            assert_eq!(names.len(), if groups.is_empty() { 1 } else { 2 });
        }
    }
}

#[test]
fn every_measure_is_made_of_what_its_source_has() {
    for source in [Source::Totals, Source::Orders, Source::Lines] {
        let inputs = source.inputs();
        for measure in OrderMeasure::ALL {
            let sql = measure.definition().1.unwrap();
            let has = |name: &str| inputs.iter().any(|(input, ..)| *input == name);
            let used = sql.split("o.").skip(1).map(|rest| {
                let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
                rest.split(|c| !is_part(c)).next().unwrap()
            });
            if source != Source::Totals || measure.is_in_totals() {
                for name in used {
                    assert!(has(name), "{measure:?} needs {name} of {source:?}");
                }
            }
        }
    }
}
