//! Which table answers, and what is asked of it. Never asks.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use async_graphql::{InputType, Value as GraphQl};
use serde_json::{Value, json};

use super::{
    OrderFilter, OrderGroup, OrderStatsSort, OrderStatsSortField, source::Source, statement,
};
use crate::{filter::Clause, order::filter::OrderField, page::Direction};

fn clause(filter: Value) -> Clause<OrderField> {
    OrderFilter::parse(Some(GraphQl::from_json(filter).unwrap()))
        .ok()
        .unwrap()
        .checked()
        .unwrap()
}

fn chosen(filter: Value, groups: &[OrderGroup], counted: bool) -> Source {
    Source::choose(&clause(filter), groups, counted)
}

#[test]
fn totals_answer_what_only_their_dimensions_ask() {
    use OrderGroup::{Currency, Month, Seller, State, Status, Year};
    let months = json!({ "placedAt": { "gte": "2017-01-01T00:00:00Z", "lt": "2017-12-01T00:00:00Z" }, "state": { "in": ["SP"] } });
    assert_eq!(
        chosen(months.clone(), &[Seller, Month], true),
        Source::Totals
    );
    assert_eq!(
        chosen(json!({}), &[Year, State, Status, Currency], false),
        Source::Totals
    );
    assert_eq!(
        chosen(json!({ "sellerId": { "eq": "s" } }), &[Month], true),
        Source::Totals
    );
    assert_eq!(
        chosen(
            json!({ "and": [{ "sellerId": { "in": ["s"] } }] }),
            &[],
            true
        ),
        Source::Totals
    );
    assert_eq!(
        chosen(months, &[Month], true),
        Source::Orders,
        "an order of two sellers counts once"
    );
    assert_eq!(
        chosen(json!({ "sellerId": { "in": ["s", "t"] } }), &[], true),
        Source::Lines
    );
    assert_eq!(
        chosen(json!({ "sellerId": { "in": ["s", "t"] } }), &[], false),
        Source::Totals
    );
    assert_eq!(
        chosen(json!({ "not": { "sellerId": { "eq": "s" } } }), &[], true),
        Source::Lines
    );
}

#[test]
fn everything_else_is_read_from_the_orders_or_their_lines() {
    use OrderGroup::{Category, Day, Month, Product, Seller};
    assert_eq!(chosen(json!({}), &[Day], false), Source::Orders);
    assert_eq!(chosen(json!({}), &[Day, Seller], true), Source::Lines);
    assert_eq!(chosen(json!({}), &[Product], false), Source::Lines);
    assert_eq!(
        chosen(json!({ "category": { "eq": "toys" } }), &[Month], false),
        Source::Lines
    );
    assert_eq!(chosen(json!({}), &[Category, Month], true), Source::Lines);
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
            chosen(filter.clone(), &[Month], false),
            Source::Orders,
            "{filter}"
        );
        assert_eq!(
            chosen(filter.clone(), &[Seller], true),
            Source::Lines,
            "{filter}"
        );
    }
    for filter in [
        json!({ "total": { "gt": "5" } }),
        json!({ "or": [{ "number": { "lt": "5" } }, {}] }),
    ] {
        assert_eq!(
            chosen(filter.clone(), &[Month], false),
            Source::Orders,
            "{filter}"
        );
    }
}

#[test]
fn a_currency_always_is_a_key() {
    let order = OrderStatsSort {
        field: OrderStatsSortField::Key,
        direction: Direction::Desc,
    };
    let all = clause(json!({}));
    let sql = statement(
        Source::Totals,
        &all,
        &[OrderGroup::State, OrderGroup::State],
        Some(order),
        5,
    );
    let sql = sql.sql().as_str().to_owned();
    assert!(
        sql.ends_with(
            "from order_total t where true group by 4, 9 order by 4 desc, 9 desc limit $1"
        ),
        "{sql}"
    );
    let sql = statement(Source::Orders, &all, &[], None, 5)
        .sql()
        .as_str()
        .to_owned();
    assert!(
        sql.ends_with("from order_summary s where true group by 9 order by 9 asc limit $1"),
        "{sql}"
    );
}
