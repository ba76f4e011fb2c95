//! What the tests of policies need: a log, an engine with chosen policies, the bus behind them and a clock that is set by hand.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use commands::{Bus, Way};
use daybook::app;
use event_schemas::{RecordedEvent, TenantId};
use event_store::{Clock, Store, SystemClock};
use projections::{
    Engine, Options, Projection,
    policy::{Answer, Dispatch, Due, Policies},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::{Database, Served, Tenant, an_order},
    two_servers::request,
};

/// The system's clock, ahead by so many seconds.
#[derive(Default)]
pub struct Ahead(pub AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.0.load(Ordering::Acquire))
    }
    fn uuid_v7(&self) -> Uuid {
        SystemClock.uuid_v7()
    }
    fn random_256(&self) -> [u8; 32] {
        SystemClock.random_256()
    }
}

pub struct Stage {
    pub store: Store,
    pub bus: Bus,
    pub engine: Engine,
    pub policies: Policies,
    pub clock: Arc<Ahead>,
}

impl Stage {
    pub async fn open(database: &Database) -> Self {
        Self::with(database, projections::all()).await
    }

    pub async fn with(database: &Database, projections: Vec<Arc<dyn Projection>>) -> Self {
        let store = database.store().await;
        let clock = Arc::new(Ahead::default());
        let bus = Bus::new(store.clone(), clock.clone(), None, Way::Direct);
        let engine = engine(&store, projections).await;
        let policies = app::policies(&engine, bus.clone(), clock.clone());
        Self {
            store,
            bus,
            engine,
            policies,
            clock,
        }
    }

    /// Everything that follows from what is in the log.
    pub async fn settle(&self) {
        loop {
            let before = self.events().await;
            self.engine.catch_up().await.unwrap();
            self.policies.settle().await.unwrap();
            if self.events().await == before {
                return;
            }
        }
    }

    pub async fn events(&self) -> i64 {
        count(&self.store, "select count(*) from log.event").await
    }

    pub async fn tenant(&self) -> TenantId {
        let tenant = TenantId(SystemClock.uuid_v7());
        let data = json!({ "name": "Shop" });
        let register =
            daybook::verb::tenant::request(tenant, "organization.register", &data).unwrap();
        self.bus.execute(register).await.unwrap();
        tenant
    }

    pub async fn send(&self, tenant: TenantId, id: u128, kind: &str, data: &Value) {
        let request = request(tenant, Uuid::from_u128(id), kind, data);
        self.bus.execute(request).await.unwrap();
    }

    /// A metric that follows the revenue.
    pub async fn follow(&self, tenant: TenantId, id: u128) {
        let define = json!({ "name": "Revenue", "unit": "EUR", "aggregation": "sum", "feed": "orderRevenue" });
        self.send(tenant, id, "metric.define", &define).await;
    }

    pub async fn order(&self, tenant: TenantId, id: u128) {
        self.send(tenant, id, "order.place", &an_order()).await;
    }

    /// The sources of what was observed, in the order of the log.
    pub async fn observed(&self, tenant: TenantId) -> Vec<String> {
        let mut tx = self.store.tenant_tx(tenant).await.unwrap();
        sqlx::query_scalar(
            "select convert_from(payload, 'UTF8')::jsonb -> 'observations' -> 0 ->> 'source' from log.event
             where event_type = 'MetricObserved' order by position",
        )
        .fetch_all(tx.connection())
        .await
        .unwrap()
    }
}

pub async fn engine(store: &Store, projections: Vec<Arc<dyn Projection>>) -> Engine {
    let options = Options {
        connections: 2,
        ..Options::default()
    };
    Engine::install(store, projections, options).await.unwrap()
}

/// The streams of these orders.
pub fn orders(ids: impl IntoIterator<Item = u128>) -> Vec<String> {
    ids.into_iter()
        .map(|id| format!("order-{}", Uuid::from_u128(id)))
        .collect()
}

pub async fn count(store: &Store, statement: &'static str) -> i64 {
    let mut tx = store.operator_tx().await.unwrap();
    sqlx::query_scalar(statement)
        .fetch_one(tx.connection())
        .await
        .unwrap()
}

/// The event at a position, once it is there.
pub async fn event(store: &Store, tenant: TenantId, position: i64) -> RecordedEvent {
    let mut heads = store.heads().subscribe();
    loop {
        heads.mark_unchanged();
        let mut tx = store.partition_tx().await.unwrap();
        let found = tx.read_tenant(tenant, position, 1, 1).await.unwrap();
        if let Some(event) = found.into_iter().find(|event| event.position == position) {
            return event;
        }
        drop(tx);
        heads.changed().await.unwrap();
    }
}

pub fn metadata(event: &RecordedEvent) -> Value {
    serde_json::from_slice(&event.metadata).unwrap()
}

/// A query's data, no older than the token.
pub async fn ask(
    app: &Served,
    tenant: &Tenant,
    token: &str,
    query: &str,
    variables: Value,
) -> Value {
    let body = json!({ "query": query, "variables": variables });
    let asked = app.client.post(format!("{}/graphql", app.url));
    let asked = asked
        .bearer_auth(&tenant.key)
        .header("daybook-after", token);
    let mut answer: Value = asked
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].take()
}

/// Passes commands on, and then says that so many of them could not be tried: as if the process had ended before it could write
/// down what became of them.
pub struct Forgetful {
    pub passes_on: Bus,
    pub forgets: AtomicUsize,
    pub seen: Mutex<Vec<Due>>,
}

#[async_trait::async_trait]
impl Dispatch for Forgetful {
    async fn dispatch(&self, tenant: TenantId, commands: Vec<Due>) -> Vec<Answer> {
        self.seen.lock().unwrap().extend(commands.clone());
        let answers = daybook::policy::Executes(self.passes_on.clone())
            .dispatch(tenant, commands)
            .await;
        let forget = |answer| {
            let left = self
                .forgets
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
            match left {
                Ok(_) => Answer::Later("forgotten".to_owned()),
                Err(_) => answer,
            }
        };
        answers.into_iter().map(forget).collect()
    }
}
