//! The order: from the cart to the review. Owns the state its decisions need and how events change it;
//! never holds what only read models show.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, event_sink::EventSink};
use event_schemas::{
    money::{MAX_MINOR, Minor},
    order::{OrderEvent, OrderStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decide, Entity};

mod command;
mod decision;
mod rejection;
#[cfg(test)]
mod tests;

pub use command::{
    ApprovePayment, CancelOrder, DeliverOrder, InvoiceOrder, NewLine, NewPayment, OrderCommand,
    PlaceOrder, RefundOrder, ReviewOrder, ShipOrder, StartProcessing,
};
pub use rejection::OrderRejection;

/// What an order must remember to decide.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Where it stands; `None` before it is placed.
    status: Option<OrderStatus>,
    /// What is due, paid and given back, in minor units.
    due: Minor,
    paid: Minor,
    refunded: Minor,
    /// What happened, whatever the status became since.
    invoiced: bool,
    shipped: bool,
    delivered: bool,
    /// The ids of the reviews so far; the empty text for one without an id.
    reviews: BTreeSet<String>,
}

impl Order {
    /// Where the order stands; `None` before it is placed.
    pub fn status(&self) -> Option<OrderStatus> {
        self.status
    }

    /// Whether nothing is due any more.
    fn is_paid(&self) -> bool {
        self.paid >= self.due
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = Decide<OrderCommand>;
    type Event = OrderEvent;
    type Error = OrderRejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), OrderRejection> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: OrderEvent) {
        self.status = OrderStatus::after(self.status, &event);
        match event {
            OrderEvent::OrderPlaced(placed) => self.due = placed.due().unwrap_or_else(most),
            OrderEvent::PaymentApproved(payment) => self.paid = add(self.paid, payment.amount),
            OrderEvent::OrderRefunded(refund) => self.refunded = add(self.refunded, refund.amount),
            OrderEvent::OrderInvoiced(_) => self.invoiced = true,
            OrderEvent::OrderShipped(_) => self.shipped = true,
            OrderEvent::OrderDelivered(_) => self.delivered = true,
            OrderEvent::OrderReviewed(review) => {
                self.reviews.insert(review.review_id.unwrap_or_default());
            }
            OrderEvent::OrderProcessingStarted(_) | OrderEvent::OrderCancelled(_) => {}
        }
    }
}

impl Entity for Order {
    type Decision = OrderCommand;
    type Fact = OrderEvent;
    type Refusal = OrderRejection;
    const PLURAL: &'static str = "orders";
}

/// A sum that stays at the largest amount: no decision writes such an event, but replaying one must not fail.
fn add(one: Minor, other: Minor) -> Minor {
    one.checked_add(other).unwrap_or_else(most)
}

fn most() -> Minor {
    Minor::try_new(MAX_MINOR).unwrap_or_default()
}
