//! The totals of orders, moved by what a batch changed: an order leaves the rows of its old status and enters those of
//! its new one. Never reads a total: sums are added in the database, which refuses to overflow.

use std::collections::{BTreeMap, HashMap};

use chrono::{Datelike, NaiveDate};
use event_schemas::order::OrderPlaced;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Batch, Key, row::Row};
use crate::ApplyError;

/// What an order adds to the row of one of its sellers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Sums {
    orders: i64,
    items: i64,
    revenue: i64,
    freight: i64,
}

impl Sums {
    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            orders: self.orders.checked_add(other.orders)?,
            items: self.items.checked_add(other.items)?,
            revenue: self.revenue.checked_add(other.revenue)?,
            freight: self.freight.checked_add(other.freight)?,
        })
    }

    /// What takes it away again. No sum is ever the smallest number, which has no opposite.
    fn negated(self) -> Self {
        Self {
            orders: -self.orders,
            items: -self.items,
            revenue: -self.revenue,
            freight: -self.freight,
        }
    }
}

/// Tenant, month, state, seller, status and currency.
type TotalKey<'r> = (Uuid, NaiveDate, &'r str, &'r str, &'static str, &'r str);

/// Moves the totals by everything the batch changed.
pub(super) async fn apply(
    batch: &Batch<'_>,
    connection: &mut PgConnection,
) -> Result<(), ApplyError> {
    let placed: HashMap<Key, &OrderPlaced> = batch
        .placed
        .iter()
        .filter_map(|(index, event)| Some((batch.rows.get(*index)?.key, *event)))
        .collect();
    let moved: Vec<&Row> = batch
        .rows
        .iter()
        .filter(|row| row.before != Some(row.status))
        .collect();
    let several: Vec<Key> = moved
        .iter()
        .filter(|row| row.seller_ids.len() > 1 && !placed.contains_key(&row.key))
        .map(|row| row.key)
        .collect();
    let stored = load_sums(&several, connection).await?;

    let mut deltas: BTreeMap<TotalKey<'_>, Sums> = BTreeMap::new();
    for row in moved {
        let too_large = || sqlx::Error::Encode("a total is too large".into());
        let month = row.placed_at.date_naive().with_day(1).unwrap_or_default();
        let mut add = |seller, status: event_schemas::order::OrderStatus, sums| {
            let state = row.state.as_deref().unwrap_or_default();
            let key = (
                row.key.0,
                month,
                state,
                seller,
                status.as_str(),
                row.currency.as_str(),
            );
            let delta = deltas.entry(key).or_default();
            *delta = delta.plus(sums).ok_or_else(too_large)?;
            Ok::<_, sqlx::Error>(())
        };
        let mut both = |seller, sums: Sums| {
            if let Some(before) = row.before {
                add(seller, before, sums.negated())?;
            }
            add(seller, row.status, sums)
        };
        match (row.seller_ids.as_slice(), placed.get(&row.key)) {
            ([] | [_], _) => {
                let seller = row.seller_ids.first().map_or("", String::as_str);
                let (items, revenue, freight) =
                    (row.item_count, row.items_total, row.freight_total);
                both(
                    seller,
                    Sums {
                        orders: 1,
                        items,
                        revenue,
                        freight,
                    },
                )?;
            }
            (sellers, Some(placed)) => {
                for seller in sellers {
                    both(seller, sums_of(placed, seller).ok_or_else(too_large)?)?;
                }
            }
            (_, None) => {
                for (seller, sums) in stored.get(&row.key).into_iter().flatten() {
                    both(seller, *sums)?;
                }
            }
        }
    }
    deltas.retain(|_, sums| *sums != Sums::default());
    save(&deltas, connection).await?;
    Ok(())
}

/// What one seller has in a new order.
fn sums_of(placed: &OrderPlaced, seller: &str) -> Option<Sums> {
    let lines = placed
        .lines
        .iter()
        .filter(|line| line.seller_id.as_deref().unwrap_or_default() == seller);
    lines.into_iter().try_fold(
        Sums {
            orders: 1,
            ..Sums::default()
        },
        |sums, line| {
            let (revenue, freight) = (line.goods()?.get(), line.freight.unwrap_or_default().get());
            sums.plus(Sums {
                orders: 0,
                items: line.quantity.into(),
                revenue,
                freight,
            })
        },
    )
}

/// What each seller has in orders of several sellers that were placed before.
async fn load_sums(
    keys: &[Key],
    connection: &mut PgConnection,
) -> Result<HashMap<Key, Vec<(String, Sums)>>, sqlx::Error> {
    let mut sums: HashMap<Key, Vec<(String, Sums)>> = HashMap::new();
    if keys.is_empty() {
        return Ok(sums);
    }
    let rows = sqlx::query!(
        r#"select l.tenant_id, l.order_id, coalesce(l.seller_id, '') as "seller!", sum(l.quantity)::bigint as "items!",
                  sum(l.quantity * l.unit_price)::bigint as "revenue!", sum(l.freight)::bigint as "freight!"
           from unnest($1::uuid[], $2::uuid[]) as k (tenant_id, order_id)
           join order_line l on l.tenant_id = k.tenant_id and l.order_id = k.order_id
           group by 1, 2, 3"#,
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let of_seller = Sums {
            orders: 1,
            items: row.items,
            revenue: row.revenue,
            freight: row.freight,
        };
        sums.entry((row.tenant_id, row.order_id))
            .or_default()
            .push((row.seller, of_seller));
    }
    Ok(sums)
}

async fn save(
    deltas: &BTreeMap<TotalKey<'_>, Sums>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if deltas.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = deltas.keys().collect();
    let sums = |field: fn(&Sums) -> i64| deltas.values().map(field).collect::<Vec<_>>();
    sqlx::query_file!(
        "sql/order_total_add.sql",
        &keys.iter().map(|key| key.0).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.1).collect::<Vec<_>>(),
        &keys.iter().map(|key| key.2).collect::<Vec<_>>() as &[&str],
        &keys.iter().map(|key| key.3).collect::<Vec<_>>() as &[&str],
        &keys.iter().map(|key| key.4).collect::<Vec<_>>() as &[&str],
        &keys.iter().map(|key| key.5).collect::<Vec<_>>() as &[&str],
        &sums(|sums| sums.orders),
        &sums(|sums| sums.items),
        &sums(|sums| sums.revenue),
        &sums(|sums| sums.freight),
    )
    .execute(&mut *connection)
    .await?;

    // What no order is in any more must not be there: a rebuild would never make it.
    let left: Vec<_> = deltas
        .iter()
        .filter(|(_, sums)| sums.orders < 0)
        .map(|(key, _)| key)
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from order_total t
         using unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[])
           as d (tenant_id, month, state, seller_id, status, currency)
         where t.tenant_id = d.tenant_id and t.month = d.month and t.state = d.state and t.seller_id = d.seller_id
           and t.status = d.status and t.currency = d.currency and t.orders = 0",
        &left.iter().map(|key| key.0).collect::<Vec<_>>(),
        &left.iter().map(|key| key.1).collect::<Vec<_>>(),
        &left.iter().map(|key| key.2).collect::<Vec<_>>() as &[&str],
        &left.iter().map(|key| key.3).collect::<Vec<_>>() as &[&str],
        &left.iter().map(|key| key.4).collect::<Vec<_>>() as &[&str],
        &left.iter().map(|key| key.5).collect::<Vec<_>>() as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}
