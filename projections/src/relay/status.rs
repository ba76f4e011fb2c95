//! How far the relay is, as the database knows it: a copy for those who watch. What was published is known to Kafka alone.

use std::collections::HashMap;

use event_store::Store;

use super::slot;
use crate::kafka::Error;

/// One partition of the relay.
#[derive(Clone, PartialEq, Debug)]
pub struct Status {
    /// The partition.
    pub partition: u16,
    /// The slot it belongs to.
    pub slot: u16,
    /// Where its leader runs, if there is one.
    pub leader: Option<String>,
    /// The first offset that is not published yet, as of the last renewal of its lease.
    pub next_offset: i64,
    /// The offset that the partition's next event will have.
    pub head: i64,
    /// How many events are not published yet.
    pub events: i64,
    /// The age of the oldest of them, in seconds; 0 when there is none.
    pub seconds: f64,
    /// Why nothing is published, if it is not.
    pub trouble: Option<String>,
}

/// Every partition, in one snapshot.
pub async fn status(store: &Store) -> Result<Vec<Status>, Error> {
    let mut tx = store.operator_tx().await?;
    let slots = sqlx::query!(
        r#"select slot, case when expires_at > clock_timestamp() then place end as leader, trouble from relay.slot"#
    )
    .fetch_all(tx.connection())
    .await?;
    let mut slots: HashMap<_, _> = slots
        .into_iter()
        .map(|row| (row.slot, (row.leader, row.trouble)))
        .collect();
    let rows = sqlx::query!(
        r#"select p.partition, coalesce(r.next_offset, 0) as "next_offset!", p.next_offset as head,
                  coalesce(extract(epoch from clock_timestamp() - oldest.recorded_at), 0)::float8 as "seconds!"
           from log.partition p
           left join relay.progress r on r.partition = p.partition
           left join lateral (
             select e.recorded_at from log.event e
             where e.partition = p.partition and e."offset" = coalesce(r.next_offset, 0) and e."offset" < p.next_offset
           ) oldest on true
           order by p.partition"#
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let partition = u16::try_from(row.partition).ok()?;
            let slot = slot::of(partition);
            let key = i16::try_from(slot).ok()?;
            let (leader, trouble) = slots.entry(key).or_default().clone();
            Some(Status {
                partition,
                slot,
                leader,
                next_offset: row.next_offset,
                head: row.head,
                events: (row.head - row.next_offset).max(0),
                seconds: row.seconds.max(0.0),
                trouble,
            })
        })
        .collect())
}
