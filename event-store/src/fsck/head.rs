//! The counters: one row per partition that says what its newest event says, and no checkpoint beyond it. Owns the
//! heads below which the log is proved.

use super::{Report, moment};
use crate::{Error, OperatorTx, Store};

/// How far a partition goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) partition: i16,
    /// The first offset that is not looked at.
    pub(super) next_offset: i64,
}

/// The heads of all partitions that are counted or have events, in ascending order.
pub(super) struct Heads(Vec<Head>);

impl Heads {
    /// Takes them; proves the counters and the checkpoints on the way where the `whole` log is proved.
    pub(super) async fn take(
        store: &Store,
        whole: bool,
        report: &mut Report,
    ) -> Result<Self, Error> {
        let mut tx = store.operator_tx().await?;
        // One statement has one snapshot: in it a counter says exactly what the newest event says.
        let rows = sqlx::query!(
            r#"with recursive used as (
                 (select e.partition from log.event e order by e.partition limit 1)
                 union all
                 select (select e.partition from log.event e where e.partition > u.partition order by e.partition limit 1)
                 from used u where u.partition is not null
               ), known as (
                 select p.partition from log.partition p
                 union select u.partition from used u where u.partition is not null
                 union select generate_series(0, i.partitions - 1)::smallint from log.installation i)
               select k.partition as "partition!", p.next_offset as "counted?", coalesce(n."offset" + 1, 0) as "next_offset!",
                      case when isfinite(p.last_recorded_at) then p.last_recorded_at end as last_recorded_at,
                      case when isfinite(n.recorded_at) then n.recorded_at end as recorded_at
               from known k
               left join log.partition p on p.partition = k.partition
               left join lateral (
                 select e."offset", e.recorded_at from log.event e where e.partition = k.partition
                 order by e."offset" desc limit 1) n on true
               order by k.partition"#
        )
        .fetch_all(tx.connection())
        .await?;
        let mut heads = Vec::with_capacity(rows.len());
        for row in rows {
            heads.push(Head {
                partition: row.partition,
                next_offset: row.next_offset,
            });
            if !whole {
                continue;
            }
            report.proved.partitions += 1;
            let installed = i32::from(row.partition) < i32::from(store.partitions());
            let (counted, next) = (row.counted, row.next_offset);
            let (column, found, expected) = match counted {
                _ if !installed => ("partition", "partition".to_owned(), "none".to_owned()),
                None => ("partition", "no row".to_owned(), "one".to_owned()),
                Some(counted) if counted != next => {
                    ("next_offset", counted.to_string(), next.to_string())
                }
                Some(_) if next > 0 && row.last_recorded_at != row.recorded_at => (
                    "last_recorded_at",
                    moment(row.last_recorded_at),
                    moment(row.recorded_at),
                ),
                Some(_) => continue,
            };
            let key = || format!("partition {}", row.partition);
            report.find("log.partition", column, key, &found, &expected);
        }
        if whole {
            checkpoints(&mut tx, report).await?;
        }
        Ok(Self(heads))
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Head] {
        &self.0
    }

    /// Whether an event is below its partition's head.
    pub(super) fn cover(&self, partition: i16, offset: i64) -> bool {
        self.0
            .binary_search_by_key(&partition, |head| head.partition)
            .ok()
            .and_then(|index| self.0.get(index))
            .is_some_and(|head| offset < head.next_offset)
    }
}

async fn checkpoints(tx: &mut OperatorTx, report: &mut Report) -> Result<(), Error> {
    // The guard's own checkpoints have no projection.
    let rows = sqlx::query!(
        r#"select c.projection, c.build, c.partition as "partition!", c.next_offset as "next_offset!",
                  coalesce(p.next_offset, 0) as "head!"
           from (select projection, build, partition, next_offset from projection.checkpoint
                 union all select null, null, partition, next_offset from log.proved) c
           left join log.partition p on p.partition = c.partition
           order by c.projection, c.build, c.partition"#
    )
    .fetch_all(tx.connection())
    .await?;
    for row in rows {
        report.proved.checkpoints += 1;
        if (0..=row.head).contains(&row.next_offset) {
            continue;
        }
        let (table, key) = match (&row.projection, row.build) {
            (Some(projection), Some(build)) => (
                "projection.checkpoint",
                format!(
                    "projection {projection}, build {build}, partition {}",
                    row.partition
                ),
            ),
            _ => ("log.proved", format!("partition {}", row.partition)),
        };
        let key = || key;
        let expected = format!("0 to {}, the partition's head", row.head);
        report.find(table, "next_offset", key, &row.next_offset, &expected);
    }
    Ok(())
}
