//! The statements on the tables of orders: one each per batch. Never folds anything.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use event_schemas::{
    RecordedEvent,
    money::Minor,
    order::{OrderPlaced, OrderReviewed, OrderStatus},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Batch, Key, row::Row};
use crate::array;

type Time = DateTime<Utc>;

fn column<'r, R, T>(rows: &[&'r R], field: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(|row| field(row)).collect()
}

/// The orders of these keys, in their order.
pub(super) async fn load_rows(
    keys: &[Key],
    connection: &mut PgConnection,
) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/order_load.sql",
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let status = OrderStatus::parse(&row.status).ok_or_else(|| {
                let found = format!(
                    "table order_summary, column status, order {}: {}",
                    row.order_id, row.status
                );
                sqlx::Error::Decode(found.into())
            })?;
            Ok(Row {
                key: (row.tenant_id, row.order_id),
                number: row.number,
                before: Some(status),
                status,
                currency: row.currency,
                state: row.state,
                item_count: row.item_count,
                items_total: row.items_total,
                freight_total: row.freight_total,
                seller_ids: row.seller_ids,
                placed_at: row.placed_at,
                paid_total: row.paid_total,
                refunded_total: row.refunded_total,
                approved_at: row.approved_at,
                shipped_at: row.shipped_at,
                delivered_at: row.delivered_at,
                cancelled_at: row.cancelled_at,
                cancel_reason: row.cancel_reason,
                carrier: row.carrier,
                tracking_code: row.tracking_code,
                invoice_number: row.invoice_number,
                review_score: row.review_score,
                review_count: row.review_count,
                review_total: row.review_total,
                waived: row.waived,
                version: row.version,
                position: row.position,
                updated_at: row.updated_at,
                first_position: row.first_position,
            })
        })
        .collect()
}

/// How many orders these tenants have. A tenant without any is not in it.
pub(super) async fn load_counts(
    tenants: HashSet<Uuid>,
    connection: &mut PgConnection,
) -> Result<HashMap<Uuid, i64>, sqlx::Error> {
    let tenants: Vec<Uuid> = tenants.into_iter().collect();
    let rows = sqlx::query!(
        "select tenant_id, orders from order_count where tenant_id = any ($1)",
        &tenants
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant_id, row.orders))
        .collect())
}

