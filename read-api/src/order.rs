//! Orders for reading: the root fields and the object. Never decides what may happen to an order.

mod batch;
mod detail;
mod filter;
mod list;
mod row;
mod stats;
mod status;

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::{
    batch::Batch,
    detail::{OrderLine, OrderPayment, OrderReview},
    filter::OrderFilter,
    list::{OrderSort, OrderTotal},
    row::OrderRow,
    stats::{OrderGroup, OrderStats, OrderStatsHaving, OrderStatsSort},
    status::OrderStatus,
};
use crate::{
    as_of::AsOf,
    bucket::Bucket,
    customer::Customer,
    failure::Failure,
    money::Money,
    page::{self, Paging},
    scalar::{BigInt, Kind, global_id, storable, uuid_of},
    serial::Serial,
    session::{Root, Snapshot},
    stats::{Ask, cost},
};

/// The permission's context.
const CONTEXT: &str = "order";

/// The query root's fields about orders.
#[derive(Clone, Default)]
pub(crate) struct OrderQuery(pub(crate) Root);

#[Object]
impl OrderQuery {
    /// One order, by exactly one of its names. `null`: there is none. Needs `order:read`.
    async fn order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id, or the UUID.")] id: Option<ID>,
        #[graphql(desc = "The human number: 1, 2, 3 … within the organization.")] number: Option<
            BigInt,
        >,
        #[graphql(desc = "The order's id in another system; of several, the newest.")]
        reference: Option<String>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Option<Order>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let name = match (id, number, reference) {
            (Some(id), None, None) => row::OrderName::Id(uuid_of(Kind::Order, &id)?),
            (None, Some(number), None) => row::OrderName::Number(number.to_i64()?),
            (None, None, Some(reference)) => row::OrderName::Reference(storable(reference)?),
            _ => return Err(Failure::input("give exactly one of id, number and reference").into()),
        };
        let row = row::find(&snapshot, name).await?;
        Ok(batch::orders(snapshot, row.into_iter().collect()).pop())
    }

    /// Orders, a page at a time. Needs `order:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<OrderFilter>,
        #[graphql(desc = "The newest first, if not given.")] order_by: Option<OrderSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Connection<String, Serial<Order>, OrderTotal>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(list::page(snapshot, filter, order_by.unwrap_or_default(), &paging).await?)
    }

    /// What orders come to, in groups; without `groupBy` and `bucket` all of them together. Amounts of different currencies
    /// are never added: there is at least one row per currency. An order counts once in each of its groups: grouped by
    /// seller, once for each of its sellers. Needs `order:read`.
    #[graphql(complexity = "cost(first) * child_complexity / 10 + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn orders_stats(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only these; of their lines, those that fit `sellerId`, `productId` and `category`."
        )]
        filter: Option<OrderFilter>,
        #[graphql(desc = "What makes a group, besides the currency.")] group_by: Option<
            Vec<OrderGroup>,
        >,
        #[graphql(
            desc = "In buckets of the time of placement. Gaps are filled for every combination of the other keys, over the \
                    time that the filter's `placedAt` allows, or else from the first order to the last."
        )]
        bucket: Option<Bucket>,
        #[graphql(desc = "Only groups of which this holds.")] having: Option<OrderStatsHaving>,
        #[graphql(desc = "By these, the first first; equal ones by their keys.")] order_by: Option<
            Vec<OrderStatsSort>,
        >,
        #[graphql(
            desc = "Only so many groups, 1 to 10000. If not given: all of them, and an error if there are more than 1000."
        )]
        first: Option<i32>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Vec<Serial<OrderStats>>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let having = having.map(OrderStatsHaving::clause).transpose()?;
        let order = order_by.into_iter().flatten().map(Into::into).collect();
        let ask = Ask::new(ctx, bucket, having, order, first)?;
        let rows = stats::read(&snapshot, filter, &group_by.unwrap_or_default(), &ask).await?;
        Ok(rows.into_iter().map(Serial).collect())
    }
}

/// The orders with these ids, in any order; unknown ids are left out. Two statements whatever their number.
pub(crate) async fn by_ids(snapshot: &Arc<Snapshot>, ids: &[Uuid]) -> Result<Vec<Order>, Failure> {
    snapshot.allow(CONTEXT)?;
    let rows = row::by_ids(snapshot, ids).await?;
    Ok(batch::orders(Arc::clone(snapshot), rows))
}

/// An order, as the read models know it.
#[derive(Clone)]
pub(crate) struct Order {
    row: OrderRow,
    /// The orders that were read together: what belongs to them is read together too.
    batch: Arc<Batch>,
}

impl Order {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.row.order_id
    }

    fn money(&self, amount: i64) -> Money {
        Money::new(amount, &self.row.currency)
    }
}

