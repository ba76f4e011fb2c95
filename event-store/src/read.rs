//! Reads the log in pages, by partition, tenant or stream. Every page is checked: a number that is not the next one
//! or bytes that do not match their hash stop the reader, never get skipped.

use chrono::{DateTime, Utc};
use event_schemas::{RecordedEvent, StreamId, TenantId, hash::content_hash};
use uuid::Uuid;

use crate::{Error, OperatorTx, PartitionTx, TenantTx};

/// The most rows of a page.
pub const MAX_PAGE: i64 = 5_000;

/// Which way a stream is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Oldest first.
    Forwards,
    /// Newest first.
    Backwards,
}

struct Row {
    partition: i16,
    offset: i64,
    tenant_id: Uuid,
    position: i64,
    stream_id: String,
    version: i32,
    event_id: Uuid,
    event_type: String,
    schema_version: i16,
    payload: Vec<u8>,
    content_type: i16,
    metadata: Vec<u8>,
    content_hash: Vec<u8>,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
}

fn checked(row: Row) -> Result<RecordedEvent, Error> {
    let partition = u16::try_from(row.partition).unwrap_or(0);
    let hash = content_hash(
        row.event_id,
        &row.event_type,
        row.schema_version,
        &row.metadata,
        &row.payload,
    );
    if hash.as_slice() != row.content_hash {
        return Err(Error::Corrupt {
            column: "content_hash",
            partition,
            offset: row.offset,
            found: "the stored bytes do not match it".to_owned(),
        });
    }
    Ok(RecordedEvent {
        partition,
        offset: row.offset,
        tenant: TenantId(row.tenant_id),
        position: row.position,
        stream: StreamId(row.stream_id),
        version: row.version,
        event_id: row.event_id,
        event_type: row.event_type,
        schema_version: row.schema_version,
        payload: row.payload,
        content_type: row.content_type,
        metadata: row.metadata,
        content_hash: row.content_hash,
        occurred_at: row.occurred_at,
        recorded_at: row.recorded_at,
    })
}

fn contiguous(
    rows: Vec<Row>,
    column: &'static str,
    mut next: i64,
    number: fn(&RecordedEvent) -> i64,
    step: i64,
) -> Result<Vec<RecordedEvent>, Error> {
    rows.into_iter()
        .map(|row| {
            let event = checked(row)?;
            if number(&event) != next {
                return Err(Error::Corrupt {
                    column,
                    partition: event.partition,
                    offset: event.offset,
                    found: format!("{} where {next} follows", number(&event)),
                });
            }
            next += step;
            Ok(event)
        })
        .collect()
}

/// Where to read a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Which one.
    pub partition: u16,
    /// The first offset.
    pub from: i64,
    /// How many events at most.
    pub most: i64,
}

/// A part of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamSpan {
    /// Whose.
    pub tenant: TenantId,
    /// Which one.
    pub stream: StreamId,
    /// The first version.
    pub from: i32,
    /// The version before which it ends.
    pub before: i32,
}

