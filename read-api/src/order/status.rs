//! The status of an order as GraphQL names it. Never changes one.

use async_graphql::Enum;
use uuid::Uuid;

use crate::failure::Failure;

/// How far an order has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "event_schemas::order::OrderStatus")]
pub(crate) enum OrderStatus {
    /// Placed.
    Created,
    /// The payment was approved.
    Approved,
    /// The shop is working on it.
    Processing,
    /// The invoice was written.
    Invoiced,
    /// It left the shop.
    Shipped,
    /// It arrived.
    Delivered,
    /// Called off.
    Canceled,
    /// Called off because the goods cannot be had.
    Unavailable,
}

impl OrderStatus {
    /// The status as it is stored.
    pub(crate) fn as_str(self) -> &'static str {
        event_schemas::order::OrderStatus::from(self).as_str()
    }

    /// The status that is stored with this order.
    pub(crate) fn stored(name: &str, order: &Uuid) -> Result<Self, Failure> {
        event_schemas::order::OrderStatus::parse(name)
            .map(Self::from)
            .ok_or_else(|| Failure::corrupt("order_summary", "status", order, name))
    }
}
