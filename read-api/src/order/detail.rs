//! The lines, payments and reviews of orders. Never reads those of one order alone.

use std::collections::HashMap;

use async_graphql::{ComplexObject, SimpleObject};
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{failure::Failure, money::Money, scalar::BigInt, session::Snapshot};

/// One line of an order.
#[derive(Clone, SimpleObject, Debug)]
#[graphql(complex)]
pub(crate) struct OrderLine {
    /// Its number within the order, from 1.
    line: i32,
    /// Which product.
    product_id: String,
    /// The product's category.
    category: Option<String>,
    /// Who sells it, on a marketplace.
    seller_id: Option<String>,
    #[graphql(skip)]
    quantity: i64,
    #[graphql(skip)]
    unit_price: i64,
    #[graphql(skip)]
    freight: i64,
    #[graphql(skip)]
    currency: String,
}

impl OrderLine {
    /// The line with the currency of its order, which its own row lacks.
    pub(super) fn in_currency(self, currency: &str) -> Self {
        Self {
            currency: currency.to_owned(),
            ..self
        }
    }
}

#[ComplexObject]
impl OrderLine {
    /// How many, at least 1.
    async fn quantity(&self) -> BigInt {
        self.quantity.into()
    }

    /// The price of one.
    async fn unit_price(&self) -> Money {
        Money::new(self.unit_price, &self.currency)
    }

    /// The freight of the whole line.
    async fn freight(&self) -> Money {
        Money::new(self.freight, &self.currency)
    }

    /// Quantity times price, and the freight.
    async fn total(&self) -> Money {
        let goods = i128::from(self.quantity) * i128::from(self.unit_price);
        Money::new(goods + i128::from(self.freight), &self.currency)
    }
}

/// One way in which an order was to be paid.
#[derive(Clone, SimpleObject, Debug)]
#[graphql(complex)]
pub(crate) struct OrderPayment {
    /// The merchant's own number of the payment.
    sequence: i32,
    /// How: `credit_card`, `voucher`, …
    method: String,
    /// In how many instalments.
    installments: Option<i32>,
    #[graphql(skip)]
    amount: i64,
    #[graphql(skip)]
    currency: String,
}

impl OrderPayment {
    /// The payment with the currency of its order, which its own row lacks.
    pub(super) fn in_currency(self, currency: &str) -> Self {
        Self {
            currency: currency.to_owned(),
            ..self
        }
    }
}

#[ComplexObject]
impl OrderPayment {
    /// How much.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency)
    }
}

/// A review, and of which order.
#[derive(FromRow)]
struct ReviewRow {
    order_id: Uuid,
    #[sqlx(flatten)]
    review: OrderReview,
}

/// What a customer thought of an order.
#[derive(Clone, SimpleObject, FromRow, Debug)]
pub(crate) struct OrderReview {
    /// The review's id in another system.
    review_id: Option<String>,
    /// 1 (bad) to 5 (good).
    score: i16,
    /// The headline.
    title: Option<String>,
    /// The opinion in words.
    comment: Option<String>,
    /// When it was given.
    reviewed_at: DateTime<Utc>,
}

pub(super) async fn lines(
    snapshot: &Snapshot,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, Vec<OrderLine>>, Failure> {
    let rows = sqlx::query!(
        "select order_id, line, product_id, category, seller_id, quantity, unit_price, freight
         from order_line where order_id = any($1) order by order_id, line",
        orders
    )
    .fetch_all(&mut *snapshot.statement().await)
    .await?;
    Ok(grouped(rows.into_iter().map(|row| {
        let line = OrderLine {
            line: row.line,
            product_id: row.product_id,
            category: row.category,
            seller_id: row.seller_id,
            quantity: row.quantity,
            unit_price: row.unit_price,
            freight: row.freight,
            currency: String::new(),
        };
        (row.order_id, line)
    })))
}

pub(super) async fn payments(
    snapshot: &Snapshot,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, Vec<OrderPayment>>, Failure> {
    let rows = sqlx::query!(
        "select order_id, sequence, method, installments, amount
         from order_payment where order_id = any($1) order by order_id, payment",
        orders
    )
    .fetch_all(&mut *snapshot.statement().await)
    .await?;
    Ok(grouped(rows.into_iter().map(|row| {
        let payment = OrderPayment {
            sequence: row.sequence,
            method: row.method,
            installments: row.installments,
            amount: row.amount,
            currency: String::new(),
        };
        (row.order_id, payment)
    })))
}

pub(super) async fn reviews(
    snapshot: &Snapshot,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, Vec<OrderReview>>, Failure> {
    let mut query = snapshot.query(
        "select order_id, review_id, score, title, comment, reviewed_at from order_review where order_id = any(",
    );
    query
        .push_bind(orders.to_vec())
        .push(") order by order_id, review");
    let rows: Vec<ReviewRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let reviews = rows.into_iter();
    Ok(grouped(reviews.map(|row| (row.order_id, row.review))))
}

fn grouped<T>(rows: impl Iterator<Item = (Uuid, T)>) -> HashMap<Uuid, Vec<T>> {
    let mut groups: HashMap<Uuid, Vec<T>> = HashMap::new();
    for (order, row) in rows {
        groups.entry(order).or_default().push(row);
    }
    groups
}
