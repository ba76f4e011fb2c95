//! The callers of B6, B8 and B11: tenants' programs that place orders over HTTP.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result, anyhow, ensure};
use commands::{Bus, Way};
use daybook::{app, verb::tenant::request};
use event_schemas::TenantId;
use event_store::{Store, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::Connection,
    measure::Caller,
    workload::{self, Command, Orders, Population},
};

/// The tenants that place orders.
const TENANTS: usize = 50;
/// Keys that are asked for at once.
const CHUNK: usize = 500;

/// A key of each tenant.
#[derive(Clone)]
pub(crate) struct Keys {
    population: Population,
    keys: Arc<HashMap<TenantId, String>>,
}

impl Keys {
    /// Issues them to those who place orders, and waits until they work.
    pub(crate) async fn issue(store: &Store) -> Result<Self> {
        Self::issue_to(store, TENANTS).await
    }

    /// Issues them to so many tenants, and waits until they work.
    pub(crate) async fn issue_to(store: &Store, tenants: usize) -> Result<Self> {
        let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
        let data = json!({ "name": "benchmark", "scopes": ["*"] });
        let mut keys = HashMap::new();
        for some in workload::tenants(tenants).chunks(CHUNK) {
            let requests = some
                .iter()
                .map(|tenant| request(*tenant, "organization.issueApiKey", &data))
                .collect::<Result<Vec<_>>>()?;
            for (tenant, answer) in some.iter().zip(bus.execute_all(&requests).await) {
                let accepted = answer
                    .map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))?;
                let key = accepted.extra.get("apiKey").and_then(|key| key.as_str());
                keys.insert(*tenant, key.context("a key was not told")?.to_owned());
            }
        }
        app::engine(store).await?.catch_up().await?;
        Ok(Self {
            population: Population::new(tenants),
            keys: Arc::new(keys),
        })
    }

    /// Who has them.
    pub(crate) fn population(&self) -> &Population {
        &self.population
    }

    /// A tenant's.
    pub(crate) fn of(&self, tenant: TenantId) -> Result<&str> {
        let key = self.keys.get(&tenant);
        key.map(String::as_str).context("a tenant has no key")
    }
}

/// A program with one connection.
pub(crate) struct Client {
    connection: Connection,
    orders: Orders,
    keys: Keys,
}

impl Client {
    /// That many of them, each with its own orders.
    pub(crate) async fn connect(
        url: &str,
        keys: &Keys,
        count: u64,
        round: u32,
    ) -> Result<Vec<Self>> {
        let mut clients = Vec::new();
        for number in 0..count {
            clients.push(Self::one(url, keys, u64::from(round) * 1_000_000 + number).await?);
        }
        Ok(clients)
    }

    /// One, whose orders come of this seed.
    pub(crate) async fn one(url: &str, keys: &Keys, seed: u64) -> Result<Self> {
        Ok(Self {
            connection: Connection::connect(url).await?,
            orders: Orders::new(seed, &keys.population),
            keys: keys.clone(),
        })
    }

    /// Places an order; answers what it placed, acknowledged.
    pub(crate) async fn place(&mut self) -> Result<Command> {
        let command = self.orders.place();
        let key = self.keys.of(command.tenant)?;
        let path = format!("/api/v1/orders/{}/place", command.order);
        let (status, body) = self.connection.post(&path, key, &command.data).await?;
        ensure!(
            status == 201,
            "an order was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(command)
    }

    /// Whether GraphQL answers with an order, asked without a token: it waits for nothing.
    pub(crate) async fn sees(&mut self, tenant: TenantId, order: Uuid) -> Result<bool> {
        let key = self.keys.of(tenant)?;
        let query = format!(r#"{{"query":"{{ order(id: \"{order}\") {{ status }} }}"}}"#);
        let (status, body) = self
            .connection
            .post("/graphql", key, query.as_bytes())
            .await?;
        let told = || String::from_utf8_lossy(&body).into_owned();
        ensure!(status == 200, "a query was answered {status}: {}", told());
        let answer: Value = serde_json::from_slice(&body)?;
        ensure!(
            answer.get("errors").is_none(),
            "a query was answered {}",
            told()
        );
        Ok(answer.pointer("/data/order/status").is_some())
    }
}

impl Caller for Client {
    async fn turn(&mut self) -> Result<u64> {
        self.place().await?;
        Ok(1)
    }
}