impl PartitionTx {
    /// The events of parts of streams, one part after the other, each in order. A page ends before its payloads and metadata
    /// have more than `bytes`, unless its first event has more; ask for the rest again.
    pub async fn read_streams(
        &mut self,
        spans: &[StreamSpan],
        bytes: i64,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"select partition as "partition!", "offset" as "offset!", tenant_id as "tenant_id!", position as "position!",
                      stream_id as "stream_id!", version as "version!", event_id as "event_id!", event_type as "event_type!",
                      schema_version as "schema_version!", payload as "payload!", content_type as "content_type!",
                      metadata as "metadata!", content_hash as "content_hash!", occurred_at as "occurred_at!",
                      recorded_at as "recorded_at!"
               from (select e.*, sum(octet_length(payload) + octet_length(metadata)) over walk as bytes,
                            row_number() over walk as place
                     from (select e.*, asked.part
                           from unnest($1::uuid[], $2::text[], $3::int[], $4::int[])
                                  with ordinality asked(tenant, stream, first, before, part),
                                lateral (select * from log.event
                                         where event.tenant_id = asked.tenant and event.stream_id = asked.stream
                                           and version >= asked.first and version < asked.before
                                         order by version limit $6) e
                           order by asked.part, e.version limit $6) e
                     window walk as (order by part, version)) e
               where bytes <= $5 or place = 1
               order by place"#,
            &spans.iter().map(|span| span.tenant.0).collect::<Vec<_>>(),
            &spans
                .iter()
                .map(|span| span.stream.as_str().to_owned())
                .collect::<Vec<_>>(),
            &spans.iter().map(|span| span.from).collect::<Vec<_>>(),
            &spans.iter().map(|span| span.before).collect::<Vec<_>>(),
            bytes,
            MAX_PAGE
        )
        .fetch_all(self.connection())
        .await?;
        rows.into_iter().map(checked).collect()
    }

    /// The events of some partitions, a page of each, in the order of `spans`, whose partitions differ. A page ends before its
    /// payloads and metadata have more than `bytes`, unless its first event has more: that always comes, so that a hole shows.
    pub async fn read_partitions(
        &mut self,
        spans: &[Span],
        bytes: i64,
    ) -> Result<Vec<Vec<RecordedEvent>>, Error> {
        let narrow = |span: &Span| i16::try_from(span.partition).unwrap_or(i16::MAX);
        let rows = sqlx::query_as!(
            Row,
            r#"select e.partition as "partition!", e."offset" as "offset!", e.tenant_id as "tenant_id!",
                      e.position as "position!", e.stream_id as "stream_id!", e.version as "version!",
                      e.event_id as "event_id!", e.event_type as "event_type!", e.schema_version as "schema_version!",
                      e.payload as "payload!", e.content_type as "content_type!", e.metadata as "metadata!",
                      e.content_hash as "content_hash!", e.occurred_at as "occurred_at!", e.recorded_at as "recorded_at!"
               from unnest($1::smallint[], $2::bigint[], $3::bigint[]) asked(partition, first, most),
                    lateral (select *, sum(octet_length(payload) + octet_length(metadata)) over (order by "offset") as bytes,
                                    row_number() over (order by "offset") as place
                             from log.event where event.partition = asked.partition and "offset" >= asked.first
                             order by "offset" limit asked.most) e
               where e.bytes <= $4 or e.place = 1"#,
            &spans.iter().map(narrow).collect::<Vec<_>>(),
            &spans.iter().map(|span| span.from).collect::<Vec<_>>(),
            &spans
                .iter()
                .map(|span| span.most.clamp(1, MAX_PAGE))
                .collect::<Vec<_>>(),
            bytes
        )
        .fetch_all(self.connection())
        .await?;
        let mut pages: Vec<Vec<Row>> = spans.iter().map(|_| Vec::new()).collect();
        for row in rows {
            let place = spans.iter().position(|span| narrow(span) == row.partition);
            if let Some(page) = place.and_then(|place| pages.get_mut(place)) {
                page.push(row);
            }
        }
        std::iter::zip(spans, pages)
            .map(|(span, mut page)| {
                // They come in this order, but nobody promised it.
                page.sort_by_key(|row| row.offset);
                contiguous(page, "offset", span.from, |e| e.offset, 1)
            })
            .collect()
    }
}

