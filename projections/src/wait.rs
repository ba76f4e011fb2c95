//! Read your writes: waits until read models have taken in an event. Works in any process, whether or not it runs the
//! engine; never looks at a token, only at the offset in it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use event_schemas::TenantId;
use event_store::Store;
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use crate::{Error, parked::parked};

/// How soon to look into the database for what other processes have applied, at first and at most.
const FIRST_POLL: Duration = Duration::from_millis(5);
const LAST_POLL: Duration = Duration::from_millis(50);

/// Waits for the read models that serve. Cheap to clone; clones share what they learn.
#[derive(Clone)]
pub struct Waiter {
    store: Store,
    marks: Arc<watch::Sender<Marks>>,
    /// Held by the one who asks the database for all that wait.
    asking: Arc<Mutex<()>>,
}

/// Why a wait ended without what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// Time is up, or will not help.
    #[error(transparent)]
    NotCaughtUp(#[from] NotCaughtUp),
    /// The tenant is parked before that: waiting does not help until an operator has acted.
    #[error(transparent)]
    Parked(#[from] ParkedFor),
    /// The checkpoints could not be read.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A read model is older than the token asks for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the read model '{projection}' is {lag_events} events behind what was asked for; try again"
)]
pub struct NotCaughtUp {
    /// The read model that is furthest behind.
    pub projection: String,
    /// How many events of the tenant's partition it has yet to take in to satisfy the token.
    pub lag_events: i64,
    /// Whether it has halted, so that waiting does not help until an operator has acted.
    pub halted: bool,
}

/// A read model stands still for a tenant, because an event of it cannot be applied.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the read model '{projection}' stands still before event {position}: {reason}")]
pub struct ParkedFor {
    /// The read model.
    pub projection: String,
    /// The position of the first event that it lacks.
    pub position: i64,
    /// Why the event could not be applied.
    pub reason: String,
    /// How many events of the tenant it has yet to take in.
    pub lag_events: i64,
}

/// How far a projection has come in a partition.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    next_offset: i64,
    halted: bool,
    /// Whether some tenant is parked there.
    parked: bool,
}

/// The marks of the builds that serve, by projection and partition.
#[derive(Default)]
struct Marks(HashMap<String, Vec<Mark>>);

impl Marks {
    fn get(&self, projection: &str, partition: u16) -> Mark {
        self.0
            .get(projection)
            .and_then(|marks| marks.get(usize::from(partition)))
            .copied()
            .unwrap_or_default()
    }

    fn entry(&mut self, projection: &str, partition: u16) -> Option<&mut Mark> {
        let (index, projection) = (usize::from(partition), projection.to_owned());
        let marks = self.0.entry(projection).or_default();
        if marks.len() <= index {
            marks.resize(index + 1, Mark::default());
        }
        marks.get_mut(index)
    }

    /// Whether some tenant is parked in one of `projections`.
    fn parks(&self, projections: &[&str], partition: u16) -> bool {
        let mut projections = projections.iter();
        projections.any(|projection| self.get(projection, partition).parked)
    }

    /// The one of `projections` that is furthest from having applied `offset`, if any has not.
    fn behind(&self, projections: &[&str], partition: u16, offset: i64) -> Option<NotCaughtUp> {
        projections
            .iter()
            .map(|projection| (projection, self.get(projection, partition)))
            .filter(|(_, mark)| mark.next_offset <= offset)
            .min_by_key(|(_, mark)| mark.next_offset)
            .map(|(projection, mark)| NotCaughtUp {
                projection: (*projection).to_owned(),
                lag_events: offset + 1 - mark.next_offset,
                halted: mark.halted,
            })
    }
}

