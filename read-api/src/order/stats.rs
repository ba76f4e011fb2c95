//! Totals over orders in groups. Never adds amounts of different currencies.

mod measure;
mod source;

#[cfg(test)]
mod tests;

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, Utc};
use sqlx::FromRow;

pub(crate) use self::measure::{OrderMeasure, OrderStatsHaving, OrderStatsSort};
use self::source::Source;
use super::{
    filter::{OrderField, OrderFilter},
    status::OrderStatus,
};
use crate::{
    failure::Failure,
    filter,
    money::Money,
    scalar::{BigInt, Decimal},
    session::Snapshot,
    stats::{Ask, Rows, Span, whole},
};

/// What makes a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum OrderGroup {
    /// The customer's state or province.
    State,
    /// The seller of the lines.
    Seller,
    /// The product of the lines.
    Product,
    /// The category of the lines.
    Category,
    /// How far the order has come.
    Status,
    /// The currency: always, whether it is named or not.
    Currency,
}

impl OrderGroup {
    /// In the order of the keys.
    const ALL: [Self; 6] = [
        Self::State,
        Self::Seller,
        Self::Product,
        Self::Category,
        Self::Status,
        Self::Currency,
    ];
}

/// What the orders of one group come to. A key is `null` if it was not asked for, and for orders that have no such thing.
///
/// Of an order that has lines in several groups, each group has the pieces, the goods and the freight of its own lines, and
/// everything else as a whole.
#[derive(SimpleObject, Debug)]
pub(crate) struct OrderStats {
    /// When the bucket begins; `null` without buckets.
    start: Option<DateTime<Utc>>,
    /// When the bucket has ended and the next one begins; `null` without buckets.
    end: Option<DateTime<Utc>>,
    /// The customer's state or province.
    state: Option<String>,
    /// The seller.
    seller_id: Option<String>,
    /// The product.
    product_id: Option<String>,
    /// The category.
    category: Option<String>,
    /// How far the orders have come.
    status: Option<OrderStatus>,
    /// ISO 4217, the currency of the group's amounts.
    currency: String,
    /// How many orders were placed.
    orders: BigInt,
    /// How many pieces.
    items: BigInt,
    /// What the goods are worth, without freight, whatever became of the orders.
    revenue: Money,
    /// The freight.
    freight: Money,
    /// What the goods of the orders are worth that are `CANCELED` or `UNAVAILABLE`.
    value_lost: Money,
    /// How many orders had a payment approved, ever.
    approved: BigInt,
    /// How many orders left the shop, ever: those that arrived did.
    shipped: BigInt,
    /// How many orders arrived, ever: also those cancelled afterwards, and those whose time is unknown.
    delivered: BigInt,
    /// How many orders were reviewed.
    reviewed: BigInt,
    /// How many orders are `CANCELED` or `UNAVAILABLE`.
    cancelled: BigInt,
    /// How many orders are `DELIVERED` at a known time: those that the delivery days and the lateness are about.
    timed_deliveries: BigInt,
    /// The mean of the days, of 24 hours, from the placement to the delivery of the `timedDeliveries`, rounded to six places;
    /// `null` without one.
    mean_delivery_days: Option<Decimal>,
    /// The median of the days from the placement to the delivery: of an even number of orders, the middle between the two in
    /// the middle.
    median_delivery_days: Option<Decimal>,
    /// The 90th percentile of the days from the placement to the delivery: nine in ten took as long or less; between two
    /// orders, in proportion.
    p90_delivery_days: Option<Decimal>,
    /// How many of the `timedDeliveries` arrived on a later calendar day than was estimated, in the bucket's time zone, or else in UTC.
    /// An order without an estimate is never late.
    late: BigInt,
    /// The late ones per timed delivery, 0 to 1, rounded to four places; `null` without one.
    late_share: Option<Decimal>,
    /// How many reviews the orders have: one order may have several.
    reviews: BigInt,
    /// The mean of the scores of all reviews of the orders, 1 (bad) to 5 (good), rounded to six places; `null` without one.
    mean_review_score: Option<Decimal>,
}

