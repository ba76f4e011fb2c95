//! What the log has, read by the administrator; and whether its numbers are whole.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// Every event's id with its partition and offset, in the log's order.
pub async fn events(admin: &mut PgConnection) -> Vec<(i16, i64, Uuid)> {
    let rows = sqlx::query(
        "select partition, \"offset\", event_id from log.event where event_type = 'ModelNoted' order by partition, \"offset\"",
    )
    .fetch_all(admin)
    .await
    .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

/// Holes, doubles and disorder in any sequence.
pub async fn faults(admin: &mut PgConnection) -> Vec<String> {
    let sequences = [
        (
            "offset",
            "select partition::text, min(\"offset\"), max(\"offset\") + 1, count(distinct \"offset\") from log.event group by partition",
        ),
        (
            "position",
            "select tenant_id::text, min(position) - 1, max(position), count(distinct position) from log.event group by tenant_id",
        ),
        (
            "version",
            "select tenant_id || stream_id, min(version)::bigint - 1, max(version)::bigint, count(distinct version) from log.event group by tenant_id, stream_id",
        ),
        (
            "next_offset",
            "select p.partition::text, 0::bigint, p.next_offset, (select count(*) from log.event e where e.partition = p.partition) from log.partition p",
        ),
        (
            "positions against offsets",
            "select tenant_id::text, 0::bigint, 0::bigint, count(*) from (
               select tenant_id, position - lag(position) over (partition by tenant_id order by \"offset\") as step from log.event) s
             where step <> 1 group by tenant_id",
        ),
        (
            "event ids",
            "select event_id::text, 0::bigint, 1::bigint, count(*) from log.event group by event_id having count(*) > 1",
        ),
    ];
    let mut faults = Vec::new();
    for (name, query) in sequences {
        for row in sqlx::query(query).fetch_all(&mut *admin).await.unwrap() {
            let (key, first, last, count): (String, i64, i64, i64) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            if first != 0 || last != count {
                faults.push(format!("{name} of {key}: from {first}, {count} of {last}"));
            }
        }
    }
    faults
}

/// The places of the operations' first events among the log's.
pub fn places(events: &[(i16, i64, Uuid)]) -> HashMap<Uuid, (i16, i64)> {
    events.iter().map(|(p, o, id)| (*id, (*p, *o))).collect()
}
