//! Given-when-then for every command and every rejection of an order. The imports are in [`import`], the
//! laws in [`law`], the shape of input and answers in [`contract`].

#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::TimeDelta;
use event_schemas::{
    Personal,
    money::{Currency, MAX_MINOR, Minor},
    order::{
        CancelReason, OrderCancelled, OrderDelivered, OrderEvent, OrderInvoiced, OrderLine,
        OrderPayment, OrderPlaced, OrderProcessingStarted, OrderRefunded, OrderReviewed,
        OrderShipped, OrderStatus, PaymentApproved, RefundReason,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ApprovePayment, CancelOrder, DeliverOrder, InvoiceOrder, Order, OrderCommand,
    OrderRejection as Rejected, PlaceOrder, RefundOrder, ReviewOrder, ShipOrder, StartProcessing,
};
use crate::{
    Decide,
    given::{api, given, replay, today},
};

mod contract;
mod import;
mod law;

fn minor(amount: i64) -> Minor {
    Minor::try_new(amount).unwrap()
}

/// An order of 1000.
fn placed() -> OrderEvent {
    with_lines(vec![line(2, 450, Some(100))])
}

fn with_lines(lines: Vec<OrderLine>) -> OrderEvent {
    OrderPlaced {
        customer_id: Uuid::nil(),
        reference: None,
        currency: Currency::try_new("BRL").unwrap(),
        state: None,
        lines,
        payments: vec![],
        estimated_delivery: None,
        waived: vec![],
    }
    .into()
}

fn line(quantity: u32, unit_price: i64, freight: Option<i64>) -> OrderLine {
    OrderLine {
        product_id: "cup".into(),
        category: None,
        seller_id: None,
        quantity,
        unit_price: minor(unit_price),
        freight: freight.map(minor),
    }
}

fn paid(amount: i64) -> OrderEvent {
    PaymentApproved {
        amount: minor(amount),
        waived: vec![],
    }
    .into()
}

fn processing() -> OrderEvent {
    OrderProcessingStarted { waived: vec![] }.into()
}

fn invoiced() -> OrderEvent {
    OrderInvoiced {
        number: None,
        waived: vec![],
    }
    .into()
}

fn shipped() -> OrderEvent {
    OrderShipped {
        carrier: None,
        tracking_code: None,
        shipped_at: Some(today()),
        waived: vec![],
    }
    .into()
}

fn delivered() -> OrderEvent {
    OrderDelivered {
        delivered_at: Some(today()),
        waived: vec![],
    }
    .into()
}

fn cancelled(reason: CancelReason) -> OrderEvent {
    OrderCancelled {
        reason,
        note: None,
        waived: vec![],
    }
    .into()
}

fn refunded(amount: i64) -> OrderEvent {
    OrderRefunded {
        amount: minor(amount),
        reason: None,
        note: None,
        waived: vec![],
    }
    .into()
}

fn reviewed(review_id: Option<&str>) -> OrderEvent {
    OrderReviewed {
        review_id: review_id.map(Into::into),
        score: 5,
        title: None,
        comment: None,
        answered_at: None,
        waived: vec![],
    }
    .into()
}

fn place_body() -> Value {
    json!({
        "customerId": Uuid::nil(), "currency": "BRL",
        "lines": [{"productId": "cup", "quantity": 2, "unitPrice": 450, "freight": 100}],
    })
}

/// Every command but `place`, in a form that some order accepts.
fn later_commands() -> Vec<Decide<OrderCommand>> {
    vec![
        api::<ApprovePayment>(json!({})),
        api::<StartProcessing>(json!({})),
        api::<InvoiceOrder>(json!({})),
        api::<ShipOrder>(json!({})),
        api::<DeliverOrder>(json!({})),
        api::<CancelOrder>(json!({"reason": "other"})),
        api::<RefundOrder>(json!({"amount": 1})),
        api::<ReviewOrder>(json!({"score": 5})),
    ]
}

#[test]
fn place() {
    given::<Order>(vec![])
        .when(api::<PlaceOrder>(place_body()))
        .then_expect_events(vec![placed()]);
    given::<Order>(vec![placed()])
        .when(api::<PlaceOrder>(place_body()))
        .then_expect_error(Rejected::AlreadyPlaced);
    given::<Order>(vec![placed(), cancelled(CancelReason::Fraud)])
        .when(api::<PlaceOrder>(place_body()))
        .then_expect_error(Rejected::AlreadyPlaced);
}

#[test]
fn place_keeps_every_field() {
    let promised = today() + TimeDelta::days(9);
    let body = json!({
        "customerId": Uuid::from_u128(7), "reference": "A-1", "currency": "EUR", "state": "SP",
        "lines": [{"productId": "cup", "category": "kitchen", "sellerId": "s1", "quantity": 1, "unitPrice": 0}],
        "payments": [{"sequence": 1, "method": "creditCard", "installments": 3, "amount": 500}],
        "estimatedDelivery": promised,
    });
    let line = OrderLine {
        category: Some("kitchen".into()),
        seller_id: Some("s1".into()),
        ..line(1, 0, None)
    };
    let payment = OrderPayment {
        sequence: 1,
        method: "creditCard".into(),
        installments: Some(3),
        amount: minor(500),
    };
    given::<Order>(vec![])
        .when(api::<PlaceOrder>(body))
        .then_expect_events(vec![
            OrderPlaced {
                customer_id: Uuid::from_u128(7),
                reference: Some("A-1".into()),
                currency: Currency::try_new("EUR").unwrap(),
                state: Some("SP".into()),
                lines: vec![line],
                payments: vec![payment],
                estimated_delivery: Some(promised),
                waived: vec![],
            }
            .into(),
        ]);
}

#[test]
fn place_needs_lines_and_sums_that_can_be_counted() {
    let with = |field: &str, value: Value| {
        let mut body = place_body();
        body.as_object_mut()
            .unwrap()
            .insert(field.to_owned(), value);
        given::<Order>(vec![]).when(api::<PlaceOrder>(body))
    };
    with("lines", json!([])).then_expect_error(Rejected::WithoutLines);
    with(
        "lines",
        json!([{"productId": "cup", "quantity": 2, "unitPrice": MAX_MINOR}]),
    )
    .then_expect_error(Rejected::AmountTooLarge);
    let payment = json!({"sequence": 1, "method": "voucher", "amount": MAX_MINOR});
    with("payments", json!([payment, payment])).then_expect_error(Rejected::AmountTooLarge);
}

#[test]
fn nothing_happens_to_an_unplaced_order() {
    for command in later_commands() {
        given::<Order>(vec![])
            .when(command)
            .then_expect_error(Rejected::NotFound);
    }
}

#[test]
fn a_cancelled_order_takes_nothing_but_refunds() {
    for reason in [CancelReason::CustomerRequest, CancelReason::Unavailable] {
        for command in later_commands() {
            let expected = if matches!(command.command, OrderCommand::Refund(_)) {
                Ok(vec![refunded(1)])
            } else if matches!(command.command, OrderCommand::Cancel(_)) {
                Err(Rejected::AlreadyCancelled)
            } else {
                Err(Rejected::Cancelled)
            };
            let result = given::<Order>(vec![placed(), paid(1000), cancelled(reason)])
                .when(command)
                .inspect_result();
            assert_eq!(result, expected);
        }
    }
}

#[test]
fn approve_payment() {
    let approve = |events: Vec<OrderEvent>, body: Value| {
        given::<Order>(events).when(api::<ApprovePayment>(body))
    };
    approve(vec![placed()], json!({})).then_expect_events(vec![paid(1000)]);
    approve(vec![placed()], json!({"amount": 1000})).then_expect_events(vec![paid(1000)]);
    approve(vec![placed(), paid(400)], json!({})).then_expect_events(vec![paid(600)]);
    approve(vec![placed(), paid(400)], json!({"amount": 601}))
        .then_expect_error(Rejected::PaymentExceedsDue);
    approve(vec![placed(), paid(1000)], json!({})).then_expect_error(Rejected::AlreadyPaid);
    approve(vec![with_lines(vec![line(1, 0, None)])], json!({}))
        .then_expect_error(Rejected::AlreadyPaid);
    // A delivered order may still be paid.
    approve(vec![placed(), shipped(), delivered()], json!({})).then_expect_events(vec![paid(1000)]);
}

#[test]
fn payments_of_the_order_are_what_is_due() {
    let mut body = place_body();
    let payments = json!([{"sequence": 1, "method": "voucher", "amount": 300}]);
    body.as_object_mut()
        .unwrap()
        .insert("payments".to_owned(), payments);
    let events = given::<Order>(vec![])
        .when(api::<PlaceOrder>(body))
        .inspect_result()
        .unwrap();
    given::<Order>(events)
        .when(api::<ApprovePayment>(json!({})))
        .then_expect_events(vec![paid(300)]);
}

#[test]
fn start_processing() {
    let start =
        |events: Vec<OrderEvent>| given::<Order>(events).when(api::<StartProcessing>(json!({})));
    start(vec![placed()]).then_expect_events(vec![processing()]);
    start(vec![placed(), processing()]).then_expect_error(Rejected::AlreadyProcessing);
    start(vec![placed(), invoiced()]).then_expect_error(Rejected::AlreadyProcessing);
    start(vec![placed(), shipped()]).then_expect_error(Rejected::AlreadyShipped);
    start(vec![placed(), shipped(), delivered()]).then_expect_error(Rejected::AlreadyDelivered);
}

#[test]
fn invoice() {
    let invoice = |events: Vec<OrderEvent>, body: Value| {
        given::<Order>(events).when(api::<InvoiceOrder>(body))
    };
    invoice(vec![placed()], json!({"number": "NF-1"})).then_expect_events(vec![
        OrderInvoiced {
            number: Some("NF-1".into()),
            waived: vec![],
        }
        .into(),
    ]);
    // The paper may follow the goods.
    invoice(vec![placed(), shipped()], json!({})).then_expect_events(vec![invoiced()]);
    invoice(vec![placed(), invoiced()], json!({})).then_expect_error(Rejected::AlreadyInvoiced);
}

#[test]
fn ship() {
    let ship =
        |events: Vec<OrderEvent>, body: Value| given::<Order>(events).when(api::<ShipOrder>(body));
    ship(vec![placed(), paid(1000)], json!({})).then_expect_events(vec![shipped()]);
    let earlier = today() - TimeDelta::days(1);
    let body = json!({"carrier": "Correios", "trackingCode": "BR1", "shippedAt": earlier});
    ship(vec![placed(), paid(1000)], body).then_expect_events(vec![
        OrderShipped {
            carrier: Some("Correios".into()),
            tracking_code: Some("BR1".into()),
            shipped_at: Some(earlier),
            waived: vec![],
        }
        .into(),
    ]);
    ship(vec![placed(), paid(999)], json!({})).then_expect_error(Rejected::NotPaid);
    ship(vec![placed(), paid(1000), shipped()], json!({}))
        .then_expect_error(Rejected::AlreadyShipped);
    ship(
        vec![placed(), paid(1000), shipped(), delivered()],
        json!({}),
    )
    .then_expect_error(Rejected::AlreadyShipped);
    ship(vec![placed(), paid(1000), delivered()], json!({}))
        .then_expect_error(Rejected::AlreadyDelivered);
    ship(vec![with_lines(vec![line(1, 0, None)])], json!({})).then_expect_events(vec![shipped()]);
}

#[test]
fn ship_before_payment_where_the_tenant_allows_it() {
    let mut command = api::<ShipOrder>(json!({}));
    command.settings.ship_before_payment = true;
    given::<Order>(vec![placed()])
        .when(command)
        .then_expect_events(vec![shipped()]);
}

#[test]
fn deliver() {
    let deliver = |events: Vec<OrderEvent>, body: Value| {
        given::<Order>(events).when(api::<DeliverOrder>(body))
    };
    deliver(vec![placed(), shipped()], json!({})).then_expect_events(vec![delivered()]);
    let earlier = today() - TimeDelta::days(1);
    deliver(vec![placed(), shipped()], json!({"deliveredAt": earlier})).then_expect_events(vec![
        OrderDelivered {
            delivered_at: Some(earlier),
            waived: vec![],
        }
        .into(),
    ]);
    deliver(vec![placed(), paid(1000)], json!({})).then_expect_error(Rejected::NotShipped);
    deliver(vec![placed(), shipped(), delivered()], json!({}))
        .then_expect_error(Rejected::AlreadyDelivered);
}

#[test]
fn cancel() {
    let cancel = |events: Vec<OrderEvent>| {
        given::<Order>(events).when(api::<CancelOrder>(
            json!({"reason": "customerRequest", "note": "too late"}),
        ))
    };
    cancel(vec![placed(), paid(1000), processing(), invoiced()]).then_expect_events(vec![
        OrderCancelled {
            reason: CancelReason::CustomerRequest,
            note: Some("too late".into()),
            waived: vec![],
        }
        .into(),
    ]);
    cancel(vec![placed(), cancelled(CancelReason::Other)])
        .then_expect_error(Rejected::AlreadyCancelled);
    cancel(vec![placed(), shipped()]).then_expect_error(Rejected::AlreadyShipped);
    cancel(vec![placed(), shipped(), delivered()]).then_expect_error(Rejected::AlreadyDelivered);
}

#[test]
fn refund() {
    let refund = |events: Vec<OrderEvent>, amount: i64| {
        given::<Order>(events).when(api::<RefundOrder>(json!({"amount": amount})))
    };
    refund(vec![placed(), paid(1000), shipped(), delivered()], 1000)
        .then_expect_events(vec![refunded(1000)]);
    refund(vec![placed(), paid(400), refunded(300)], 100).then_expect_events(vec![refunded(100)]);
    refund(vec![placed(), paid(400), refunded(300)], 101)
        .then_expect_error(Rejected::RefundExceedsPaid);
    refund(vec![placed()], 1).then_expect_error(Rejected::RefundExceedsPaid);
    let reason = json!({"amount": 1, "reason": "faulty", "note": "broken"});
    given::<Order>(vec![placed(), paid(1000)])
        .when(api::<RefundOrder>(reason))
        .then_expect_events(vec![
            OrderRefunded {
                amount: minor(1),
                reason: Some(RefundReason::Faulty),
                note: Some("broken".into()),
                waived: vec![],
            }
            .into(),
        ]);
}

#[test]
fn review() {
    let past = || vec![placed(), paid(1000), shipped(), delivered()];
    let review = |events: Vec<OrderEvent>, body: Value| {
        given::<Order>(events).when(api::<ReviewOrder>(body))
    };
    let body = json!({"reviewId": "r1", "score": 1, "title": "Meh", "comment": "Late", "answeredAt": today()});
    review(past(), body).then_expect_events(vec![
        OrderReviewed {
            review_id: Some("r1".into()),
            score: 1,
            title: Some(Personal("Meh".into())),
            comment: Some(Personal("Late".into())),
            answered_at: Some(today()),
            waived: vec![],
        }
        .into(),
    ]);
    review(vec![placed(), shipped()], json!({"score": 5}))
        .then_expect_error(Rejected::NotDelivered);
    let after = |first: Option<&str>, body: Value| {
        given::<Order>(past())
            .and(vec![reviewed(first)])
            .when(api::<ReviewOrder>(body))
    };
    after(Some("r1"), json!({"score": 5, "reviewId": "r2"}))
        .then_expect_events(vec![reviewed(Some("r2"))]);
    after(None, json!({"score": 5, "reviewId": "r2"}))
        .then_expect_events(vec![reviewed(Some("r2"))]);
    after(Some("r1"), json!({"score": 5, "reviewId": "r1"}))
        .then_expect_error(Rejected::AlreadyReviewed);
    after(Some("r1"), json!({"score": 5})).then_expect_error(Rejected::AlreadyReviewed);
    after(None, json!({"score": 5})).then_expect_error(Rejected::AlreadyReviewed);
}

#[test]
fn the_status_follows_the_events() {
    let after = |events: Vec<OrderEvent>| replay::<Order>(events).status().unwrap();
    assert_eq!(Order::default().status(), None);
    assert_eq!(after(vec![placed()]), OrderStatus::Created);
    assert_eq!(after(vec![placed(), paid(1)]), OrderStatus::Approved);
    assert_eq!(
        after(vec![placed(), processing(), paid(1000)]),
        OrderStatus::Processing
    );
    assert_eq!(
        after(vec![placed(), invoiced(), processing()]),
        OrderStatus::Invoiced
    );
    assert_eq!(
        after(vec![placed(), shipped(), paid(1000), invoiced()]),
        OrderStatus::Shipped
    );
    assert_eq!(
        after(vec![placed(), delivered(), shipped(), paid(1000)]),
        OrderStatus::Delivered
    );
    assert_eq!(
        after(vec![placed(), delivered(), refunded(1), reviewed(None)]),
        OrderStatus::Delivered
    );
    assert_eq!(
        after(vec![placed(), cancelled(CancelReason::Fraud), shipped()]),
        OrderStatus::Canceled
    );
    let unavailable = vec![
        placed(),
        cancelled(CancelReason::Unavailable),
        cancelled(CancelReason::Other),
    ];
    assert_eq!(after(unavailable), OrderStatus::Unavailable);
}