/// One group as it is read. Numbers are exact however large: they come as text, and only those that are selected.
#[derive(FromRow, Debug)]
#[sqlx(rename_all = "camelCase")]
struct Row {
    #[sqlx(default)]
    start: Option<DateTime<Utc>>,
    #[sqlx(default)]
    end: Option<DateTime<Utc>>,
    #[sqlx(default)]
    state: Option<String>,
    #[sqlx(default)]
    seller: Option<String>,
    #[sqlx(default)]
    product: Option<String>,
    #[sqlx(default)]
    category: Option<String>,
    #[sqlx(default)]
    status: Option<String>,
    currency: String,
    #[sqlx(default)]
    orders: Option<String>,
    #[sqlx(default)]
    items: Option<String>,
    #[sqlx(default)]
    revenue: Option<String>,
    #[sqlx(default)]
    freight: Option<String>,
    #[sqlx(default)]
    value_lost: Option<String>,
    #[sqlx(default)]
    approved: Option<String>,
    #[sqlx(default)]
    shipped: Option<String>,
    #[sqlx(default)]
    delivered: Option<String>,
    #[sqlx(default)]
    reviewed: Option<String>,
    #[sqlx(default)]
    cancelled: Option<String>,
    #[sqlx(default)]
    timed_deliveries: Option<String>,
    #[sqlx(default)]
    mean_delivery_days: Option<String>,
    #[sqlx(default)]
    median_delivery_days: Option<String>,
    #[sqlx(default)]
    p90_delivery_days: Option<String>,
    #[sqlx(default)]
    late: Option<String>,
    #[sqlx(default)]
    late_share: Option<String>,
    #[sqlx(default)]
    reviews: Option<String>,
    #[sqlx(default)]
    mean_review_score: Option<String>,
}

/// The totals.
pub(super) async fn read(
    snapshot: &Snapshot,
    filter: Option<OrderFilter>,
    groups: &[OrderGroup],
    ask: &Ask<OrderMeasure>,
) -> Result<Vec<OrderStats>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let span = Span::of(&clause, OrderField::PlacedAt);
    let source = Source::choose(
        &clause,
        groups,
        ask.bucket.as_ref(),
        &ask.measures(),
        snapshot.past().is_some(),
    );
    let clause = source.condition(clause);
    let keys = source.keys(groups);
    let statement = ask.statement(&Rows {
        parameters: &|_| {},
        time: source.time(),
        keys: &keys,
        inputs: source.inputs(),
        from: source.from(),
        condition: &|query| filter::push(query, &clause, &|field| source.column(field)),
        past: snapshot.past(),
        one: source.one(),
        span,
        is_never_empty: false,
    });
    let rows: Vec<Row> = ask.read(snapshot, statement).await?;
    rows.into_iter().map(OrderStats::try_from).collect()
}

impl TryFrom<Row> for OrderStats {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let status = row
            .status
            .as_deref()
            .map(|status| OrderStatus::stored(status, &uuid::Uuid::nil()))
            .transpose()?;
        let money = |name, digits: Option<String>| {
            Ok::<_, Failure>(Money::new(whole(name, digits.as_deref())?, &row.currency))
        };
        Ok(Self {
            orders: whole("orders", row.orders.as_deref())?,
            items: whole("items", row.items.as_deref())?,
            revenue: money("revenue", row.revenue)?,
            freight: money("freight", row.freight)?,
            value_lost: money("valueLost", row.value_lost)?,
            approved: whole("approved", row.approved.as_deref())?,
            shipped: whole("shipped", row.shipped.as_deref())?,
            delivered: whole("delivered", row.delivered.as_deref())?,
            reviewed: whole("reviewed", row.reviewed.as_deref())?,
            cancelled: whole("cancelled", row.cancelled.as_deref())?,
            timed_deliveries: whole("timedDeliveries", row.timed_deliveries.as_deref())?,
            mean_delivery_days: row.mean_delivery_days.map(Decimal),
            median_delivery_days: row.median_delivery_days.map(Decimal),
            p90_delivery_days: row.p90_delivery_days.map(Decimal),
            late: whole("late", row.late.as_deref())?,
            late_share: row.late_share.map(Decimal),
            reviews: whole("reviews", row.reviews.as_deref())?,
            mean_review_score: row.mean_review_score.map(Decimal),
            start: row.start,
            end: row.end,
            state: row.state,
            seller_id: row.seller,
            product_id: row.product,
            category: row.category,
            status,
            currency: row.currency,
        })
    }
}
