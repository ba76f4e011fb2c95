//! Rows of `order_summary`. Never reads what is in other tables.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{failure::Failure, session::Snapshot};

/// What every reading of orders begins with: all of [`OrderRow`]'s columns.
pub(crate) const SELECT: &str = "select s.order_id, s.number, s.reference, s.customer_id, s.state, s.status, s.currency, \
     s.item_count, s.items_total, s.freight_total, s.payments_total, s.paid_total, s.refunded_total, s.placed_at, \
     s.approved_at, s.shipped_at, s.delivered_at, s.cancelled_at, s.estimated_delivery, s.cancel_reason, s.carrier, \
     s.tracking_code, s.invoice_number, s.review_score, s.waived, s.version, s.position, s.updated_at \
     from order_summary s where ";

/// One order.
#[derive(Clone, FromRow, Debug)]
pub(crate) struct OrderRow {
    pub(crate) order_id: Uuid,
    pub(crate) number: i64,
    pub(crate) reference: Option<String>,
    pub(crate) customer_id: Uuid,
    pub(crate) state: Option<String>,
    pub(crate) status: String,
    pub(crate) currency: String,
    pub(crate) item_count: i64,
    pub(crate) items_total: i64,
    pub(crate) freight_total: i64,
    pub(crate) payments_total: i64,
    pub(crate) paid_total: i64,
    pub(crate) refunded_total: i64,
    pub(crate) placed_at: DateTime<Utc>,
    pub(crate) approved_at: Option<DateTime<Utc>>,
    pub(crate) shipped_at: Option<DateTime<Utc>>,
    pub(crate) delivered_at: Option<DateTime<Utc>>,
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    pub(crate) estimated_delivery: Option<DateTime<Utc>>,
    pub(crate) cancel_reason: Option<String>,
    pub(crate) carrier: Option<String>,
    pub(crate) tracking_code: Option<String>,
    pub(crate) invoice_number: Option<String>,
    pub(crate) review_score: Option<i16>,
    pub(crate) waived: Vec<String>,
    pub(crate) version: i32,
    pub(crate) position: i64,
    pub(crate) updated_at: DateTime<Utc>,
}

/// By what one order is looked up.
pub(crate) enum OrderName {
    Id(Uuid),
    Number(i64),
    Reference(String),
}

/// The order of that name; of several with one reference, the newest.
pub(crate) async fn find(
    snapshot: &Snapshot,
    name: OrderName,
) -> Result<Option<OrderRow>, Failure> {
    let mut query = snapshot.query(SELECT);
    match name {
        OrderName::Id(id) => query.push("s.order_id = ").push_bind(id),
        OrderName::Number(number) => query.push("s.number = ").push_bind(number),
        OrderName::Reference(reference) => query
            .push("s.reference = ")
            .push_bind(reference)
            .push(" order by s.number desc limit 1"),
    };
    Ok(query
        .build_query_as()
        .fetch_optional(&mut *snapshot.statement().await)
        .await?)
}

/// The orders of these ids, in any order.
pub(crate) async fn by_ids(snapshot: &Snapshot, ids: &[Uuid]) -> Result<Vec<OrderRow>, Failure> {
    let mut query = snapshot.query(SELECT);
    query
        .push("s.order_id = any(")
        .push_bind(ids.to_vec())
        .push(")");
    Ok(query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}
