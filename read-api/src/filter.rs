//! Filters: conditions on fields, joined by and, or and not, and their way into SQL. Every value is a parameter; never
//! is one pasted into a statement.

pub(crate) mod input;
mod sql;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::failure::Failure;

pub(crate) use self::sql::{Column, push};

/// How deep clauses may be nested: an `or` or `not` inside another filter is two levels.
const DEEPEST: usize = 20;
/// How many conditions one filter may have.
const MOST_CONDITIONS: usize = 100;
/// How many values one filter may have.
const MOST_VALUES: usize = 1000;

/// A value that a field is compared with.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    /// An exact decimal number in digits.
    Decimal(String),
    Time(DateTime<Utc>),
    Day(NaiveDate),
    Id(Uuid),
}

/// What must be true of a field.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Test {
    /// It is the value, or there is none.
    Is(Option<Value>),
    In(Vec<Value>),
    Above(Value),
    AtLeast(Value),
    Below(Value),
    AtMost(Value),
    /// The text is somewhere in it, in capitals or not.
    Contains(String),
    /// It is found by a search, which the column names; the text stands behind its expression.
    Found(String),
}

/// A condition over the fields `F`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Clause<F> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Field(F, Test),
}

impl<F: Copy> Clause<F> {
    /// Refuses a filter that is too large, or holds a text that no database can.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let mut size = Size::default();
        size.measure(self, 0)?;
        if size.conditions > MOST_CONDITIONS {
            return Err(Failure::input(format!(
                "the filter has {} conditions, at most {MOST_CONDITIONS} are allowed",
                size.conditions
            )));
        }
        if size.values > MOST_VALUES {
            return Err(Failure::input(format!(
                "the filter has {} values, at most {MOST_VALUES} are allowed",
                size.values
            )));
        }
        Ok(())
    }

    /// The fields that it is about.
    pub(crate) fn visit(&self, see: &mut impl FnMut(F, &Test)) {
        match self {
            Self::All(clauses) | Self::Any(clauses) => {
                for clause in clauses {
                    clause.visit(see);
                }
            }
            Self::Not(clause) => clause.visit(see),
            Self::Field(field, test) => see(*field, test),
        }
    }
}

#[derive(Default)]
struct Size {
    conditions: usize,
    values: usize,
}

impl Size {
    fn measure<F>(&mut self, clause: &Clause<F>, depth: usize) -> Result<(), Failure> {
        if depth > DEEPEST {
            return Err(Failure::input(
                "the filter is nested too deep; nine levels of or and not are allowed",
            ));
        }
        match clause {
            Clause::All(clauses) | Clause::Any(clauses) => {
                for clause in clauses {
                    self.measure(clause, depth + 1)?;
                }
            }
            Clause::Not(clause) => self.measure(clause, depth + 1)?,
            Clause::Field(_, test) => {
                self.conditions += 1;
                let (count, storable) = match test {
                    Test::Is(value) => (1, value.iter().all(is_storable)),
                    Test::In(values) => (values.len(), values.iter().all(is_storable)),
                    Test::Above(value)
                    | Test::AtLeast(value)
                    | Test::Below(value)
                    | Test::AtMost(value) => (1, is_storable(value)),
                    Test::Contains(part) | Test::Found(part) => (1, !part.contains('\0')),
                };
                self.values += count;
                if !storable {
                    return Err(Failure::input(
                        "a text must not contain the character U+0000",
                    ));
                }
            }
        }
        Ok(())
    }
}

fn is_storable(value: &Value) -> bool {
    !matches!(value, Value::Text(text) if text.contains('\0'))
}
