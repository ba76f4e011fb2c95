//! What an import may skip, and what not even an import skips.

use super::*;
use crate::given::import;

fn waived(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

#[test]
fn skipped_rules_are_written_down() {
    given::<Order>(vec![placed()])
        .when(import::<ShipOrder>(json!({})))
        .then_expect_events(vec![
            OrderShipped {
                carrier: None,
                tracking_code: None,
                shipped_at: None,
                waived: waived(&["order-not-paid"]),
            }
            .into(),
        ]);
    given::<Order>(vec![placed(), paid(1000)])
        .when(import::<ReviewOrder>(json!({"score": 2})))
        .then_expect_events(vec![
            OrderReviewed {
                review_id: None,
                score: 2,
                title: None,
                comment: None,
                answered_at: None,
                waived: waived(&["order-not-delivered"]),
            }
            .into(),
        ]);
    given::<Order>(vec![placed()])
        .when(import::<RefundOrder>(json!({"amount": 5})))
        .then_expect_events(vec![
            OrderRefunded {
                amount: minor(5),
                reason: None,
                note: None,
                waived: waived(&["refund-exceeds-paid"]),
            }
            .into(),
        ]);
    let mut body = place_body();
    *body.pointer_mut("/lines").unwrap() = json!([]);
    let events = given::<Order>(vec![])
        .when(import::<PlaceOrder>(body))
        .inspect_result()
        .unwrap();
    assert!(
        matches!(&events[..], [OrderEvent::OrderPlaced(p)] if p.waived == ["order-without-lines"])
    );
}

#[test]
fn kept_rules_are_not() {
    given::<Order>(vec![])
        .when(import::<PlaceOrder>(place_body()))
        .then_expect_events(vec![placed()]);
    given::<Order>(vec![placed()])
        .when(import::<ApprovePayment>(json!({})))
        .then_expect_events(vec![paid(1000)]);
    given::<Order>(vec![placed()])
        .when(import::<StartProcessing>(json!({})))
        .then_expect_events(vec![processing()]);
    given::<Order>(vec![placed()])
        .when(import::<InvoiceOrder>(json!({})))
        .then_expect_events(vec![invoiced()]);
    given::<Order>(vec![placed()])
        .when(import::<CancelOrder>(json!({"reason": "unavailable"})))
        .then_expect_events(vec![cancelled(CancelReason::Unavailable)]);
}

#[test]
fn every_skipped_rule_of_a_command_is_listed_in_order() {
    let past = || {
        vec![
            placed(),
            shipped(),
            delivered(),
            cancelled(CancelReason::Other),
        ]
    };
    let codes = |command: Decide<OrderCommand>| {
        let events = given::<Order>(past())
            .when(command)
            .inspect_result()
            .unwrap();
        let event = serde_json::to_value(events.first().unwrap()).unwrap();
        event.pointer("/data/waived").cloned().unwrap_or_default()
    };
    assert_eq!(
        codes(import::<ShipOrder>(json!({}))),
        json!([
            "order-cancelled",
            "order-already-shipped",
            "order-already-delivered",
            "order-not-paid"
        ])
    );
    assert_eq!(
        codes(import::<CancelOrder>(json!({"reason": "fraud"}))),
        json!(["order-already-cancelled", "order-already-delivered"])
    );
    assert_eq!(
        codes(import::<StartProcessing>(json!({}))),
        json!([
            "order-cancelled",
            "order-already-delivered",
            "order-already-shipped"
        ])
    );
    assert_eq!(
        codes(import::<InvoiceOrder>(json!({}))),
        json!(["order-cancelled"])
    );
    assert_eq!(
        codes(import::<ApprovePayment>(json!({"amount": 2000}))),
        json!(["order-cancelled", "payment-exceeds-due"])
    );
}

#[test]
fn an_import_does_not_make_up_dates() {
    given::<Order>(vec![placed(), shipped()])
        .when(import::<DeliverOrder>(json!({})))
        .then_expect_events(vec![
            OrderDelivered {
                delivered_at: None,
                waived: vec![],
            }
            .into(),
        ]);
    given::<Order>(vec![placed(), shipped()])
        .when(import::<DeliverOrder>(json!({"deliveredAt": today()})))
        .then_expect_events(vec![delivered()]);
}

#[test]
fn a_second_payment_of_a_paid_order_is_of_nothing_unless_it_says_more() {
    let approve = |body: Value| {
        given::<Order>(vec![placed(), paid(1000)])
            .when(import::<ApprovePayment>(body))
            .inspect_result()
    };
    let payment = |amount, codes: &[&str]| -> OrderEvent {
        PaymentApproved {
            amount: minor(amount),
            waived: waived(codes),
        }
        .into()
    };
    assert_eq!(
        approve(json!({})),
        Ok(vec![payment(0, &["order-already-paid"])])
    );
    assert_eq!(
        approve(json!({"amount": 10})),
        Ok(vec![payment(
            10,
            &["order-already-paid", "payment-exceeds-due"]
        )])
    );
}

#[test]
fn structure_is_never_skipped() {
    given::<Order>(vec![])
        .when(import::<ShipOrder>(json!({})))
        .then_expect_error(Rejected::NotFound);
    given::<Order>(vec![placed()])
        .when(import::<PlaceOrder>(place_body()))
        .then_expect_error(Rejected::AlreadyPlaced);
    let mut body = place_body();
    *body.pointer_mut("/lines/0/unitPrice").unwrap() = json!(MAX_MINOR);
    given::<Order>(vec![])
        .when(import::<PlaceOrder>(body))
        .then_expect_error(Rejected::AmountTooLarge);
    given::<Order>(vec![placed(), paid(1000)])
        .when(import::<ApprovePayment>(json!({"amount": MAX_MINOR})))
        .then_expect_error(Rejected::AmountTooLarge);
    given::<Order>(vec![placed(), refunded(1)])
        .when(import::<RefundOrder>(json!({"amount": MAX_MINOR})))
        .then_expect_error(Rejected::AmountTooLarge);
}
