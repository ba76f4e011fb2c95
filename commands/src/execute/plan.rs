//! Decides a batch on loaded state, in memory. Never talks to the log.

use std::collections::HashMap;

use domain::Settings;
use event_schemas::{Metadata, Source, StreamId, TenantId};
use event_store::{Append, Expected, KeyUse, Loaded, NewEvent, Remembered, Want};
use gateway::Problem;
use uuid::Uuid;

use super::{Bus, Request};
use crate::{
    Accepted, AcceptedEvent,
    registry::{self, Decided, Refused, Situation, State},
    replay,
};

/// What one round loads: the streams, the settings' streams, and the keys.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) wants: Vec<Want>,
    index: HashMap<Want, usize>,
    pub(super) keys: Vec<KeyUse>,
    key_index: HashMap<usize, usize>,
}

impl Needs {
    pub(super) fn of(requests: &[Request], open: &[usize]) -> Self {
        let mut needs = Self::default();
        for (index, request) in open
            .iter()
            .filter_map(|index| Some((*index, requests.get(*index)?)))
        {
            needs.stream(request.want());
            if request.spec.needs_settings {
                needs.stream(settings_want(request.tenant));
            }
            if request.remembers()
                && let Some(command_id) = request.derived_command_id()
            {
                needs.key_index.insert(index, needs.keys.len());
                needs.keys.push(KeyUse {
                    tenant: request.tenant,
                    command_id,
                });
            }
        }
        needs
    }

    fn stream(&mut self, want: Want) {
        if !self.index.contains_key(&want) {
            self.index.insert(want.clone(), self.wants.len());
            self.wants.push(want);
        }
    }
}

fn settings_want(tenant: TenantId) -> Want {
    Want {
        tenant,
        stream: StreamId::new("organization", tenant.0),
    }
}

/// A batch being decided: what was loaded, and the states as the batch changes them.
pub(super) struct Plan<'a> {
    bus: &'a Bus,
    needs: Needs,
    loaded: Vec<Loaded>,
    remembered: Vec<Option<Remembered>>,
    states: HashMap<Want, State>,
    settings: HashMap<TenantId, Settings>,
}

/// What is to be done about one request.
pub(super) enum Step {
    /// It is answered already.
    Answer(Result<Accepted, Problem>),
    /// This is to be appended; the answer, but for its numbers, is ready.
    Append(Box<(Append, Accepted)>),
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        bus: &'a Bus,
        needs: Needs,
        loaded: Vec<Loaded>,
        remembered: Vec<Option<Remembered>>,
    ) -> Self {
        Self {
            bus,
            needs,
            loaded,
            remembered,
            states: HashMap::new(),
            settings: HashMap::new(),
        }
    }

    pub(super) fn decide(&mut self, index: usize, request: &Request) -> Step {
        self.try_decide(index, request)
            .unwrap_or_else(|problem| Step::Answer(Err(problem)))
    }

    fn loaded(&self, want: &Want) -> Result<&Loaded, Problem> {
        let found = self
            .needs
            .index
            .get(want)
            .and_then(|index| self.loaded.get(*index));
        found.ok_or_else(|| Problem::internal_because("a stream was not loaded"))
    }

    fn fold(&self, request: &Request, want: &Want) -> Result<State, Problem> {
        request
            .spec
            .handler
            .fold(&self.loaded(want)?.events)
            .map_err(|e| Problem::internal(&e))
    }

    fn settings(&mut self, tenant: TenantId) -> Result<Settings, Problem> {
        if let Some(settings) = self.settings.get(&tenant) {
            return Ok(*settings);
        }
        let events = &self.loaded(&settings_want(tenant))?.events;
        let settings = registry::settings(events).map_err(|e| Problem::internal(&e))?;
        self.settings.insert(tenant, settings);
        Ok(settings)
    }

    fn try_decide(&mut self, index: usize, request: &Request) -> Result<Step, Problem> {
        let want = request.want();
        let derived = request.derived_command_id();
        if let Some(command_id) = derived
            && let Some(answer) = self.replayed(index, request, &want, command_id)?
        {
            return Ok(Step::Answer(Ok(answer)));
        }
        let settings = if request.spec.needs_settings {
            self.settings(request.tenant)?
        } else {
            Settings::default()
        };
        // A dry run decides on the stored state and leaves no trace, not even for the rest of its batch.
        let mut state = match self.states.remove(&want) {
            Some(state) if !request.dry_run => state,
            kept => {
                if let Some(state) = kept {
                    self.states.insert(want.clone(), state);
                }
                self.fold(request, &want)?
            }
        };
        let version = state.version;
        let now = self.bus.clock.now();
        let situation = Situation {
            now,
            occurred_at: request.occurred_at.unwrap_or(now),
            source: request.source,
            actor: request.actor.clone(),
            settings,
        };
        let decided = if request
            .expected_version
            .is_some_and(|expected| expected != version)
        {
            Err(Problem::conflict(version, false))
        } else {
            request
                .spec
                .handler
                .decide(&mut state, &request.data, situation, &*self.bus.clock)
                .map_err(|refused| match refused {
                    Refused::Malformed(problem) => *problem,
                    Refused::Rejected { code, detail } if code.ends_with("-not-found") => {
                        Problem::unknown(code, detail)
                    }
                    Refused::Rejected { code, detail } => Problem::rejected(code, detail),
                })
        };
        if !request.dry_run {
            self.states.insert(want, state);
        }
        self.step(request, version, decided?, derived)
    }

    /// The answer to an earlier use of the idempotency key, if there was one.
    fn replayed(
        &self,
        index: usize,
        request: &Request,
        want: &Want,
        command_id: Uuid,
    ) -> Result<Option<Accepted>, Problem> {
        if request.source == Source::Import {
            return Ok(replay::answer(
                &self.bus.store,
                request,
                self.loaded(want)?,
                command_id,
            ));
        }
        let Some(remembered) = self
            .needs
            .key_index
            .get(&index)
            .and_then(|k| self.remembered.get(*k)?.as_ref())
        else {
            return Ok(None);
        };
        if remembered.request_hash != request.hash() {
            return Err(Problem::key_reused());
        }
        let answer = replay::answer(&self.bus.store, request, self.loaded(want)?, command_id);
        answer.map(Some).ok_or_else(|| {
            Problem::internal_because("a remembered command has no events in its stream")
        })
    }

    fn step(
        &self,
        request: &Request,
        version: i32,
        decided: Decided,
        derived: Option<Uuid>,
    ) -> Result<Step, Problem> {
        let command_id = derived.unwrap_or_else(|| self.bus.clock.uuid_v7());
        let events: Vec<NewEvent> = (1_u32..)
            .zip(decided.events)
            .map(|(number, event)| NewEvent {
                event_id: derived.map_or_else(
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
            return Ok(Step::Answer(Ok(accepted)));
        }
        let metadata = Metadata {
            command_id,
            correlation_id: request.correlation_id,
            causation_id: command_id,
            actor: request.actor.clone(),
            source: request.source,
            traceparent: request.traceparent.clone(),
            legal_basis: None,
            ip_hash: None,
        };
        let append = Append {
            tenant: request.tenant,
            stream,
            expected: if version == 0 {
                Expected::NoStream
            } else {
                Expected::Exact(version)
            },
            command_id,
            request_hash: request.remembers().then(|| request.hash()),
            registers: request.spec.registers,
            occurred_at: request.occurred_at,
            metadata: serde_json::to_vec(&metadata).map_err(|e| Problem::internal(&e))?,
            events,
        };
        Ok(Step::Append(Box::new((append, accepted))))
    }
}
