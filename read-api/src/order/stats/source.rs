//! From which table totals are read, so that every order counts as often as it should. Never reads one.

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::{OrderField, OrderGroup};
use crate::filter::{Clause, Column, Test, Value};

/// Where totals come from. All agree where more than one can answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// `order_total t`: an order stands in the row of each of its sellers.
    Totals,
    /// `order_summary s`: one row per order.
    Orders,
    /// `order_summary s` with `order_line l`: one row per line, and one for an order without lines.
    Lines,
}

impl Source {
    /// The cheapest that gives the right numbers. `counted`: the number of orders is among them.
    pub(super) fn choose(
        clause: &Clause<OrderField>,
        groups: &[OrderGroup],
        counted: bool,
    ) -> Self {
        let (mut in_totals, mut about_lines) = (true, false);
        for group in groups {
            match group {
                OrderGroup::Year
                | OrderGroup::Month
                | OrderGroup::State
                | OrderGroup::Status
                | OrderGroup::Currency => {}
                OrderGroup::Day => in_totals = false,
                OrderGroup::Seller => about_lines = true,
                OrderGroup::Product | OrderGroup::Category => {
                    (in_totals, about_lines) = (false, true);
                }
            }
        }
        clause.visit(&mut |field, test| match field {
            OrderField::State | OrderField::Status | OrderField::Currency => {}
            OrderField::PlacedAt => in_totals &= is_month_bound(test),
            OrderField::SellerId => about_lines = true,
            OrderField::ProductId | OrderField::Category => {
                (in_totals, about_lines) = (false, true);
            }
            OrderField::OrderId
            | OrderField::Number
            | OrderField::Reference
            | OrderField::CustomerId
            | OrderField::DeliveredAt
            | OrderField::Total
            | OrderField::ReviewScore => in_totals = false,
        });
        // Rows of several sellers count an order of theirs several times.
        let is_once = groups.contains(&OrderGroup::Seller) || is_of_one_seller(clause);
        match (in_totals && (is_once || !counted), about_lines) {
            (true, _) => Self::Totals,
            (false, false) => Self::Orders,
            (false, true) => Self::Lines,
        }
    }

    /// The condition as this table can answer it.
    pub(super) fn condition(self, clause: Clause<OrderField>) -> Clause<OrderField> {
        match self {
            Self::Totals => in_days(clause),
            Self::Orders | Self::Lines => clause,
        }
    }

