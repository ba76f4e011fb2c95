//! Every event by itself and after the one before it in its partition: offset, time of recording, place of its tenant,
//! and the hash of its content. Never holds more than a page of a few megabytes.

use chrono::{DateTime, Utc};
use event_schemas::{TenantId, hash::content_hash};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Walk, event, head::Head, moment};
use crate::Error;

/// The most rows of a page.
const ROWS: i64 = 2_000;
/// The most bytes of a page's contents, unless its first event alone has more.
const BYTES: i64 = 4 << 20;

struct Row {
    partition: i16,
    offset: i64,
    tenant_id: Uuid,
    position: i64,
    event_id: Uuid,
    event_type: String,
    schema_version: i16,
    payload: Vec<u8>,
    metadata: Vec<u8>,
    content_hash: Vec<u8>,
    recorded_at: Option<DateTime<Utc>>,
}

/// Proves the content of all events, or of one tenant's.
pub(super) async fn prove(walk: &mut Walk<'_>) -> Result<(), Error> {
    if let Some(tenant) = walk.tenant {
        return of_tenant(walk, tenant).await;
    }
    let heads = walk.heads;
    for head in heads.all() {
        of_partition(walk, *head).await?;
    }
    Ok(())
}

async fn of_partition(walk: &mut Walk<'_>, head: Head) -> Result<(), Error> {
    let (mut next, mut recorded) = (0, None);
    while next < head.next_offset {
        let mut tx = walk.tx().await?;
        let rows = partition_page(tx.connection(), head, next).await?;
        drop(tx);
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            if row.offset != next {
                let key = || event(row.partition, row.offset);
                walk.report
                    .find("log.event", "offset", key, &row.offset, &next);
            }
            next = row.offset + 1;
            check(walk, row, &mut recorded);
        }
        walk.step(rows.len());
    }
    Ok(())
}

async fn of_tenant(walk: &mut Walk<'_>, tenant: TenantId) -> Result<(), Error> {
    let (mut after, mut recorded) = (i64::MIN, None);
    loop {
        let mut tx = walk.tx().await?;
        let rows = tenant_page(tx.connection(), tenant, after).await?;
        drop(tx);
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.position;
        for row in rows
            .iter()
            .filter(|row| walk.heads.cover(row.partition, row.offset))
        {
            check(walk, row, &mut recorded);
        }
        walk.step(rows.len());
    }
}

/// What a row proves by itself, and after the one recorded before it.
fn check(walk: &mut Walk<'_>, row: &Row, recorded: &mut Option<DateTime<Utc>>) {
    walk.report.proved.events += 1;
    let partitions = walk.store.partitions();
    let mut find = |column, found: String, expected: String| {
        let key = || event(row.partition, row.offset);
        walk.report
            .find("log.event", column, key, &found, &expected);
    };
    let partition = TenantId(row.tenant_id).partition(partitions);
    if i32::from(row.partition) != i32::from(partition) {
        let expected = format!("{partition}, the place of tenant {}", row.tenant_id);
        find("partition", row.partition.to_string(), expected);
    }
    let hash = content_hash(
        row.event_id,
        &row.event_type,
        row.schema_version,
        &row.metadata,
        &row.payload,
    );
    if hash.as_slice() != row.content_hash {
        find(
            "content_hash",
            hex::encode(&row.content_hash),
            format!("{}, the hash of its content", hex::encode(hash)),
        );
    }
    if row.recorded_at.is_none() || row.recorded_at < *recorded {
        let expected = format!("{} or later", moment(*recorded));
        find("recorded_at", moment(row.recorded_at), expected);
    }
    *recorded = row.recorded_at.or(*recorded);
}

/// The events from offset `from` on. The lengths of long contents are known without reading these.
async fn partition_page(
    connection: &mut PgConnection,
    head: Head,
    from: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select partition, "offset", tenant_id, position, event_id, event_type, schema_version, payload, metadata,
                  content_hash, case when isfinite(recorded_at) then recorded_at end as recorded_at
           from (
             select e.*, sum(octet_length(e.payload) + octet_length(e.metadata)) over (order by e."offset") as bytes,
                    row_number() over (order by e."offset") as number
             from (select * from log.event where partition = $1 and "offset" >= $2 and "offset" < $3
                   order by "offset" limit $4) e) page
           where bytes <= $5 or number = 1 order by "offset""#,
        head.partition,
        from,
        head.next_offset,
        ROWS,
        BYTES
    )
    .fetch_all(connection)
    .await
}

/// A tenant's events after position `after`.
async fn tenant_page(
    connection: &mut PgConnection,
    tenant: TenantId,
    after: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select partition, "offset", tenant_id, position, event_id, event_type, schema_version, payload, metadata,
                  content_hash, case when isfinite(recorded_at) then recorded_at end as recorded_at
           from (
             select e.*, sum(octet_length(e.payload) + octet_length(e.metadata)) over (order by e.position) as bytes,
                    row_number() over (order by e.position) as number
             from (select * from log.event where tenant_id = $1 and position > $2 order by position limit $3) e) page
           where bytes <= $4 or number = 1 order by position"#,
        tenant.0,
        after,
        ROWS,
        BYTES
    )
    .fetch_all(connection)
    .await
}
