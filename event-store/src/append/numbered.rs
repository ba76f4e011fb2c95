//! One call of `log.append_numbered`, which writes all of what was numbered or nothing.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    arrays::{Events, count, narrow},
    memory::Plan,
};

/// Writes what is numbered in the plan; when it was recorded.
pub(super) async fn call(
    connection: &mut PgConnection,
    plan: &Plan<'_>,
    full: bool,
) -> Result<DateTime<Utc>, sqlx::Error> {
    let q_partition: Vec<i16> = plan.swaps.keys().map(|p| narrow(*p)).collect();
    let q_base: Vec<i64> = plan.swaps.values().map(|s| s.base).collect();
    let q_events: Vec<i64> = plan.swaps.values().map(|s| s.events).collect();
    let mut e = Events::default();
    let (mut offset, mut position, mut version) = (Vec::new(), Vec::new(), Vec::new());
    let mut keys = Keys::default();
    for numbered in &plan.numbered {
        let append = numbered.append;
        for (((event, o), p), v) in append
            .events
            .iter()
            .zip(numbered.first_offset..)
            .zip(numbered.first_position..)
            .zip(numbered.version + 1..)
        {
            e.push(append, numbered.partition, append.stream.as_str(), event);
            offset.push(o);
            position.push(p);
            version.push(v);
        }
        if let Some(hash) = &append.request_hash {
            keys.tenant.push(append.tenant.0);
            keys.command.push(append.command_id);
            keys.hash.push(hash);
            keys.position.push(numbered.first_position);
            keys.offset.push(numbered.first_offset);
            keys.events.push(count(append.events.len()));
            keys.version.push(numbered.version + 1);
        }
    }
    let hashes = e.hashes();
    sqlx::query_scalar!(
        r#"select log.append_numbered($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20, $21, $22, $23, $24) as "recorded_at!""#,
        &q_partition,
        &q_base,
        &q_events,
        &e.partition,
        &offset,
        &e.tenant,
        &position,
        &e.stream as &[&str],
        &version,
        &e.id,
        &e.kind as &[&str],
        &e.schema,
        &e.payload as &[&[u8]],
        &e.content,
        &e.metadata as &[&[u8]],
        &hashes as &[&[u8]],
        &keys.tenant,
        &keys.command,
        &keys.hash as &[&[u8]],
        &keys.position,
        &keys.offset,
        &keys.events,
        &keys.version,
        full,
    )
    .fetch_one(connection)
    .await
}

/// The arguments per idempotency key.
#[derive(Default)]
struct Keys<'a> {
    tenant: Vec<Uuid>,
    command: Vec<Uuid>,
    hash: Vec<&'a [u8]>,
    position: Vec<i64>,
    offset: Vec<i64>,
    events: Vec<i32>,
    version: Vec<i32>,
}
