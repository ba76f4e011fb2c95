//! The read models of orders: list, detail, totals, and what they were before. Owns the fold over a batch; the rows are in `row`, their
//! statements in `table`, the totals in `total`. Never decides whether something may happen to an order.

mod row;
mod table;
mod total;

use std::collections::{HashMap, HashSet, hash_map::Entry};

use event_schemas::{
    Event, RecordedEvent,
    order::{OrderEvent, OrderPlaced, OrderReviewed},
};
use sqlx::PgConnection;
use uuid::Uuid;

use self::row::Row;
use crate::{
    ApplyError, Projection,
    projection::{Known, aggregate, decode},
};

/// Orders.
#[derive(Clone, Copy, Debug)]
pub struct Order;

/// Tenant and order.
type Key = (Uuid, Uuid);

/// An event, decoded, and the order it is about.
struct Decoded<'e> {
    key: Key,
    recorded: &'e RecordedEvent,
    event: OrderEvent,
}

/// What a batch leaves behind.
#[derive(Default)]
struct Batch<'e> {
    /// The orders it touches, in the order in which it first does.
    rows: Vec<Row>,
    index: HashMap<Key, usize>,
    /// How they stood before its events, each until before that position.
    past: Vec<(Row, i64)>,
    /// The orders it places, with the events that did.
    placed: Vec<(usize, &'e OrderPlaced)>,
    /// The reviews it adds, with their numbers within the order and their events.
    reviews: Vec<(Key, i32, &'e RecordedEvent, &'e OrderReviewed)>,
    /// How many orders each tenant has that it places one for.
    counts: HashMap<Uuid, i64>,
}

#[async_trait::async_trait]
impl Projection for Order {
    fn name(&self) -> &'static str {
        "order"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/order.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "order",
            types: OrderEvent::TYPES,
        }]
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let events = events
            .iter()
            .map(|recorded| {
                Ok(Decoded {
                    key: (recorded.tenant.0, aggregate(recorded)?),
                    recorded,
                    event: decode(recorded)?,
                })
            })
            .collect::<Result<Vec<_>, ApplyError>>()?;
        let mut batch = begin(&events, connection).await?;
        for event in &events {
            batch.fold(event)?;
        }
        table::update_rows(&batch, connection).await?;
        if !batch.placed.is_empty() {
            table::insert_rows(&batch, connection).await?;
            table::insert_lines(&batch, connection).await?;
            table::insert_payments(&batch, connection).await?;
            table::save_counts(&batch.counts, connection).await?;
        }
        table::insert_reviews(&batch.reviews, connection).await?;
        total::apply(&batch, connection).await
    }
}

/// Loads the orders that the batch finds, and the counts of the tenants that it places orders for.
async fn begin<'e>(
    events: &'e [Decoded<'_>],
    connection: &mut PgConnection,
) -> Result<Batch<'e>, ApplyError> {
    let mut seen = HashSet::with_capacity(events.len());
    let mut found = Vec::new();
    let mut tenants = HashSet::new();
    for event in events {
        let places = matches!(event.event, OrderEvent::OrderPlaced(_));
        if places {
            tenants.insert(event.key.0);
        }
        if seen.insert(event.key) && !places {
            found.push(event.key);
        }
    }
    let mut batch = Batch::default();
    if !found.is_empty() {
        batch.rows = table::load_rows(&found, connection).await?;
        batch.index = batch
            .rows
            .iter()
            .enumerate()
            .map(|(index, row)| (row.key, index))
            .collect();
    }
    if !tenants.is_empty() {
        batch.counts = table::load_counts(tenants, connection).await?;
    }
    Ok(batch)
}

impl<'e> Batch<'e> {
    fn fold(&mut self, decoded: &'e Decoded<'_>) -> Result<(), ApplyError> {
        let Decoded {
            key,
            recorded,
            event,
        } = decoded;
        if let OrderEvent::OrderPlaced(placed) = event {
            return self.place(*key, recorded, placed);
        }
        let Some(row) = self
            .index
            .get(key)
            .and_then(|index| self.rows.get_mut(*index))
        else {
            return Err(ApplyError::event(recorded, "the order is not placed"));
        };
        self.past.push((row.clone(), recorded.position));
        row.fold(recorded, event)?;
        if let OrderEvent::OrderReviewed(review) = event {
            self.reviews
                .push((*key, row.review_count, recorded, review));
        }
        Ok(())
    }

    fn place(
        &mut self,
        key: Key,
        recorded: &RecordedEvent,
        placed: &'e OrderPlaced,
    ) -> Result<(), ApplyError> {
        let index = self.rows.len();
        match self.index.entry(key) {
            Entry::Occupied(_) => {
                return Err(ApplyError::event(recorded, "the order is placed already"));
            }
            Entry::Vacant(free) => free.insert(index),
        };
        let count = self.counts.entry(key.0).or_default();
        *count += 1;
        self.rows.push(Row::placed(key, *count, recorded, placed)?);
        self.placed.push((index, placed));
        Ok(())
    }
}
