//! Random operations: likely enough to be accepted that something happens, unlikely enough that everything is refused in
//! turn.

use daybook::seed::random::Random;
use uuid::Uuid;

use crate::{
    op::{Op, Part},
    truth::Truth,
};

const TENANTS: i64 = 6;
const STREAMS: i64 = 5;
/// How many operations back one may rest on another.
const RECENT: usize = 12;

/// Makes operations of one run.
pub struct Generator {
    random: Random,
    tenants: Vec<Uuid>,
    /// What was made before, to be repeated now and then.
    made: Vec<Op>,
}

impl Generator {
    pub fn new(seed: i64) -> Self {
        let mut random = Random::new(u64::try_from(seed).unwrap());
        let tenants = (0..TENANTS).map(|_| id(&mut random)).collect();
        Self {
            random,
            tenants,
            made: Vec::new(),
        }
    }

    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub fn next(&mut self, truth: &Truth) -> Op {
        if self.random.chance(8)
            && let Some(old) = self.random.pick(&self.made)
        {
            let mut again = old.clone();
            again.load = self.random.chance(50);
            return again;
        }
        let op = self.fresh(truth);
        self.made.push(op.clone());
        op
    }

    fn fresh(&mut self, truth: &Truth) -> Op {
        let r = &mut self.random;
        let tenant = *r.pick(&self.tenants).unwrap();
        let change = if !truth.is_registered(tenant) && r.chance(70) {
            1
        } else if r.chance(7) {
            u8::try_from(r.between(1, 5)).unwrap()
        } else if r.chance(10) {
            // So that nobody stays away for long.
            if r.chance(50) { 3 } else { 5 }
        } else {
            0
        };
        let mut names: Vec<i64> = (0..STREAMS).collect();
        let mut parts = Vec::new();
        let count = if r.chance(80) { 1 } else { r.between(2, 3) };
        for number in 0..count {
            let last = i64::try_from(names.len()).unwrap() - 1;
            let name = names.remove(usize::try_from(r.between(0, last)).unwrap());
            let stream = format!("thing-{name}");
            let version = truth.version(tenant, &stream);
            let mut after = None;
            // What was asked for a moment ago, and may not be there yet, or never.
            let before = self
                .made
                .iter()
                .rev()
                .take(RECENT)
                .filter(|op| op.tenant == tenant);
            let before = before
                .flat_map(|op| &op.parts)
                .find(|part| part.stream == stream && part.expected >= 0)
                .and_then(|part| {
                    Some((
                        part.expected + i32::try_from(part.events.len()).ok()?,
                        *part.events.last()?,
                    ))
                });
            let mut expected = match r.between(1, 100) {
                1..=60 => version,
                61..=70 => -1,
                71..=78 => -2,
                79..=86 => 0,
                87..=93 => version + 1,
                _ => (version - 1).max(0),
            };
            if let Some((version, event)) = before
                && r.chance(20)
            {
                (expected, after) = (version, Some(event));
            } else if expected > 0 && r.chance(10) {
                after = if r.chance(80) {
                    truth.last(tenant, &stream)
                } else {
                    Some(id(r))
                };
            }
            let events = if number > 0 && r.chance(50) {
                0
            } else {
                r.between(1, 3)
            };
            parts.push(Part {
                stream,
                expected,
                after,
                events: (0..events).map(|_| id(r)).collect(),
            });
        }
        let mut claims: Vec<(String, [u8; 32], String, bool)> = Vec::new();
        if r.chance(15) {
            let value = [u8::try_from(r.between(1, 4)).unwrap(); 32];
            let stream = parts[0].stream.clone();
            claims.push(("email".to_owned(), value, stream, r.chance(70)));
        }
        Op {
            tenant,
            command: id(r),
            keyed: r.chance(30),
            parts,
            claims,
            change,
            load: r.chance(50),
        }
    }
}

fn id(random: &mut Random) -> Uuid {
    let mut half = || random.between(0, i64::MAX - 1).unsigned_abs();
    let (high, low) = (half(), half());
    uuid::Builder::from_u128((u128::from(high) << 65) ^ (u128::from(low) << 1))
        .with_version(uuid::Version::Random)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid()
}
