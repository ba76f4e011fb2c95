//! What groups of orders come to: the measures, what must hold of them, and how groups are ordered by them. Never reads one.

use async_graphql::{Enum, InputObject};

use crate::{
    failure::Failure,
    filter::{
        Clause,
        input::{RangeFilter, group},
    },
    page::Direction,
    scalar::{BigInt, Decimal},
    stats::Measure,
};

/// By what groups of orders can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(name = "OrderStatsSortField")]
pub(crate) enum OrderMeasure {
    /// The groups' keys, the bucket's start first.
    Key,
    /// The number of orders.
    Orders,
    /// The number of pieces.
    Items,
    /// The goods' worth, whatever the currency.
    Revenue,
    /// The freight, whatever the currency.
    Freight,
    /// The goods' worth of cancelled orders, whatever the currency.
    ValueLost,
    /// How many were ever approved.
    Approved,
    /// How many were ever shipped.
    Shipped,
    /// How many ever arrived.
    Delivered,
    /// How many were ever reviewed.
    Reviewed,
    /// How many were cancelled.
    Cancelled,
    /// How many arrived at a known time.
    TimedDeliveries,
    /// The mean of the days to the delivery.
    MeanDeliveryDays,
    /// The median of the days to the delivery.
    MedianDeliveryDays,
    /// The 90th percentile of the days to the delivery.
    P90DeliveryDays,
    /// How many arrived late.
    Late,
    /// The share that arrived late.
    LateShare,
    /// The number of reviews.
    Reviews,
    /// The mean of the reviews' scores.
    MeanReviewScore,
}

impl Measure for OrderMeasure {
    const ALL: &'static [Self] = &[
        Self::Orders,
        Self::Items,
        Self::Revenue,
        Self::Freight,
        Self::ValueLost,
        Self::Approved,
        Self::Shipped,
        Self::Delivered,
        Self::Reviewed,
        Self::Cancelled,
        Self::TimedDeliveries,
        Self::MeanDeliveryDays,
        Self::MedianDeliveryDays,
        Self::P90DeliveryDays,
        Self::Late,
        Self::LateShare,
        Self::Reviews,
        Self::MeanReviewScore,
    ];

    fn definition(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Key => ("key", None),
            Self::Orders => ("orders", Some("sum(o.orders)")),
            Self::Items => ("items", Some("sum(o.items)")),
            Self::Revenue => ("revenue", Some("sum(o.revenue)")),
            Self::Freight => ("freight", Some("sum(o.freight)")),
            Self::ValueLost => (
                "valueLost",
                Some("coalesce(sum(o.revenue) filter (where o.is_cancelled), 0)"),
            ),
            Self::Approved => ("approved", Some("count(*) filter (where o.is_approved)")),
            Self::Shipped => ("shipped", Some("count(*) filter (where o.is_shipped)")),
            Self::Delivered => ("delivered", Some("count(*) filter (where o.is_delivered)")),
            Self::Reviewed => ("reviewed", Some("count(*) filter (where o.reviews > 0)")),
            Self::Cancelled => (
                "cancelled",
                Some("coalesce(sum(o.orders) filter (where o.is_cancelled), 0)"),
            ),
            Self::TimedDeliveries => ("timedDeliveries", Some("count(o.seconds)")),
            Self::MeanDeliveryDays => (
                "meanDeliveryDays",
                Some("trim_scale(round(avg(o.seconds) / 86400, 6))"),
            ),
            Self::MedianDeliveryDays => (
                "medianDeliveryDays",
                Some(
                    "trim_scale(round((percentile_cont(0.5) within group (order by o.seconds::float8))::numeric / 86400, 6))",
                ),
            ),
            Self::P90DeliveryDays => (
                "p90DeliveryDays",
                Some(
                    "trim_scale(round((percentile_cont(0.9) within group (order by o.seconds::float8))::numeric / 86400, 6))",
                ),
            ),
            Self::Late => ("late", Some("count(*) filter (where o.is_late)")),
            Self::LateShare => (
                "lateShare",
                Some(
                    "round(count(*) filter (where o.is_late)::numeric / nullif(count(o.seconds), 0), 4)",
                ),
            ),
            Self::Reviews => ("reviews", Some("sum(o.reviews)")),
            Self::MeanReviewScore => (
                "meanReviewScore",
                Some("trim_scale(round(sum(o.scores) / nullif(sum(o.reviews), 0), 6))"),
            ),
        }
    }
}