/// An order.
#[Object]
impl Order {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::Order, self.row.order_id)
    }

    /// The UUID that commands take.
    async fn order_id(&self) -> Uuid {
        self.row.order_id
    }

    /// The human number: 1, 2, 3 … within the organization, without gaps.
    async fn number(&self) -> BigInt {
        self.row.number.into()
    }

    /// The order's id in another system.
    async fn reference(&self) -> Option<&str> {
        self.row.reference.as_deref()
    }

    /// How far it has come.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn status(&self) -> Result<OrderStatus> {
        Ok(OrderStatus::stored(&self.row.status, &self.row.order_id)?)
    }

    /// When it was placed.
    async fn placed_at(&self) -> DateTime<Utc> {
        self.row.placed_at
    }

    /// When its payment was approved.
    async fn approved_at(&self) -> Option<DateTime<Utc>> {
        self.row.approved_at
    }

    /// When it left the shop.
    async fn shipped_at(&self) -> Option<DateTime<Utc>> {
        self.row.shipped_at
    }

    /// When it arrived.
    async fn delivered_at(&self) -> Option<DateTime<Utc>> {
        self.row.delivered_at
    }

    /// When it was called off.
    async fn cancelled_at(&self) -> Option<DateTime<Utc>> {
        self.row.cancelled_at
    }

    /// When it was promised to arrive.
    async fn estimated_delivery(&self) -> Option<DateTime<Utc>> {
        self.row.estimated_delivery
    }

    /// Why it was called off: `customerRequest`, `unavailable`, `fraud` or `other`.
    async fn cancel_reason(&self) -> Option<&str> {
        self.row.cancel_reason.as_deref()
    }

    /// Who carries it.
    async fn carrier(&self) -> Option<&str> {
        self.row.carrier.as_deref()
    }

    /// Where to look for the parcel.
    async fn tracking_code(&self) -> Option<&str> {
        self.row.tracking_code.as_deref()
    }

    /// The invoice's number.
    async fn invoice_number(&self) -> Option<&str> {
        self.row.invoice_number.as_deref()
    }

    /// The UUID of who ordered.
    async fn customer_id(&self) -> Uuid {
        self.row.customer_id
    }

    /// Who ordered. `null`: nobody of that id is registered. Needs `customer:read`.
    #[graphql(complexity = "child_complexity + 1")]
    async fn customer(&self) -> Result<Option<Serial<Customer>>> {
        let customer = self.batch.customer(self.row.customer_id).await?;
        Ok(customer.map(Serial))
    }

    /// The customer's state or province when the order was placed.
    async fn state(&self) -> Option<&str> {
        self.row.state.as_deref()
    }

    /// ISO 4217, the currency of every amount of this order.
    async fn currency(&self) -> &str {
        &self.row.currency
    }

    /// How many pieces were ordered.
    async fn item_count(&self) -> BigInt {
        self.row.item_count.into()
    }

    /// The goods.
    async fn items_total(&self) -> Money {
        self.money(self.row.items_total)
    }

    /// The freight.
    async fn freight_total(&self) -> Money {
        self.money(self.row.freight_total)
    }

    /// Goods and freight.
    async fn total(&self) -> Money {
        Money::new(
            i128::from(self.row.items_total) + i128::from(self.row.freight_total),
            &self.row.currency,
        )
    }

    /// The payments that were announced when it was placed.
    async fn payments_total(&self) -> Money {
        self.money(self.row.payments_total)
    }

    /// What was paid.
    async fn paid_total(&self) -> Money {
        self.money(self.row.paid_total)
    }

    /// What was given back.
    async fn refunded_total(&self) -> Money {
        self.money(self.row.refunded_total)
    }

    /// What was ordered.
    #[graphql(complexity = "3 * child_complexity + 1")]
    async fn lines(&self) -> Result<Vec<OrderLine>> {
        Ok(self.batch.lines(&self.row).await?)
    }

    /// How it was to be paid.
    #[graphql(complexity = "2 * child_complexity + 1")]
    async fn payments(&self) -> Result<Vec<OrderPayment>> {
        Ok(self.batch.payments(&self.row).await?)
    }

    /// What the customer thought of it, the oldest first.
    #[graphql(complexity = "2 * child_complexity + 1")]
    async fn reviews(&self) -> Result<Vec<OrderReview>> {
        Ok(self.batch.reviews(&self.row).await?)
    }

    /// The score of the newest review, 1 (bad) to 5 (good).
    async fn review_score(&self) -> Option<i16> {
        self.row.review_score
    }

    /// The codes of the rules that an import skipped.
    async fn waived(&self) -> &[String] {
        &self.row.waived
    }

    /// How many events it has had: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// The organization's position of its newest event.
    async fn position(&self) -> BigInt {
        self.row.position.into()
    }

    /// When its newest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }
}
