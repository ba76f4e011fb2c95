//! Makes sure that nothing on a slot's partitions is half done, before anybody asks how far they are.
//!
//! Whoever begins to publish has had the last transaction ended by Kafka. But a broker that starts while a transaction waits
//! for its markers may forget some of them: Apache Kafka 4.3.1 takes a partition that has no leader for a moment for one that
//! was deleted (`KRaftMetadataCache.getPartitionLeaderEndpoint`, `TransactionMarkerChannelManager`). The records stay open
//! without anybody knowing, and the marker of the next transaction would bring them back as committed, beside the same
//! events published again. So they are undone first: no reader of committed records has seen them.

use std::time::{Duration, Instant};

use super::publisher::Publisher;
use crate::kafka::{Error, Tail};

/// How long markers may take that are on their way.
const GRACE: Duration = Duration::from_secs(1);
/// How long until a partition is given up.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(20);

/// Fails if a record of these partitions of topics stays undecided: whoever leads next settles it. Only for whoever has no
/// transaction under way. Blocks.
pub(super) fn see_settled(tail: &Tail, places: &[(String, u16)]) -> Result<(), Error> {
    let began = Instant::now();
    loop {
        let open = tail.undecided(places)?;
        let Some((topic, partition)) = open.first() else {
            return Ok(());
        };
        if began.elapsed() > GRACE {
            return Err(Error::Undecided {
                topic: topic.clone(),
                partition: *partition,
            });
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits until no record of these partitions of topics is undecided. True if some had to be undone. Blocks.
pub(super) fn settle(
    tail: &Tail,
    publisher: &mut Publisher,
    places: &[(String, u16)],
) -> Result<bool, Error> {
    let began = Instant::now();
    let mut undone = false;
    loop {
        let open = tail.undecided(places)?;
        let Some((topic, partition)) = open.first() else {
            return Ok(undone);
        };
        if began.elapsed() > PATIENCE {
            return Err(Error::Diverged(format!(
                "partition {partition} of {topic} has an open transaction that is not the relay's: something else writes to the topic; stop it, end its transaction with Kafka's kafka-transactions.sh (find-hanging, abort), and the relay goes on"
            )));
        }
        if began.elapsed() > GRACE && !undone {
            tracing::warn!(
                ?open,
                "Kafka has left records of a transaction undecided; they are undone and published again"
            );
            publisher.undo(&open)?;
            undone = true;
        }
        std::thread::sleep(LOOK);
    }
}
