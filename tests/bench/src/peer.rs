//! The peer: cqrs-es with postgres-es, on the same aggregate, as its documentation shows it. What its users can tune
//! for speed is tuned: no ping before a connection is used, and Daybook's number of connections.

pub(crate) mod view;

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result};
use cqrs_es::{
    CqrsFramework, Query,
    persist::{GenericQuery, PersistedEventStore},
};
use domain::{
    Decide, Plain, Settings,
    order::{
        ApprovePayment, DeliverOrder, InvoiceOrder, Order, OrderCommand, PlaceOrder, RefundOrder,
        ReviewOrder, ShipOrder, StartProcessing,
    },
};
use event_schemas::{Actor, ActorKind, Source};
use event_store::{Clock, SystemClock};
use peer_sqlx::{Pool, Postgres, postgres::PgPoolOptions};
use postgres_es::{PostgresEventRepository, PostgresViewRepository};
use uuid::Uuid;

use self::view::OrderView;
use crate::{
    output,
    server::CONNECTIONS,
    workload::{Command, Step},
};

/// Its tables.
pub(crate) const TABLES: &str = include_str!("../sql/peer.sql");

/// The framework on a database.
pub(crate) struct Peer {
    framework: CqrsFramework<Order, PersistedEventStore<PostgresEventRepository, Order>>,
    pool: Pool<Postgres>,
}

/// Whether the peer keeps a read model with its events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Views {
    None,
    /// One document per order.
    Orders,
}

/// A pool as the peer's users have it.
pub(crate) async fn pool(url: &str) -> Result<Pool<Postgres>> {
    let options = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false);
    options
        .connect(url)
        .await
        .context("the peer cannot connect")
}

impl Peer {
    pub(crate) async fn connect(url: &str, views: Views) -> Result<Self> {
        let pool = pool(url).await?;
        let queries: Vec<Box<dyn Query<Order>>> = match views {
            Views::None => Vec::new(),
            Views::Orders => {
                let views =
                    PostgresViewRepository::<OrderView, Order>::new("order_view", pool.clone());
                let mut query = GenericQuery::new(Arc::new(views));
                query.use_error_handler(Box::new(|error| {
                    output::say(&format!("the peer lost a view: {error}"));
                }));
                vec![Box::new(query)]
            }
        };
        let store =
            PersistedEventStore::new_event_store(PostgresEventRepository::new(pool.clone()));
        Ok(Self {
            framework: CqrsFramework::new(store, queries, ()),
            pool,
        })
    }

    /// Executes one command, from its JSON on.
    pub(crate) async fn execute(&self, command: Command) -> Result<()> {
        let decide = decide(decision(&command)?, command.key_id);
        self.framework
            .execute_with_metadata(&command.order.to_string(), decide, metadata(&command))
            .await
            .with_context(|| format!("the peer refused {}", command.step.kind()))
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The command with everything that its decision may know.
pub(crate) fn decide(command: OrderCommand, key: Uuid) -> Decide<OrderCommand> {
    let now = SystemClock.now();
    Decide {
        command,
        now,
        occurred_at: now,
        source: Source::Api,
        actor: Actor {
            kind: ActorKind::ApiKey,
            id: key.to_string(),
            on_behalf_of: None,
        },
        settings: Settings::default(),
    }
}

/// The same facts as in our metadata.
fn metadata(command: &Command) -> HashMap<String, String> {
    let command_id = SystemClock.uuid_v7().to_string();
    HashMap::from([
        ("tenantId".to_owned(), command.tenant.to_string()),
        ("commandId".to_owned(), command_id.clone()),
        (
            "correlationId".to_owned(),
            command.correlation_id.to_string(),
        ),
        ("causationId".to_owned(), command_id),
        ("actorKind".to_owned(), "apiKey".to_owned()),
        ("actorId".to_owned(), command.key_id.to_string()),
        ("source".to_owned(), "api".to_owned()),
        ("traceparent".to_owned(), command.traceparent.clone()),
    ])
}

/// The command as its context's enum, read from its JSON.
pub(crate) fn decision(command: &Command) -> Result<OrderCommand> {
    fn read<C: Plain<Entity = Order>>(data: &[u8]) -> Result<OrderCommand> {
        Ok(serde_json::from_slice::<C>(data)?.decision())
    }
    let data = &command.data;
    match command.step {
        Step::Place => read::<PlaceOrder>(data),
        Step::ApprovePayment => read::<ApprovePayment>(data),
        Step::StartProcessing => read::<StartProcessing>(data),
        Step::Invoice => read::<InvoiceOrder>(data),
        Step::Ship => read::<ShipOrder>(data),
        Step::Deliver => read::<DeliverOrder>(data),
        Step::Review => read::<ReviewOrder>(data),
        Step::Refund => read::<RefundOrder>(data),
    }
}
