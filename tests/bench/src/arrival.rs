//! The callers of B6: whose acknowledgements are noted, each of another kind. Never waits for what it did to be seen, but
//! for the one that asks GraphQL.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    client::{Client, Keys},
    commander::Side,
    measure::Caller,
    server::PARTITIONS,
    sight::Sights,
    workload::Orders,
};

/// How long after an answer GraphQL is asked again, at least; else so much of the time that has passed, so that asking for what
/// is late does not make it later.
const PAUSE: Duration = Duration::from_millis(1);
const SHARE: u32 = 20;
/// What PostgreSQL's notifications are sent on.
pub(crate) const CHANNEL: &str = "bench";

/// A client of the server, which connects when it is first needed.
pub(crate) struct Http {
    url: String,
    keys: Keys,
    seed: u64,
    client: Option<Client>,
    /// Where the acknowledgement of each order is noted, if anywhere.
    noted: Option<Sights>,
    /// Whether it also asks GraphQL for each order until that answers with it.
    asks: bool,
}

impl Http {
    pub(crate) fn new(url: &str, keys: &Keys, seed: u64, noted: Option<Sights>) -> Self {
        Self {
            url: url.to_owned(),
            keys: keys.clone(),
            seed,
            client: None,
            noted,
            asks: false,
        }
    }

    /// One that also looks for what it did.
    pub(crate) fn asking(url: &str, keys: &Keys, seed: u64, noted: Sights) -> Self {
        Self {
            asks: true,
            ..Self::new(url, keys, seed, Some(noted))
        }
    }
}

impl Caller for Http {
    async fn turn(&mut self) -> Result<u64> {
        if self.client.is_none() {
            self.client = Some(Client::one(&self.url, &self.keys, self.seed).await?);
        }
        let client = self.client.as_mut().context("it is connected")?;
        let command = client.place().await?;
        if let Some(sights) = &self.noted {
            let acknowledged = Instant::now();
            sights.acknowledged(command.order, acknowledged);
            if self.asks {
                while !client.sees(command.tenant, command.order).await? {
                    tokio::time::sleep(PAUSE.max(acknowledged.elapsed() / SHARE)).await;
                }
                sights.seen(command.order, Instant::now());
            }
        }
        Ok(1)
    }
}

/// Commands without HTTP.
pub(crate) struct Commands {
    pub(crate) side: Side,
    pub(crate) orders: Orders,
    pub(crate) noted: Sights,
}

impl Caller for Commands {
    async fn turn(&mut self) -> Result<u64> {
        let command = self.orders.place();
        let order = command.order;
        self.side.execute(command).await?;
        self.noted.acknowledged(order, Instant::now());
        Ok(1)
    }
}

/// Rows of the outbox, each in a transaction of its own.
pub(crate) struct Outbox {
    pub(crate) pool: PgPool,
    pub(crate) orders: Orders,
    pub(crate) noted: Sights,
}

impl Caller for Outbox {
    async fn turn(&mut self) -> Result<u64> {
        let command = self.orders.place();
        let (order, tenant) = (command.order, command.tenant.to_string());
        let subject = format!("order-{order}");
        let partition = i32::from(tenant.bytes().fold(0, u8::wrapping_add)) % i32::from(PARTITIONS);
        sqlx::query(include_str!("../sql/outbox_row.sql"))
            .bind(command.correlation_id)
            .bind("order")
            .bind(format!("{tenant}/{subject}"))
            .bind(command.data.as_ref())
            .bind(partition)
            .bind(&subject)
            .bind(&tenant)
            .execute(&self.pool)
            .await?;
        self.noted.acknowledged(order, Instant::now());
        Ok(1)
    }
}

/// Notifications of PostgreSQL, each in a transaction of its own. Timed from when they are sent.
pub(crate) struct Notify {
    pub(crate) pool: PgPool,
    pub(crate) orders: Orders,
    pub(crate) noted: Sights,
}

impl Caller for Notify {
    async fn turn(&mut self) -> Result<u64> {
        let id: Uuid = self.orders.place().order;
        self.noted.acknowledged(id, Instant::now());
        sqlx::query("select pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(1)
    }
}