impl OrderMeasure {
    /// Whether `order_total` knows it.
    pub(super) fn is_in_totals(self) -> bool {
        matches!(
            self,
            Self::Key
                | Self::Orders
                | Self::Items
                | Self::Revenue
                | Self::Freight
                | Self::ValueLost
                | Self::Cancelled
        )
    }

    /// Whether it counts orders, which stand in `order_total` once for each of their sellers.
    pub(super) fn counts_orders(self) -> bool {
        matches!(self, Self::Orders | Self::Cancelled)
    }
}

/// How groups of orders are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct OrderStatsSort {
    /// By what.
    field: OrderMeasure,
    /// Up or down; groups without a value come last.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl From<OrderStatsSort> for (OrderMeasure, Direction) {
    fn from(sort: OrderStatsSort) -> Self {
        (sort.field, sort.direction)
    }
}

/// What must hold of a group of orders. All conditions must hold. Amounts are in minor units, whatever the currency.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct OrderStatsHaving {
    /// The number of orders.
    orders: Option<RangeFilter<BigInt>>,
    /// The number of pieces.
    items: Option<RangeFilter<BigInt>>,
    /// The goods' worth.
    revenue: Option<RangeFilter<BigInt>>,
    /// The freight.
    freight: Option<RangeFilter<BigInt>>,
    /// The goods' worth of cancelled orders.
    value_lost: Option<RangeFilter<BigInt>>,
    /// How many were ever approved.
    approved: Option<RangeFilter<BigInt>>,
    /// How many were ever shipped.
    shipped: Option<RangeFilter<BigInt>>,
    /// How many ever arrived.
    delivered: Option<RangeFilter<BigInt>>,
    /// How many were ever reviewed.
    reviewed: Option<RangeFilter<BigInt>>,
    /// How many were cancelled.
    cancelled: Option<RangeFilter<BigInt>>,
    /// How many arrived at a known time.
    timed_deliveries: Option<RangeFilter<BigInt>>,
    /// The mean of the days to the delivery.
    mean_delivery_days: Option<RangeFilter<Decimal>>,
    /// The median of the days to the delivery.
    median_delivery_days: Option<RangeFilter<Decimal>>,
    /// The 90th percentile of the days to the delivery.
    p90_delivery_days: Option<RangeFilter<Decimal>>,
    /// How many arrived late.
    late: Option<RangeFilter<BigInt>>,
    /// The share that arrived late.
    late_share: Option<RangeFilter<Decimal>>,
    /// The number of reviews.
    reviews: Option<RangeFilter<BigInt>>,
    /// The mean of the reviews' scores.
    mean_review_score: Option<RangeFilter<Decimal>>,
    /// All of these.
    and: Option<Vec<OrderStatsHaving>>,
    /// At least one of these.
    or: Option<Vec<OrderStatsHaving>>,
    /// Not this.
    not: Option<Box<OrderStatsHaving>>,
}

impl OrderStatsHaving {
    /// The conditions.
    pub(crate) fn clause(self) -> Result<Clause<OrderMeasure>, Failure> {
        use OrderMeasure as M;
        let own = [
            self.orders.map(|test| test.clause(M::Orders)),
            self.items.map(|test| test.clause(M::Items)),
            self.revenue.map(|test| test.clause(M::Revenue)),
            self.freight.map(|test| test.clause(M::Freight)),
            self.value_lost.map(|test| test.clause(M::ValueLost)),
            self.approved.map(|test| test.clause(M::Approved)),
            self.shipped.map(|test| test.clause(M::Shipped)),
            self.delivered.map(|test| test.clause(M::Delivered)),
            self.reviewed.map(|test| test.clause(M::Reviewed)),
            self.cancelled.map(|test| test.clause(M::Cancelled)),
            self.timed_deliveries
                .map(|test| test.clause(M::TimedDeliveries)),
            self.mean_delivery_days
                .map(|test| test.clause(M::MeanDeliveryDays)),
            self.median_delivery_days
                .map(|test| test.clause(M::MedianDeliveryDays)),
            self.p90_delivery_days
                .map(|test| test.clause(M::P90DeliveryDays)),
            self.late.map(|test| test.clause(M::Late)),
            self.late_share.map(|test| test.clause(M::LateShare)),
            self.reviews.map(|test| test.clause(M::Reviews)),
            self.mean_review_score
                .map(|test| test.clause(M::MeanReviewScore)),
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
