//! What clients rely on: the shape of the input, its schema, names and codes.

use super::*;
use crate::{Command, Rejection, given::malformed};

#[test]
fn malformed_input_never_reaches_a_decision() {
    let with = |pointer: &str, value: Value| {
        let mut body = place_body();
        *body.pointer_mut(pointer).unwrap() = value;
        malformed::<PlaceOrder>(body)
    };
    assert!(with("/currency", json!("brl")).contains("ISO 4217"));
    assert!(with("/lines/0/quantity", json!(0)).contains("outside 1 to 2147483647"));
    assert!(with("/lines/0/unitPrice", json!(-1)).contains("outside 0 to 9007199254740991"));
    assert!(
        with("/lines/0/freight", json!(MAX_MINOR + 1)).contains("outside 0 to 9007199254740991")
    );
    assert!(with("/lines/0/productId", json!("")).contains("at least 1"));
    let line = json!({"productId": "cup", "quantity": 1, "unitPrice": 1});
    assert!(with("/lines", json!(vec![line; 501])).contains("more than 500 items"));
    assert!(malformed::<ReviewOrder>(json!({"score": 6})).contains("outside 1 to 5"));
    assert!(malformed::<RefundOrder>(json!({"amount": 0})).contains("outside 1 to"));
    assert!(malformed::<CancelOrder>(json!({"reason": "bored"})).contains("unknown variant"));
    assert!(malformed::<StartProcessing>(json!({"now": true})).contains("unknown field"));
}

#[test]
fn limits_are_in_the_schema_too() {
    let schema = serde_json::to_value(schemars::schema_for!(PlaceOrder)).unwrap();
    assert_eq!(
        schema.pointer("/properties/lines/maxItems"),
        Some(&json!(500))
    );
    assert_eq!(
        schema.pointer("/properties/reference/maxLength"),
        Some(&json!(64))
    );
    assert_eq!(
        schema.pointer("/$defs/NewLine/properties/quantity/minimum"),
        Some(&json!(1))
    );
    assert_eq!(schema.pointer("/additionalProperties"), Some(&json!(false)));
    assert_eq!(
        schema.pointer("/required"),
        Some(&json!(["customerId", "currency", "lines"]))
    );
    assert_eq!(
        schema.pointer("/description"),
        Some(&json!("Takes a customer's order."))
    );
    let review = serde_json::to_value(schemars::schema_for!(ReviewOrder)).unwrap();
    assert_eq!(
        review.pointer("/properties/comment/x-personal"),
        Some(&json!(true))
    );
    assert_eq!(review.pointer("/properties/score/maximum"), Some(&json!(5)));
}

#[test]
fn names_and_codes_are_stable() {
    let names = (
        PlaceOrder::NAME,
        ApprovePayment::NAME,
        StartProcessing::NAME,
        InvoiceOrder::NAME,
    );
    assert_eq!(
        names,
        ("place", "approvePayment", "startProcessing", "invoice")
    );
    assert_eq!((PlaceOrder::CREATES, ShipOrder::CREATES), (true, false));
    let codes = [
        (Rejected::NotFound, "order-not-found"),
        (Rejected::AlreadyPlaced, "order-already-placed"),
        (Rejected::WithoutLines, "order-without-lines"),
        (Rejected::AmountTooLarge, "amount-too-large"),
        (Rejected::Cancelled, "order-cancelled"),
        (Rejected::AlreadyCancelled, "order-already-cancelled"),
        (Rejected::AlreadyPaid, "order-already-paid"),
        (Rejected::PaymentExceedsDue, "payment-exceeds-due"),
        (Rejected::AlreadyProcessing, "order-already-processing"),
        (Rejected::AlreadyInvoiced, "order-already-invoiced"),
        (Rejected::NotPaid, "order-not-paid"),
        (Rejected::AlreadyShipped, "order-already-shipped"),
        (Rejected::NotShipped, "order-not-shipped"),
        (Rejected::AlreadyDelivered, "order-already-delivered"),
        (Rejected::NotDelivered, "order-not-delivered"),
        (Rejected::RefundExceedsPaid, "refund-exceeds-paid"),
        (Rejected::AlreadyReviewed, "order-already-reviewed"),
    ];
    for (rejection, code) in codes {
        assert_eq!(rejection.code(), code);
    }
}
