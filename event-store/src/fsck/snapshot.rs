//! Every snapshot: of a version that its stream has. Never looks at the state it holds, and never holds more than a page
//! of rows.

use uuid::Uuid;

use super::Walk;
use crate::Error;

/// Rows of a page; each is looked up in the log.
const ROWS: i64 = 2_000;

/// Proves the snapshots of all tenants, or of one.
pub(super) async fn prove(walk: &mut Walk<'_>) -> Result<(), Error> {
    let from = walk.tenant.map_or(Uuid::nil(), |tenant| tenant.0);
    let to = walk.tenant.map_or(Uuid::max(), |tenant| tenant.0);
    // A stream has a name of at least one byte: this is before all of them.
    let mut after = (from, String::new());
    loop {
        let mut tx = walk.tx().await?;
        let rows = sqlx::query!(
            r#"select s.tenant_id, s.stream_id, s.version, coalesce(e.version, 0) as "newest!"
               from (select tenant_id, stream_id, version from log.snapshot
                     where (tenant_id, stream_id) > ($1, $2 collate "C") and tenant_id <= $3
                     order by tenant_id, stream_id limit $4) s
               left join lateral (
                 select e.version from log.event e where e.tenant_id = s.tenant_id and e.stream_id = s.stream_id
                 order by e.version desc limit 1) e on true
               order by s.tenant_id, s.stream_id"#,
            after.0,
            after.1,
            to,
            ROWS
        )
        .fetch_all(tx.connection())
        .await?;
        drop(tx);
        for row in &rows {
            walk.report.proved.snapshots += 1;
            if !(1..=row.newest).contains(&row.version) {
                let key = || format!("tenant_id {}, stream_id {}", row.tenant_id, row.stream_id);
                let expected = format!("1 to {}, the stream's version", row.newest);
                walk.report
                    .find("log.snapshot", "version", key, &row.version, &expected);
            }
        }
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = (last.tenant_id, last.stream_id.clone());
    }
}
