//! Fills a log with the orders of many shops, few of them busy, and with who gave them: what a dashboard looks at.

use anyhow::{Context, Result};
use event_schemas::{
    Event, Personal, TenantId,
    customer::{CustomerEvent, CustomerRegistered},
};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    append::metadata,
    fill::{self, VARIANTS},
    workload::tenants,
};

const CITIES: [&str; 4] = ["Berlin", "Bremen", "Dresden", "Köln"];

/// Gives so many tenants orders: each 4, every tenth by rank 20 more, every hundredth 100, every thousandth 1,000. They were placed
/// throughout a year, and are between placed and shipped.
pub(crate) async fn fill(connection: &mut PgConnection, count: usize) -> Result<()> {
    let steps = fill::steps()?;
    let types: Vec<&str> = steps.iter().map(|step| step.event_type()).collect();
    let payloads = fill::payloads(&steps).await?;
    let customers = payloads
        .iter()
        .step_by(steps.len())
        .map(|payload| customer(payload))
        .collect::<Result<Vec<Uuid>>>()?;
    let registered = CITIES
        .iter()
        .cycle()
        .zip(1..=VARIANTS)
        .map(|(city, number)| register(city, number))
        .collect::<Result<Vec<_>, _>>()?;
    let tenants: Vec<Uuid> = tenants(count).into_iter().map(|tenant| tenant.0).collect();
    let metadata = metadata(Uuid::from_u128(1), TenantId(Uuid::nil()))?;
    let mut orders: i64 = 0;
    for (share, more) in [(1, 4), (10, 20), (100, 100), (1_000, 1_000)] {
        let busy = tenants.get(..count / share).context("there are so many")?;
        sqlx::query(include_str!("../sql/shops.sql"))
            .bind(busy)
            .bind(orders)
            .bind(more)
            .bind(&types)
            .bind(&payloads)
            .bind(i64::try_from(VARIANTS)?)
            .bind(&metadata)
            .bind(&customers)
            .bind(&registered)
            .execute(&mut *connection)
            .await?;
        orders += more;
    }
    Ok(())
}

/// Who gave the order.
fn customer(placed: &[u8]) -> Result<Uuid> {
    let order: Value = serde_json::from_slice(placed)?;
    let id = order.get("customerId").and_then(Value::as_str);
    Ok(id.context("an order has no customer")?.parse()?)
}

fn register(city: &str, number: u64) -> Result<Vec<u8>, serde_json::Error> {
    CustomerEvent::CustomerRegistered(CustomerRegistered {
        name: Some(Personal(format!("Customer {number}"))),
        email: Some(Personal(format!("customer{number}@example.com"))),
        phone: None,
        postal_code: None,
        city: Some(city.to_owned()),
        state: None,
        country: None,
    })
    .encode()
}
