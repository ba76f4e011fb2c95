//! Totals over orders in groups. Never adds amounts of different currencies.

mod source;

#[cfg(test)]
mod tests;

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::NaiveDate;
use sqlx::{FromRow, Postgres, QueryBuilder};

use self::source::Source;
use super::{
    filter::{OrderField, OrderFilter},
    status::OrderStatus,
};
use crate::{
    failure::Failure,
    filter::{self, Clause},
    money::Money,
    page::Direction,
    scalar::BigInt,
    session::Snapshot,
};

/// The most groups that are given unasked.
const UNASKED: i32 = 1_000;
/// The most groups that can be asked for.
const MOST: i32 = 10_000;

/// What makes a group. Times are of the placement, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum OrderGroup {
    /// The year.
    Year,
    /// The month.
    Month,
    /// The day.
    Day,
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
    /// In the order of the columns.
    const ALL: [Self; 9] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::State,
        Self::Seller,
        Self::Product,
        Self::Category,
        Self::Status,
        Self::Currency,
    ];
}

/// By what groups can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum OrderStatsSortField {
    /// The groups' keys.
    Key,
    /// The number of orders.
    Orders,
    /// The number of pieces.
    Items,
    /// The goods' worth, whatever the currency.
    Revenue,
    /// The freight, whatever the currency.
    Freight,
}

/// How groups are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct OrderStatsSort {
    /// By what; equal ones by their keys.
    field: OrderStatsSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

/// The totals of one group. A key is `null` if it was not asked for, and for orders that have no such thing.
#[derive(SimpleObject, Debug)]
pub(crate) struct OrderStats {
    /// The year of placement (UTC).
    year: Option<i32>,
    /// The month of placement (UTC), such as `2017-11`.
    month: Option<String>,
    /// The day of placement (UTC), such as `2017-11-24`.
    day: Option<String>,
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
    /// How many orders.
    orders: BigInt,
    /// How many pieces.
    items: BigInt,
    /// What the goods are worth, without freight.
    revenue: Money,
    /// The freight.
    freight: Money,
}

/// One group as it is read. Sums are exact however large: they come as text.
#[derive(FromRow, Debug)]
struct Row {
    year: Option<i32>,
    month: Option<NaiveDate>,
    day: Option<NaiveDate>,
    state: Option<String>,
    seller: Option<String>,
    product: Option<String>,
    category: Option<String>,
    status: Option<String>,
    currency: String,
    orders: String,
    items: String,
    revenue: String,
    freight: String,
}

/// How many groups the argument may bring, for the cost.
pub(super) fn cost(first: Option<i32>) -> usize {
    usize::try_from(first.unwrap_or(UNASKED).clamp(1, MOST)).unwrap_or(1)
}

/// The totals. `counted` says whether anybody looks at the number of orders.
pub(super) async fn read(
    snapshot: &Snapshot,
    filter: Option<OrderFilter>,
    groups: Vec<OrderGroup>,
    order: Option<OrderStatsSort>,
    first: Option<i32>,
    counted: bool,
) -> Result<Vec<OrderStats>, Failure> {
    if first.is_some_and(|first| !(1..=MOST).contains(&first)) {
        return Err(Failure::input(format!("first must be from 1 to {MOST}")));
    }
    let clause = filter.unwrap_or_default().checked()?;
    let counted = counted || order.is_some_and(|order| order.field == OrderStatsSortField::Orders);
    let source = Source::choose(&clause, &groups, counted);
    let clause = source.condition(clause);
    let mut query = statement(
        source,
        &clause,
        &groups,
        order,
        first.unwrap_or(UNASKED + 1),
    );
    let rows: Vec<Row> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    if first.is_none() && rows.len() > cost(None) {
        return Err(Failure::input(format!(
            "there are more than {UNASKED} groups; ask for the first so many (at most {MOST}), or filter more"
        )));
    }
    rows.into_iter().map(OrderStats::try_from).collect()
}

fn statement(
    source: Source,
    clause: &Clause<OrderField>,
    groups: &[OrderGroup],
    order: Option<OrderStatsSort>,
    limit: i32,
) -> QueryBuilder<Postgres> {
    let is_key = |group: &OrderGroup| *group == OrderGroup::Currency || groups.contains(group);
    let mut keys = Vec::new();
    let mut query = QueryBuilder::new("select ");
    for (number, group) in (1..).zip(OrderGroup::ALL) {
        if is_key(&group) {
            keys.push(number.to_string());
        }
        query.push(source.key(group, is_key(&group))).push(", ");
    }
    let [orders, items, revenue, freight] = source.sums();
    query.push(format_args!(
        "{orders}::text as orders, {items}::text as items, {revenue}::text as revenue, {freight}::text as freight from {}",
        source.from()
    ));
    query.push(" where ");
    filter::push(&mut query, clause, &|field| source.column(field));
    let keys = keys.join(", ");
    query.push(format_args!(" group by {keys} order by "));
    let order = order.unwrap_or(OrderStatsSort {
        field: OrderStatsSortField::Key,
        direction: Direction::Asc,
    });
    let direction = if order.direction == Direction::Desc {
        "desc"
    } else {
        "asc"
    };
    match order.field {
        OrderStatsSortField::Key => query.push(keys.replace(',', &format!(" {direction},"))),
        OrderStatsSortField::Orders => query.push(format_args!("{orders} {direction}, {keys}")),
        OrderStatsSortField::Items => query.push(format_args!("{items} {direction}, {keys}")),
        OrderStatsSortField::Revenue => query.push(format_args!("{revenue} {direction}, {keys}")),
        OrderStatsSortField::Freight => query.push(format_args!("{freight} {direction}, {keys}")),
    };
    if order.field == OrderStatsSortField::Key {
        query.push(format_args!(" {direction}"));
    }
    query.push(" limit ").push_bind(i64::from(limit));
    query
}

impl TryFrom<Row> for OrderStats {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let sum = |column: &'static str, digits: &str| {
            digits
                .parse()
                .map(BigInt)
                .map_err(|_| Failure::corrupt("order_total", column, &row.currency, digits))
        };
        let status = row
            .status
            .as_deref()
            .map(|status| OrderStatus::stored(status, &uuid::Uuid::nil()))
            .transpose()?;
        Ok(Self {
            orders: sum("orders", &row.orders)?,
            items: sum("items", &row.items)?,
            revenue: Money::new(sum("revenue", &row.revenue)?, &row.currency),
            freight: Money::new(sum("freight", &row.freight)?, &row.currency),
            year: row.year,
            month: row.month.map(|month| month.format("%Y-%m").to_string()),
            day: row.day.map(|day| day.format("%Y-%m-%d").to_string()),
            state: row.state,
            seller_id: row.seller,
            product_id: row.product,
            category: row.category,
            status,
            currency: row.currency,
        })
    }
}
