//! What may be asked of an order. Owns the shape and the limits of the input; decides nothing.

use event_schemas::{
    List, Moment, Personal, Text,
    money::{Currency, Minor},
    number::{Count, PositiveMinor, Quantity, Score},
    order::{CancelReason, RefundReason},
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::Order;

/// One product of a new order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLine {
    /// The product's id or article number.
    pub product_id: Text<1, 64>,
    /// The product's category.
    pub category: Option<Text<1, 128>>,
    /// Who sells it, on a marketplace.
    pub seller_id: Option<Text<1, 64>>,
    /// How many, at least 1.
    pub quantity: Quantity,
    /// The price of one, in minor units (cents).
    pub unit_price: Minor,
    /// The freight of the whole line, in minor units (cents).
    pub freight: Option<Minor>,
}

/// One way in which a new order is to be paid.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPayment {
    /// The payment's number within the order: 1, 2, 3 …
    pub sequence: Count,
    /// How it is paid, such as `creditCard`.
    pub method: Text<1, 32>,
    /// In how many instalments.
    pub installments: Option<Count>,
    /// How much, in minor units (cents).
    pub amount: Minor,
}

/// Takes a customer's order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaceOrder {
    /// Who orders.
    pub customer_id: Uuid,
    /// The order's id in another system.
    pub reference: Option<Text<1, 64>>,
    /// The currency of every amount of this order.
    pub currency: Currency,
    /// The customer's state or province.
    pub state: Option<Text<1, 64>>,
    /// What is ordered: 1 to 500 lines.
    pub lines: List<NewLine, 0, 500>,
    /// How it is to be paid, where known: at most 100 payments. Their sum is then what is due.
    pub payments: Option<List<NewPayment, 0, 100>>,
    /// When it is promised to arrive.
    pub estimated_delivery: Option<Moment>,
}

/// Notes that a payment was approved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovePayment {
    /// How much, in minor units (cents). Left out: everything that is still due.
    pub amount: Option<Minor>,
}

/// Notes that the shop began to work on the order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartProcessing {}

/// Notes that the invoice was written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvoiceOrder {
    /// The invoice's number.
    pub number: Option<Text<1, 64>>,
}

/// Notes that the goods left the shop.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShipOrder {
    /// Who carries them.
    pub carrier: Option<Text<1, 64>>,
    /// Where to look for the parcel.
    pub tracking_code: Option<Text<1, 64>>,
    /// When they left. Left out: now.
    pub shipped_at: Option<Moment>,
}

/// Notes that the goods arrived.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliverOrder {
    /// When they arrived. Left out: now.
    pub delivered_at: Option<Moment>,
}

/// Calls the order off.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelOrder {
    /// Why.
    pub reason: CancelReason,
    /// In words.
    pub note: Option<Text<1, 500>>,
}

/// Gives money back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundOrder {
    /// How much, in minor units (cents), at least 1.
    pub amount: PositiveMinor,
    /// Why.
    pub reason: Option<RefundReason>,
    /// In words.
    pub note: Option<Text<1, 500>>,
}

/// Notes what the customer thinks of the order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewOrder {
    /// The review's id in another system. A second review of the same order needs an id of its own.
    pub review_id: Option<Text<1, 64>>,
    /// 1 (bad) to 5 (good).
    pub score: Score,
    /// The headline.
    pub title: Option<Personal<Text<1, 200>>>,
    /// The opinion in words.
    pub comment: Option<Personal<Text<1, 5000>>>,
    /// When the customer answered.
    pub answered_at: Option<Moment>,
}

/// Everything that may be asked of an order.
#[derive(Clone, Debug)]
pub enum OrderCommand {
    /// See [`PlaceOrder`].
    Place(PlaceOrder),
    /// See [`ApprovePayment`].
    ApprovePayment(ApprovePayment),
    /// See [`StartProcessing`].
    StartProcessing(StartProcessing),
    /// See [`InvoiceOrder`].
    Invoice(InvoiceOrder),
    /// See [`ShipOrder`].
    Ship(ShipOrder),
    /// See [`DeliverOrder`].
    Deliver(DeliverOrder),
    /// See [`CancelOrder`].
    Cancel(CancelOrder),
    /// See [`RefundOrder`].
    Refund(RefundOrder),
    /// See [`ReviewOrder`].
    Review(ReviewOrder),
}

crate::command::commands! {
    Order {
        PlaceOrder = "place" creates => OrderCommand::Place,
        ApprovePayment = "approvePayment" => OrderCommand::ApprovePayment,
        StartProcessing = "startProcessing" => OrderCommand::StartProcessing,
        InvoiceOrder = "invoice" => OrderCommand::Invoice,
        ShipOrder = "ship" => OrderCommand::Ship,
        DeliverOrder = "deliver" => OrderCommand::Deliver,
        CancelOrder = "cancel" => OrderCommand::Cancel,
        RefundOrder = "refund" => OrderCommand::Refund,
        ReviewOrder = "review" => OrderCommand::Review,
    }
}
