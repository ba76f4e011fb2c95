//! Decides a batch on loaded or guessed state, in memory. Never talks to the log.

use std::collections::{HashMap, HashSet};

use event_schemas::{Source, TenantId};
use event_store::{Append, Expected, Fact, Found, Loaded, NewEvent, NewSnapshot, Write};
use gateway::Problem;
use uuid::Uuid;

use super::{
    Bus, Request,
    needs::{Doubts, Needs, settings_target},
    round::refused,
};
use crate::{
    Accepted, AcceptedEvent,
    cache::{Kept, Target},
    registry::{self, Decided, Refused, Situation, State},
    replay,
};

/// A snapshot is taken whenever a stream passes a multiple of so many events.
const SNAPSHOT_EVERY: i32 = 100;

/// A batch being decided: what was loaded, and the states as the batch changes them.
pub(super) struct Plan<'a> {
    bus: &'a Bus,
    needs: Needs,
    found: Found,
    states: HashMap<Target, Live>,
    /// Streams that wait for the next round, so that their commands keep their order.
    waiting: HashSet<Target>,
}

/// A stream's state in this batch.
#[derive(Clone)]
struct Live {
    state: State,
    fact: Option<Fact>,
    /// The last event of it that this round made itself, and that the log may still refuse.
    after: Option<Uuid>,
}

impl Live {
    /// A state that is in the log, as far as it is known.
    fn new(state: State, fact: Option<Fact>) -> Self {
        Self {
            state,
            fact,
            after: None,
        }
    }

    /// What the log must have for what is decided on this.
    fn expected(&self, version: i32) -> Expected {
        match self.after {
            Some(event) => Expected::After { version, event },
            None => Expected::at(version),
        }
    }
}

/// What is to be done about one request.
pub(super) enum Step {
    /// It is answered already.
    Answer(Result<Accepted, Problem>),
    /// It is answered, if the log takes these events of commands before it.
    AnswerAfter(Result<Accepted, Problem>, Vec<Uuid>),
    /// This is to be appended.
    Append(Box<(Append, Ready)>),
    /// It cannot be decided before more is read.
    Later,
}

/// What an append leaves once it is accepted: the answer, but for its numbers, and the state.
pub(super) struct Ready {
    pub(super) target: Target,
    pub(super) accepted: Accepted,
    pub(super) state: State,
    pub(super) snapshot: Option<NewSnapshot>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(bus: &'a Bus, needs: Needs, found: Found) -> Self {
        Self {
            bus,
            needs,
            found,
            states: HashMap::new(),
            waiting: HashSet::new(),
        }
    }

    /// The last offset of the tenant's partition that was seen when it was read, if it was.
    pub(super) fn last_offset(&self, tenant: TenantId) -> Option<i64> {
        Some(self.found.facts.get(&tenant)?.next_offset - 1)
    }

    /// Decides one request, after those before it.
    pub(super) fn decide(&mut self, index: usize, request: &Request, doubts: &mut Doubts) -> Step {
        let target = request.target();
        if self.waiting.contains(&target) {
            return Step::Later;
        }
        let step = self
            .try_decide(index, request, &target, doubts)
            .unwrap_or_else(|problem| Step::Answer(Err(problem)));
        match step {
            // What a guess refuses the log may allow, and what it repeats the log may know.
            Step::Answer(_) if !self.is_sure(index, request, &target) => {
                doubts.fresh.insert(target.clone());
                self.waiting.insert(target);
                Step::Later
            }
            Step::Answer(answer) => {
                let events = self.rests_on(request, &target);
                if events.is_empty() {
                    Step::Answer(answer)
                } else {
                    Step::AnswerAfter(answer, events)
                }
            }
            Step::Later => {
                self.waiting.insert(target);
                Step::Later
            }
            step => step,
        }
    }

    /// The events of this round that the request was decided on.
    fn rests_on(&self, request: &Request, target: &Target) -> Vec<Uuid> {
        if request.dry_run {
            return Vec::new();
        }
        let settings = request
            .spec
            .needs_settings
            .then(|| settings_target(request.tenant));
        [Some(target), settings.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|target| self.states.get(target)?.after)
            .collect()
    }

