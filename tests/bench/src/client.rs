//! The callers of B8 and B11: tenants' programs that place orders over HTTP.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use commands::{Bus, Way};
use daybook::{app, verb::tenant::request};
use event_store::{Store, SystemClock};
use serde_json::json;

use crate::{
    http::Connection,
    measure::Caller,
    workload::{self, Orders, Population},
};

/// The tenants that have keys.
const TENANTS: usize = 50;

/// A key of each tenant.
#[derive(Clone)]
pub(crate) struct Keys {
    population: Population,
    keys: Arc<[(event_schemas::TenantId, String)]>,
}

impl Keys {
    /// Issues them, and waits until they work.
    pub(crate) async fn issue(store: &Store) -> Result<Self> {
        let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
        let data = json!({ "name": "benchmark", "scopes": ["*"] });
        let tenants = workload::tenants(TENANTS);
        let requests = tenants
            .iter()
            .map(|tenant| request(*tenant, "organization.issueApiKey", &data))
            .collect::<Result<Vec<_>>>()?;
        let mut keys = Vec::new();
        for (tenant, answer) in tenants.into_iter().zip(bus.execute_all(&requests).await) {
            let accepted =
                answer.map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))?;
            let key = accepted.extra.get("apiKey").and_then(|key| key.as_str());
            keys.push((tenant, key.context("a key was not told")?.to_owned()));
        }
        app::engine(store).await?.catch_up().await?;
        Ok(Self {
            population: Population::new(TENANTS),
            keys: keys.into(),
        })
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
            clients.push(Self {
                connection: Connection::connect(url).await?,
                orders: Orders::new(u64::from(round) * 1_000_000 + number, &keys.population),
                keys: keys.clone(),
            });
        }
        Ok(clients)
    }
}

impl Caller for Client {
    async fn turn(&mut self) -> Result<u64> {
        let command = self.orders.place();
        let key = self
            .keys
            .keys
            .iter()
            .find(|(tenant, _)| *tenant == command.tenant);
        let (_, key) = key.context("a tenant has no key")?;
        let path = format!("/api/v1/orders/{}/place", command.order);
        let (status, body) = self.connection.post(&path, key, &command.data).await?;
        ensure!(
            status == 201,
            "an order was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(1)
    }
}
