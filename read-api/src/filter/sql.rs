//! Conditions as SQL. Owns the operators; the columns' SQL comes from the contexts and is never a client's.

use sqlx::{Postgres, QueryBuilder};

use super::{Clause, Test, Value};

/// Where a field stands: `before`, the test on `expression`, `after`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) before: &'static str,
    pub(crate) expression: &'static str,
    pub(crate) after: &'static str,
}

impl Column {
    /// A column, or an expression, of the table itself.
    pub(crate) const fn of(expression: &'static str) -> Self {
        Self {
            before: "",
            expression,
            after: "",
        }
    }
}

/// Appends the condition.
pub(crate) fn push<F: Copy>(
    query: &mut QueryBuilder<Postgres>,
    clause: &Clause<F>,
    column: &impl Fn(F) -> Column,
) {
    match clause {
        Clause::All(clauses) => join(query, clauses, " and ", "true", column),
        Clause::Any(clauses) => join(query, clauses, " or ", "false", column),
        Clause::Not(clause) => {
            // A field without a value is not what was excluded.
            query.push("(");
            push(query, clause, column);
            query.push(") is not true");
        }
        Clause::Field(field, test) => {
            let column = column(*field);
            query.push(column.before);
            push_test(query, column.expression, test);
            query.push(column.after);
        }
    }
}

fn join<F: Copy>(
    query: &mut QueryBuilder<Postgres>,
    clauses: &[Clause<F>],
    with: &str,
    empty: &str,
    column: &impl Fn(F) -> Column,
) {
    if clauses.is_empty() {
        query.push(empty);
        return;
    }
    query.push("(");
    for (index, clause) in clauses.iter().enumerate() {
        if index > 0 {
            query.push(with);
        }
        push(query, clause, column);
    }
    query.push(")");
}

fn push_test(query: &mut QueryBuilder<Postgres>, expression: &str, test: &Test) {
    match test {
        Test::Is(None) => {
            query.push(format_args!("{expression} is null"));
        }
        Test::Is(Some(value)) => compare(query, expression, "=", value),
        Test::Above(value) => compare(query, expression, ">", value),
        Test::AtLeast(value) => compare(query, expression, ">=", value),
        Test::Below(value) => compare(query, expression, "<", value),
        Test::AtMost(value) => compare(query, expression, "<=", value),
        Test::In(values) if values.is_empty() => {
            query.push("false");
        }
        Test::In(values) => {
            query.push(format_args!("{expression} in ("));
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    query.push(", ");
                }
                bind(query, value);
            }
            query.push(")");
        }
        Test::Contains(part) => {
            query.push(format_args!("strpos(lower({expression}), lower("));
            query.push_bind(part.clone()).push(")) > 0");
        }
        Test::Found(words) => {
            query.push(expression).push_bind(words.clone());
        }
    }
}

fn compare(query: &mut QueryBuilder<Postgres>, expression: &str, operator: &str, value: &Value) {
    query.push(format_args!("{expression} {operator} "));
    bind(query, value);
}

fn bind(query: &mut QueryBuilder<Postgres>, value: &Value) {
    match value {
        Value::Text(text) => query.push_bind(text.clone()),
        Value::Number(number) => query.push_bind(*number),
        Value::Decimal(digits) => query.push_bind(digits.clone()).push("::numeric"),
        Value::Time(time) => query.push_bind(*time),
        Value::Day(day) => query.push_bind(*day),
        Value::Id(id) => query.push_bind(*id),
    };
}
