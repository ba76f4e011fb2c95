//! Every unique value that is taken: by a stream that has events, of a registered tenant. What the value is stays unknown: the
//! log keeps only its keyed hash. Never holds more than a page of rows.
//!
//! A value is taken together with an event of its holder, and the key of `log.claim` lets two streams never hold one. Which event
//! took it is not kept, so whether it should have been given back since cannot be proved.

use std::fmt::Write;

use uuid::Uuid;

use super::Walk;
use crate::Error;

/// Rows of a page; each is looked up in the log.
const ROWS: i64 = 2_000;

/// Proves the unique values of all tenants, or of one.
pub(super) async fn prove(walk: &mut Walk<'_>) -> Result<(), Error> {
    let from = walk.tenant.map_or(Uuid::nil(), |tenant| tenant.0);
    let to = walk.tenant.map_or(Uuid::max(), |tenant| tenant.0);
    // A kind has a name of at least one byte: this is before all of them.
    let mut after = (from, String::new(), Vec::new());
    loop {
        let mut tx = walk.tx().await?;
        // The event that a value was taken with was committed with it, so that one look suffices.
        let rows = sqlx::query!(
            r#"select c.tenant_id, c.kind, c.value, c.stream_id,
                      exists (select from log.event e where e.tenant_id = c.tenant_id and e.stream_id = c.stream_id) as "used!",
                      exists (select from log.event e where e.tenant_id = c.tenant_id)
                        or exists (select from log.tenant t where t.tenant_id = c.tenant_id) as "known!"
               from (select tenant_id, kind, value, stream_id from log.claim
                     where (tenant_id, kind, value) > ($1, $2 collate "C", $3) and tenant_id <= $4
                     order by tenant_id, kind, value limit $5) c
               order by c.tenant_id, c.kind, c.value"#,
            after.0,
            after.1,
            after.2,
            to,
            ROWS
        )
        .fetch_all(tx.connection())
        .await?;
        drop(tx);
        for row in &rows {
            walk.report.proved.claims += 1;
            if row.used {
                continue;
            }
            let key = || {
                let (tenant, kind, value) = (row.tenant_id, &row.kind, hexadecimal(&row.value));
                format!("tenant_id {tenant}, kind {kind}, value {value}")
            };
            if row.known {
                let expected = "a stream of this tenant with events";
                walk.report
                    .find("log.claim", "stream_id", key, &row.stream_id, &expected);
            } else {
                let expected = "a registered tenant with events";
                walk.report
                    .find("log.claim", "tenant_id", key, &row.tenant_id, &expected);
            }
        }
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = (last.tenant_id, last.kind.clone(), last.value.clone());
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
