//! What belongs to orders, read for all orders of a page at once when the first of them is asked for it. Never one
//! statement per order.

use std::{collections::HashMap, future::Future, sync::Arc};

use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    Order,
    detail::{self, OrderLine, OrderPayment, OrderReview},
    row::OrderRow,
};
use crate::{
    customer::{self, Customer},
    failure::Failure,
    session::Snapshot,
};

/// Something read once for the whole batch; a failure is told to each.
type Once<T> = OnceCell<Result<HashMap<Uuid, T>, Failure>>;

/// Orders that were read together.
pub(crate) struct Batch {
    snapshot: Arc<Snapshot>,
    orders: Vec<Uuid>,
    customers: Vec<Uuid>,
    lines: Once<Vec<OrderLine>>,
    payments: Once<Vec<OrderPayment>>,
    reviews: Once<Vec<OrderReview>>,
    customer: Once<Customer>,
}

/// These rows as orders of one batch.
pub(crate) fn orders(snapshot: Arc<Snapshot>, rows: Vec<OrderRow>) -> Vec<Order> {
    let mut customers: Vec<Uuid> = rows.iter().map(|row| row.customer_id).collect();
    customers.sort_unstable();
    customers.dedup();
    let batch = Arc::new(Batch {
        snapshot,
        orders: rows.iter().map(|row| row.order_id).collect(),
        customers,
        lines: OnceCell::new(),
        payments: OnceCell::new(),
        reviews: OnceCell::new(),
        customer: OnceCell::new(),
    });
    rows.into_iter()
        .map(|row| Order {
            row,
            batch: Arc::clone(&batch),
        })
        .collect()
}

impl Batch {
    pub(crate) async fn lines(&self, order: &OrderRow) -> Result<Vec<OrderLine>, Failure> {
        let lines = once(&self.lines, order.order_id, || {
            detail::lines(&self.snapshot, &self.orders)
        })
        .await?;
        Ok(lines
            .unwrap_or_default()
            .into_iter()
            .map(|line| line.in_currency(&order.currency))
            .collect())
    }

    pub(crate) async fn payments(&self, order: &OrderRow) -> Result<Vec<OrderPayment>, Failure> {
        let payments = once(&self.payments, order.order_id, || {
            detail::payments(&self.snapshot, &self.orders)
        })
        .await?;
        Ok(payments
            .unwrap_or_default()
            .into_iter()
            .map(|payment| payment.in_currency(&order.currency))
            .collect())
    }

    pub(crate) async fn reviews(&self, order: &OrderRow) -> Result<Vec<OrderReview>, Failure> {
        let reviews = once(&self.reviews, order.order_id, || {
            detail::reviews(&self.snapshot, &self.orders)
        })
        .await?;
        Ok(reviews.unwrap_or_default())
    }

    pub(crate) async fn customer(&self, id: Uuid) -> Result<Option<Customer>, Failure> {
        once(&self.customer, id, || async {
            let customers = customer::by_ids(&self.snapshot, &self.customers).await?;
            Ok(customers
                .into_iter()
                .map(|customer| (customer.uuid(), customer))
                .collect())
        })
        .await
    }
}

async fn once<T: Clone, L>(
    cell: &Once<T>,
    key: Uuid,
    load: impl FnOnce() -> L,
) -> Result<Option<T>, Failure>
where
    L: Future<Output = Result<HashMap<Uuid, T>, Failure>>,
{
    match cell.get_or_init(load).await {
        Ok(found) => Ok(found.get(&key).cloned()),
        Err(failure) => Err(failure.clone()),
    }
}
