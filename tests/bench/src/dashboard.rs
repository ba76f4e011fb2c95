//! The dashboard's question of B7, to each of those who are asked, and what they answer in one form. The callers, too.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use daybook::seed::random::Random;
use event_schemas::TenantId;
use serde_json::{Value, json};

use crate::{client::Keys, http::Connection, measure::Caller};

/// How many orders are on a page.
pub(crate) const PAGE: u32 = 20;
/// Where the hand-written service is.
pub(crate) const ROUTE: &str = "/dashboard";

/// What tells the peers of the read models.
pub(crate) mod variable {
    pub(crate) const ORDERS: &str = "ORDERS";
    pub(crate) const CUSTOMERS: &str = "CUSTOMERS";
    pub(crate) const CONTEXT_KEY: &str = "CONTEXT_KEY";
    pub(crate) const CONNECTIONS: &str = "CONNECTIONS";
    pub(crate) const WORKERS: &str = "WORKERS";
}

const OURS: &str = "query Dashboard($page: Int!) {
  totals: ordersStats(groupBy: [STATUS], bucket: { size: MONTH }) { start status currency orders revenue { amount } }
  orders(first: $page) {
    nodes {
      orderId number status placedAt itemsTotal { amount } freightTotal { amount } currency
      customer { name city }
    }
    pageInfo { hasNextPage }
  }
}";
const THEIRS: &str = "query Dashboard($page: Int!) {
  totals: allOrderSummaries {
    groups: groupedAggregates(groupBy: [PLACED_AT_TRUNCATED_TO_MONTH, STATUS, CURRENCY]) {
      keys count { orderId } sum { itemsTotal }
    }
  }
  orders: allOrderSummaries(first: $page, orderBy: [PLACED_AT_DESC, ORDER_ID_DESC]) {
    nodes {
      orderId number status placedAt itemsTotal freightTotal currency
      customer { name city }
    }
    pageInfo { hasNextPage }
  }
}";

/// Who is asked, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tongue {
    /// Our GraphQL, with a key.
    Daybook,
    /// `PostGraphile`'s, with the tenant's claim.
    PostGraphile,
    /// The hand-written service, with the tenant's claim.
    Handwritten,
}

impl Tongue {
    fn path(self) -> &'static str {
        match self {
            Self::Daybook | Self::PostGraphile => "/graphql",
            Self::Handwritten => ROUTE,
        }
    }

    fn question(self) -> Vec<u8> {
        let query = match self {
            Self::Daybook => OURS,
            Self::PostGraphile => THEIRS,
            Self::Handwritten => return b"{}".to_vec(),
        };
        json!({ "query": query, "variables": { "page": PAGE } })
            .to_string()
            .into_bytes()
    }

    fn credential(self, keys: &Keys, tenant: TenantId) -> Result<String> {
        Ok(match self {
            Self::Daybook => keys.of(tenant)?.to_owned(),
            Self::PostGraphile | Self::Handwritten => tenant.to_string(),
        })
    }
}

/// Somebody who looks at dashboards, one tenant's after the other's; connects when that is first needed.
pub(crate) struct Viewer {
    tongue: Tongue,
    url: String,
    keys: Keys,
    random: Random,
    question: Vec<u8>,
    connection: Option<Connection>,
}

impl Viewer {
    pub(crate) fn new(tongue: Tongue, url: &str, keys: &Keys, seed: u64) -> Self {
        Self {
            tongue,
            url: url.to_owned(),
            keys: keys.clone(),
            random: Random::new(seed),
            question: tongue.question(),
            connection: None,
        }
    }

    /// The answer's body.
    async fn ask(&mut self, tenant: TenantId) -> Result<Vec<u8>> {
        if self.connection.is_none() {
            self.connection = Some(Connection::connect(&self.url).await?);
        }
        let connection = self.connection.as_mut().context("it is connected")?;
        let credential = self.tongue.credential(&self.keys, tenant)?;
        let (status, body) = connection
            .post(self.tongue.path(), &credential, &self.question)
            .await?;
        // With an error in it there are no data, or they come after it.
        ensure!(
            status == 200 && body.starts_with(br#"{"data":{"totals":"#),
            "{:?} answered {status}: {}",
            self.tongue,
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }

    /// A tenant's dashboard, in the form that all have in common.
    pub(crate) async fn see(&mut self, tenant: TenantId) -> Result<Value> {
        let body = self.ask(tenant).await?;
        let mut answer: Value = serde_json::from_slice(&body)?;
        let data = answer.get_mut("data").map(Value::take).unwrap_or_default();
        match self.tongue {
            Tongue::PostGraphile => translate(&data),
            Tongue::Daybook | Tongue::Handwritten => Ok(in_utc(data)),
        }
    }
}

impl Caller for Viewer {
    async fn turn(&mut self) -> Result<u64> {
        let tenant = self.keys.population().draw(&mut self.random);
        self.ask(tenant).await?;
        Ok(1)
    }
}

/// Every time in one spelling.
fn in_utc(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(match text.parse::<DateTime<Utc>>() {
            Ok(time) => time.to_rfc3339_opts(SecondsFormat::Micros, true),
            Err(_) => text,
        }),
        Value::Array(items) => Value::Array(items.into_iter().map(in_utc).collect()),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, in_utc(value)))
            .collect(),
        other => other,
    }
}

/// `PostGraphile`'s answer as we would have given it. Its groups come in no order.
fn translate(data: &Value) -> Result<Value> {
    let list = |pointer: &str| {
        let found = data.pointer(pointer).and_then(Value::as_array);
        found.with_context(|| format!("there is no {pointer}"))
    };
    let field = |value: &Value, pointer: &str| value.pointer(pointer).cloned().unwrap_or_default();
    let status = |value: Value| value.as_str().unwrap_or_default().to_uppercase();
    let mut totals = BTreeMap::new();
    for group in list("/totals/groups")? {
        let (start, currency) = (in_utc(field(group, "/keys/0")), field(group, "/keys/2"));
        let status = status(field(group, "/keys/1"));
        totals.insert(
            format!("{start} {status} {currency}"),
            json!({
                "start": start, "status": status, "currency": currency, "orders": field(group, "/count/orderId"),
                "revenue": { "amount": field(group, "/sum/itemsTotal") },
            }),
        );
    }
    let mut nodes = Vec::new();
    for node in list("/orders/nodes")? {
        let mut node = in_utc(node.clone());
        for total in ["itemsTotal", "freightTotal"] {
            if let Some(amount) = node.get_mut(total) {
                *amount = json!({ "amount": amount.take() });
            }
        }
        if let Some(stored) = node.get_mut("status") {
            *stored = Value::String(status(stored.take()));
        }
        nodes.push(node);
    }
    Ok(json!({
        "totals": totals.into_values().collect::<Vec<_>>(),
        "orders": { "nodes": nodes, "pageInfo": field(data, "/orders/pageInfo") },
    }))
}