impl Waiter {
    /// A waiter that knows nothing yet. Where an engine runs, take [`crate::Engine::waiter`]: it hears of progress at once.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            marks: Arc::new(watch::Sender::new(Marks::default())),
            asking: Arc::default(),
        }
    }

    /// Returns when each of `projections` has applied the tenant's event at this offset of its partition, and all before it.
    /// One that has halted, or in which the tenant is parked, is not waited for.
    pub async fn wait_for(
        &self,
        tenant: TenantId,
        (partition, offset): (u16, i64),
        projections: &[&str],
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.wait(partition, offset, projections, timeout).await?;
        // Whoever has passed the event knew of those that were parked before it.
        if !self.marks.borrow().parks(projections, partition) {
            return Ok(());
        }
        let parked = parked(&self.store, Some(tenant), u32::MAX).await?;
        let before = parked.into_iter().find(|parked| {
            parked.serves
                && parked.offset <= offset
                && projections.contains(&parked.projection.as_str())
        });
        match before {
            None => Ok(()),
            Some(parked) => Err(WaitError::Parked(ParkedFor {
                projection: parked.projection,
                position: parked.position,
                reason: parked.error,
                lag_events: parked.events,
            })),
        }
    }

    /// Returns when each of `projections` has passed the event at `offset` of the partition, whatever tenants are parked there. A
    /// halted one is not waited for.
    pub async fn wait(
        &self,
        partition: u16,
        offset: i64,
        projections: &[&str],
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let deadline = Instant::now() + timeout;
        let mut marks = self.marks.subscribe();
        let mut pause = FIRST_POLL;
        let mut asked = false;
        loop {
            let behind = marks
                .borrow_and_update()
                .behind(projections, partition, offset);
            let Some(behind) = behind else { return Ok(()) };
            // What was heard may be old, so the database has the last word at least once.
            if asked && (behind.halted || Instant::now() >= deadline) {
                return Err(behind.into());
            }
            let until = deadline.min(Instant::now() + if asked { pause } else { Duration::ZERO });
            tokio::select! {
                biased;
                changed = marks.changed() => {
                    if changed.is_ok() {
                        continue;
                    }
                }
                () = tokio::time::sleep_until(until) => {}
            }
            if asked {
                pause = (pause * 2).min(LAST_POLL);
            }
            self.ask().await?;
            asked = true;
        }
    }

    /// Looks into the database, unless another task is doing so right now: then waits for what it finds.
    async fn ask(&self) -> Result<(), Error> {
        let Ok(_asking) = self.asking.try_lock() else {
            let _done = self.asking.lock().await;
            return Ok(());
        };
        let mut tx = self.store.partition_tx().await?;
        let rows = sqlx::query!(
            r#"select c.projection, c.partition, c.next_offset, c.parked > 0 as "parked!", c.halted_at is not null as "halted!"
               from projection.serving l join projection.checkpoint c on c.projection = l.projection and c.build = l.build"#
        )
        .fetch_all(tx.connection())
        .await?;
        self.marks.send_if_modified(|marks| {
            let mut moved = false;
            for row in rows {
                let Ok(partition) = u16::try_from(row.partition) else {
                    continue;
                };
                let Some(mark) = marks.entry(&row.projection, partition) else {
                    continue;
                };
                let found = Mark {
                    next_offset: row.next_offset,
                    halted: row.halted,
                    parked: row.parked,
                };
                if found.next_offset >= mark.next_offset && found != *mark {
                    *mark = found;
                    moved = true;
                }
            }
            moved
        });
        Ok(())
    }

    /// The engine of this process has come this far, or was set back by a crash of the database.
    pub(crate) fn reached(&self, projection: &str, partition: u16, next_offset: i64, parked: bool) {
        self.mark(projection, partition, |_| Mark {
            next_offset,
            halted: false,
            parked,
        });
    }

    /// What lies between is not wanted there: who has reached `from` has reached `next_offset`.
    pub(crate) fn passed(&self, projection: &str, partition: u16, from: i64, next_offset: i64) {
        self.mark(projection, partition, |mark| Mark {
            next_offset: if mark.next_offset == from {
                next_offset
            } else {
                mark.next_offset
            },
            ..mark
        });
    }

    /// The engine of this process cannot go on there.
    pub(crate) fn halted(&self, projection: &str, partition: u16) {
        self.mark(projection, partition, |mark| Mark {
            halted: true,
            ..mark
        });
    }

    fn mark(&self, projection: &str, partition: u16, change: impl FnOnce(Mark) -> Mark) {
        self.marks.send_if_modified(|marks| {
            let Some(mark) = marks.entry(projection, partition) else {
                return false;
            };
            let changed = change(*mark);
            let moved = changed != *mark;
            *mark = changed;
            moved
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_behind_is_named() {
        let mut marks = Marks::default();
        for (projection, next_offset) in [("a", 10), ("b", 7)] {
            if let Some(mark) = marks.entry(projection, 3) {
                mark.next_offset = next_offset;
            }
        }
        assert_eq!(marks.behind(&["a", "b"], 3, 6), None);
        let behind = |projections: &[&str], offset| {
            marks
                .behind(projections, 3, offset)
                .map(|found| (found.projection, found.lag_events))
        };
        assert_eq!(behind(&["a", "b"], 9), Some(("b".to_owned(), 3)));
        assert_eq!(behind(&["a"], 9), None);
        assert_eq!(behind(&["c"], 0), Some(("c".to_owned(), 1)));
        assert_eq!(
            marks.behind(&["a"], 2, 0).map(|found| found.lag_events),
            Some(1)
        );
    }
}