    /// Whether the request was decided on what was read in this round, its key included.
    fn is_sure(&self, index: usize, request: &Request, target: &Target) -> bool {
        let read = |target: &Target| self.needs.stream(target).is_some();
        read(target)
            && (!request.remembers() || self.needs.key(index).is_some())
            && (!request.spec.needs_settings || read(&settings_target(request.tenant)))
    }

    fn loaded(&self, target: &Target) -> Result<&Loaded, Problem> {
        let found = self.needs.stream(target);
        found
            .and_then(|index| self.found.streams.get(index))
            .ok_or_else(|| Problem::internal_because("a stream was not loaded"))
    }

    /// The state that the batch begins with.
    fn first(&self, request: &Request, target: &Target) -> Result<Live, Problem> {
        if let Some(guess) = self.needs.guesses.get(target) {
            return Ok(Live::new(guess.state.clone(), guess.fact));
        }
        let state = request.spec.handler.fold(self.loaded(target)?);
        let state = state.map_err(|e| Problem::internal(&e))?;
        let fact = self.found.facts.get(&request.tenant).copied();
        Ok(Live::new(state, fact))
    }

    /// The tenant's organization, which has its settings, as the batch has left it so far.
    fn organization(&mut self, request: &Request) -> Result<Live, Problem> {
        let tenant = request.tenant;
        let target = settings_target(tenant);
        if let Some(live) = self.states.get(&target)
            && (!request.dry_run || live.after.is_none())
        {
            return Ok(live.clone());
        }
        if let Some(guess) = self.needs.guesses.get(&target) {
            return Ok(Live::new(guess.state.clone(), guess.fact));
        }
        let state =
            registry::organization(self.loaded(&target)?).map_err(|e| Problem::internal(&e))?;
        let fact = self.found.facts.get(&tenant).copied();
        if let Some(fact) = fact {
            let kept = Kept {
                state: state.clone(),
                next_offset: fact.next_offset,
            };
            self.bus.aggregates.keep(target.clone(), kept);
        }
        let live = Live::new(state, fact);
        self.states.entry(target).or_insert_with(|| live.clone());
        Ok(live)
    }

    fn try_decide(
        &mut self,
        index: usize,
        request: &Request,
        target: &Target,
        doubts: &mut Doubts,
    ) -> Result<Step, Problem> {
        let derived = request.derived_command_id();
        if let Some(command_id) = derived
            && self.needs.stream(target).is_some()
            && let Some(step) = self.replayed(index, request, target, command_id, doubts)?
        {
            return Ok(step);
        }
        let organization = if request.spec.needs_settings {
            Some(self.organization(request)?)
        } else {
            None
        };
        let settings = organization
            .as_ref()
            .map(|live| {
                registry::settings(&live.state).ok_or_else(|| {
                    Problem::internal_because("an organization's state is of another context")
                })
            })
            .transpose()?
            .unwrap_or_default();
        // A dry run decides on the stored state and leaves no trace, not even for the rest of its batch.
        let mut live = match self.states.get(target) {
            Some(live) if !request.dry_run => live.clone(),
            _ => self.first(request, target)?,
        };
        let version = live.state.version;
        let now = self.bus.clock.now();
        let situation = Situation {
            now,
            occurred_at: request.occurred_at.unwrap_or(now),
            source: request.source,
            actor: request.actor.clone(),
            settings,
        };
        if request
            .expected_version
            .is_some_and(|expected| expected != version)
        {
            return Err(Problem::conflict(version, false));
        }
        let decided = request
            .spec
            .handler
            .decide(&mut live.state, &request.data, situation, &*self.bus.clock)
            .map_err(|refused| match refused {
                Refused::Malformed(problem) => *problem,
                Refused::Rejected { code, detail } if code.ends_with("-not-found") => {
                    Problem::unknown(code, detail)
                }
                Refused::Rejected { code, detail } => Problem::rejected(code, detail),
            })?;
        let step = self.step(request, version, &live, organization, decided, derived)?;
        if !request.dry_run {
            if let Step::Append(ready) = &step {
                live.after = ready.0.events.last().map(|event| event.event_id);
            }
            self.states.insert(target.clone(), live);
        }
        Ok(step)
    }

