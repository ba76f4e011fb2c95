//! Whether what a build's policy wants is done. Of all builds of a policy the one that serves does it, and the others keep behind
//! it, so that the one that takes over goes on exactly where it stopped. Whoever asks holds the lock on the checkpoints.

use std::collections::BTreeMap;

use event_store::PartitionTx;

use crate::{
    Error,
    build::Build,
    engine::{lock::Place, narrow},
};

/// What a build may do in this transaction.
pub(crate) enum Gate {
    /// It is no policy.
    Absent,
    /// What it wants is done.
    Open,
    /// It may take in events before these offsets, and nothing that it wants is done.
    Shut(BTreeMap<u16, i64>),
}

impl Gate {
    /// Looks, unless it is known: a build that serves does so until another one has taken its place, which the lock would have
    /// said.
    pub(crate) async fn of(
        tx: &mut PartitionTx,
        build: &Build,
        places: &[Place],
    ) -> Result<Self, Error> {
        if !build.projection.is_policy() {
            return Ok(Self::Absent);
        }
        if build.is_live() || places.is_empty() {
            return Ok(Self::Open);
        }
        let rows = sqlx::query!(
            r#"select s.partition, s.build = $2 as "serves!", s.next_offset
               from projection.live l
               join projection.checkpoint s on s.projection = l.projection and s.build = l.build
               where l.projection = $1 and l.caught_up and s.partition = any($3)"#,
            build.name(),
            build.number,
            &places
                .iter()
                .map(|place| narrow(place.partition))
                .collect::<Vec<_>>()
        )
        .fetch_all(tx.connection())
        .await?;
        if rows.iter().any(|row| row.serves) {
            return Ok(Self::Open);
        }
        let limits = rows
            .into_iter()
            .filter_map(|row| Some((u16::try_from(row.partition).ok()?, row.next_offset)));
        Ok(Self::Shut(limits.collect()))
    }

    /// The offset that a partition's events must be before.
    pub(crate) fn limit(&self, partition: u16) -> i64 {
        match self {
            Self::Absent | Self::Open => i64::MAX,
            Self::Shut(limits) => limits.get(&partition).copied().unwrap_or(0),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}
