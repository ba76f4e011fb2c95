//! The list of orders. Never reads more than a page and one row.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, Object, Result, connection::Connection};

use super::{
    Order, batch,
    filter::{OrderField, OrderFilter},
    row::{OrderRow, SELECT},
};
use crate::{
    failure::Failure,
    filter::{self, Clause},
    page::{Direction, Ordering, Page, Paging, Place},
    serial::Serial,
    session::Snapshot,
};

/// By what orders are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum OrderSortField {
    /// When they were placed.
    PlacedAt,
    /// The human number.
    Number,
    /// Goods and freight, whatever the currency.
    Total,
}

/// How orders are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct OrderSort {
    /// By what.
    field: OrderSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for OrderSort {
    fn default() -> Self {
        Self {
            field: OrderSortField::PlacedAt,
            direction: Direction::Desc,
        }
    }
}

impl OrderSort {
    fn ordering(self) -> Ordering {
        let (name, key, is_time) = match self.field {
            OrderSortField::PlacedAt => ("orders by placedAt", "s.placed_at", true),
            OrderSortField::Number => ("orders by number", "s.number", false),
            OrderSortField::Total => (
                "orders by total",
                "(s.items_total + s.freight_total)",
                false,
            ),
        };
        Ordering {
            name,
            key,
            is_time,
            id: "s.order_id",
            direction: self.direction,
        }
    }

    fn place(self, row: &OrderRow) -> Place {
        let key = match self.field {
            OrderSortField::PlacedAt => row.placed_at.timestamp_micros(),
            OrderSortField::Number => row.number,
            OrderSortField::Total => row.items_total.saturating_add(row.freight_total),
        };
        Place {
            key,
            id: row.order_id,
        }
    }
}

/// One page.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    filter: Option<OrderFilter>,
    order: OrderSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<Order>, OrderTotal>, Failure> {
    let clause = filter.unwrap_or_default().checked()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = snapshot.query(SELECT);
    filter::push(&mut query, &clause, &OrderField::column);
    page.push(&mut query);
    let rows: Vec<OrderRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let orders = batch::orders(Arc::clone(&snapshot), rows);
    let nodes = orders
        .into_iter()
        .map(|shown| (order.place(&shown.row), shown))
        .collect();
    let total = OrderTotal {
        snapshot: Arc::clone(&snapshot),
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// How many there are; read only when it is selected.
pub(crate) struct OrderTotal {
    snapshot: Arc<Snapshot>,
    clause: Clause<OrderField>,
}

#[Object]
impl OrderTotal {
    /// How many orders there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl OrderTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = self
            .snapshot
            .query("select count(*) from order_summary s where ");
        filter::push(&mut query, &self.clause, &OrderField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
