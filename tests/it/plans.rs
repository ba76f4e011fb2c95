//! The plans of the log's hot statements on a big log: every table is reached through an index, whatever the statistics.

use std::time::{Duration, Instant};

use event_schemas::{StreamId, TenantId};
use event_store::{
    Append, Expected, KeyUse, NewSnapshot, Outcome, Want,
    read::{Direction, Span},
};
use sqlx::{PgConnection, Row};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{append::append, harness};

/// Events and tenants of the big log.
const EVENTS: i64 = 1_000_000;
const TENANTS: i64 = 1_000;

/// Fills the log with rows as numbered as the log's own: streams of four events, tenants one after the other.
async fn fill(admin: &mut PgConnection) {
    let fill = format!(
        "set session_replication_role = replica;
         create temporary table t as
           select n, gen_random_uuid() as id from generate_series(0, {TENANTS} - 1) n;
         alter table t add partition smallint;
         update t set partition = log.partition_of(id, 16::smallint);
         insert into log.tenant (tenant_id, partition, state, created_at) select id, partition, 'active', now() from t;
         insert into log.event (partition, \"offset\", tenant_id, position, stream_id, version, event_id, event_type,
           schema_version, payload, content_type, metadata, content_hash, occurred_at, recorded_at)
         select e.partition, row_number() over (partition by e.partition order by e.k, e.n) - 1, e.id, e.k + 1,
           'order-' || (e.k / 4), e.k % 4 + 1, e.event, 'A', 1, '{{}}', 1, '{{}}',
           sha256('\\x01'::bytea || uuid_send(e.event) || int4send(1) || 'A'::bytea || int2send(1::int2) || int4send(2)
             || '{{}}'::bytea || int4send(2) || '{{}}'::bytea), now(), now()
         from (select t.*, g.k, gen_random_uuid() as event from generate_series(0, {EVENTS} / {TENANTS} - 1) g(k), t) e;
         update log.partition p set next_offset = (select count(*) from log.event e where e.partition = p.partition);
         insert into log.command (tenant_id, command_id, request_hash, response, expires_at)
           select id, gen_random_uuid(), sha256('x'), '{{}}', now() + interval '30 days' from t, generate_series(1, 20);
         set session_replication_role = origin;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill))
        .execute(&mut *admin)
        .await
        .unwrap();
}

/// Keys that have expired, among those that have not.
async fn expire(admin: &mut PgConnection) {
    sqlx::raw_sql(
        "insert into log.command (tenant_id, command_id, request_hash, response, expires_at)
         select t.tenant_id, gen_random_uuid(), sha256('x'), '{}', now() - interval '1 hour'
         from log.tenant t, generate_series(1, 5)",
    )
    .execute(admin)
    .await
    .unwrap();
}