pub(super) async fn save_counts(
    counts: &HashMap<Uuid, i64>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into order_count (tenant_id, orders) select * from unnest($1::uuid[], $2::bigint[])
         on conflict (tenant_id) do update set orders = excluded.orders",
        &counts.keys().copied().collect::<Vec<_>>(),
        &counts.values().copied().collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the orders that were there before the batch, and how each order stood before its events.
pub(super) async fn update_rows(
    batch: &Batch<'_>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let past = batch.past.iter().map(|(row, until)| (row, Some(*until)));
    let present = batch.rows.iter().filter(|row| row.before.is_some());
    let (rows, until): (Vec<&Row>, Vec<Option<i64>>) =
        past.chain(present.map(|row| (row, None))).unzip();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "sql/order_update.sql",
        &column(&rows, |row| row.key.0),
        &column(&rows, |row| row.key.1),
        &column(&rows, |row| row.status.as_str()) as &[&str],
        &column(&rows, |row| row.paid_total),
        &column(&rows, |row| row.refunded_total),
        &column(&rows, |row| row.approved_at) as &[Option<Time>],
        &column(&rows, |row| row.shipped_at) as &[Option<Time>],
        &column(&rows, |row| row.delivered_at) as &[Option<Time>],
        &column(&rows, |row| row.cancelled_at) as &[Option<Time>],
        &column(&rows, |row| row.cancel_reason.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.carrier.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.tracking_code.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.invoice_number.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.review_score) as &[Option<i16>],
        &column(&rows, |row| row.review_count),
        &column(&rows, |row| row.review_total),
        &column(&rows, |row| array::literal(&row.waived)),
        &column(&rows, |row| row.version),
        &column(&rows, |row| row.position),
        &column(&rows, |row| row.updated_at),
        &until as &[Option<i64>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the orders that the batch placed.
pub(super) async fn insert_rows(
    batch: &Batch<'_>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let placed: Vec<_> = batch
        .placed
        .iter()
        .filter_map(|(index, event)| Some((batch.rows.get(*index)?, *event)))
        .collect();
    let rows: Vec<&Row> = placed.iter().map(|(row, _)| *row).collect();
    let payments = |event: &OrderPlaced| event.payments_total().map(Minor::get);
    sqlx::query_file!(
        "sql/order_insert.sql",
        &column(&rows, |row| row.key.0),
        &column(&rows, |row| row.key.1),
        &column(&rows, |row| row.number),
        &placed
            .iter()
            .map(|(_, event)| event.reference.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &placed
            .iter()
            .map(|(_, event)| event.customer_id)
            .collect::<Vec<_>>(),
        &column(&rows, |row| row.state.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.status.as_str()) as &[&str],
        &column(&rows, |row| row.currency.as_str()) as &[&str],
        &column(&rows, |row| row.item_count),
        &column(&rows, |row| row.items_total),
        &column(&rows, |row| row.freight_total),
        &placed
            .iter()
            .map(|(_, event)| payments(event))
            .collect::<Vec<_>>() as &[Option<i64>],
        &column(&rows, |row| row.paid_total),
        &column(&rows, |row| row.refunded_total),
        &column(&rows, |row| row.placed_at),
        &column(&rows, |row| row.approved_at) as &[Option<Time>],
        &column(&rows, |row| row.shipped_at) as &[Option<Time>],
        &column(&rows, |row| row.delivered_at) as &[Option<Time>],
        &column(&rows, |row| row.cancelled_at) as &[Option<Time>],
        &placed
            .iter()
            .map(|(_, event)| event.estimated_delivery)
            .collect::<Vec<_>>() as &[Option<Time>],
        &column(&rows, |row| row.cancel_reason.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.carrier.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.tracking_code.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.invoice_number.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.review_score) as &[Option<i16>],
        &column(&rows, |row| row.review_count),
        &column(&rows, |row| row.review_total),
        &column(&rows, |row| array::literal(&row.seller_ids)),
        &column(&rows, |row| array::literal(&row.waived)),
        &column(&rows, |row| row.version),
        &column(&rows, |row| row.position),
        &column(&rows, |row| row.updated_at),
        &column(&rows, |row| row.first_position),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_lines(
    batch: &Batch<'_>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let lines: Vec<_> = batch
        .placed
        .iter()
        .filter_map(|(index, event)| Some((batch.rows.get(*index)?.key, *event)))
        .flat_map(|(key, event)| {
            (1_i32..)
                .zip(&event.lines)
                .map(move |(number, line)| (key, number, line))
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into order_line
           (tenant_id, order_id, line, product_id, category, seller_id, quantity, unit_price, freight)
         select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                              $8::bigint[], $9::bigint[])",
        &lines.iter().map(|(key, ..)| key.0).collect::<Vec<_>>(),
        &lines.iter().map(|(key, ..)| key.1).collect::<Vec<_>>(),
        &lines.iter().map(|(_, number, _)| *number).collect::<Vec<_>>(),
        &lines.iter().map(|(.., line)| line.product_id.as_str()).collect::<Vec<_>>() as &[&str],
        &lines.iter().map(|(.., line)| line.category.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &lines.iter().map(|(.., line)| line.seller_id.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &lines.iter().map(|(.., line)| i64::from(line.quantity)).collect::<Vec<_>>(),
        &lines.iter().map(|(.., line)| line.unit_price.get()).collect::<Vec<_>>(),
        &lines.iter().map(|(.., line)| line.freight.unwrap_or_default().get()).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_payments(
    batch: &Batch<'_>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let payments: Vec<_> = batch
        .placed
        .iter()
        .filter_map(|(index, event)| Some((batch.rows.get(*index)?.key, *event)))
        .flat_map(|(key, event)| {
            (1_i32..)
                .zip(&event.payments)
                .map(move |(number, payment)| (key, number, payment))
        })
        .collect();
    if payments.is_empty() {
        return Ok(());
    }
    let narrow = |number: u32| i32::try_from(number).map_err(|e| sqlx::Error::Encode(e.into()));
    let sequences = payments
        .iter()
        .map(|(.., payment)| narrow(payment.sequence))
        .collect::<Result<Vec<_>, _>>()?;
    let installments = payments
        .iter()
        .map(|(.., payment)| payment.installments.map(narrow).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "insert into order_payment (tenant_id, order_id, payment, sequence, method, installments, amount)
         select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::text[], $6::int[], $7::bigint[])",
        &payments.iter().map(|(key, ..)| key.0).collect::<Vec<_>>(),
        &payments.iter().map(|(key, ..)| key.1).collect::<Vec<_>>(),
        &payments.iter().map(|(_, number, _)| *number).collect::<Vec<_>>(),
        &sequences,
        &payments.iter().map(|(.., payment)| payment.method.as_str()).collect::<Vec<_>>() as &[&str],
        &installments as &[Option<i32>],
        &payments.iter().map(|(.., payment)| payment.amount.get()).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_reviews(
    reviews: &[(Key, i32, &RecordedEvent, &OrderReviewed)],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if reviews.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into order_review (tenant_id, order_id, review, review_id, score, title, comment, reviewed_at, position)
         select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::smallint[], $6::text[], $7::text[],
                              $8::timestamptz[], $9::bigint[])",
        &reviews.iter().map(|(key, ..)| key.0).collect::<Vec<_>>(),
        &reviews.iter().map(|(key, ..)| key.1).collect::<Vec<_>>(),
        &reviews.iter().map(|(_, number, ..)| *number).collect::<Vec<_>>(),
        &reviews.iter().map(|(.., review)| review.review_id.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &reviews.iter().map(|(.., review)| i16::from(review.score)).collect::<Vec<_>>(),
        &reviews.iter().map(|(.., review)| review.title.as_ref().map(|text| text.reveal().as_str())).collect::<Vec<_>>()
            as &[Option<&str>],
        &reviews.iter().map(|(.., review)| review.comment.as_ref().map(|text| text.reveal().as_str())).collect::<Vec<_>>()
            as &[Option<&str>],
        &reviews.iter().map(|(.., event, review)| review.answered_at.unwrap_or(event.occurred_at)).collect::<Vec<_>>(),
        &reviews.iter().map(|(.., event, _)| event.position).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
