//! What one round must load, and what it may guess instead: a cached aggregate, or that a new stream does not exist yet.
//! A guess saves the round trip and is never the last word: only what the log accepts is answered from it.

use std::collections::{HashMap, HashSet};

use event_schemas::{Source, StreamId, TenantId};
use event_store::{Fact, KeyUse, Want};
use metrics::counter;

use super::{Bus, Request, Way};
use crate::{
    cache::{Kept, Target},
    registry::{self, State},
};

/// What earlier rounds of a batch have shown.
#[derive(Default)]
pub(super) struct Doubts {
    /// Streams that must be read: a guess did not hold.
    pub(super) fresh: HashSet<Target>,
    /// Streams that must be read from their first event: an answer lies before the snapshot.
    pub(super) whole: HashSet<Target>,
}

/// A stream's state without a look at the log.
pub(super) struct Guess {
    pub(super) state: State,
    pub(super) fact: Option<Fact>,
}

/// The streams and keys to load, and the guesses.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) wants: Vec<Want>,
    pub(super) keys: Vec<KeyUse>,
    pub(super) guesses: HashMap<Target, Guess>,
    streams: HashMap<Target, usize>,
    key_of: HashMap<usize, usize>,
}

impl Needs {
    pub(super) fn of(bus: &Bus, requests: &[Request], open: &[usize], doubts: &Doubts) -> Self {
        let mut needs = Self::default();
        for index in open {
            let Some(request) = requests.get(*index) else {
                continue;
            };
            let target = request.target();
            if !needs.guess(bus, request, &target, doubts) {
                needs.load(*index, request, target, doubts);
            }
        }
        // What is read anyway need not be guessed.
        let Self {
            guesses, streams, ..
        } = &mut needs;
        guesses.retain(|target, _| !streams.contains_key(target));
        needs
    }

    /// Where the stream is among what was loaded.
    pub(super) fn stream(&self, target: &Target) -> Option<usize> {
        self.streams.get(target).copied()
    }

    /// Where the request's key is among what was loaded.
    pub(super) fn key(&self, request: usize) -> Option<usize> {
        self.key_of.get(&request).copied()
    }

    fn guess(&mut self, bus: &Bus, request: &Request, target: &Target, doubts: &Doubts) -> bool {
        if bus.way == Way::Direct
            || request.dry_run
            || request.source == Source::Import
            || doubts.fresh.contains(target)
            || self.streams.contains_key(target)
        {
            return false;
        }
        if request.spec.needs_settings && !self.guess_settings(bus, request.tenant) {
            return false;
        }
        if self.guesses.contains_key(target) {
            return true;
        }
        let guess = if let Some(kept) = bus.aggregates.get(target) {
            counter!("aggregate_cache_total", "outcome" => "hit").increment(1);
            kept.into()
        } else if request.spec.creates
            && request.spec.change.is_none()
            && request.expected_version.is_none_or(|version| version == 0)
        {
            Guess {
                state: request.spec.handler.empty(),
                fact: None,
            }
        } else {
            counter!("aggregate_cache_total", "outcome" => "miss").increment(1);
            return false;
        };
        self.guesses.insert(target.clone(), guess);
        true
    }

    /// Guesses a tenant's settings; the append checks that nothing happened to them since.
    fn guess_settings(&mut self, bus: &Bus, tenant: TenantId) -> bool {
        let target = settings_target(tenant);
        if self.guesses.contains_key(&target) || self.streams.contains_key(&target) {
            return true;
        }
        let kept = bus.aggregates.get(&target);
        kept.is_some_and(|kept| {
            self.guesses.insert(target, kept.into());
            true
        })
    }

    fn load(&mut self, index: usize, request: &Request, target: Target, doubts: &Doubts) {
        if request.spec.needs_settings {
            let hash = registry::settings_hash();
            self.want(settings_target(request.tenant), Some(hash));
        }
        // An import finds its own events again, wherever in the stream they are.
        let whole = request.source == Source::Import || doubts.whole.contains(&target);
        self.want(
            target,
            (!whole).then(|| request.spec.handler.snapshot_hash()),
        );
        if request.remembers()
            && let Some(command_id) = request.derived_command_id()
        {
            self.key_of.insert(index, self.keys.len());
            self.keys.push(KeyUse {
                tenant: request.tenant,
                command_id,
            });
        }
    }

    fn want(&mut self, target: Target, snapshot: Option<[u8; 32]>) {
        if !self.streams.contains_key(&target) {
            self.wants.push(Want {
                tenant: target.0,
                stream: target.1.clone(),
                snapshot,
            });
            self.streams.insert(target, self.wants.len() - 1);
        }
    }
}

impl From<Kept> for Guess {
    fn from(kept: Kept) -> Self {
        Self {
            state: kept.state,
            fact: Some(Fact {
                next_offset: kept.next_offset,
                position: None,
            }),
        }
    }
}

/// The stream that holds a tenant's settings.
pub(super) fn settings_target(tenant: TenantId) -> Target {
    (tenant, StreamId::new("organization", tenant.0))
}
