//! What filters compile to. Never runs one.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use async_graphql::{InputType, Value as GraphQl};
use serde_json::json;
use sqlx::{Postgres, QueryBuilder};

use super::OrderFilter;
use crate::{
    failure::Failure,
    filter::{Clause, Column, Test, Value, push},
};

/// The SQL of an order filter.
fn sql(filter: serde_json::Value) -> String {
    let clause = parse(filter).unwrap().checked().unwrap();
    let mut query = QueryBuilder::<Postgres>::new("");
    push(&mut query, &clause, &|field| field.column());
    query.sql().as_str().to_owned()
}

fn parse(filter: serde_json::Value) -> Option<OrderFilter> {
    OrderFilter::parse(Some(GraphQl::from_json(filter).unwrap())).ok()
}

fn refusal(filter: serde_json::Value) -> String {
    match parse(filter).unwrap().checked() {
        Err(Failure::Input(message)) => message,
        other => format!("{other:?}"),
    }
}

#[test]
fn values_are_parameters_and_never_text() {
    let hostile = "'; drop table order_summary; --";
    let found = sql(
        json!({ "state": { "eq": hostile, "in": [hostile, "SP"], "contains": hostile }, "sellerId": { "eq": hostile } }),
    );
    assert!(!found.contains("drop"), "{found}");
    assert_eq!(
        found,
        "((s.state = $1 and s.state in ($2, $3) and strpos(lower(s.state), lower($4)) > 0) and (exists (select from \
         order_line l where l.tenant_id = s.tenant_id and l.order_id = s.order_id and l.seller_id = $5)))"
    );
}

#[test]
fn every_operator_compiles() {
    let found = sql(
        json!({ "number": { "eq": "1", "in": ["2", 3], "gt": "4", "gte": "5", "lt": "6", "lte": "7" } }),
    );
    assert_eq!(
        found,
        "((s.number = $1 and s.number in ($2, $3) and s.number > $4 and s.number >= $5 and s.number < $6 and \
         s.number <= $7))"
    );
    assert_eq!(
        sql(json!({ "status": { "in": ["DELIVERED", "SHIPPED"] } })),
        "((s.status in ($1, $2)))"
    );
}

#[test]
fn and_or_not_are_grouped() {
    let a = json!({ "state": { "eq": "SP" } });
    let b = json!({ "state": { "eq": "RJ" } });
    assert_eq!(
        sql(json!({ "and": [a, b] })),
        "(((s.state = $1)) and ((s.state = $2)))"
    );
    assert_eq!(
        sql(json!({ "or": [a, b] })),
        "((((s.state = $1)) or ((s.state = $2))))"
    );
    assert_eq!(sql(json!({ "not": a })), "((((s.state = $1))) is not true)");
    assert_eq!(
        sql(json!({ "currency": { "eq": "BRL" }, "not": a })),
        "((s.currency = $1) and (((s.state = $2))) is not true)"
    );
}

#[test]
fn nothing_asked_is_everything_and_no_choice_is_nothing() {
    assert_eq!(sql(json!({})), "true");
    assert_eq!(sql(json!({ "and": [] })), "true");
    assert_eq!(sql(json!({ "or": [] })), "(false)");
    assert_eq!(sql(json!({ "state": { "in": [] } })), "((false))");
    assert_eq!(
        sql(json!({ "state": { "eq": null } })),
        "((s.state is null))"
    );
    assert_eq!(sql(json!({ "state": {} })), "(true)");
}

#[test]
fn depth_conditions_values_and_nul_are_bounded() {
    let nested = |levels| {
        (0..levels).fold(
            json!({ "state": { "eq": "SP" } }),
            |inner, _| json!({ "not": inner }),
        )
    };
    assert!(parse(nested(9)).unwrap().checked().is_ok());
    assert!(refusal(nested(10)).contains("nested too deep"));
    let many = |count| json!({ "or": vec![json!({ "state": { "eq": "SP" } }); count] });
    assert!(parse(many(100)).unwrap().checked().is_ok());
    assert!(refusal(many(101)).contains("101 conditions"));
    let values = |count| json!({ "state": { "in": vec!["SP"; count] } });
    assert!(parse(values(1000)).unwrap().checked().is_ok());
    assert!(refusal(values(1001)).contains("1001 values"));
    for hostile in [
        json!({ "eq": "a\0b" }),
        json!({ "in": ["\0"] }),
        json!({ "contains": "\0" }),
    ] {
        assert!(refusal(json!({ "state": hostile })).contains("U+0000"));
    }
    assert!(refusal(json!({ "number": { "eq": "9223372036854775808" } })).contains("out of range"));
}

#[test]
fn what_does_not_fit_the_type_is_refused() {
    for wrong in [
        json!({ "number": { "eq": "one" } }),
        json!({ "number": { "eq": 1.5 } }),
        json!({ "status": { "eq": "LOST" } }),
        json!({ "placedAt": { "gte": "yesterday" } }),
        json!({ "orderId": { "eq": "1" } }),
    ] {
        assert!(parse(wrong.clone()).is_none(), "{wrong}");
    }
}

#[test]
fn a_lone_clause_stands_alone() {
    let mut query = QueryBuilder::<Postgres>::new("");
    push(
        &mut query,
        &Clause::Field((), Test::Above(Value::Number(1))),
        &|()| Column::of("n"),
    );
    assert_eq!(query.sql().as_str(), "n > $1");
}
