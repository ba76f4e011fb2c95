//! A writer: one connection and what it remembers. It takes a batch the numbered way where it can and the checked way where
//! it cannot, and knows what became of a batch even when the connection was lost over it.

use std::collections::BTreeMap;

use metrics::counter;
use sqlx::{
    error::DatabaseError,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity},
};

use super::{
    Append, Appended, Outcome, checked,
    connection::{Link, Session},
    lookup,
    memory::{Memory, Plan, Why},
    numbered,
};
use crate::{
    Error, Heads,
    paths::{Path, Paths},
    store::Proofs,
};

/// How often a batch whose connection was lost is sent again, as far as it was not written.
const REPEATS: u32 = 2;
/// How many batches go the checked way after a swap failed, at first and at most: where two servers meet, trying is waste.
const HOLD: (u32, u32) = (4, 256);

/// What every writer of a store has in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) options: PgConnectOptions,
    pub(crate) partitions: u16,
    pub(crate) proofs: Proofs,
    pub(crate) heads: Heads,
    pub(crate) paths: Paths,
}

/// One writer; one append under way at a time.
pub(crate) struct Writer {
    shared: Shared,
    link: Option<Link>,
    memory: Memory,
    /// Batches still to go the checked way, and how many after the next failure.
    hold: u32,
    next_hold: u32,
}

type Results = Vec<Option<Result<Outcome, Error>>>;

/// Why a call did not answer.
enum Trouble {
    /// The database said no to the whole call: nothing of it was written.
    Refused(sqlx::Error),
    /// Nobody knows.
    Lost(sqlx::Error, Session),
    /// It was never sent.
    Unsent(sqlx::Error),
}

