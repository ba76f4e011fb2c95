//! The database's own limit: one connection, one statement per batch, rows that were numbered and encoded beforehand by
//! another task.

use std::collections::HashMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use event_schemas::{TenantId, envelope::CONTENT_TYPE_JSON, hash::content_hash};
use event_store::{Clock, SystemClock};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{append::metadata, b2_append::Streams, measure::Caller, server::PARTITIONS};

/// How many batches are ready at a time.
const READY: usize = 8;

const EVENTS: &str = r#"
with rows as (
  insert into bare.event (partition, "offset", tenant_id, position, stream_id, version, event_id, event_type,
    schema_version, payload, content_type, metadata, content_hash, occurred_at, recorded_at)
  select u.*, $14::timestamptz, $14
  from unnest($1::smallint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::int[], $7::uuid[], $8::text[],
    $9::smallint[], $10::bytea[], $11::smallint[], $12::bytea[], $13::bytea[]) u
)"#;
const COMMANDS: &str = r#", commands as (
  insert into bare.command (tenant_id, command_id, request_hash, response, expires_at)
  select u.tenant, u.command, u.hash,
         jsonb_build_object('stream', u.stream, 'position', u.position, 'version', u.version, 'offset', u."offset", 'events', 1),
         $14 + interval '30 days'
  from unnest($3::uuid[], $17::uuid[], $18::bytea[], $5::text[], $4::bigint[], $6::int[], $2::bigint[])
    u(tenant, command, hash, stream, position, version, "offset")
)"#;
const COUNTERS: &str = "
update bare.partition p set next_offset = c.next, last_recorded_at = $14
from unnest($15::smallint[], $16::bigint[]) c(partition, next) where p.partition = c.partition";

/// The rows of one batch, by column.
#[derive(Default)]
struct Rows {
    partition: Vec<i16>,
    offset: Vec<i64>,
    tenant: Vec<Uuid>,
    position: Vec<i64>,
    stream: Vec<String>,
    version: Vec<i32>,
    event: Vec<Uuid>,
    kind: Vec<String>,
    schema: Vec<i16>,
    payload: Vec<Vec<u8>>,
    content: Vec<i16>,
    metadata: Vec<Vec<u8>>,
    hash: Vec<Vec<u8>>,
    command: Vec<Uuid>,
    request: Vec<Vec<u8>>,
    heads: HashMap<i16, i64>,
}

/// What numbers the rows.
struct Writer {
    streams: Streams,
    offsets: HashMap<i16, i64>,
    positions: HashMap<TenantId, i64>,
}

impl Writer {
    fn batch(&mut self, size: usize) -> Result<Rows> {
        let mut rows = Rows::default();
        for _ in 0..size {
            let new = self.streams.next();
            let partition = i16::try_from(new.tenant.partition(PARTITIONS))?;
            let offset = self.offsets.entry(partition).or_default();
            let position = self.positions.entry(new.tenant).or_default();
            *position += 1;
            let metadata = metadata(new.command_id, new.tenant)?;
            let hash = content_hash(new.event_id, new.event_type, 1, &metadata, &new.payload);
            rows.partition.push(partition);
            rows.offset.push(*offset);
            rows.tenant.push(new.tenant.0);
            rows.position.push(*position);
            rows.stream.push(new.stream.0);
            rows.version.push(new.version);
            rows.event.push(new.event_id);
            rows.kind.push(new.event_type.to_owned());
            rows.schema.push(1);
            rows.payload.push(new.payload);
            rows.content.push(CONTENT_TYPE_JSON);
            rows.metadata.push(metadata);
            rows.hash.push(hash.to_vec());
            rows.command.push(new.command_id);
            if new.remembered {
                rows.request.push(vec![7; 32]);
            }
            *offset += 1;
            rows.heads.insert(partition, *offset);
        }
        Ok(rows)
    }
}

/// The caller that inserts.
pub(crate) struct Bare {
    connection: PgConnection,
    batches: mpsc::Receiver<Result<Rows>>,
    now: DateTime<Utc>,
    with_keys: String,
    without_keys: String,
}

impl Bare {
    /// Connects, and starts to encode.
    pub(crate) async fn start(url: &str, streams: Streams, batch: usize) -> Result<Self> {
        let connection = PgConnection::connect(url).await?;
        let mut writer = Writer {
            streams,
            offsets: HashMap::new(),
            positions: HashMap::new(),
        };
        let (ready, batches) = mpsc::channel(READY);
        // Ends when nobody takes its batches any more.
        tokio::task::spawn_blocking(
            move || while ready.blocking_send(writer.batch(batch)).is_ok() {},
        );
        Ok(Self {
            connection,
            batches,
            now: SystemClock.now(),
            with_keys: [EVENTS, COMMANDS, COUNTERS].concat(),
            without_keys: [EVENTS, COUNTERS].concat(),
        })
    }
}

impl Caller for Bare {
    async fn turn(&mut self) -> Result<u64> {
        let next = self.batches.recv().await;
        let rows = next.context("the bare writer ended")??;
        let (partitions, heads): (Vec<i16>, Vec<i64>) = rows.heads.into_iter().unzip();
        let keys = !rows.request.is_empty();
        let statement = if keys {
            &self.with_keys
        } else {
            &self.without_keys
        };
        let insert = sqlx::query(sqlx::AssertSqlSafe(statement.as_str()))
            .bind(&rows.partition)
            .bind(&rows.offset)
            .bind(&rows.tenant)
            .bind(&rows.position)
            .bind(&rows.stream)
            .bind(&rows.version)
            .bind(&rows.event)
            .bind(&rows.kind)
            .bind(&rows.schema)
            .bind(&rows.payload)
            .bind(&rows.content)
            .bind(&rows.metadata)
            .bind(&rows.hash)
            .bind(self.now)
            .bind(&partitions)
            .bind(&heads);
        let insert = if keys {
            insert.bind(&rows.command).bind(&rows.request)
        } else {
            insert
        };
        insert.execute(&mut self.connection).await?;
        Ok(u64::try_from(rows.offset.len())?)
    }
}
