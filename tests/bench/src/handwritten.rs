//! The dashboard's data by hand: axum, two statements, one snapshot under the same row-level security, and the JSON that
//! Daybook's GraphQL answers with. It believes whoever says which tenant it is.

use std::{env, sync::Arc};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use sha2::{Digest, Sha256};
use sqlx::{
    FromRow, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::dashboard::{PAGE, ROUTE, variable};

const TOTALS: &str = "select date_trunc('month', placed_at) as start, status, currency, count(*) as orders, \
     sum(items_total)::bigint as revenue from order_summary group by 1, 2, 3 order by 1, 2, 3";
const ORDERS: &str = "select o.order_id, o.number, o.status, o.placed_at, o.items_total, o.freight_total, o.currency, \
     c.customer_id, c.name, c.city from order_summary o \
     left join customer c on c.tenant_id = o.tenant_id and c.customer_id = o.customer_id \
     order by o.placed_at desc, o.order_id desc limit $1";

struct Service {
    pool: PgPool,
    key: Vec<u8>,
}

/// A whole number, which JSON has as text.
struct Count(i64);

#[derive(Serialize)]
struct Money {
    amount: Count,
}

/// As the API spells it.
#[derive(Serialize)]
struct Status(String);

#[derive(FromRow, Serialize)]
struct Total {
    start: DateTime<Utc>,
    #[sqlx(try_from = "String")]
    status: Status,
    currency: String,
    #[sqlx(try_from = "i64")]
    orders: Count,
    #[sqlx(try_from = "i64")]
    revenue: Money,
}

#[derive(FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[sqlx(rename = "order_id")]
    #[serde(rename = "orderId")]
    id: Uuid,
    #[sqlx(try_from = "i64")]
    number: Count,
    #[sqlx(try_from = "String")]
    status: Status,
    placed_at: DateTime<Utc>,
    #[sqlx(try_from = "i64")]
    items_total: Money,
    #[sqlx(try_from = "i64")]
    freight_total: Money,
    currency: String,
    #[sqlx(flatten)]
    customer: Customer,
}

/// Nothing where nobody of that id is registered.
#[derive(FromRow)]
struct Customer {
    #[sqlx(rename = "customer_id")]
    id: Option<Uuid>,
    name: Option<String>,
    city: Option<String>,
}

#[derive(Serialize)]
struct Orders {
    nodes: Vec<Order>,
    #[serde(rename = "pageInfo")]
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

#[derive(Serialize)]
struct Dashboard {
    totals: Vec<Total>,
    orders: Orders,
}

#[derive(Serialize)]
struct Answer {
    data: Dashboard,
}

impl From<i64> for Count {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<i64> for Money {
    fn from(amount: i64) -> Self {
        Self {
            amount: Count(amount),
        }
    }
}

impl From<String> for Status {
    fn from(mut stored: String) -> Self {
        stored.make_ascii_uppercase();
        Self(stored)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for Customer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.id.is_none() {
            return serializer.serialize_none();
        }
        let mut fields = serializer.serialize_struct("Customer", 2)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("city", &self.city)?;
        fields.end()
    }
}

/// The service, told of the read models by the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "a process of its own, which is told so"
)]
pub(crate) async fn router(database: &str) -> Result<Router> {
    let told = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let path = format!(
        "{}, {}",
        told(variable::ORDERS)?,
        told(variable::CUSTOMERS)?
    );
    let options: PgConnectOptions = database.parse()?;
    let pool = PgPoolOptions::new()
        .max_connections(told(variable::CONNECTIONS)?.parse()?)
        .test_before_acquire(false)
        .connect_with(options.options([("search_path", path)]))
        .await?;
    let key = hex::decode(told(variable::CONTEXT_KEY)?)?;
    Ok(Router::new()
        .route(ROUTE, post(answer))
        .with_state(Arc::new(Service { pool, key })))
}

async fn answer(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let tenant = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer ")?.parse().ok());
    let Some(tenant) = tenant else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match service.dashboard(tenant).await {
        Ok(data) => Json(Answer { data }).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl Service {
    /// The signed claim that the read models' policies ask for.
    fn sign(&self, tenant: Uuid) -> String {
        let inner = Sha256::new()
            .chain_update(&self.key)
            .chain_update(tenant.to_string())
            .finalize();
        let outer = Sha256::new().chain_update(&self.key).chain_update(inner);
        hex::encode(outer.finalize())
    }

    async fn dashboard(&self, tenant: Uuid) -> Result<Dashboard> {
        // Hexadecimal digits need no escaping.
        let begin = format!(
            "begin isolation level repeatable read read only; select set_config('app.current_organization', '{tenant}', true), \
             set_config('app.signature', '{}', true)",
            self.sign(tenant)
        );
        let mut tx = self.pool.begin_with(sqlx::AssertSqlSafe(begin)).await?;
        let totals: Vec<Total> = sqlx::query_as(TOTALS).fetch_all(&mut *tx).await?;
        let mut orders: Vec<Order> = sqlx::query_as(ORDERS)
            .bind(i64::from(PAGE) + 1)
            .fetch_all(&mut *tx)
            .await?;
        drop(tx);
        let page = usize::try_from(PAGE)?;
        let has_next_page = orders.len() > page;
        orders.truncate(page);
        Ok(Dashboard {
            totals,
            orders: Orders {
                nodes: orders,
                page_info: PageInfo { has_next_page },
            },
        })
    }
}
