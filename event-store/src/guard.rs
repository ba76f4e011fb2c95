//! The guard follows every partition and proves each number: offset, position and version are the last one plus one. The
//! numbered path trusts its writer with the latter two; a writer that is wrong is caught here, its tenant frozen, the others
//! unharmed. One process guards at a time.

mod sequence;

use std::time::{Duration, Instant};

use event_schemas::{StreamId, TenantId};
use metrics::{counter, gauge};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::{Error, Store};
use sequence::{Break, Row, Sequences};

/// Any number that nothing else in the database is likely to lock on.
const LOCK: i64 = 0x6461_7962_6775_6172;
/// Between two looks at the log, so that one look sees many appends.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two tries to become the guard, and after a failure.
const STAND_BY: Duration = Duration::from_secs(1);
/// How often the progress is kept.
const KEEP: Duration = Duration::from_secs(1);
/// Rows of one partition in one look.
const PAGE: i64 = 1_000;

/// Guards until cancelled, whenever no other process does.
pub(crate) async fn run(store: Store, cancelled: CancellationToken) {
    let guarding = async {
        loop {
            if let Err(error) = guard(&store).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the guard lost its connection"
                );
            }
            tokio::time::sleep(STAND_BY).await;
        }
    };
    tokio::select! {
        () = guarding => {}
        () = cancelled.cancelled() => {}
    }
}

/// Guards for as long as the connection lasts. Returns at once if another process guards.
async fn guard(store: &Store) -> Result<(), Error> {
    let mut connection = store.guard_connection().await?;
    let mine = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "mine!""#, LOCK)
        .fetch_one(&mut connection)
        .await?;
    if !mine {
        connection.close().await?;
        return Ok(());
    }
    let mut progress = progress(&mut connection).await?;
    let mut sequences = Sequences::default();
    let mut heads = store.heads().subscribe();
    let mut kept = Instant::now();
    loop {
        let rows = look(&mut connection, &progress).await?;
        if rows.is_empty() {
            keep(&mut connection, &progress).await?;
            kept = Instant::now();
            // The store owns the sender: it lives as long as this.
            drop(heads.changed().await);
        } else {
            let full = rows.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            for found in check(&mut connection, &mut sequences, &mut progress, rows).await? {
                alarm(store, &found).await;
            }
            if kept.elapsed() >= KEEP {
                keep(&mut connection, &progress).await?;
                kept = Instant::now();
            }
            if full {
                continue;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How far each partition is proved; the partitions ascend.
#[derive(Default)]
struct Progress {
    partitions: Vec<i16>,
    offsets: Vec<i64>,
}

async fn progress(connection: &mut PgConnection) -> Result<Progress, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select p.partition, coalesce(d.next_offset, 0) as "offset!"
           from log.partition p left join log.proved d on d.partition = p.partition order by p.partition"#
    )
    .fetch_all(connection)
    .await?;
    let mut progress = Progress::default();
    for row in rows {
        progress.partitions.push(row.partition);
        progress.offsets.push(row.offset);
    }
    Ok(progress)
}

async fn keep(connection: &mut PgConnection, progress: &Progress) -> Result<(), sqlx::Error> {
    // Nobody waits for this to be on disk: what is lost is proved again.
    sqlx::query!(
        "with now as (select set_config('synchronous_commit', 'off', true))
         insert into log.proved as d (partition, next_offset)
         select n.partition, n.next_offset from unnest($1::smallint[], $2::bigint[]) n(partition, next_offset), now
         on conflict (partition) do update set next_offset = excluded.next_offset
           where d.next_offset <> excluded.next_offset",
        &progress.partitions,
        &progress.offsets,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The numbers of what was appended since, of every partition.
async fn look(connection: &mut PgConnection, progress: &Progress) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select e.partition as "partition!", e."offset" as "offset!", e.tenant_id as "tenant!", e.position as "position!",
                  e.stream_id as "stream!", e.version as "version!"
           from unnest($1::smallint[], $2::bigint[]) n(partition, "offset")
           cross join lateral (
             select l.* from log.event l where l.partition = n.partition and l."offset" >= n."offset"
             order by l."offset" limit $3) e"#,
        &progress.partitions,
        &progress.offsets,
        PAGE
    )
    .fetch_all(connection)
    .await
}

async fn check(
    connection: &mut PgConnection,
    sequences: &mut Sequences,
    progress: &mut Progress,
    rows: Vec<Row>,
) -> Result<Vec<Break>, sqlx::Error> {
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for row in rows {
        let next = progress
            .partitions
            .binary_search(&row.partition)
            .ok()
            .and_then(|n| progress.offsets.get_mut(n));
        if let Some(next) = next {
            if *next != row.offset {
                found.push(row.breaks("offset", *next, row.offset));
            }
            *next = row.offset + 1;
        }
        sequences.follow(&row, &mut unknown, &mut found);
    }
    if !unknown.is_empty() {
        found.extend(probe(connection, unknown).await?);
    }
    Ok(found)
}

/// Looks up the predecessors of those rows that the memory knows nothing of.
async fn probe(
    connection: &mut PgConnection,
    unknown: Vec<(Row, &'static str)>,
) -> Result<Vec<Break>, sqlx::Error> {
    let tenant: Vec<_> = unknown.iter().map(|(row, _)| row.tenant).collect();
    let stream: Vec<Option<&str>> = unknown
        .iter()
        .map(|(row, column)| (*column == "version").then_some(row.stream.as_str()))
        .collect();
    let before: Vec<i64> = unknown
        .iter()
        .map(|(row, column)| row.number(column) - 1)
        .collect();
    let missing = sqlx::query_scalar!(
        r#"select w.ord as "ord!"
           from unnest($1::uuid[], $2::text[], $3::bigint[]) with ordinality w(tenant, stream, before, ord)
           where case when w.stream is null
             then not exists (select from log.event e where e.tenant_id = w.tenant and e.position = w.before)
             else not exists (select from log.event e
               where e.tenant_id = w.tenant and e.stream_id = w.stream and e.version = w.before::int)
           end"#,
        &tenant,
        &stream as &[Option<&str>],
        &before,
    )
    .fetch_all(connection)
    .await?;
    Ok(missing
        .into_iter()
        .filter_map(|ord| unknown.get(usize::try_from(ord - 1).ok()?))
        .map(|(row, column)| row.breaks(column, -1, row.number(column)))
        .collect())
}

async fn alarm(store: &Store, found: &Break) {
    counter!("log_alarms_total", "column" => found.column).increment(1);
    gauge!("log_alarm").set(1.0);
    tracing::error!(
        column = found.column,
        partition = found.partition,
        offset = found.offset,
        tenant = %found.tenant,
        stream = %found.stream,
        expected = found.expected,
        found = found.found,
        "the log's numbers do not follow: the tenant's appends are frozen; run `daybook log fsck`"
    );
    let why = serde_json::json!({
        "column": found.column, "partition": found.partition, "offset": found.offset, "stream": found.stream,
        "expected": (found.expected >= 0).then_some(found.expected), "found": found.found,
    });
    if let Err(error) = store.freeze(found.tenant, &why).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            tenant = %found.tenant,
            "the tenant could not be frozen"
        );
    }
}

impl Row {
    fn number(&self, column: &str) -> i64 {
        if column == "version" {
            i64::from(self.version)
        } else {
            self.position
        }
    }

    fn breaks(&self, column: &'static str, expected: i64, found: i64) -> Break {
        Break {
            column,
            partition: self.partition,
            offset: self.offset,
            tenant: TenantId(self.tenant),
            stream: StreamId(self.stream.clone()),
            expected,
            found,
        }
    }
}
