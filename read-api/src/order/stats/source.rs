//! From which table totals are read, so that every order counts as often as it should. Never reads one.

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::{OrderField, OrderGroup, OrderMeasure};
use crate::{
    bucket::{Bucket, BucketSize},
    filter::{Clause, Column, Test, Value},
    stats::{Input, Key},
};

/// Where totals come from. All agree where more than one can answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// `order_total t`: an order stands in the row of each of its sellers.
    Totals,
    /// `order_summary s`: one row per order.
    Orders,
    /// `order_summary s` with `order_line l`: one row per order and group, of the lines that fit.
    Lines,
}

/// What `order_total` has.
const TOTALS: &[Input] = &[
    ("orders", "t.orders", "0"),
    ("items", "t.items", "0"),
    ("revenue", "t.revenue", "0"),
    ("freight", "t.freight", "0"),
    ("is_cancelled", CANCELLED_TOTALS, "false"),
];
const CANCELLED_TOTALS: &str = "t.status in ('canceled', 'unavailable')";
/// What one order has.
const ORDERS: &[Input] = &[
    ("orders", "1::bigint", "0"),
    ("items", "s.item_count", "0"),
    ("revenue", "s.items_total", "0"),
    ("freight", "s.freight_total", "0"),
    CANCELLED,
    APPROVED,
    SHIPPED,
    DELIVERED,
    SECONDS,
    LATE,
    REVIEWS,
    SCORES,
];
/// What one order has of the lines that are in a group.
const LINES: &[Input] = &[
    ("orders", "1::bigint", "0"),
    ("items", "coalesce(sum(l.quantity), 0)", "0"),
    (
        "revenue",
        "coalesce(sum(l.quantity * l.unit_price), 0)",
        "0",
    ),
    ("freight", "coalesce(sum(l.freight), 0)", "0"),
    CANCELLED,
    APPROVED,
    SHIPPED,
    DELIVERED,
    SECONDS,
    LATE,
    REVIEWS,
    SCORES,
];
const CANCELLED: Input = (
    "is_cancelled",
    "s.status in ('canceled', 'unavailable')",
    "false",
);
const APPROVED: Input = ("is_approved", "s.approved_at is not null", "false");
const SHIPPED: Input = (
    "is_shipped",
    "(s.shipped_at is not null or s.delivered_at is not null or s.status in ('shipped', 'delivered'))",
    "false",
);
const DELIVERED: Input = (
    "is_delivered",
    "(s.delivered_at is not null or s.status = 'delivered')",
    "false",
);
const SECONDS: Input = (
    "seconds",
    "case when s.status = 'delivered' then extract(epoch from s.delivered_at - s.placed_at) end",
    "null",
);
const LATE: Input = (
    "is_late",
    "(s.status = 'delivered' and (s.delivered_at at time zone $1)::date > (s.estimated_delivery at time zone $1)::date)",
    "false",
);
const REVIEWS: Input = ("reviews", "s.review_count", "0");
const SCORES: Input = ("scores", "s.review_total", "0");

impl Source {
    /// The cheapest that gives the right numbers.
    pub(super) fn choose(
        clause: &Clause<OrderField>,
        groups: &[OrderGroup],
        bucket: Option<&Bucket>,
        measures: &[OrderMeasure],
        is_past: bool,
    ) -> Self {
        // What totals were is not kept: it follows from what the orders were.
        let mut in_totals = !is_past
            && measures.iter().all(|measure| measure.is_in_totals())
            && bucket.is_none_or(is_of_months);
        let mut about_lines = false;
        for group in groups {
            match group {
                OrderGroup::State | OrderGroup::Status | OrderGroup::Currency => {}
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
        let is_once = groups.contains(&OrderGroup::Seller)
            || is_of_one_seller(clause)
            || !measures.iter().any(|measure| measure.counts_orders());
        match (in_totals && is_once, about_lines) {
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

    /// What makes one row of several: an order's lines of one group.
    pub(super) fn one(self) -> Option<&'static str> {
        match self {
            Self::Totals | Self::Orders => None,
            // What follows from the order's id is named too: of an earlier moment PostgreSQL cannot know that it does.
            Self::Lines => Some(
                "s.tenant_id, s.order_id, s.status, s.placed_at, s.approved_at, s.shipped_at, s.delivered_at, \
                 s.estimated_delivery, s.review_count, s.review_total, s.state, s.currency",
            ),
        }
    }

    /// When an order was placed, by the clock of the time zone `$1`. A month of `order_total` is one of UTC.
    pub(super) fn time(self) -> &'static str {
        match self {
            Self::Totals => "t.month::timestamp",
            Self::Orders | Self::Lines => "s.placed_at at time zone $1",
        }
    }

    pub(super) fn inputs(self) -> &'static [Input] {
        match self {
            Self::Totals => TOTALS,
            Self::Orders => ORDERS,
            Self::Lines => LINES,
        }
    }

    /// The keys of these groups; the currency is always one.
    pub(super) fn keys(self, groups: &[OrderGroup]) -> Vec<Key> {
        OrderGroup::ALL
            .into_iter()
            .filter(|group| *group == OrderGroup::Currency || groups.contains(group))
            .map(|group| self.key(group))
            .collect()
    }

    fn key(self, group: OrderGroup) -> Key {
        let is_total = self == Self::Totals;
        match group {
            OrderGroup::State if is_total => ("state", "nullif(t.state, '')"),
            OrderGroup::State => ("state", "nullif(s.state, '')"),
            OrderGroup::Seller if is_total => ("seller", "nullif(t.seller_id, '')"),
            OrderGroup::Seller => ("seller", "nullif(l.seller_id, '')"),
            OrderGroup::Product => ("product", "l.product_id"),
            OrderGroup::Category => ("category", "l.category"),
            OrderGroup::Status if is_total => ("status", "t.status"),
            OrderGroup::Status => ("status", "s.status"),
            OrderGroup::Currency if is_total => ("currency", "t.currency"),
            OrderGroup::Currency => ("currency", "s.currency"),
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

/// Whether months of UTC make up these buckets.
fn is_of_months(bucket: &Bucket) -> bool {
    bucket.time_zone == "UTC"
        && match bucket.size {
            BucketSize::Month | BucketSize::Quarter | BucketSize::Year => true,
            BucketSize::Day | BucketSize::Week => false,
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
