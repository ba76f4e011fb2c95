//! How far the builds are that serve or are on their way, for those who watch.

use chrono::{DateTime, Utc};
use event_store::Store;

use crate::Error;

/// A build, and how far it is.
#[derive(Clone, PartialEq, Debug)]
pub struct BuildProgress {
    /// The projection's name.
    pub projection: String,
    /// The build's number.
    pub build: i32,
    /// The fingerprint of its tables and its fold.
    pub revision: String,
    /// Whether readers of this binary read it.
    pub serves: bool,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// How many events it has read past.
    pub applied: i64,
    /// How many events there are.
    pub events: i64,
    /// How many tenants are parked in it.
    pub parked: i64,
    /// For how long it has been there, in seconds.
    pub running: f64,
}

impl BuildProgress {
    /// Events per second since it was begun; none for one that serves.
    #[expect(clippy::cast_precision_loss, reason = "a rate is about right")]
    pub fn rate(&self) -> Option<f64> {
        (!self.serves && self.running > 0.0).then(|| self.applied as f64 / self.running)
    }

    /// In how many seconds it will have caught up, if it goes on like that; none for one that serves or has not begun.
    #[expect(clippy::cast_precision_loss, reason = "a rate is about right")]
    pub fn seconds_left(&self) -> Option<f64> {
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        Some((self.events - self.applied).max(0) as f64 / rate)
    }
}

/// The builds that serve and those on their way, in the order of their projections' names and their numbers.
pub async fn builds(store: &Store) -> Result<Vec<BuildProgress>, Error> {
    let mut tx = store.partition_tx().await?;
    let rows = sqlx::query!(
        r#"select b.projection, b.build, b.revision, b.build = s.build as "serves!", b.created_at,
                  extract(epoch from clock_timestamp() - b.created_at)::float8 as "running!",
                  sum(c.next_offset)::bigint as "applied!", sum(greatest(p.next_offset, c.next_offset))::bigint as "events!",
                  sum(c.parked)::bigint as "parked!"
           from projection.serving s
           join projection.build b on b.projection = s.projection and b.build >= s.build and b.purpose = 'serve'
           join projection.checkpoint c on c.projection = b.projection and c.build = b.build
           join log.partition p on p.partition = c.partition
           group by b.projection, b.build, b.revision, s.build, b.created_at
           order by b.projection, b.build"#
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| BuildProgress {
            projection: row.projection,
            build: row.build,
            revision: row.revision,
            serves: row.serves,
            created_at: row.created_at,
            applied: row.applied,
            events: row.events,
            parked: row.parked,
            running: row.running,
        })
        .collect())
}
