//! Every tenant: registered where its id places it, positions 1, 2, 3 … in the order of the offsets, times that never
//! go back, and the registration as its first event. Never holds more than a page of either table.

use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{PAGE, Walk, event, moment};
use crate::Error;

struct Row {
    tenant_id: Uuid,
    position: i64,
    partition: i16,
    offset: i64,
    stream_id: String,
    occurred_at: Option<DateTime<Utc>>,
    recorded_at: Option<DateTime<Utc>>,
    registered: bool,
}

/// The tenant whose events are walked, as of the last of them.
#[derive(Clone, Copy)]
struct Last {
    tenant: Uuid,
    position: i64,
    partition: i16,
    offset: i64,
    occurred_at: Option<DateTime<Utc>>,
}

/// Proves the tenants: their events, then their rows.
pub(super) async fn prove(walk: &mut Walk<'_>) -> Result<(), Error> {
    let only = walk.tenant.map(|tenant| tenant.0);
    let (mut after, mut last) = ((only.unwrap_or(Uuid::nil()), i64::MIN), None);
    loop {
        let mut tx = walk.tx().await?;
        let rows = page(tx.connection(), after, only.unwrap_or(Uuid::max())).await?;
        drop(tx);
        let Some(end) = rows.last() else { break };
        after = (end.tenant_id, end.position);
        for row in &rows {
            if walk.heads.cover(row.partition, row.offset) {
                last = Some(check(walk, row, last));
            }
        }
        walk.step(rows.len());
    }
    registered(walk, only).await
}

fn check(walk: &mut Walk<'_>, row: &Row, last: Option<Last>) -> Last {
    let mut find = |column, found: String, expected: String| {
        let key = || event(row.partition, row.offset);
        walk.report
            .find("log.event", column, key, &found, &expected);
    };
    let before = last.filter(|last| last.tenant == row.tenant_id);
    let next = before.map_or(1, |last| last.position + 1);
    if row.position != next {
        let expected = format!("{next} for tenant {}", row.tenant_id);
        find("position", row.position.to_string(), expected);
    }
    if let Some(last) = before {
        if row.partition == last.partition && row.offset <= last.offset {
            let expected = format!("more than {}, as position {next} follows", last.offset);
            find("offset", row.offset.to_string(), expected);
        }
    } else {
        let registration = format!("organization-{}", row.tenant_id);
        if row.position == 1 && row.stream_id != registration {
            let expected = format!("{registration}: a tenant's first event is its registration");
            find("stream_id", row.stream_id.clone(), expected);
        }
        if !row.registered {
            let expected = "a tenant of log.tenant".to_owned();
            find("tenant_id", row.tenant_id.to_string(), expected);
        }
    }
    let newest = before.and_then(|last| last.occurred_at);
    // A time that cannot be true says nothing of the events after it.
    let mut believed = newest;
    let future = row.recorded_at.is_some() && row.occurred_at > row.recorded_at;
    if future || row.occurred_at.is_none() {
        let expected = format!("{} or earlier", moment(row.recorded_at));
        find("occurred_at", moment(row.occurred_at), expected);
    } else {
        if row.occurred_at < newest {
            let expected = format!("{} or later", moment(newest));
            find("occurred_at", moment(row.occurred_at), expected);
        }
        believed = row.occurred_at;
    }
    if before.is_none() {
        walk.report.proved.tenants += 1;
    }
    Last {
        tenant: row.tenant_id,
        position: row.position,
        partition: row.partition,
        offset: row.offset,
        occurred_at: believed,
    }
}

async fn page(
    connection: &mut PgConnection,
    after: (Uuid, i64),
    to: Uuid,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select e.tenant_id, e.position, e.partition, e."offset", e.stream_id,
                  case when isfinite(e.occurred_at) then e.occurred_at end as occurred_at,
                  case when isfinite(e.recorded_at) then e.recorded_at end as recorded_at,
                  t.tenant_id is not null as "registered!"
           from (select * from log.event where (tenant_id, position) > ($1, $2) and tenant_id <= $3
                 order by tenant_id, position limit $4) e
           left join log.tenant t on t.tenant_id = e.tenant_id order by e.tenant_id, e.position"#,
        after.0,
        after.1,
        to,
        PAGE
    )
    .fetch_all(connection)
    .await
}

/// Every row of `log.tenant` stands in its partition and has events. (Both are written in one transaction.)
async fn registered(walk: &mut Walk<'_>, only: Option<Uuid>) -> Result<(), Error> {
    let (mut from, to) = (only.unwrap_or(Uuid::nil()), only.unwrap_or(Uuid::max()));
    loop {
        let mut tx = walk.tx().await?;
        let rows = sqlx::query!(
            r#"select t.tenant_id, t.partition,
                      exists (select from log.event e where e.tenant_id = t.tenant_id) as "used!"
               from log.tenant t where t.tenant_id between $1 and $2 order by t.tenant_id limit $3"#,
            from,
            to,
            PAGE
        )
        .fetch_all(tx.connection())
        .await?;
        drop(tx);
        for row in &rows {
            let key = || format!("tenant_id {}", row.tenant_id);
            let partition = TenantId(row.tenant_id).partition(walk.store.partitions());
            if i32::from(row.partition) != i32::from(partition) {
                walk.report
                    .find("log.tenant", "partition", key, &row.partition, &partition);
            }
            if !row.used {
                let (found, expected) = ("no event of it", "its registration");
                walk.report
                    .find("log.tenant", "tenant_id", key, &found, &expected);
            }
        }
        match rows
            .last()
            .and_then(|last| last.tenant_id.as_u128().checked_add(1))
        {
            Some(next) if next <= to.as_u128() => from = Uuid::from_u128(next),
            _ => return Ok(()),
        }
    }
}