    /// The answer to an earlier use of the idempotency key, if there was one.
    fn replayed(
        &self,
        index: usize,
        request: &Request,
        target: &Target,
        command_id: Uuid,
        doubts: &mut Doubts,
    ) -> Result<Option<Step>, Problem> {
        let loaded = self.loaded(target)?;
        let answered = |accepted| Step::Answer(Ok(accepted));
        if request.source == Source::Import {
            let answer = replay::imported(&self.bus.store, request, loaded, command_id);
            return Ok(answer.map(answered));
        }
        let Some(remembered) = self
            .needs
            .key(index)
            .and_then(|k| self.found.keys.get(k)?.as_ref())
        else {
            return Ok(None);
        };
        if remembered.request_hash != request.hash() {
            return Err(Problem::key_reused());
        }
        if loaded
            .snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.version >= remembered.first_version)
        {
            doubts.whole.insert(target.clone());
            doubts.fresh.insert(target.clone());
            return Ok(Some(Step::Later));
        }
        replay::remembered(&self.bus.store, request, loaded, remembered)
            .map(|accepted| Some(answered(accepted)))
            .ok_or_else(|| {
                Problem::internal_because("a remembered command has no events in its stream")
            })
    }

    fn step(
        &self,
        request: &Request,
        version: i32,
        live: &Live,
        organization: Option<Live>,
        decided: Decided,
        derived: Option<Uuid>,
    ) -> Result<Step, Problem> {
        let command_id = derived.unwrap_or_else(|| self.bus.clock.uuid_v7());
        // An import finds its events again by their ids. A key is forgotten one day and may come back: no id ever does.
        let source_row = derived.filter(|_| request.source == Source::Import);
        let events: Vec<NewEvent> = (1_u32..)
            .zip(decided.events)
            .map(|(number, event)| NewEvent {
                event_id: source_row.map_or_else(
                    || self.bus.clock.uuid_v7(),
                    |id| replay::event_id(id, number),
                ),
                event_type: event.event_type.into(),
                schema_version: event.schema_version,
                payload: event.payload,
            })
            .collect();
        let stream = request.stream();
        let written = (version + 1..)
            .zip(&events)
            .map(|(version, event)| AcceptedEvent {
                id: event.event_id,
                event_type: event.event_type.clone().into_owned(),
                version,
                position: None,
            });
        let accepted = Accepted {
            stream_id: stream.0.clone(),
            version: version + i32::try_from(events.len()).unwrap_or(i32::MAX),
            position: None,
            token: None,
            events: written.collect(),
            replayed: false,
            dry_run: request.dry_run,
            // What a first answer tells is only true of something that was written.
            extra: if request.dry_run {
                serde_json::Map::new()
            } else {
                decided.extra
            },
        };
        if request.dry_run || events.is_empty() {
            // The log would have refused: what a dry run decides on was read, the tenant's state with it.
            if !events.is_empty()
                && let Some(refusal) = self.found.refusal(request.tenant, request.spec.change)
            {
                return Err(refused(refusal));
            }
            return Ok(Step::Answer(Ok(accepted)));
        }
        let before = (
            version / SNAPSHOT_EVERY,
            live.state.version / SNAPSHOT_EVERY,
        );
        let snapshot = (before.0 != before.1)
            .then(|| request.spec.handler.snapshot(&live.state))
            .flatten()
            .map(|state| NewSnapshot {
                tenant: request.tenant,
                stream: stream.clone(),
                version: live.state.version,
                state,
                schema: request.spec.handler.snapshot_hash(),
            });
        let metadata =
            serde_json::to_vec(&request.metadata(command_id)).map_err(|e| Problem::internal(&e))?;
        let expected = live.expected(version);
        let append = Append {
            request_hash: request.remembers().then(|| request.hash()),
            change: request.spec.change,
            occurred_at: request.occurred_at,
            fact: live.fact,
            // Nothing may have happened to the settings since.
            others: organization
                .map(|live| Write {
                    stream: settings_target(request.tenant).1,
                    expected: live.expected(live.state.version),
                    events: Vec::new(),
                })
                .into_iter()
                .collect(),
            ..Append::new(
                request.tenant,
                stream,
                expected,
                command_id,
                metadata,
                events,
            )
        };
        let ready = Ready {
            target: (append.tenant, append.stream.clone()),
            accepted,
            state: live.state.clone(),
            snapshot,
        };
        Ok(Step::Append(Box::new((append, ready))))
    }
}
