//! How far the read models that serve are behind. Reads checkpoints; never decides what is too far.

use event_store::Store;

use crate::Error;

/// How far one projection is behind in one partition.
#[derive(Clone, PartialEq, Debug)]
pub struct Lag {
    /// The projection's name.
    pub projection: String,
    /// The partition.
    pub partition: u16,
    /// The first offset it has not applied.
    pub next_offset: i64,
    /// The offset that the partition's next event will have.
    pub head: i64,
    /// How many events it has yet to apply.
    pub events: i64,
    /// The age of the oldest of them, in seconds; 0 when there is none.
    pub seconds: f64,
    /// Why it has halted, if it has.
    pub halted: Option<String>,
    /// How many tenants are parked there.
    pub parked: i32,
}

/// The lag of every projection that serves in every partition, in one snapshot.
pub async fn lag(store: &Store) -> Result<Vec<Lag>, Error> {
    let mut tx = store.partition_tx().await?;
    let rows = sqlx::query!(
        r#"select c.projection, c.partition, c.next_offset, c.parked, p.next_offset as head,
                  case when c.halted_at is not null then coalesce(c.error, '') end as halted,
                  coalesce(extract(epoch from clock_timestamp() - oldest.recorded_at), 0)::float8 as "seconds!"
           from projection.serving l
           join projection.checkpoint c on c.projection = l.projection and c.build = l.build
           join log.partition p on p.partition = c.partition
           left join lateral (
             select e.recorded_at from log.event e
             where e.partition = c.partition and e."offset" = c.next_offset and c.next_offset < p.next_offset
           ) oldest on true
           order by c.projection, c.partition"#
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Lag {
            projection: row.projection,
            partition: u16::try_from(row.partition).unwrap_or(0),
            next_offset: row.next_offset,
            head: row.head,
            events: (row.head - row.next_offset).max(0),
            seconds: row.seconds.max(0.0),
            halted: row.halted,
            parked: row.parked,
        })
        .collect())
}