impl Writer {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared,
            link: None,
            memory: Memory::default(),
            hold: 0,
            next_hold: HOLD.0,
        }
    }

    /// Closes its connection.
    pub(crate) async fn close(self) {
        if let Some(link) = self.link {
            // It is gone either way.
            drop(sqlx::Connection::close(link.connection).await);
        }
    }

    /// Appends a batch; one result each, in order. The outer error concerns all of it.
    pub(crate) async fn append(
        &mut self,
        batch: &[Append],
    ) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let mut results: Results = batch
            .iter()
            .map(|append| {
                let defect = append.defect();
                defect.map(|what| Err(Error::Unstorable(what.to_owned())))
            })
            .collect();
        for repeat in 0..=REPEATS {
            match self.attempt(batch, &mut results, repeat).await {
                Ok(()) => break,
                Err(Trouble::Lost(error, session)) => {
                    let found = self.find_out(batch, &mut results, error, session).await;
                    if let Err(error) = found {
                        return rest(results, error);
                    }
                }
                Err(Trouble::Refused(error) | Trouble::Unsent(error)) => {
                    return rest(results, Error::Unavailable(error));
                }
            }
        }
        Ok(results
            .into_iter()
            .map(|result| {
                // Looked for and not found, again and again: nothing was written.
                result.unwrap_or(Err(Error::Unavailable(sqlx::Error::PoolTimedOut)))
            })
            .collect())
    }

    /// Sends everything that has no result yet.
    async fn attempt(
        &mut self,
        batch: &[Append],
        results: &mut Results,
        repeat: u32,
    ) -> Result<(), Trouble> {
        let open: Vec<usize> = (0..batch.len())
            .filter(|index| results.get(*index).is_some_and(Option::is_none))
            .collect();
        let appends: Vec<&Append> = open.iter().filter_map(|index| batch.get(*index)).collect();
        if appends.is_empty() {
            return Ok(());
        }
        // What goes the checked way, and why.
        let all = |reason: &'static str| (0..appends.len()).map(|n| (n, reason)).collect();
        let left: Vec<(usize, &'static str)> = if self.shared.proofs == Proofs::Checked {
            all("chosen")
        } else if repeat > 0 {
            all("repeated")
        } else if self.hold > 0 {
            self.hold -= 1;
            all("held")
        } else {
            let plan = self.memory.plan(
                self.shared.partitions,
                &appends,
                self.shared.proofs == Proofs::Offsets,
            );
            let rest = || {
                plan.checked
                    .iter()
                    .map(|(n, why)| (*n, why.name()))
                    .collect()
            };
            if plan.numbered.is_empty() {
                rest()
            } else {
                match self.numbered(&plan).await {
                    Ok(recorded_at) => {
                        for numbered in &plan.numbered {
                            let outcome = Outcome::Appended(numbered.appended(recorded_at));
                            set(results, &open, numbered.index, Ok(outcome));
                        }
                        rest()
                    }
                    Err(Trouble::Refused(error)) if moved(&error) => all("moved"),
                    Err(Trouble::Refused(error)) if is_data(&error) => all("collided"),
                    Err(trouble) => return Err(trouble),
                }
            }
        };
        if left.is_empty() {
            return Ok(());
        }
        let mut part: Vec<&Append> = Vec::with_capacity(left.len());
        let mut reasons: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
        for (n, reason) in &left {
            let Some(append) = appends.get(*n).copied() else {
                continue;
            };
            let (commands, events) = reasons.entry(*reason).or_default();
            *commands += 1;
            *events += append.all_events().count();
            part.push(append);
        }
        for (reason, (commands, events)) in reasons {
            self.shared
                .paths
                .count(Path::Checked, reason, commands, events);
        }
        self.shared.paths.batch(Path::Checked);
        self.checked(&part, |n, result| {
            if let Some((place, _)) = left.get(n) {
                set(results, &open, *place, result);
            }
        })
        .await
    }

    async fn numbered(
        &mut self,
        plan: &Plan<'_>,
    ) -> Result<chrono::DateTime<chrono::Utc>, Trouble> {
        let full = self.shared.proofs == Proofs::Full;
        let link = link(&mut self.link, &self.shared.options).await?;
        let session = link.session;
        match numbered::call(&mut link.connection, plan, full).await {
            Ok(recorded_at) => {
                self.memory.written(plan);
                self.next_hold = HOLD.0;
                self.shared.heads.advance(
                    plan.swaps
                        .iter()
                        .map(|(partition, swap)| (*partition, swap.base + swap.events)),
                );
                let events = plan.numbered.iter().map(|n| n.append.events.len()).sum();
                self.shared
                    .paths
                    .count(Path::Numbered, "", plan.numbered.len(), events);
                self.shared.paths.batch(Path::Numbered);
                Ok(recorded_at)
            }
            Err(error) => {
                let trouble = self.trouble(error, session);
                if matches!(&trouble, Trouble::Refused(error) if moved(error)) {
                    self.hold = self.next_hold;
                    self.next_hold = (self.next_hold * 2).min(HOLD.1);
                }
                Err(trouble)
            }
        }
    }

    /// Appends the checked way. An error that is not a result is cornered by cutting in half.
    async fn checked(
        &mut self,
        batch: &[&Append],
        mut tell: impl FnMut(usize, Result<Outcome, Error>),
    ) -> Result<(), Trouble> {
        // What is still to do, the next one last, each with the number of its first command.
        let mut parts = vec![(0, batch)];
        while let Some((start, part)) = parts.pop() {
            let link = link(&mut self.link, &self.shared.options).await?;
            let session = link.session;
            match checked::call(&mut link.connection, self.shared.partitions, part).await {
                Ok(outcomes) => {
                    self.memory.learn(self.shared.partitions, part, &outcomes);
                    self.announce(part.iter().zip(&outcomes).filter_map(|(append, outcome)| {
                        match outcome {
                            Outcome::Appended(numbers) => Some((*append, numbers)),
                            _ => None,
                        }
                    }));
                    for (n, outcome) in outcomes.into_iter().enumerate() {
                        tell(start + n, Ok(outcome));
                    }
                }
                Err(error) => match self.trouble(error, session) {
                    Trouble::Refused(error) if is_data(&error) => {
                        if part.len() > 1 {
                            let (first, second) = part.split_at(part.len() / 2);
                            parts.push((start + first.len(), second));
                            parts.push((start, first));
                        } else {
                            tell(start, Err(Error::Unstorable(message(&error))));
                        }
                    }
                    trouble => return Err(trouble),
                },
            }
        }
        Ok(())
    }

    /// What an error of a call means. The memory counts no more, whatever it is.
    fn trouble(&mut self, error: sqlx::Error, session: Session) -> Trouble {
        self.memory.drop_all();
        let refused = error.as_database_error().is_some_and(|e| {
            e.try_downcast_ref::<PgDatabaseError>()
                .is_some_and(|e| e.severity() == PgSeverity::Error)
        });
        if refused {
            return Trouble::Refused(error);
        }
        self.link = None;
        Trouble::Lost(error, session)
    }

    /// Ends what is left of a lost session, then looks up what it wrote.
    async fn find_out(
        &mut self,
        batch: &[Append],
        results: &mut Results,
        error: sqlx::Error,
        session: Session,
    ) -> Result<(), Error> {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the connection was lost during an append; looking up what it wrote"
        );
        counter!("append_lost_total").increment(1);
        let Ok(mut link) = Link::after(&self.shared.options, session).await else {
            return Err(Error::OutcomeUnknown(error));
        };
        let open: Vec<usize> = (0..batch.len())
            .filter(|index| results.get(*index).is_some_and(Option::is_none))
            .collect();
        let appends: Vec<&Append> = open.iter().filter_map(|index| batch.get(*index)).collect();
        let Ok(found) = lookup::find(&mut link.connection, &appends).await else {
            return Err(Error::OutcomeUnknown(error));
        };
        self.announce(
            appends
                .iter()
                .zip(&found)
                .filter_map(|(append, numbers)| Some((*append, numbers.as_ref()?))),
        );
        for (n, numbers) in found.into_iter().enumerate() {
            if let Some(numbers) = numbers {
                set(results, &open, n, Ok(Outcome::Appended(numbers)));
            }
        }
        self.link = Some(link);
        Ok(())
    }

    /// Tells how far the partitions are after these; once for all of them.
    fn announce<'a>(&self, appended: impl Iterator<Item = (&'a Append, &'a Appended)>) {
        self.shared.heads.advance(appended.map(|(append, numbers)| {
            let partition = append.tenant.partition(self.shared.partitions);
            (partition, numbers.last_offset() + 1)
        }));
    }
}

