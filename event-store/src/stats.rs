//! Figures of the log: how much of it belongs to whom, how fast it grows, and which way appends took. Figures are for
//! reading: no decision is made on them.
//!
//! The log is read in ranges of offsets, each in a short transaction of its own. Memory grows with the number of groups,
//! never with the log.

mod path;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;

pub(crate) use path::count;
pub use path::{PathCount, PathStat, paths};

use crate::{Error, Store};

/// Offsets of a range.
const RANGE: i64 = 20_000;
/// Offsets of a range that stands for others.
const SAMPLE: i64 = 1_000;
/// Ranges of a partition that stand for all the others.
const SAMPLES: i64 = 50;

/// What events are grouped by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Their tenant's id.
    Tenant,
    /// Their type.
    Type,
    /// Their partition.
    Partition,
}

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What events are grouped by.
    pub by: By,
    /// How many groups to name, the largest first.
    pub top: usize,
    /// Whether to read evenly spaced samples, at most 50,000 events of a partition, and to estimate the rest.
    pub sampled: bool,
    /// The moment before which the last hour and day lie.
    pub now: DateTime<Utc>,
}

/// Events of one group, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Events.
    pub events: u64,
    /// Bytes of their payloads and metadata.
    pub bytes: u64,
    /// Events recorded within the last hour.
    pub last_hour: u64,
    /// Events recorded within the last 24 hours.
    pub last_day: u64,
}

/// A group of events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Group {
    /// The tenant's id, the type or the partition.
    pub name: String,
    /// How many they are.
    #[serde(flatten)]
    pub size: Size,
}

/// The figures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// All events.
    pub total: Size,
    /// How many groups there are.
    pub groups: usize,
    /// The largest of them by bytes.
    pub largest: Vec<Group>,
    /// How many events were read; fewer than there are if the figures are estimates.
    pub read: u64,
    /// Bytes that the table of events takes on disk with its indexes.
    pub disk_bytes: u64,
}

struct Row {
    name: String,
    events: i64,
    bytes: i64,
    last_hour: i64,
    last_day: i64,
}

/// Measures the log. `progress` is told after every range how many of how many events are accounted for.
///
/// # Errors
/// When the database cannot be asked.
pub async fn stats(
    store: &Store,
    question: Question,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Stats, Error> {
    let (heads, disk) = heads(store).await?;
    let all = heads.iter().map(|(_, head)| natural(*head)).sum();
    let (mut groups, mut read, mut done) = (HashMap::<String, Size>::new(), 0, 0);
    for (partition, head) in heads {
        let mut found = HashMap::<String, Size>::new();
        let mut seen = 0;
        let (range, stride) = if question.sampled {
            (SAMPLE, SAMPLE.max(head / SAMPLES))
        } else {
            (RANGE, RANGE)
        };
        let mut from = 0;
        while from < head {
            let to = (from + range).min(head);
            let mut tx = store.operator_tx().await?;
            for row in measure(tx.connection(), question, partition, from, to).await? {
                let size = found.entry(row.name).or_default();
                size.events += natural(row.events);
                size.bytes += natural(row.bytes);
                size.last_hour += natural(row.last_hour);
                size.last_day += natural(row.last_day);
                seen += natural(row.events);
            }
            from += stride;
            progress(done + natural(from.min(head)), all);
        }
        read += seen;
        done += natural(head);
        for (name, size) in found {
            groups
                .entry(name)
                .or_default()
                .add(size.scaled(natural(head), seen));
        }
    }
    let mut total = Size::default();
    for size in groups.values() {
        total.add(*size);
    }
    let count = groups.len();
    let mut largest: Vec<_> = groups
        .into_iter()
        .map(|(name, size)| Group { name, size })
        .collect();
    largest.sort_by(|a, b| (b.size.bytes, &a.name).cmp(&(a.size.bytes, &b.name)));
    largest.truncate(question.top);
    Ok(Stats {
        total,
        groups: count,
        largest,
        read,
        disk_bytes: disk,
    })
}

impl Size {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.last_hour += other.last_hour;
        self.last_day += other.last_day;
    }

    /// What `all` events have if `seen` of them have this.
    fn scaled(self, all: u64, seen: u64) -> Self {
        let scale = |n: u64| {
            let product = u128::from(n) * u128::from(all) / u128::from(seen.max(1));
            u64::try_from(product).unwrap_or(u64::MAX)
        };
        Self {
            events: scale(self.events),
            bytes: scale(self.bytes),
            last_hour: scale(self.last_hour),
            last_day: scale(self.last_day),
        }
    }
}

/// Counts are never negative.
fn natural(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// The partitions with their heads, and the bytes on disk.
async fn heads(store: &Store) -> Result<(Vec<(i16, i64)>, u64), Error> {
    let mut tx = store.operator_tx().await?;
    let heads = sqlx::query!("select partition, next_offset from log.partition order by partition")
        .fetch_all(tx.connection())
        .await?;
    let disk =
        sqlx::query_scalar!(r#"select pg_total_relation_size('log.event'::regclass) as "bytes!""#)
            .fetch_one(tx.connection())
            .await?;
    let heads = heads.into_iter().map(|h| (h.partition, h.next_offset));
    Ok((heads.collect(), natural(disk)))
}

/// The groups of a range. The lengths of long contents are known without reading these.
async fn measure(
    connection: &mut PgConnection,
    question: Question,
    partition: i16,
    from: i64,
    to: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let by = match question.by {
        By::Tenant => 0,
        By::Type => 1,
        By::Partition => 2,
    };
    sqlx::query_as!(
        Row,
        r#"select case $1::int when 0 then tenant_id::text when 1 then event_type else partition::text end as "name!",
                  count(*) as "events!", sum(octet_length(payload) + octet_length(metadata)) as "bytes!",
                  count(*) filter (where recorded_at > $5) as "last_hour!",
                  count(*) filter (where recorded_at > $6) as "last_day!"
           from log.event where partition = $2 and "offset" >= $3 and "offset" < $4 group by 1"#,
        by,
        partition,
        from,
        to,
        question.now - TimeDelta::hours(1),
        question.now - TimeDelta::hours(24)
    )
    .fetch_all(connection)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_stands_for_all() {
        let size = Size {
            events: 10,
            bytes: 1_000,
            last_hour: 1,
            last_day: 0,
        };
        assert_eq!(size.scaled(100, 100), size);
        let scaled = size.scaled(1_000, 100);
        assert_eq!(
            (scaled.events, scaled.bytes, scaled.last_hour),
            (100, 10_000, 10)
        );
        assert_eq!(Size::default().scaled(5, 0), Size::default());
    }
}
