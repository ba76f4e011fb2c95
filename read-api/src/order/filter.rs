//! Which orders: the filter's fields and where they stand. Never reads a row.

#[cfg(test)]
mod tests;

use async_graphql::{InputObject, MaybeUndefined};
use chrono::{DateTime, Utc};

use super::status::OrderStatus;
use crate::{
    failure::Failure,
    filter::{
        Clause, Column,
        input::{RangeFilter, StringFilter, UuidFilter, group, words},
    },
    scalar::BigInt,
};

/// What an order can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OrderField {
    OrderId,
    Number,
    Reference,
    CustomerId,
    State,
    Status,
    Currency,
    PlacedAt,
    DeliveredAt,
    Total,
    ReviewScore,
    SellerId,
    ProductId,
    Category,
}

impl OrderField {
    /// Where it stands for `order_summary s`. An order is of a seller if one of its lines is.
    pub(crate) fn column(self) -> Column {
        match self {
            Self::OrderId => Column::of("s.order_id"),
            Self::Number => Column::of("s.number"),
            Self::Reference => Column::of("s.reference"),
            Self::CustomerId => Column::of("s.customer_id"),
            Self::State => Column::of("s.state"),
            Self::Status => Column::of("s.status"),
            Self::Currency => Column::of("s.currency"),
            Self::PlacedAt => Column::of("s.placed_at"),
            Self::DeliveredAt => Column::of("s.delivered_at"),
            Self::Total => Column::of("(s.items_total + s.freight_total)"),
            Self::ReviewScore => Column::of("s.review_score"),
            Self::SellerId => of_line("l.seller_id"),
            Self::ProductId => of_line("l.product_id"),
            Self::Category => of_line("l.category"),
        }
    }
}

const fn of_line(expression: &'static str) -> Column {
    Column {
        before: "exists (select from order_line l where l.tenant_id = s.tenant_id and l.order_id = s.order_id and ",
        expression,
        after: ")",
    }
}

/// Conditions on the status of an order. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct OrderStatusFilter {
    /// It is this.
    eq: MaybeUndefined<OrderStatus>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<OrderStatus>>,
}

impl OrderStatusFilter {
    pub(crate) fn clause<F: Copy>(self, field: F) -> Result<Clause<F>, Failure> {
        words(field, self.eq, self.any_of, OrderStatus::as_str)
    }
}

/// Which orders. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct OrderFilter {
    /// The UUID.
    order_id: Option<UuidFilter>,
    /// The human number.
    number: Option<RangeFilter<BigInt>>,
    /// The order's id in another system.
    reference: Option<StringFilter>,
    /// The UUID of who ordered.
    customer_id: Option<UuidFilter>,
    /// The customer's state or province.
    state: Option<StringFilter>,
    /// How far it has come.
    status: Option<OrderStatusFilter>,
    /// ISO 4217.
    currency: Option<StringFilter>,
    /// When it was placed.
    placed_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When it arrived.
    delivered_at: Option<RangeFilter<DateTime<Utc>>>,
    /// Goods and freight in minor units.
    total: Option<RangeFilter<BigInt>>,
    /// The score of the newest review.
    review_score: Option<RangeFilter<i32>>,
    /// A seller of at least one of its lines.
    seller_id: Option<StringFilter>,
    /// A product of at least one of its lines.
    product_id: Option<StringFilter>,
    /// A category of at least one of its lines.
    category: Option<StringFilter>,
    /// All of these.
    and: Option<Vec<OrderFilter>>,
    /// At least one of these.
    or: Option<Vec<OrderFilter>>,
    /// Not this.
    not: Option<Box<OrderFilter>>,
}

impl OrderFilter {
    /// The conditions, checked for their size.
    pub(crate) fn checked(self) -> Result<Clause<OrderField>, Failure> {
        let clause = self.clause()?;
        clause.check()?;
        Ok(clause)
    }

    fn clause(self) -> Result<Clause<OrderField>, Failure> {
        use OrderField as F;
        let own = [
            self.order_id.map(|test| test.clause(F::OrderId)),
            self.number.map(|test| test.clause(F::Number)),
            self.reference.map(|test| test.clause(F::Reference)),
            self.customer_id.map(|test| test.clause(F::CustomerId)),
            self.state.map(|test| test.clause(F::State)),
            self.status.map(|test| test.clause(F::Status)),
            self.currency.map(|test| test.clause(F::Currency)),
            self.placed_at.map(|test| test.clause(F::PlacedAt)),
            self.delivered_at.map(|test| test.clause(F::DeliveredAt)),
            self.total.map(|test| test.clause(F::Total)),
            self.review_score.map(|test| test.clause(F::ReviewScore)),
            self.seller_id.map(|test| test.clause(F::SellerId)),
            self.product_id.map(|test| test.clause(F::ProductId)),
            self.category.map(|test| test.clause(F::Category)),
        ];
        let own = own.into_iter().flatten().collect::<Result<_, _>>()?;
        group(
            own,
            self.and,
            self.or,
            self.not.map(|not| *not),
            Self::clause,
        )
    }
}
