//! Where an order stands, folded from its events. The one rule that the aggregate and every read model share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CancelReason, OrderEvent};

/// Where an order stands. The first six follow each other; the last two are final.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OrderStatus {
    /// Placed, and nothing since.
    Created,
    /// A payment was approved.
    Approved,
    /// The shop works on it.
    Processing,
    /// The invoice is written.
    Invoiced,
    /// The goods are on their way.
    Shipped,
    /// The goods arrived.
    Delivered,
    /// Called off.
    Canceled,
    /// Called off because the goods cannot be had.
    Unavailable,
}

impl OrderStatus {
    /// Every status, in order.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Approved,
        Self::Processing,
        Self::Invoiced,
        Self::Shipped,
        Self::Delivered,
        Self::Canceled,
        Self::Unavailable,
    ];

    /// The status as it stands in JSON and in read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Approved => "approved",
            Self::Processing => "processing",
            Self::Invoiced => "invoiced",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Canceled => "canceled",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether the order was called off, which is final.
    pub fn is_cancelled(self) -> bool {
        matches!(self, Self::Canceled | Self::Unavailable)
    }

    /// The status after `event`, from `current` (`None`: not placed yet).
    ///
    /// A step only moves forward: a payment approved after the shipment does not move the order back.
    /// A cancelled order stays cancelled.
    #[must_use]
    pub fn after(current: Option<Self>, event: &OrderEvent) -> Option<Self> {
        let step = match event {
            OrderEvent::OrderPlaced(_) => Self::Created,
            OrderEvent::PaymentApproved(_) => Self::Approved,
            OrderEvent::OrderProcessingStarted(_) => Self::Processing,
            OrderEvent::OrderInvoiced(_) => Self::Invoiced,
            OrderEvent::OrderShipped(_) => Self::Shipped,
            OrderEvent::OrderDelivered(_) => Self::Delivered,
            OrderEvent::OrderCancelled(cancelled) => match cancelled.reason {
                CancelReason::Unavailable => Self::Unavailable,
                CancelReason::CustomerRequest | CancelReason::Fraud | CancelReason::Other => {
                    Self::Canceled
                }
            },
            OrderEvent::OrderRefunded(_) | OrderEvent::OrderReviewed(_) => return current,
        };
        Some(current.map_or(step, |status| status.after_step(step)))
    }

    /// The later of this status and `step`, unless this one is final.
    #[must_use]
    pub fn after_step(self, step: Self) -> Self {
        if !self.is_cancelled() && step.rank() > self.rank() {
            step
        } else {
            self
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Approved => 1,
            Self::Processing => 2,
            Self::Invoiced => 3,
            Self::Shipped => 4,
            Self::Delivered => 5,
            Self::Canceled | Self::Unavailable => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_json_says() {
        for status in OrderStatus::ALL {
            assert_eq!(OrderStatus::parse(status.as_str()), Some(status));
            assert_eq!(
                serde_json::to_value(status).ok(),
                Some(status.as_str().into())
            );
        }
        assert_eq!(OrderStatus::parse("cancelled"), None);
    }

    #[test]
    fn steps_only_move_forward_and_cancelled_is_final() {
        use OrderStatus::{Approved, Canceled, Created, Delivered, Shipped, Unavailable};
        assert_eq!(Created.after_step(Approved), Approved);
        assert_eq!(Created.after_step(Shipped), Shipped);
        assert_eq!(Shipped.after_step(Approved), Shipped);
        assert_eq!(Delivered.after_step(Canceled), Canceled);
        assert_eq!(Canceled.after_step(Delivered), Canceled);
        assert_eq!(Unavailable.after_step(Canceled), Unavailable);
    }
}
