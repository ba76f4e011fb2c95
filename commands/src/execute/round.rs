//! One round over a batch: load everything, decide everything, append everything, and answer what can be answered.

use std::collections::HashSet;

use event_store::{Append, Error, Found, Outcome, Refusal};
use futures::future::join_all;
use gateway::Problem;

use super::{
    Bus, Request, Way,
    credentials::Changed,
    needs::{Doubts, Needs, settings_target},
    plan::{Plan, Step},
};
use crate::{
    Accepted,
    cache::{Kept, Target},
};

type Answers = [Option<Result<Accepted, Problem>>];

/// Fills the answers of `open`; those of commands that another writer beat, or that a guess did not settle, stay empty, to
/// be decided again.
pub(super) async fn run(
    bus: &Bus,
    requests: &[Request],
    open: &[usize],
    doubts: &mut Doubts,
    answers: &mut Answers,
) -> Result<(), Problem> {
    let mut needs = Needs::of(bus, requests, open, doubts);
    let found = load(bus, &mut needs).await?;
    let mut plan = Plan::new(bus, needs, found);
    let (mut appends, mut pending, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    let (mut keys, mut changed) = (HashSet::new(), Changed::default());
    for index in open {
        let Some(request) = requests.get(*index) else {
            continue;
        };
        // A key's second use in a batch is answered in the next round, when its first is in the log.
        if request.key.is_some() && !keys.insert((request.tenant, request.derived_command_id())) {
            doubts.fresh.insert(request.target());
            continue;
        }
        let step = plan.decide(*index, request, doubts);
        // Whoever hears once more that a credential was revoked relies on it no less.
        if let (Step::Answer(_), Some(change), false) =
            (&step, request.spec.changes_credentials, request.dry_run)
            && let Some(offset) = plan.last_offset(request.tenant)
        {
            changed.add(change, partition(bus, request), offset);
        }
        match step {
            Step::Answer(answer) => set(answers, *index, answer),
            Step::AnswerAfter(answer, events) => answered.push((*index, answer, events)),
            Step::Append(ready) => {
                let (append, ready) = *ready;
                appends.push(append);
                pending.push((*index, ready));
            }
            Step::Later => {}
        }
    }
    if appends.is_empty() {
        changed.settle(bus).await;
        return Ok(());
    }
    let outcomes = send(bus, appends).await?;
    let (mut beaten, mut written) = (HashSet::new(), HashSet::new());
    let mut snapshots = Vec::new();
    for ((index, ready), outcome) in pending.into_iter().zip(outcomes) {
        let Some(request) = requests.get(index) else {
            continue;
        };
        if let Ok(Outcome::Appended(numbers)) = &outcome {
            let kept = Kept {
                state: ready.state,
                next_offset: numbers.last_offset() + 1,
            };
            written.extend(ready.accepted.events.last().map(|event| event.id));
            bus.aggregates.keep(ready.target, kept);
            snapshots.extend(ready.snapshot);
            if let Some(change) = request.spec.changes_credentials {
                changed.add(change, partition(bus, request), numbers.last_offset());
            }
        } else {
            // Whatever it was decided on, the log knows better.
            bus.aggregates.forget(&ready.target);
            if request.spec.needs_settings {
                bus.aggregates.forget(&settings_target(request.tenant));
            }
            doubts.fresh.insert(ready.target);
        }
        if let Some(answer) = settle(bus, request, ready.accepted, outcome, &mut beaten) {
            set(answers, index, answer);
        }
    }
    for (index, answer, events) in answered {
        if events.iter().all(|event| written.contains(event)) {
            set(answers, index, answer);
        } else if let Some(request) = requests.get(index) {
            doubts.fresh.insert(request.target());
        }
    }
    bus.keep_snapshots(snapshots);
    changed.settle(bus).await;
    Ok(())
}

fn partition(bus: &Bus, request: &Request) -> u16 {
    request.tenant.partition(bus.store.partitions())
}

async fn load(bus: &Bus, needs: &mut Needs) -> Result<Found, Problem> {
    let (wants, keys) = (
        std::mem::take(&mut needs.wants),
        std::mem::take(&mut needs.keys),
    );
    let found = match bus.way {
        _ if wants.is_empty() => Ok(Found::default()),
        Way::Direct => bus.store.load(&wants, &keys).await,
        Way::Lanes => bus.store.load_grouped(wants, keys).await,
    };
    found.map_err(|e| problem(&e))
}

fn set(answers: &mut Answers, index: usize, answer: Result<Accepted, Problem>) {
    if let Some(slot) = answers.get_mut(index) {
        *slot = Some(answer);
    }
}

async fn send(bus: &Bus, appends: Vec<Append>) -> Result<Vec<Result<Outcome, Error>>, Problem> {
    match bus.way {
        Way::Direct => bus.store.append(&appends).await.map_err(|e| problem(&e)),
        // Submitted in order: a tenant's queue keeps it.
        Way::Lanes => {
            Ok(join_all(appends.into_iter().map(|append| bus.store.submit(append))).await)
        }
    }
}

/// The answer to one outcome; none if it is to be decided again.
fn settle(
    bus: &Bus,
    request: &Request,
    mut accepted: Accepted,
    outcome: Result<Outcome, Error>,
    beaten: &mut HashSet<Target>,
) -> Option<Result<Accepted, Problem>> {
    match outcome {
        Ok(Outcome::Appended(numbers)) => {
            for (event, position) in accepted.events.iter_mut().zip(numbers.first_position..) {
                event.position = Some(position);
            }
            accepted.position = Some(numbers.last_position());
            accepted.token = Some(bus.store.issue_token(
                request.tenant,
                numbers.last_position(),
                numbers.last_offset(),
            ));
            Some(Ok(accepted))
        }
        // The settings moved, or another request with this key was first: the next round decides by the new ones, or answers
        // with the first one's result.
        Ok(Outcome::Conflict { stream: 1.., .. } | Outcome::Duplicate { .. }) => None,
        Ok(Outcome::Conflict {
            current_version, ..
        }) => {
            // The first one beaten on a stream had the caller's version when it was loaded; the stream moved since.
            let first = beaten.insert(request.target());
            (first && request.expected_version.is_some())
                .then(|| Err(Problem::conflict(current_version, false)))
        }
        Ok(Outcome::Refused(refusal)) => Some(Err(refused(refusal))),
        Err(error) => Some(Err(problem(&error))),
    }
}

/// What the log refuses, in the gateway's words.
pub(super) fn refused(refusal: Refusal) -> Problem {
    let (code, detail) = match refusal {
        Refusal::ValueTaken { holder } => {
            let detail = format!("a value that must be unique is held by {holder}");
            return Problem::rejected("value-taken", detail);
        }
        Refusal::TenantUnknown => (
            "organization-not-found",
            "this organization is not registered",
        ),
        Refusal::TenantSuspended => (
            "organization-suspended",
            "this organization is suspended: it can be read, but nothing can be written until the operator resumes it",
        ),
        Refusal::TenantFrozen => (
            "organization-frozen",
            "writing is stopped for this organization after an alarm; the operator knows",
        ),
        Refusal::BehindNewest => (
            "occurred-at-out-of-order",
            "the time it happened is before the organization's newest event or in the future; import in the order of time",
        ),
        Refusal::TenantExists => (
            "organization-already-registered",
            "an organization with this id is registered already",
        ),
    };
    Problem::rejected(code, detail.to_owned())
}

/// An error of the log in the gateway's words.
fn problem(error: &Error) -> Problem {
    match error {
        Error::Overloaded {
            retry_after_seconds,
        } => Problem::overloaded(*retry_after_seconds),
        Error::Unavailable(_) | Error::ShuttingDown => Problem::unavailable(),
        Error::OutcomeUnknown(_) => Problem::outcome_unknown(),
        Error::Unstorable(why) => {
            Problem::rejected("not-storable", format!("the log cannot store it: {why}"))
        }
        Error::Corrupt { .. }
        | Error::CorruptEvent { .. }
        | Error::Setup(_)
        | Error::Database(_)
        | Error::Migration(_) => Problem::internal(error),
    }
}
