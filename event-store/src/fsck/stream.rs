//! Every stream: versions 1, 2, 3 … in the order of the positions. Never holds more than a page of rows.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{PAGE, Walk, event};
use crate::Error;

struct Row {
    tenant_id: Uuid,
    stream_id: String,
    version: i32,
    position: i64,
    partition: i16,
    offset: i64,
}

/// Proves the streams of all tenants, or of one.
pub(super) async fn prove(walk: &mut Walk<'_>) -> Result<(), Error> {
    let from = walk.tenant.map_or(Uuid::nil(), |tenant| tenant.0);
    let to = walk.tenant.map_or(Uuid::max(), |tenant| tenant.0);
    // No name is empty, so this comes before every stream of `from`.
    let (mut after, mut last) = ((from, String::new(), i32::MIN), None::<Row>);
    loop {
        let mut tx = walk.tx().await?;
        let rows = page(tx.connection(), &after, to).await?;
        drop(tx);
        let Some(end) = rows.last() else {
            return Ok(());
        };
        after = (end.tenant_id, end.stream_id.clone(), end.version);
        let seen = rows.len();
        for row in rows {
            if walk.heads.cover(row.partition, row.offset) {
                check(walk, &row, last.as_ref());
                last = Some(row);
            }
        }
        walk.step(seen);
    }
}

fn check(walk: &mut Walk<'_>, row: &Row, last: Option<&Row>) {
    let before =
        last.filter(|last| last.tenant_id == row.tenant_id && last.stream_id == row.stream_id);
    let next = before.map_or(1, |last| last.version.saturating_add(1));
    let key = || event(row.partition, row.offset);
    if row.version != next {
        let expected = format!("{next} for stream {} of {}", row.stream_id, row.tenant_id);
        walk.report
            .find("log.event", "version", key, &row.version, &expected);
    }
    match before {
        Some(last) if row.position <= last.position => {
            let expected = format!("more than {}, as version {next} follows", last.position);
            walk.report
                .find("log.event", "position", key, &row.position, &expected);
        }
        Some(_) => {}
        None => walk.report.proved.streams += 1,
    }
}

async fn page(
    connection: &mut PgConnection,
    after: &(Uuid, String, i32),
    to: Uuid,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select tenant_id, stream_id, version, position, partition, "offset" from log.event
           where (tenant_id, stream_id, version) > ($1, $2 collate "C", $3) and tenant_id <= $4
           order by tenant_id, stream_id, version limit $5"#,
        after.0,
        after.1,
        after.2,
        to,
        PAGE
    )
    .fetch_all(connection)
    .await
}