impl Why {
    fn name(self) -> &'static str {
        match self {
            Self::Asks => "asks",
            Self::Unknown => "unknown",
            Self::Doubtful => "doubtful",
            Self::Behind => "behind",
        }
    }
}

async fn link<'a>(
    slot: &'a mut Option<Link>,
    options: &PgConnectOptions,
) -> Result<&'a mut Link, Trouble> {
    if slot.is_none() {
        *slot = Some(Link::open(options).await.map_err(Trouble::Unsent)?);
    }
    slot.as_mut()
        .ok_or(Trouble::Unsent(sqlx::Error::PoolClosed))
}

/// An error is the result of what has none yet, and of the call if nothing has one: what is known to be written stays so.
fn rest(results: Results, error: Error) -> Result<Vec<Result<Outcome, Error>>, Error> {
    if results.iter().all(Option::is_none) {
        return Err(error);
    }
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "a part of an append failed"
    );
    let results = results.into_iter();
    Ok(results
        .map(|result| result.unwrap_or_else(|| Err(error.for_another())))
        .collect())
}

fn set(results: &mut Results, open: &[usize], n: usize, result: Result<Outcome, Error>) {
    if let Some(slot) = open.get(n).and_then(|index| results.get_mut(*index)) {
        *slot = Some(result);
    }
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

/// Another writer was there in between, or the writer's numbers were wrong.
fn moved(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|c| c == "DB005" || c == "DB006")
}

/// Errors that a command's own data cause: data exceptions, integrity constraints, program limits.
fn is_data(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|c| c.starts_with("22") || c.starts_with("23") || c.starts_with("54"))
}

fn message(error: &sqlx::Error) -> String {
    error
        .as_database_error()
        .map_or_else(|| error.to_string(), |e| e.message().to_owned())
}
