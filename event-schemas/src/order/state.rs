//! An order as it stands, folded from its events, for the compacted topic. Never what decisions go by.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{CancelReason, OrderEvent, OrderLine, OrderPayment, OrderPlaced, OrderStatus};
use crate::{
    Personal, RecordedEvent,
    money::{Currency, MAX_MINOR, Minor},
    state::State,
};

/// An order as it stands.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderState {
    /// Where it stands.
    pub status: OrderStatus,
    /// Who ordered.
    pub customer_id: Uuid,
    /// The order's id in another system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The currency of every amount.
    pub currency: Currency,
    /// The customer's state or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// How it is to be paid, where known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<OrderPayment>,
    /// What is due: the payments where some are given, else the lines. In minor units.
    pub due: Minor,
    /// What was approved, in minor units.
    pub paid: Minor,
    /// What was given back, in minor units.
    pub refunded: Minor,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When the first payment was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<DateTime<Utc>>,
    /// When the goods left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<DateTime<Utc>>,
    /// When the goods arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was called off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Why it was called off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// When it was promised to arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_delivery: Option<DateTime<Utc>>,
    /// Who carries the goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Where to look for the parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_code: Option<String>,
    /// The invoice's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<String>,
    /// How many reviews there are.
    pub reviews: u32,
    /// The latest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<LatestReview>,
}

/// What a customer thought.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatestReview {
    /// 1 (bad) to 5 (good).
    pub score: u8,
    /// The headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Personal<String>>,
    /// The opinion in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<Personal<String>>,
    /// When it was given.
    pub reviewed_at: DateTime<Utc>,
}

impl State for OrderState {
    type Event = OrderEvent;

    fn after(before: Option<Self>, event: OrderEvent, recorded: &RecordedEvent) -> Option<Self> {
        let Some(mut order) = before else {
            return match event {
                OrderEvent::OrderPlaced(placed) => Some(Self::placed(placed, recorded)),
                _ => None,
            };
        };
        order.status = OrderStatus::after(Some(order.status), &event).unwrap_or(order.status);
        match event {
            OrderEvent::OrderPlaced(_) | OrderEvent::OrderProcessingStarted(_) => {}
            OrderEvent::PaymentApproved(payment) => {
                order.paid = add(order.paid, payment.amount);
                order.approved_at.get_or_insert(recorded.occurred_at);
            }
            OrderEvent::OrderInvoiced(invoiced) => {
                order.invoice_number = invoiced.number.or(order.invoice_number);
            }
            OrderEvent::OrderShipped(shipped) => {
                order.shipped_at = shipped.shipped_at.or(order.shipped_at);
                order.carrier = shipped.carrier.or(order.carrier);
                order.tracking_code = shipped.tracking_code.or(order.tracking_code);
            }
            OrderEvent::OrderDelivered(delivered) => {
                order.delivered_at = delivered.delivered_at.or(order.delivered_at);
            }
            OrderEvent::OrderCancelled(cancelled) => {
                order.cancelled_at.get_or_insert(recorded.occurred_at);
                order.cancel_reason = Some(cancelled.reason);
            }
            OrderEvent::OrderRefunded(refund) => {
                order.refunded = add(order.refunded, refund.amount);
            }
            OrderEvent::OrderReviewed(review) => {
                order.reviews = order.reviews.saturating_add(1);
                order.review = Some(LatestReview {
                    score: review.score,
                    title: review.title,
                    comment: review.comment,
                    reviewed_at: review.answered_at.unwrap_or(recorded.occurred_at),
                });
            }
        }
        Some(order)
    }
}

impl OrderState {
    fn placed(placed: OrderPlaced, recorded: &RecordedEvent) -> Self {
        Self {
            status: OrderStatus::Created,
            due: placed.due().unwrap_or_else(most),
            customer_id: placed.customer_id,
            reference: placed.reference,
            currency: placed.currency,
            state: placed.state,
            lines: placed.lines,
            payments: placed.payments,
            paid: Minor::ZERO,
            refunded: Minor::ZERO,
            placed_at: recorded.occurred_at,
            approved_at: None,
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
            cancel_reason: None,
            estimated_delivery: placed.estimated_delivery,
            carrier: None,
            tracking_code: None,
            invoice_number: None,
            reviews: 0,
            review: None,
        }
    }
}

/// A sum that stays at the largest amount: no decision makes a larger one.
fn add(one: Minor, other: Minor) -> Minor {
    one.checked_add(other).unwrap_or_else(most)
}

fn most() -> Minor {
    Minor::try_new(MAX_MINOR).unwrap_or_default()
}
