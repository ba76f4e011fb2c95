//! The policy that notes what orders bring: each order is an observation of the metrics that follow the revenue in its currency.
//! Owns which metrics those are. Answers an order when it is placed, and nothing that happened before a metric was defined.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use event_schemas::{
    Event, RecordedEvent,
    decimal::Decimal,
    metric::{Feed, MetricEvent},
    money::Currency,
    order::{OrderEvent, OrderPlaced},
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Effects, Wanted};
use crate::{
    ApplyError, Known, Projection,
    projection::{aggregate, decode},
};

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct Revenue;

/// The metrics that follow the revenue, by tenant and in the order of their ids, each with its currency.
type Followers = BTreeMap<Uuid, BTreeMap<Uuid, String>>;

#[async_trait::async_trait]
impl Projection for Revenue {
    fn name(&self) -> &'static str {
        "revenue"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../../migrations/read-models/revenue.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[
            Known {
                context: "order",
                types: OrderEvent::TYPES,
            },
            Known {
                context: "metric",
                types: MetricEvent::TYPES,
            },
        ]
    }

    fn wants(&self, event_type: &str) -> bool {
        matches!(event_type, "OrderPlaced" | "MetricDefined")
    }

    fn is_policy(&self) -> bool {
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        self.react(events, connection).await.map(drop)
    }

    async fn react(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<Effects, ApplyError> {
        let tenants: BTreeSet<Uuid> = events.iter().map(|event| event.tenant.0).collect();
        let mut followers = load(&tenants, connection).await?;
        let (effects, new) = fold(&mut followers, events)?;
        save(&new, connection).await?;
        Ok(effects)
    }
}

/// A metric that began to follow: tenant, metric and currency.
type New = (Uuid, Uuid, String);

/// What the events change in the state, and what is to be done about them.
fn fold(
    followers: &mut Followers,
    events: &[&RecordedEvent],
) -> Result<(Effects, Vec<New>), ApplyError> {
    let (mut effects, mut new) = (Effects::default(), Vec::new());
    for recorded in events {
        let tenant = recorded.tenant.0;
        if recorded.event_type == "MetricDefined" {
            let MetricEvent::MetricDefined(defined) = decode(recorded)? else {
                continue;
            };
            if defined.feed == Some(Feed::OrderRevenue) {
                let metric = aggregate(recorded)?;
                let of_tenant = followers.entry(tenant).or_default();
                of_tenant.insert(metric, defined.unit.clone());
                new.push((tenant, metric, defined.unit));
            }
        } else if let Some(of_tenant) = followers.get(&tenant) {
            let OrderEvent::OrderPlaced(placed) = decode(recorded)? else {
                continue;
            };
            let in_it = |unit: &str| unit == placed.currency.as_str();
            for (metric, _) in of_tenant.iter().filter(|(_, unit)| in_it(unit)) {
                effects.command(recorded, observe(recorded, &placed, *metric)?);
            }
        }
    }
    Ok((effects, new))
}

fn observe(
    recorded: &RecordedEvent,
    placed: &OrderPlaced,
    metric: Uuid,
) -> Result<Wanted, ApplyError> {
    let too_much = || ApplyError::event(recorded, "the order's worth is out of range");
    let goods = placed.goods_total().ok_or_else(too_much)?;
    let value = worth(goods.get(), placed.currency).ok_or_else(too_much)?;
    Ok(Wanted {
        command: "metric.observe",
        id: metric,
        data: json!({ "observations": [{
            "observedAt": recorded.occurred_at,
            "value": value,
            "source": recorded.stream.0,
        }] }),
    })
}

/// An amount of minor units in whole ones.
fn worth(minor: i64, currency: Currency) -> Option<Decimal> {
    let micros_each = 10_i64.checked_pow(6_u32.checked_sub(currency.minor_digits())?)?;
    Decimal::from_micros(minor.checked_mul(micros_each)?)
}

async fn load(
    tenants: &BTreeSet<Uuid>,
    connection: &mut PgConnection,
) -> Result<Followers, sqlx::Error> {
    let rows = sqlx::query!(
        "select f.tenant_id, f.metric_id, f.currency from unnest($1::uuid[]) t(tenant_id)
         join revenue_metric f on f.tenant_id = t.tenant_id",
        &tenants.iter().copied().collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    let mut followers = Followers::new();
    for row in rows {
        let of_tenant = followers.entry(row.tenant_id).or_default();
        of_tenant.insert(row.metric_id, row.currency);
    }
    Ok(followers)
}

async fn save(new: &[New], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if new.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into revenue_metric (tenant_id, metric_id, currency)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[])",
        &new.iter().map(|one| one.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.1).collect::<Vec<_>>(),
        &new.iter().map(|one| one.2.as_str()).collect::<Vec<_>>() as &[&str]
    )
    .execute(connection)
    .await?;
    Ok(())
}
