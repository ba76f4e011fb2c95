//! The plans of the log's hot statements on a big log: every table is reached through an index, whatever the statistics.

use sqlx::{PgConnection, Row};

use crate::harness;

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
         select t.partition, row_number() over (partition by t.partition order by g.n, t.n) - 1, t.id, g.n + 1,
           'order-' || (g.n / 4), g.n % 4 + 1, gen_random_uuid(), 'A', 1, '{{}}', 1, '{{}}', sha256('x'), now(), now()
         from generate_series(0, {EVENTS} / {TENANTS} - 1) g(n), t;
         update log.partition p set next_offset = (select count(*) from log.event e where e.partition = p.partition);
         insert into log.command (tenant_id, command_id, request_hash, response, expires_at)
           select id, gen_random_uuid(), sha256('x'), '{{}}', now() from t, generate_series(1, 20);
         set session_replication_role = origin;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill))
        .execute(&mut *admin)
        .await
        .unwrap();
}

/// The statements inside the functions and the readers', each with the tables that it must reach through an index.
const HOT: [(&str, &str); 7] = [
    (
        "tenants of an append",
        "select t.state, m.position from unnest($1::uuid[]) with ordinality n(tenant, ord)
         left join log.tenant t on t.tenant_id = n.tenant
         left join lateral (select e.position, e.occurred_at from log.event e where e.tenant_id = n.tenant
           order by e.position desc limit 1) m on true",
    ),
    (
        "streams of an append",
        "select v.version from unnest($1::uuid[], $2::text[]) with ordinality n(tenant, stream, ord)
         left join lateral (select e.version from log.event e where e.tenant_id = n.tenant and e.stream_id = n.stream
           order by e.version desc limit 1) v on true",
    ),
    (
        "keys of an append",
        "select c.request_hash from unnest($1::uuid[], $2::text[]) n(tenant, stream)
         left join lateral (select c.request_hash from log.command c
           where c.tenant_id = n.tenant and c.command_id = n.tenant) c on true",
    ),
    (
        "a load's events",
        "select f.payload from unnest($1::uuid[], $2::text[]) with ordinality s(tenant, stream, ord)
         left join log.snapshot n on n.tenant_id = s.tenant and n.stream_id = s.stream
         cross join lateral (select e.* from log.event e where e.tenant_id = s.tenant and e.stream_id = s.stream
           and e.version > coalesce(n.version, 0) order by e.version) f",
    ),
    (
        "the guard's look",
        "select e.position from unnest($3::smallint[], $4::bigint[]) n(partition, o)
         cross join lateral (select l.* from log.event l where l.partition = n.partition and l.\"offset\" >= n.o
           order by l.\"offset\" limit 1000) e",
    ),
    (
        "a page of a partition",
        "select * from log.event where partition = ($3::smallint[])[1] and \"offset\" >= ($4::bigint[])[1]
         order by \"offset\" limit 2000",
    ),
    (
        "a page of a tenant",
        "select * from log.event where tenant_id = ($1::uuid[])[1] and position >= 500 order by position limit 500",
    ),
];

async fn explain(admin: &mut PgConnection, statement: &str, mode: &str) -> String {
    let prepare = format!(
        "deallocate all; set plan_cache_mode = {mode};
         prepare hot (uuid[], text[], smallint[], bigint[]) as {statement}"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(prepare))
        .execute(&mut *admin)
        .await
        .unwrap();
    // The arguments of a busy moment: a batch of 300.
    let execute = "explain (costs off) execute hot (
        (select array_agg(tenant_id) from (select tenant_id from log.tenant limit 300) t),
        (select array_agg('order-' || n) from generate_series(1, 300) n),
        (select array_agg(n::smallint) from generate_series(0, 15) n),
        (select array_agg(60000::bigint) from generate_series(0, 15) n))";
    let rows = sqlx::raw_sql(execute).fetch_all(&mut *admin).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

#[tokio::test]
async fn hot_statements_reach_every_table_through_an_index() {
    let database = harness::database().await;
    let mut admin = database.admin().await;
    for filled in [false, true] {
        if filled {
            fill(&mut admin).await;
        }
        for analyzed in [false, true] {
            if analyzed {
                sqlx::raw_sql("analyze log.event, log.tenant, log.command, log.snapshot")
                    .execute(&mut admin)
                    .await
                    .unwrap();
            }
            // On a log that is still small a table may well be read as a whole; the plan of later is what counts.
            if !filled {
                continue;
            }
            for (name, statement) in HOT {
                // The functions plan once for all; the readers' statements may be planned either way.
                for mode in ["force_generic_plan", "force_custom_plan"] {
                    let plan = explain(&mut admin, statement, mode).await;
                    assert!(
                        !plan.contains("Seq Scan on event")
                            && !plan.contains("Seq Scan on command")
                            && !plan.contains("Bitmap Heap Scan on event")
                            && plan.contains("Index"),
                        "{name}, {mode}, analyzed: {analyzed}:\n{plan}"
                    );
                }
            }
        }
    }
}
