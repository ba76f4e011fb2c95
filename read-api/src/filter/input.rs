//! The filters' input types, the same in every context. Never knows a column.

use async_graphql::{InputObject, InputType, MaybeUndefined};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Clause, Test, Value};
use crate::{
    failure::Failure,
    scalar::{BigInt, Decimal},
};

/// What can be compared with a field.
pub(crate) trait Comparable: InputType {
    fn value(self) -> Result<Value, Failure>;
}

impl Comparable for i32 {
    fn value(self) -> Result<Value, Failure> {
        Ok(Value::Number(self.into()))
    }
}

impl Comparable for BigInt {
    fn value(self) -> Result<Value, Failure> {
        self.to_i64().map(Value::Number)
    }
}

impl Comparable for Decimal {
    fn value(self) -> Result<Value, Failure> {
        Ok(Value::Decimal(self.0))
    }
}

impl Comparable for DateTime<Utc> {
    fn value(self) -> Result<Value, Failure> {
        Ok(Value::Time(self))
    }
}

impl Comparable for Uuid {
    fn value(self) -> Result<Value, Failure> {
        Ok(Value::Id(self))
    }
}

impl Comparable for String {
    fn value(self) -> Result<Value, Failure> {
        Ok(Value::Text(self))
    }
}

/// Conditions on a text. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct StringFilter {
    /// It is this; `null`: there is none.
    eq: MaybeUndefined<String>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<String>>,
    /// It comes after this.
    gt: Option<String>,
    /// It is this or comes after it.
    gte: Option<String>,
    /// It comes before this.
    lt: Option<String>,
    /// It is this or comes before it.
    lte: Option<String>,
    /// This is somewhere in it, in capitals or not.
    contains: Option<String>,
}

impl StringFilter {
    pub(crate) fn clause<F: Copy>(self, field: F) -> Result<Clause<F>, Failure> {
        let Self {
            eq,
            any_of,
            gt,
            gte,
            lt,
            lte,
            contains,
        } = self;
        let mut tests = tests(eq, any_of)?;
        tests.extend(ranges(gt, gte, lt, lte)?);
        tests.extend(contains.map(Test::Contains));
        Ok(all(field, tests))
    }
}

/// Conditions on something that has an order. All of them must hold.
#[derive(Clone, InputObject, Debug)]
#[graphql(concrete(name = "IntFilter", params(i32)))]
#[graphql(concrete(name = "BigIntFilter", params(BigInt)))]
#[graphql(concrete(name = "DecimalFilter", params(Decimal)))]
#[graphql(concrete(name = "DateTimeFilter", params("DateTime<Utc>")))]
pub(crate) struct RangeFilter<T: Comparable> {
    /// It is this; `null`: there is none.
    eq: MaybeUndefined<T>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<T>>,
    /// It is greater than, or after, this.
    gt: Option<T>,
    /// It is this, or greater or after.
    gte: Option<T>,
    /// It is less than, or before, this.
    lt: Option<T>,
    /// It is this, or less or before.
    lte: Option<T>,
}

impl<T: Comparable> RangeFilter<T> {
    pub(crate) fn clause<F: Copy>(self, field: F) -> Result<Clause<F>, Failure> {
        let Self {
            eq,
            any_of,
            gt,
            gte,
            lt,
            lte,
        } = self;
        let mut tests = tests(eq, any_of)?;
        tests.extend(ranges(gt, gte, lt, lte)?);
        Ok(all(field, tests))
    }
}

/// Conditions on an id. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct UuidFilter {
    /// It is this; `null`: there is none.
    eq: MaybeUndefined<Uuid>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<Uuid>>,
}

impl UuidFilter {
    pub(crate) fn clause<F: Copy>(self, field: F) -> Result<Clause<F>, Failure> {
        Ok(all(field, tests(self.eq, self.any_of)?))
    }
}

/// The direct parts of a filter object: its own conditions, and those under and, or and not. All of them must hold.
pub(crate) fn group<F, I>(
    mut clauses: Vec<Clause<F>>,
    and: Option<Vec<I>>,
    or: Option<Vec<I>>,
    not: Option<I>,
    clause: impl Fn(I) -> Result<Clause<F>, Failure>,
) -> Result<Clause<F>, Failure> {
    for part in and.into_iter().flatten() {
        clauses.push(clause(part)?);
    }
    if let Some(parts) = or {
        clauses.push(Clause::Any(
            parts.into_iter().map(&clause).collect::<Result<_, _>>()?,
        ));
    }
    if let Some(part) = not {
        clauses.push(Clause::Not(Box::new(clause(part)?)));
    }
    Ok(Clause::All(clauses))
}

/// The tests of a field that is one of a few words: `name` gives the stored word.
pub(crate) fn words<F: Copy, E: InputType>(
    field: F,
    eq: MaybeUndefined<E>,
    any_of: Option<Vec<E>>,
    name: impl Fn(E) -> &'static str,
) -> Result<Clause<F>, Failure> {
    let text = |word: E| name(word).to_owned();
    let eq = match eq {
        MaybeUndefined::Undefined => MaybeUndefined::Undefined,
        MaybeUndefined::Null => MaybeUndefined::Null,
        MaybeUndefined::Value(word) => MaybeUndefined::Value(text(word)),
    };
    Ok(all(
        field,
        tests(
            eq,
            any_of.map(|words| words.into_iter().map(text).collect()),
        )?,
    ))
}

fn all<F: Copy>(field: F, tests: Vec<Test>) -> Clause<F> {
    Clause::All(
        tests
            .into_iter()
            .map(|test| Clause::Field(field, test))
            .collect(),
    )
}

fn tests<T: Comparable>(
    eq: MaybeUndefined<T>,
    any_of: Option<Vec<T>>,
) -> Result<Vec<Test>, Failure> {
    let mut tests = Vec::new();
    match eq {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => tests.push(Test::Is(None)),
        MaybeUndefined::Value(value) => tests.push(Test::Is(Some(value.value()?))),
    }
    if let Some(values) = any_of {
        tests.push(Test::In(
            values.into_iter().map(T::value).collect::<Result<_, _>>()?,
        ));
    }
    Ok(tests)
}

fn ranges<T: Comparable>(
    gt: Option<T>,
    gte: Option<T>,
    lt: Option<T>,
    lte: Option<T>,
) -> Result<impl Iterator<Item = Test>, Failure> {
    let value = |bound: Option<T>| bound.map(T::value).transpose();
    Ok([
        value(gt)?.map(Test::Above),
        value(gte)?.map(Test::AtLeast),
        value(lt)?.map(Test::Below),
        value(lte)?.map(Test::AtMost),
    ]
    .into_iter()
    .flatten())
}
