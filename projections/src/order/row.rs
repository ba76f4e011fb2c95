//! One order as the list shows it, and the fold of its events into it. Never talks to the database.

use chrono::{DateTime, Utc};
use event_schemas::{
    RecordedEvent,
    money::Minor,
    order::{OrderEvent, OrderPlaced, OrderStatus},
};

use super::Key;
use crate::ApplyError;

/// A row of `order_summary`, without what only its insertion needs.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) key: Key,
    /// The order's human number.
    pub(super) number: i64,
    /// The status before the batch; none for an order that the batch places.
    pub(super) before: Option<OrderStatus>,
    pub(super) status: OrderStatus,
    pub(super) currency: String,
    pub(super) state: Option<String>,
    pub(super) item_count: i64,
    pub(super) items_total: i64,
    pub(super) freight_total: i64,
    pub(super) seller_ids: Vec<String>,
    pub(super) placed_at: DateTime<Utc>,
    pub(super) paid_total: i64,
    pub(super) refunded_total: i64,
    pub(super) approved_at: Option<DateTime<Utc>>,
    pub(super) shipped_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) cancel_reason: Option<String>,
    pub(super) carrier: Option<String>,
    pub(super) tracking_code: Option<String>,
    pub(super) invoice_number: Option<String>,
    pub(super) review_score: Option<i16>,
    pub(super) review_count: i32,
    pub(super) review_total: i64,
    pub(super) waived: Vec<String>,
    pub(super) version: i32,
    pub(super) position: i64,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) first_position: i64,
}

impl Row {
    /// The row of a new order.
    pub(super) fn placed(
        key: Key,
        number: i64,
        event: &RecordedEvent,
        placed: &OrderPlaced,
    ) -> Result<Self, ApplyError> {
        let goods = placed
            .lines
            .iter()
            .try_fold(Minor::ZERO, |sum, line| sum.checked_add(line.goods()?));
        let (Some(goods), Some(freight)) = (goods, placed.freight_total()) else {
            return Err(too_large(event));
        };
        let mut seller_ids: Vec<String> = Vec::new();
        for line in &placed.lines {
            let seller = line.seller_id.as_deref().unwrap_or_default();
            if !seller_ids.iter().any(|known| known == seller) {
                seller_ids.push(seller.to_owned());
            }
        }
        Ok(Self {
            key,
            number,
            before: None,
            status: OrderStatus::Created,
            currency: placed.currency.as_str().to_owned(),
            state: placed.state.clone(),
            item_count: placed
                .lines
                .iter()
                .map(|line| i64::from(line.quantity))
                .sum(),
            items_total: goods.get(),
            freight_total: freight.get(),
            seller_ids,
            placed_at: event.occurred_at,
            paid_total: 0,
            refunded_total: 0,
            approved_at: None,
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
            cancel_reason: None,
            carrier: None,
            tracking_code: None,
            invoice_number: None,
            review_score: None,
            review_count: 0,
            review_total: 0,
            waived: placed.waived.clone(),
            version: event.version,
            position: event.position,
            updated_at: event.occurred_at,
            first_position: event.position,
        })
    }

    /// Takes in an event other than the placement.
    pub(super) fn fold(
        &mut self,
        recorded: &RecordedEvent,
        event: &OrderEvent,
    ) -> Result<(), ApplyError> {
        self.status = OrderStatus::after(Some(self.status), event).unwrap_or(self.status);
        let waived = match event {
            OrderEvent::OrderPlaced(placed) => &placed.waived,
            OrderEvent::PaymentApproved(approved) => {
                add(&mut self.paid_total, approved.amount, recorded)?;
                self.approved_at.get_or_insert(recorded.occurred_at);
                &approved.waived
            }
            OrderEvent::OrderProcessingStarted(started) => &started.waived,
            OrderEvent::OrderInvoiced(invoiced) => {
                keep_newest(&mut self.invoice_number, invoiced.number.as_ref());
                &invoiced.waived
            }
            OrderEvent::OrderShipped(shipped) => {
                self.shipped_at = shipped.shipped_at.or(self.shipped_at);
                keep_newest(&mut self.carrier, shipped.carrier.as_ref());
                keep_newest(&mut self.tracking_code, shipped.tracking_code.as_ref());
                &shipped.waived
            }
            OrderEvent::OrderDelivered(delivered) => {
                self.delivered_at = delivered.delivered_at.or(self.delivered_at);
                &delivered.waived
            }
            OrderEvent::OrderCancelled(cancelled) => {
                self.cancelled_at.get_or_insert(recorded.occurred_at);
                self.cancel_reason = Some(cancelled.reason.as_str().to_owned());
                &cancelled.waived
            }
            OrderEvent::OrderRefunded(refunded) => {
                add(&mut self.refunded_total, refunded.amount, recorded)?;
                &refunded.waived
            }
            OrderEvent::OrderReviewed(reviewed) => {
                self.review_count += 1;
                self.review_total += i64::from(reviewed.score);
                self.review_score = Some(i16::from(reviewed.score));
                &reviewed.waived
            }
        };
        for code in waived {
            if !self.waived.contains(code) {
                self.waived.push(code.clone());
            }
        }
        self.version = recorded.version;
        self.position = recorded.position;
        self.updated_at = recorded.occurred_at;
        Ok(())
    }
}

fn keep_newest(field: &mut Option<String>, value: Option<&String>) {
    if let Some(value) = value {
        *field = Some(value.clone());
    }
}

fn add(sum: &mut i64, amount: Minor, event: &RecordedEvent) -> Result<(), ApplyError> {
    *sum = sum
        .checked_add(amount.get())
        .ok_or_else(|| too_large(event))?;
    Ok(())
}

pub(super) fn too_large(event: &RecordedEvent) -> ApplyError {
    ApplyError::event(event, "a sum of its amounts is too large")
}
