//! The plans of the trail's queries as the reader's role: no table of many rows is read as a whole, and one tenant's search does
//! not go through another's rows.

use event_schemas::TenantId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::settle;
use crate::harness::{self, Database};

/// Adds entries to the trail that are in no log: every word of a few, some of them rare. Tells the schema.
pub async fn many(
    database: &Database,
    tenant: TenantId,
    entries: i32,
    words: i32,
    actor: &str,
) -> String {
    let mut admin = database.admin().await;
    let schema: String =
        sqlx::query_scalar("select schema_name from projection.serving where projection = 'audit'")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    let fill = format!(
        "set search_path = {schema};
         insert into audit (tenant_id, entry_id, position, outcome, context, action, target, version, actor_kind, actor_id, source,
           command_id, causation_id, correlation_id, occurred_at, recorded_at, words)
         select '{tenant}', gen_random_uuid(), 10 + n, 'accepted', 'order', 'OrderPlaced', 'order-' || n / 4, 1 + n % 4, 'apiKey',
           '{actor}', 'api', c, c, gen_random_uuid(), now(), now(),
           case when n % 1000 < {words} then 'rare devolução' else 'frequent' end
         from (select n, gen_random_uuid() as c from generate_series(1, {entries}) n) g;
         analyze audit",
        tenant = tenant.0
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill))
        .execute(&mut admin)
        .await
        .unwrap();
    schema
}

/// How often the trail was read as a whole, and how many rows of it were read.
async fn scans(database: &Database) -> (i64, i64) {
    let mut admin = database.admin().await;
    sqlx::raw_sql("select pg_stat_force_next_flush(); select pg_stat_clear_snapshot()")
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query_as(
        "select seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'audit'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap()
}

#[tokio::test]
async fn no_question_reads_the_whole_trail() {
    let database = harness::database().await;
    let app = database.serve().await;
    let (tenant, other) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    settle(&app, tenant.id).await;
    many(&database, tenant.id, 20_000, 1, "k").await;
    many(&database, other.id, 20_000, 1_000, "k").await;
    let query =
        "query($filter: AuditFilter) { audit(filter: $filter) { nodes { target position } } }";
    let ask = async |filter: Value| {
        let data = app
            .query(&tenant.key, query, json!({ "filter": filter }))
            .await;
        data["audit"]["nodes"].as_array().unwrap().len()
    };
    let before = scans(&database).await;
    for (filter, expected) in [
        (json!({}), 20),
        // Rare here, and in every row of the other tenant.
        (json!({ "text": "devolucao" }), 20),
        (json!({ "text": "frequent" }), 20),
        (json!({ "text": "nowhere" }), 0),
        (
            json!({ "text": "devolução", "context": { "eq": "order" } }),
            20,
        ),
        (json!({ "target": { "eq": "order-77" } }), 4),
        (json!({ "correlation": { "eq": Uuid::nil() } }), 0),
        (json!({ "entryId": { "eq": Uuid::nil() } }), 0),
        (json!({ "position": { "gt": "20005" } }), 5),
    ] {
        assert_eq!(ask(filter.clone()).await, expected, "{filter}");
    }
    app.stop().await;
    let after = scans(&database).await;
    assert_eq!(after.0 - before.0, 0, "it was read as a whole");
    assert!(
        after.1 - before.1 < 4_000,
        "{} rows were read",
        after.1 - before.1
    );
}