impl PartitionTx {
    /// Events of a tenant from position `from` on, in order: a page of at most `limit`, which ends before its payloads and
    /// metadata have more than `bytes`, unless its first event has more.
    pub async fn read_tenant(
        &mut self,
        tenant: TenantId,
        from: i64,
        limit: i64,
        bytes: i64,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let from = from.max(1);
        let rows = sqlx::query_as!(
            Row,
            r#"select e.partition as "partition!", e."offset" as "offset!", e.tenant_id as "tenant_id!",
                      e.position as "position!", e.stream_id as "stream_id!", e.version as "version!",
                      e.event_id as "event_id!", e.event_type as "event_type!", e.schema_version as "schema_version!",
                      e.payload as "payload!", e.content_type as "content_type!", e.metadata as "metadata!",
                      e.content_hash as "content_hash!", e.occurred_at as "occurred_at!", e.recorded_at as "recorded_at!"
               from (select *, sum(octet_length(payload) + octet_length(metadata)) over (order by position) as bytes,
                            row_number() over (order by position) as place
                     from log.event where tenant_id = $1 and position >= $2 order by position limit $3) e
               where e.bytes <= $4 or e.place = 1
               order by e.position"#,
            tenant.0,
            from,
            limit.clamp(1, MAX_PAGE),
            bytes
        )
        .fetch_all(self.connection())
        .await?;
        contiguous(rows, "position", from, |e| e.position, 1)
    }
}

impl TenantTx {
    /// Up to `limit` events of the tenant from position `from` on, in order.
    pub async fn read_tenant(
        &mut self,
        from: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let from = from.max(1);
        let rows = sqlx::query_as!(
            Row,
            r#"select partition, "offset", tenant_id, position, stream_id, version, event_id, event_type, schema_version,
                      payload, content_type, metadata, content_hash, occurred_at, recorded_at
               from log.event where tenant_id = (select log.current_tenant()) and position >= $1 order by position limit $2"#,
            from,
            limit.clamp(1, MAX_PAGE)
        )
        .fetch_all(self.connection())
        .await?;
        contiguous(rows, "position", from, |e| e.position, 1)
    }

    /// Up to `limit` events of one stream, from version `from` on in the given direction.
    pub async fn read_stream(
        &mut self,
        stream: &StreamId,
        from: i32,
        direction: Direction,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        match direction {
            Direction::Forwards => {
                let from = from.max(1);
                let rows = sqlx::query_as!(
                    Row,
                    r#"select partition, "offset", tenant_id, position, stream_id, version, event_id, event_type, schema_version,
                              payload, content_type, metadata, content_hash, occurred_at, recorded_at
                       from log.event
                       where tenant_id = (select log.current_tenant()) and stream_id = $1 and version >= $2
                       order by version limit $3"#,
                    stream.as_str(),
                    from,
                    limit
                )
                .fetch_all(self.connection())
                .await?;
                contiguous(
                    rows,
                    "version",
                    i64::from(from),
                    |e| i64::from(e.version),
                    1,
                )
            }
            Direction::Backwards => {
                let rows = sqlx::query_as!(
                    Row,
                    r#"select partition, "offset", tenant_id, position, stream_id, version, event_id, event_type, schema_version,
                              payload, content_type, metadata, content_hash, occurred_at, recorded_at
                       from log.event
                       where tenant_id = (select log.current_tenant()) and stream_id = $1 and version <= $2
                       order by version desc limit $3"#,
                    stream.as_str(),
                    from,
                    limit
                )
                .fetch_all(self.connection())
                .await?;
                let first = rows.first().map_or(0, |r| i64::from(r.version));
                contiguous(rows, "version", first, |e| i64::from(e.version), -1)
            }
        }
    }
}

impl OperatorTx {
    /// Up to `limit` events of any tenant from position `from` on, in order.
    pub async fn read_tenant(
        &mut self,
        tenant: TenantId,
        from: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let from = from.max(1);
        let rows = sqlx::query_as!(
            Row,
            r#"select partition, "offset", tenant_id, position, stream_id, version, event_id, event_type, schema_version,
                      payload, content_type, metadata, content_hash, occurred_at, recorded_at
               from log.event where tenant_id = $1 and position >= $2 order by position limit $3"#,
            tenant.0,
            from,
            limit.clamp(1, MAX_PAGE)
        )
        .fetch_all(self.connection())
        .await?;
        contiguous(rows, "position", from, |e| e.position, 1)
    }
}
