//! Owns the life of one order: which commands it takes, when, and with which fields. Must never leave an order in
//! another status than the source's.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use uuid::fmt::Simple;

use super::line::{Kind, LineRow};
use super::row::{ItemRow, OrderRow, PaymentRow, ReviewRow, SaleRow, Status};
use super::split::Part;
use super::{CURRENCY, Error, Report};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    customer_id: Uuid,
    reference: Simple,
    currency: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    lines: Vec<PlaceLine<'a>>,
    payments: Vec<PlacePayment<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_delivery: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceLine<'a> {
    product_id: Simple,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    seller_id: Simple,
    quantity: u32,
    unit_price: i64,
    freight: i64,
}

impl<'a> From<&'a ItemRow> for PlaceLine<'a> {
    fn from(item: &'a ItemRow) -> Self {
        Self {
            product_id: item.product.simple(),
            category: item.category.as_deref(),
            seller_id: item.seller.simple(),
            quantity: 1,
            unit_price: item.price,
            freight: item.freight,
        }
    }
}

#[derive(Serialize)]
struct PlacePayment<'a> {
    sequence: u32,
    method: &'a str,
    installments: u32,
    amount: i64,
}

#[derive(Serialize)]
struct Amount {
    amount: i64,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ship {
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deliver {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct Cancel {
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(rename = "reviewId")]
    id: Simple,
    score: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<DateTime<Utc>>,
}

/// The steps of an order after its placement, and when they occur; the order of the list is that of the business.
pub(super) fn steps(order: &OrderRow) -> Vec<(Kind, DateTime<Utc>)> {
    let dates = [order.approved, order.shipped, order.delivered];
    let last = dates
        .into_iter()
        .flatten()
        .fold(order.purchased, DateTime::max);
    // A dated step: its date if it may happen at all; for the step that makes the status, the last known time if it has none.
    let known = |status, date: Option<DateTime<Utc>>| {
        let own = order.status == status;
        let at = if own {
            date.or(Some(last))
        } else {
            date.filter(|_| allows(order.status, status))
        };
        at.map(|at| at.max(order.purchased))
    };
    let undated = |is_due: bool| is_due.then_some(last);
    [
        (
            Kind::ApprovePayment,
            known(Status::Approved, order.approved),
        ),
        (
            Kind::StartProcessing,
            undated(order.status == Status::Processing),
        ),
        (Kind::Invoice, undated(order.status == Status::Invoiced)),
        (Kind::Ship, known(Status::Shipped, order.shipped)),
        (Kind::Deliver, known(Status::Delivered, order.delivered)),
        (Kind::Cancel, undated(order.status.is_cancelled())),
    ]
    .into_iter()
    .filter_map(|(kind, at)| Some((kind, at?)))
    .collect()
}

/// Whether a step to `step` leaves an order that ends as `status` there.
fn allows(status: Status, step: Status) -> bool {
    status.is_cancelled() || step as u8 <= status as u8
}

/// The lines of one part of an order.
pub(super) fn lines(
    sale: &SaleRow,
    part: &Part,
    payments: &[PaymentRow],
) -> Result<Vec<LineRow>, Error> {
    let order = &sale.order;
    let line = |kind, at, data| LineRow {
        tenant: part.tenant,
        at,
        kind,
        id: part.id,
        origin: order.id,
        order: order.id,
        data,
    };
    let place = Place {
        customer_id: sale.person,
        reference: order.id.simple(),
        currency: CURRENCY,
        state: sale.address.state.as_deref(),
        lines: part.items.iter().map(PlaceLine::from).collect(),
        payments: payments
            .iter()
            .zip(&part.amounts)
            .map(|(payment, amount)| PlacePayment {
                sequence: payment.sequence,
                method: &payment.method,
                installments: payment.installments,
                amount: *amount,
            })
            .collect(),
        estimated_delivery: order.estimated,
    };
    let mut lines = vec![line(
        Kind::Place,
        order.purchased,
        serde_json::to_string(&place)?,
    )];
    for (kind, at) in steps(order) {
        let data = match kind {
            Kind::ApprovePayment => serde_json::to_string(&Amount {
                amount: part.amounts.iter().sum(),
            })?,
            Kind::Ship => serde_json::to_string(&Ship {
                shipped_at: order.shipped,
            })?,
            Kind::Deliver => serde_json::to_string(&Deliver {
                delivered_at: order.delivered,
            })?,
            Kind::Cancel => serde_json::to_string(&Cancel {
                reason: reason(order.status),
            })?,
            _ => serde_json::to_string(&Nothing {})?,
        };
        lines.push(line(kind, at, data));
    }
    Ok(lines)
}

fn reason(status: Status) -> &'static str {
    if status == Status::Unavailable {
        "unavailable"
    } else {
        "other"
    }
}

/// The line of a review of one part of an order.
pub(super) fn review(
    order: &OrderRow,
    part: (Uuid, Uuid),
    review: &ReviewRow,
) -> Result<LineRow, Error> {
    let (tenant, id) = part;
    let data = Review {
        id: review.id.simple(),
        score: review.score,
        title: review.title.as_deref(),
        comment: review.comment.as_deref(),
        answered_at: review.answered,
    };
    let at = review
        .answered
        .or(review.created)
        .unwrap_or(order.purchased);
    Ok(LineRow {
        tenant,
        at: at.max(order.purchased),
        kind: Kind::Review,
        id,
        origin: review.id,
        order: order.id,
        data: serde_json::to_string(&data)?,
    })
}

/// Counts what is odd about an order's dates and status.
pub(super) fn quirks(order: &OrderRow, report: &mut Report) {
    let earlier =
        |a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>| a.zip(b).is_some_and(|(a, b)| a < b);
    let (purchased, approved, shipped, delivered) = (
        Some(order.purchased),
        order.approved,
        order.shipped,
        order.delivered,
    );
    let dates = [
        ("approvalBeforePurchase", earlier(approved, purchased)),
        ("carrierBeforePurchase", earlier(shipped, purchased)),
        ("carrierBeforeApproval", earlier(shipped, approved)),
        ("deliveryBeforePurchase", earlier(delivered, purchased)),
        ("deliveryBeforeApproval", earlier(delivered, approved)),
        ("deliveryBeforeCarrier", earlier(delivered, shipped)),
        (
            "approvedWithoutDate",
            order.status == Status::Approved && approved.is_none(),
        ),
        (
            "shippedWithoutDate",
            order.status == Status::Shipped && shipped.is_none(),
        ),
        (
            "deliveredWithoutDate",
            order.status == Status::Delivered && delivered.is_none(),
        ),
        (
            "deliveredWithoutCarrierDate",
            order.status == Status::Delivered && shipped.is_none(),
        ),
        (
            "deliveredWithoutApproval",
            order.status == Status::Delivered && approved.is_none(),
        ),
    ];
    for (name, _) in dates.into_iter().filter(|(_, is_so)| *is_so) {
        report.quirk(name);
    }
    // Approval contradicts only `created`: an order may well be paid before it is cancelled.
    let contradicts = |step| order.status.is_cancelled() || !allows(order.status, step);
    for (step, date, word) in [
        (Status::Shipped, shipped, "Shipped"),
        (Status::Delivered, delivered, "Delivered"),
    ] {
        if date.is_some() && contradicts(step) {
            report.quirk(&format!("{}Yet{word}", order.status.name()));
        }
    }
    if approved.is_some() && !allows(order.status, Status::Approved) {
        report.quirk("createdYetApproved");
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    const STATUSES: [Status; 8] = [
        Status::Created,
        Status::Approved,
        Status::Processing,
        Status::Invoiced,
        Status::Shipped,
        Status::Delivered,
        Status::Canceled,
        Status::Unavailable,
    ];

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(day * 86_400, 0).unwrap()
    }

    fn order(status: Status, dates: [Option<i64>; 3]) -> OrderRow {
        let [approved, shipped, delivered] = dates.map(|date| date.map(day));
        let (id, customer) = (Uuid::nil(), Uuid::nil());
        OrderRow {
            id,
            line: 2,
            customer,
            status,
            purchased: day(10),
            approved,
            shipped,
            delivered,
            estimated: None,
        }
    }

    fn fold(mut steps: Vec<(Kind, DateTime<Utc>)>, status: Status) -> Status {
        steps.sort_by_key(|(kind, at)| (*at, *kind));
        steps.into_iter().fold(Status::Created, |now, (kind, _)| {
            let next = match kind {
                Kind::ApprovePayment if now == Status::Created => Status::Approved,
                Kind::StartProcessing => Status::Processing,
                Kind::Invoice => Status::Invoiced,
                Kind::Ship => Status::Shipped,
                Kind::Deliver => Status::Delivered,
                Kind::Cancel => status,
                _ => now,
            };
            if next as u8 > now as u8 { next } else { now }
        })
    }

    #[test]
    fn whatever_the_dates_the_status_is_the_sources() {
        let dates = [None, Some(5), Some(11), Some(12), Some(13)];
        for status in STATUSES {
            for approved in dates {
                for shipped in dates {
                    for delivered in dates {
                        let order = order(status, [approved, shipped, delivered]);
                        let steps = steps(&order);
                        assert!(steps.iter().all(|(_, at)| *at >= day(10)), "{order:?}");
                        assert_eq!(fold(steps, status), status, "{order:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_cancelled_order_keeps_its_steps_and_is_cancelled_last() {
        let steps = steps(&order(Status::Canceled, [Some(11), Some(12), Some(15)]));
        let expected = [
            (Kind::ApprovePayment, day(11)),
            (Kind::Ship, day(12)),
            (Kind::Deliver, day(15)),
            (Kind::Cancel, day(15)),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn a_step_without_a_date_comes_at_the_last_known_time() {
        assert_eq!(
            steps(&order(Status::Delivered, [None, Some(12), None])),
            [(Kind::Ship, day(12)), (Kind::Deliver, day(12))]
        );
        assert_eq!(
            steps(&order(Status::Invoiced, [Some(11), None, None])),
            [(Kind::ApprovePayment, day(11)), (Kind::Invoice, day(11))]
        );
        assert_eq!(
            steps(&order(Status::Shipped, [None, Some(5), None])),
            [(Kind::Ship, day(10))]
        );
    }
}