/// How often each of the log's tables was read as a whole, and how often an index was used.
async fn scans(admin: &mut PgConnection) -> Vec<(String, i64, i64)> {
    sqlx::raw_sql("select pg_stat_force_next_flush(); select pg_stat_clear_snapshot()")
        .execute(&mut *admin)
        .await
        .unwrap();
    let rows = sqlx::query(
        "select relname::text, seq_scan, coalesce(idx_scan, 0) from pg_stat_user_tables
         where schemaname = 'log' and relname in ('event', 'tenant', 'command', 'snapshot', 'claim') order by relname",
    )
    .fetch_all(admin)
    .await
    .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

/// Everything that a busy server does to the log, often enough that every statement has its plan for good.
async fn busy(database: &harness::Database, tenants: &[TenantId], name: &str) {
    let store = database.store().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &stop);
    for round in 0..12 {
        let part = &tenants[round * 50..round * 50 + 50];
        let want = |tenant: &TenantId| Want {
            tenant: *tenant,
            stream: StreamId(format!("order-{}", round * 7)),
            snapshot: Some([1; 32]),
        };
        let wants: Vec<Want> = part.iter().map(want).collect();
        let keys = part.iter().map(|tenant| KeyUse {
            tenant: *tenant,
            command_id: tenant.0,
        });
        let found = store.load(&wants, &keys.collect::<Vec<_>>()).await.unwrap();
        assert!(found.streams.iter().all(|stream| stream.events.len() == 4));
        // Checked: any version will do, and a unique value is taken. Numbered: what the load saw.
        let checked = part.iter().map(|tenant| Append {
            request_hash: Some([1; 32]),
            claims: vec![store.claim(*tenant, "email", "a", &StreamId("order-x".into()))],
            ..append(*tenant, "order-x", Expected::Any, 1)
        });
        for result in store.append(&checked.collect::<Vec<_>>()).await.unwrap() {
            assert!(matches!(result, Ok(Outcome::Appended(_))), "{result:?}");
        }
        let numbered = part.iter().map(|tenant| Append {
            request_hash: Some([1; 32]),
            ..append(
                *tenant,
                &format!("order-{name}-{round}"),
                Expected::NoStream,
                2,
            )
        });
        for result in store.append(&numbered.collect::<Vec<_>>()).await.unwrap() {
            assert!(matches!(result, Ok(Outcome::Appended(_))), "{result:?}");
        }
        let snapshot = NewSnapshot {
            tenant: part[0],
            stream: StreamId("order-1".into()),
            version: 4,
            state: b"{}".to_vec(),
            schema: [1; 32],
        };
        store.save_snapshots(&[snapshot]).await.unwrap();
        store.prune_commands().await.unwrap();
        let mut tx = store.partition_tx().await.unwrap();
        let partition = part[0].partition(store.partitions());
        let spans = [partition, (partition + 1) % store.partitions()].map(|partition| Span {
            partition,
            from: 40_000,
            most: 500,
        });
        let pages = tx.read_partitions(&spans, 1 << 20).await.unwrap();
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [500, 500]);
        let mut tx = store.tenant_tx(part[0]).await.unwrap();
        assert_eq!(tx.read_tenant(500, 100).await.unwrap().len(), 100);
        let stream = StreamId(format!("order-{round}"));
        let page = tx.read_stream(&stream, 1, Direction::Forwards, 10).await;
        assert_eq!(page.unwrap().len(), 4);
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    // A session counts what it did when it ends.
    store.close().await;
}

#[tokio::test]
async fn hot_statements_reach_every_table_through_an_index() {
    let database = harness::database().await;
    let mut admin = database.admin().await;
    fill(&mut admin).await;
    let tenants = sqlx::query_scalar::<_, Uuid>("select tenant_id from log.tenant order by 1");
    let tenants: Vec<TenantId> = tenants
        .fetch_all(&mut admin)
        .await
        .unwrap()
        .into_iter()
        .map(TenantId)
        .collect();
    // The guard proves what is new; that the rest is sound is not what it is asked here.
    sqlx::raw_sql("insert into log.proved select partition, next_offset from log.partition")
        .execute(&mut admin)
        .await
        .unwrap();
    for statistics in ["none yet", "fresh"] {
        if statistics == "fresh" {
            sqlx::raw_sql("analyze log.event, log.tenant, log.command, log.snapshot")
                .execute(&mut admin)
                .await
                .unwrap();
        }
        expire(&mut admin).await;
        let before = scans(&mut admin).await;
        busy(&database, &tenants, statistics).await;
        let mut after = scans(&mut admin).await;
        let deadline = Instant::now() + Duration::from_secs(30);
        while after.iter().zip(&before).any(|(a, b)| a.2 == b.2) {
            assert!(
                Instant::now() < deadline,
                "an index was never used: {after:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
            after = scans(&mut admin).await;
        }
        for ((table, scanned, _), (_, scanned_before, _)) in after.iter().zip(&before) {
            assert_eq!(scanned, scanned_before, "{table}, statistics: {statistics}");
        }
        let expired = "select count(*) from log.command where expires_at <= now()";
        let expired: i64 = sqlx::query_scalar(expired)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert_eq!(expired, 0, "they are forgotten meanwhile");
        let found: i64 = sqlx::query_scalar(
            "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'command_expires_at'",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        assert!(found >= 5_000, "they are found by their expiry: {found}");
    }
}