    pub(super) fn from(self) -> &'static str {
        match self {
            Self::Totals => "order_total t",
            Self::Orders => "order_summary s",
            Self::Lines => {
                "order_summary s left join order_line l on l.tenant_id = s.tenant_id and l.order_id = s.order_id"
            }
        }
    }

    /// The numbers of orders and of pieces, the goods and the freight.
    pub(super) fn sums(self) -> [&'static str; 4] {
        match self {
            Self::Totals => [
                "sum(t.orders)",
                "sum(t.items)",
                "sum(t.revenue)",
                "sum(t.freight)",
            ],
            Self::Orders => [
                "count(*)",
                "sum(s.item_count)",
                "sum(s.items_total)",
                "sum(s.freight_total)",
            ],
            Self::Lines => [
                "count(distinct s.order_id)",
                "coalesce(sum(l.quantity), 0)",
                "coalesce(sum(l.quantity * l.unit_price), 0)",
                "coalesce(sum(l.freight), 0)",
            ],
        }
    }

    /// A group's key as a column of the answer; no value unless it is `wanted`.
    pub(super) fn key(self, group: OrderGroup, wanted: bool) -> &'static str {
        if !wanted {
            return match group {
                OrderGroup::Year => "null::int as year",
                OrderGroup::Month => "null::date as month",
                OrderGroup::Day => "null::date as day",
                OrderGroup::State => "null::text as state",
                OrderGroup::Seller => "null::text as seller",
                OrderGroup::Product => "null::text as product",
                OrderGroup::Category => "null::text as category",
                OrderGroup::Status => "null::text as status",
                OrderGroup::Currency => "null::text as currency",
            };
        }
        let is_total = self == Self::Totals;
        match group {
            OrderGroup::Year if is_total => "extract(year from t.month)::int as year",
            OrderGroup::Year => "extract(year from s.placed_at at time zone 'UTC')::int as year",
            OrderGroup::Month if is_total => "t.month as month",
            OrderGroup::Month => {
                "date_trunc('month', s.placed_at at time zone 'UTC')::date as month"
            }
            OrderGroup::Day => "(s.placed_at at time zone 'UTC')::date as day",
            OrderGroup::State if is_total => "nullif(t.state, '') as state",
            OrderGroup::State => "nullif(s.state, '') as state",
            OrderGroup::Seller if is_total => "nullif(t.seller_id, '') as seller",
            OrderGroup::Seller => "nullif(l.seller_id, '') as seller",
            OrderGroup::Product => "l.product_id as product",
            OrderGroup::Category => "l.category as category",
            OrderGroup::Status if is_total => "t.status as status",
            OrderGroup::Status => "s.status as status",
            OrderGroup::Currency if is_total => "t.currency as currency",
            OrderGroup::Currency => "s.currency as currency",
        }
    }

    /// Where a field stands.
    pub(super) fn column(self, field: OrderField) -> Column {
        match (self, field) {
            (Self::Totals, OrderField::PlacedAt) => Column::of("t.month"),
            (Self::Totals, OrderField::State) => Column::of("nullif(t.state, '')"),
            (Self::Totals, OrderField::SellerId) => Column::of("nullif(t.seller_id, '')"),
            (Self::Totals, OrderField::Status) => Column::of("t.status"),
            (Self::Totals, OrderField::Currency) => Column::of("t.currency"),
            (Self::Orders | Self::Lines, OrderField::State) => Column::of("nullif(s.state, '')"),
            (Self::Lines, OrderField::SellerId) => Column::of("nullif(l.seller_id, '')"),
            (Self::Lines, OrderField::ProductId) => Column::of("l.product_id"),
            (Self::Lines, OrderField::Category) => Column::of("l.category"),
            (Self::Totals | Self::Orders | Self::Lines, field) => field.column(),
        }
    }
}

/// The condition with first moments of months as days, which is what `order_total` has; an index can only compare alike.
fn in_days(clause: Clause<OrderField>) -> Clause<OrderField> {
    let all = |clauses: Vec<_>| clauses.into_iter().map(in_days).collect();
    match clause {
        Clause::All(clauses) => Clause::All(all(clauses)),
        Clause::Any(clauses) => Clause::Any(all(clauses)),
        Clause::Not(clause) => Clause::Not(Box::new(in_days(*clause))),
        Clause::Field(field, Test::AtLeast(Value::Time(time))) => {
            Clause::Field(field, Test::AtLeast(Value::Day(time.date_naive())))
        }
        Clause::Field(field, Test::Below(Value::Time(time))) => {
            Clause::Field(field, Test::Below(Value::Day(time.date_naive())))
        }
        Clause::Field(field, test) => Clause::Field(field, test),
    }
}

/// Whether the test tells months apart, so that the first of the month stands for all its days.
fn is_month_bound(test: &Test) -> bool {
    match test {
        Test::AtLeast(Value::Time(time)) | Test::Below(Value::Time(time)) => is_month_start(*time),
        Test::Is(_)
        | Test::In(_)
        | Test::Above(_)
        | Test::AtLeast(_)
        | Test::Below(_)
        | Test::AtMost(_)
        | Test::Contains(_)
        | Test::Found(_) => false,
    }
}

fn is_month_start(time: DateTime<Utc>) -> bool {
    time.day() == 1 && time.num_seconds_from_midnight() == 0 && time.nanosecond() == 0
}

/// Whether only lines of one seller can fit.
fn is_of_one_seller(clause: &Clause<OrderField>) -> bool {
    match clause {
        Clause::All(clauses) => clauses.iter().any(is_of_one_seller),
        Clause::Field(OrderField::SellerId, Test::Is(_)) => true,
        Clause::Field(OrderField::SellerId, Test::In(sellers)) => sellers.len() == 1,
        Clause::Any(_) | Clause::Not(_) | Clause::Field(..) => false,
    }
}
