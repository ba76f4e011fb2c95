//! Fills a log with orders, faster than commands could: one statement of the superuser for many. What it writes is what
//! the append functions would have written.

use anyhow::{Result, ensure};
use domain::order::{Order, OrderCommand};
use event_schemas::{Event, TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    append::metadata,
    peer::{decide, decision},
    workload::{Orders, Population, Step},
};

/// Events of each order.
pub(crate) const EVENTS: u64 = 5;
/// How many different orders there are.
pub(crate) const VARIANTS: u64 = 64;
/// Orders of one statement, a multiple of every number of tenants that is asked for.
const CHUNK: u64 = 20_000;

/// What fills one database.
pub(crate) struct Filler {
    tenants: Vec<Uuid>,
    next: i64,
    types: Vec<&'static str>,
    payloads: Vec<Vec<u8>>,
    metadata: Vec<u8>,
}

impl Filler {
    pub(crate) async fn new(tenants: Vec<TenantId>) -> Result<Self> {
        let first = tenants.first().copied().unwrap_or(TenantId(Uuid::nil()));
        let steps = steps()?;
        let payloads = payloads(&steps).await?;
        Ok(Self {
            tenants: tenants.into_iter().map(|tenant| tenant.0).collect(),
            next: 0,
            types: steps.iter().map(|step| step.event_type()).collect(),
            payloads,
            metadata: metadata(Uuid::from_u128(1), first)?,
        })
    }

    /// Adds orders until there are `events` more.
    pub(crate) async fn add(&mut self, connection: &mut PgConnection, events: u64) -> Result<()> {
        let mut left = events / EVENTS;
        while left > 0 {
            let orders = left.min(CHUNK);
            ensure!(
                orders.is_multiple_of(u64::try_from(self.tenants.len())?),
                "{orders} orders cannot be shared evenly by {} tenants",
                self.tenants.len()
            );
            sqlx::query(include_str!("../sql/fill.sql"))
                .bind(&self.tenants)
                .bind(self.next)
                .bind(i64::try_from(orders)?)
                .bind(&self.types)
                .bind(&self.payloads)
                .bind(i64::try_from(VARIANTS)?)
                .bind(&self.metadata)
                .execute(&mut *connection)
                .await?;
            self.next += i64::try_from(orders)?;
            left -= orders;
        }
        Ok(())
    }
}

/// What happens to each order.
pub(crate) fn steps() -> Result<Vec<Step>> {
    Ok(Step::ALL.into_iter().take(EVENTS.try_into()?).collect())
}

/// The payloads of the events of all variants, one variant after the other.
pub(crate) async fn payloads(steps: &[Step]) -> Result<Vec<Vec<u8>>> {
    let mut orders = Orders::new(1, &Population::new(1));
    let mut payloads = Vec::new();
    for _ in 0..VARIANTS {
        let mut order = Order::default();
        for step in steps {
            let command = orders.of(*step);
            payloads.push(event(&mut order, decision(&command)?).await?);
        }
    }
    Ok(payloads)
}

/// The payload of what the order decides.
async fn event(order: &mut Order, command: OrderCommand) -> Result<Vec<u8>> {
    use cqrs_es::{Aggregate, event_sink::EventSink};
    let sink = EventSink::default();
    order
        .handle(decide(command, Uuid::nil()), &(), &sink)
        .await?;
    let written = sink.collect().await;
    let first = written.first();
    Ok(first.map(Event::encode).transpose()?.unwrap_or_default())
}
