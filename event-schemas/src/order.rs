//! The events of an order. Owns their payloads; the sums are in [`total`], the status in [`status`].
//! Never decides whether something may happen.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Personal,
    money::{Currency, Minor},
};

mod state;
pub mod status;
pub mod total;
mod upcast;

pub use state::{LatestReview, OrderState};
pub use status::OrderStatus;

/// One line of an order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// Which product.
    pub product_id: String,
    /// The product's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Who sells it, on a marketplace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<String>,
    /// How many, at least 1.
    pub quantity: u32,
    /// The price of one, in minor units.
    pub unit_price: Minor,
    /// The freight of the whole line, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freight: Option<Minor>,
}

/// One way in which an order is to be paid.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPayment {
    /// The payment's number within the order.
    pub sequence: u32,
    /// How: `creditCard`, `voucher`, …
    pub method: String,
    /// In how many instalments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installments: Option<u32>,
    /// How much, in minor units.
    pub amount: Minor,
}

/// Why an order was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CancelReason {
    /// The customer asked for it.
    CustomerRequest,
    /// The goods cannot be had.
    Unavailable,
    /// It was not a real order.
    Fraud,
    /// Anything else.
    Other,
}

impl CancelReason {
    /// The reason as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerRequest => "customerRequest",
            Self::Unavailable => "unavailable",
            Self::Fraud => "fraud",
            Self::Other => "other",
        }
    }
}

/// Why money was given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RefundReason {
    /// The customer changed their mind.
    CustomerRequest,
    /// The goods arrived broken, or were not what was ordered.
    Faulty,
    /// The goods never arrived.
    NotDelivered,
    /// The customer paid too much.
    Overcharged,
    /// Anything else.
    Other,
}

/// A customer ordered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced {
    /// Who ordered.
    pub customer_id: Uuid,
    /// The order's id in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The currency of every amount of this order.
    pub currency: Currency,
    /// The customer's state or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// How it is to be paid, where known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<OrderPayment>,
    /// When it was promised to arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery: Option<DateTime<Utc>>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// Money was approved for an order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentApproved {
    /// How much, in minor units.
    pub amount: Minor,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The shop began to work on the order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderProcessingStarted {
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The invoice was written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderInvoiced {
    /// The invoice's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The goods left the shop.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderShipped {
    /// Who carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Where to look for the parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_code: Option<String>,
    /// When they left. Absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<DateTime<Utc>>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The goods arrived.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderDelivered {
    /// When they arrived. Absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The order was called off.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCancelled {
    /// Why.
    pub reason: CancelReason,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// Money was given back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRefunded {
    /// How much, in minor units, at least 1.
    pub amount: Minor,
    /// Why, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The customer gave an opinion.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderReviewed {
    /// The review's id in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_id: Option<String>,
    /// 1 (bad) to 5 (good).
    pub score: u8,
    /// The headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Personal<String>>,
    /// The opinion in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Personal<String>>,
    /// When the customer answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

crate::events! {
    /// What happens to an order.
    OrderEvent {
        OrderPlaced = 1,
        PaymentApproved = 1,
        OrderProcessingStarted = 1,
        OrderInvoiced = 1,
        OrderShipped = 1,
        OrderDelivered = 1,
        OrderCancelled = 1,
        OrderRefunded = 2 from [upcast::order_refunded_1],
        OrderReviewed = 1,
    }
}
