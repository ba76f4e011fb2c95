//! Every remembered command: what it was answered stands in the log under just these numbers. Never holds more than a
//! page of rows.

use serde::Deserialize;
use uuid::Uuid;

use super::Walk;
use crate::Error;

/// Rows of a page; each is looked up in the log twice.
const ROWS: i64 = 1_000;

/// The answer as the log keeps it: the numbers of the first event, and how many there are.
#[derive(Deserialize)]
struct Answer {
    position: i64,
    version: i32,
    /// One for each of its streams, where there are several; a stream that was only checked has its version here.
    #[serde(default)]
    versions: Vec<i32>,
    offset: i64,
    events: i32,
}

/// Proves the remembered commands of all tenants, or of one.
pub(super) async fn prove(walk: &mut Walk<'_>) -> Result<(), Error> {
    let to = walk.tenant.map_or(Uuid::max(), |tenant| tenant.0);
    let mut from = walk
        .tenant
        .map_or((Uuid::nil(), Uuid::nil()), |tenant| (tenant.0, Uuid::nil()));
    loop {
        let mut tx = walk.tx().await?;
        // An event that an answer names was committed with it, so that one look suffices.
        let rows = sqlx::query!(
            r#"select c.tenant_id, c.command_id, c.response::text as "response!",
                      f.position as "position?", f.version as "version?", f."offset" as "first?", l."offset" as "last?"
               from (select tenant_id, command_id, response,
                       case when jsonb_typeof(response -> 'position') = 'number' then (response -> 'position')::numeric end as position,
                       case when jsonb_typeof(response -> 'events') = 'number' then (response -> 'events')::numeric end as events
                     from log.command where (tenant_id, command_id) >= ($1, $2) and tenant_id <= $3
                     order by tenant_id, command_id limit $4) c
               left join lateral (
                 select e.position, e.version, e."offset" from log.event e
                 where e.tenant_id = c.tenant_id and c.position between 1 and 9223372036854775807
                   and e.position = c.position::bigint limit 1) f on true
               left join lateral (
                 select e."offset" from log.event e
                 where e.tenant_id = c.tenant_id and c.position + c.events - 1 between 1 and 9223372036854775807
                   and e.position = (c.position + c.events - 1)::bigint limit 1) l on true
               order by c.tenant_id, c.command_id"#,
            from.0,
            from.1,
            to,
            ROWS
        )
        .fetch_all(tx.connection())
        .await?;
        drop(tx);
        for row in &rows {
            walk.report.proved.commands += 1;
            let expected = match serde_json::from_str::<Answer>(&row.response) {
                Err(error) => format!("the numbers of its events ({error})"),
                Ok(answer) => {
                    let last = answer.offset.saturating_add(i64::from(answer.events)) - 1;
                    let version = row.version.is_some_and(|version| {
                        version == answer.version || answer.versions.contains(&version)
                    });
                    if version
                        && (row.position, row.first) == (Some(answer.position), Some(answer.offset))
                        && row.last == Some(last)
                    {
                        continue;
                    }
                    "the numbers of events in log.event".to_owned()
                }
            };
            let key = || format!("tenant_id {}, command_id {}", row.tenant_id, row.command_id);
            walk.report
                .find("log.command", "response", key, &row.response, &expected);
        }
        let Some(last) = rows.last() else {
            return Ok(());
        };
        from = match last.command_id.as_u128().checked_add(1) {
            Some(next) => (last.tenant_id, Uuid::from_u128(next)),
            None => match last.tenant_id.as_u128().checked_add(1) {
                Some(next) => (Uuid::from_u128(next), Uuid::nil()),
                None => return Ok(()),
            },
        };
    }
}
