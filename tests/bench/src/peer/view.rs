//! The peer's read model of an order: what one row of ours and its lines, payments and reviews hold, as one document.
//! Totals over orders have no place in it.

use cqrs_es::{EventEnvelope, View};
use domain::order::Order;
use event_schemas::{
    money::Minor,
    order::{OrderEvent, OrderLine, OrderPayment, OrderReviewed, OrderStatus},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An order.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(crate) struct OrderView {
    tenant: String,
    status: Option<OrderStatus>,
    customer: Option<Uuid>,
    reference: Option<String>,
    currency: Option<String>,
    state: Option<String>,
    lines: Vec<OrderLine>,
    payments: Vec<OrderPayment>,
    reviews: Vec<OrderReviewed>,
    items: i64,
    goods: i64,
    freight: i64,
    paid: i64,
    refunded: i64,
    carrier: Option<String>,
    tracking_code: Option<String>,
    invoice: Option<String>,
    cancel_reason: Option<String>,
    version: usize,
}

impl View<Order> for OrderView {
    fn update(&mut self, event: &EventEnvelope<Order>) {
        self.version = event.sequence;
        self.status = OrderStatus::after(self.status, &event.payload);
        let minor = |sum: Option<Minor>| sum.map_or(0, Minor::get);
        match &event.payload {
            OrderEvent::OrderPlaced(placed) => {
                self.tenant = event.metadata.get("tenantId").cloned().unwrap_or_default();
                self.customer = Some(placed.customer_id);
                self.reference.clone_from(&placed.reference);
                self.currency = Some(placed.currency.as_str().to_owned());
                self.state.clone_from(&placed.state);
                self.lines.clone_from(&placed.lines);
                self.payments.clone_from(&placed.payments);
                self.items = placed
                    .lines
                    .iter()
                    .map(|line| i64::from(line.quantity))
                    .sum();
                self.goods = placed.lines.iter().map(|line| minor(line.goods())).sum();
                self.freight = minor(placed.freight_total());
            }
            OrderEvent::PaymentApproved(payment) => self.paid += payment.amount.get(),
            OrderEvent::OrderRefunded(refund) => self.refunded += refund.amount.get(),
            OrderEvent::OrderInvoiced(invoiced) => self.invoice.clone_from(&invoiced.number),
            OrderEvent::OrderShipped(shipped) => {
                self.carrier.clone_from(&shipped.carrier);
                self.tracking_code.clone_from(&shipped.tracking_code);
            }
            OrderEvent::OrderReviewed(review) => self.reviews.push(review.clone()),
            OrderEvent::OrderCancelled(cancelled) => {
                self.cancel_reason = Some(cancelled.reason.as_str().to_owned());
            }
            OrderEvent::OrderProcessingStarted(_) | OrderEvent::OrderDelivered(_) => {}
        }
    }
}
