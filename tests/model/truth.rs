//! The model: what the log must answer, one operation after the other. Maps and vectors, nothing clever.

use std::collections::HashMap;

use uuid::Uuid;

use crate::op::{Answer, Op};

/// How far back a repetition is looked for where any version will do.
const WINDOW: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Active,
    Suspended,
    Frozen,
}

/// Where an event is.
#[derive(Clone, Copy, Debug)]
struct Place {
    id: Uuid,
    position: i64,
    offset: i64,
}

#[derive(Default)]
struct Tenant {
    state: Option<State>,
    frozen_from: Option<State>,
    position: i64,
    streams: HashMap<String, Vec<Place>>,
    claims: HashMap<(String, [u8; 32]), String>,
    keys: HashMap<Uuid, (i64, i64)>,
}

/// The whole log.
#[derive(Default)]
pub struct Truth {
    tenants: HashMap<Uuid, Tenant>,
    offsets: HashMap<u16, i64>,
}

fn partition(tenant: Uuid) -> u16 {
    event_schemas::TenantId(tenant).partition(16)
}

impl Truth {
    pub fn version(&self, tenant: Uuid, stream: &str) -> i32 {
        let stream = self
            .tenants
            .get(&tenant)
            .and_then(|t| t.streams.get(stream));
        stream.map_or(0, |events| i32::try_from(events.len()).unwrap())
    }

    /// The id of a stream's last event.
    pub fn last(&self, tenant: Uuid, stream: &str) -> Option<Uuid> {
        let events = self.tenants.get(&tenant)?.streams.get(stream)?;
        events.last().map(|place| place.id)
    }

    pub fn is_registered(&self, tenant: Uuid) -> bool {
        self.tenants.get(&tenant).is_some_and(|t| t.state.is_some())
    }

    /// The position and the offset of an event that is in the log.
    pub fn place(&self, tenant: Uuid, event: Uuid) -> Option<(i64, i64)> {
        let mut places = self.tenants.get(&tenant)?.streams.values().flatten();
        places
            .find(|place| place.id == event)
            .map(|place| (place.position, place.offset))
    }

    /// What the log must answer to the operation, were it the next one.
    pub fn answer(&self, op: &Op) -> Answer {
        let empty = Tenant::default();
        let tenant = self.tenants.get(&op.tenant).unwrap_or(&empty);
        if let Some((position, offset)) = tenant.keys.get(&op.command).filter(|_| op.keyed) {
            return Answer::Duplicate {
                position: *position,
                offset: *offset,
            };
        }
        let refused = |why: &str| Answer::Refused(why.to_owned());
        match (tenant.state, op.change) {
            (Some(_), 1) => return refused("TenantExists"),
            (None, 1) => {}
            (None, _) => return refused("TenantUnknown"),
            (Some(State::Frozen), change) if change != 4 && change != 5 => {
                return refused("TenantFrozen");
            }
            (Some(State::Suspended), change) if change != 3 && change != 4 => {
                return refused("TenantSuspended");
            }
            _ => {}
        }
        let mut versions = Vec::new();
        let mut before = 0;
        for (number, part) in op.parts.iter().enumerate() {
            let none = Vec::new();
            let events = tenant.streams.get(&part.stream).unwrap_or(&none);
            let version = i32::try_from(events.len()).unwrap();
            let fits = match part.expected {
                -1 => true,
                -2 => version > 0,
                n => {
                    n == version
                        && part
                            .after
                            .is_none_or(|id| events.last().is_some_and(|last| last.id == id))
                }
            };
            if let Some(first) = part.events.first().filter(|_| before == 0) {
                let range = match part.expected {
                    n if n >= 0 && !fits => {
                        usize::try_from(n).unwrap()..usize::try_from(n).unwrap() + 1
                    }
                    n if n < 0 => events.len().saturating_sub(WINDOW)..events.len(),
                    _ => 0..0,
                };
                let found = events
                    .get(range.start.min(events.len())..range.end.min(events.len()))
                    .and_then(|events| events.iter().find(|place| place.id == *first));
                if let Some(place) = found {
                    return Answer::Duplicate {
                        position: place.position,
                        offset: place.offset,
                    };
                }
            }
            if !fits {
                return Answer::Conflict {
                    version,
                    stream: number,
                };
            }
            before += part.events.len();
            versions.push(version + i32::from(!part.events.is_empty()));
        }
        for (kind, value, stream, takes) in &op.claims {
            let holder = tenant.claims.get(&(kind.clone(), *value));
            if let Some(holder) = holder.filter(|holder| *takes && *holder != stream) {
                return Answer::Refused(format!("taken by {holder}"));
            }
        }
        Answer::Appended {
            position: tenant.position + 1,
            offset: self
                .offsets
                .get(&partition(op.tenant))
                .copied()
                .unwrap_or(0),
            versions,
        }
    }

    /// Takes an appended operation in.
    pub fn apply(&mut self, op: &Op) {
        let tenant = self.tenants.entry(op.tenant).or_default();
        let next = self.offsets.entry(partition(op.tenant)).or_default();
        if op.keyed {
            tenant.keys.insert(op.command, (tenant.position + 1, *next));
        }
        for part in &op.parts {
            for id in &part.events {
                tenant.position += 1;
                let place = Place {
                    id: *id,
                    position: tenant.position,
                    offset: *next,
                };
                *next += 1;
                tenant
                    .streams
                    .entry(part.stream.clone())
                    .or_default()
                    .push(place);
            }
        }
        match op.change {
            1 | 3 => tenant.state = Some(State::Active),
            2 => tenant.state = Some(State::Suspended),
            4 if tenant.state != Some(State::Frozen) => {
                tenant.frozen_from = tenant.state.replace(State::Frozen);
            }
            5 if tenant.state == Some(State::Frozen) => tenant.state = tenant.frozen_from.take(),
            _ => {}
        }
        // What is given back first can be taken by the same append.
        for (kind, value, stream, _) in op.claims.iter().filter(|claim| !claim.3) {
            let key = (kind.clone(), *value);
            if tenant.claims.get(&key) == Some(stream) {
                tenant.claims.remove(&key);
            }
        }
        for (kind, value, stream, _) in op.claims.iter().filter(|claim| claim.3) {
            let key = (kind.clone(), *value);
            tenant.claims.entry(key).or_insert_with(|| stream.clone());
        }
    }
}
