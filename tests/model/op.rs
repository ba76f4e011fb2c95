//! One operation as the generator makes it, the model understands it and a worker executes it; and its answer.

use event_schemas::{StreamId, TenantId};
use event_store::{Append, Claim, Expected, Fact, NewEvent, Outcome, Refusal, TenantChange, Write};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One append.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Op {
    pub tenant: Uuid,
    pub command: Uuid,
    /// Whether the command's id is remembered as a key.
    pub keyed: bool,
    /// Its streams, the first one first.
    pub parts: Vec<Part>,
    /// Kind, value, stream and whether it is taken.
    pub claims: Vec<(String, [u8; 32], String, bool)>,
    /// 0 none, else as in `TenantChange`'s order from 1.
    pub change: u8,
    /// Whether a load comes first, whose fact goes along.
    pub load: bool,
}

/// One stream of an append.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    pub stream: String,
    /// The version, or -1 for any, -2 for any but none.
    pub expected: i32,
    /// Which event must have that version, if it matters.
    pub after: Option<Uuid>,
    /// The ids of its events.
    pub events: Vec<Uuid>,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    Appended {
        position: i64,
        offset: i64,
        versions: Vec<i32>,
    },
    Conflict {
        version: i32,
        stream: usize,
    },
    Duplicate {
        position: i64,
        offset: i64,
    },
    Refused(String),
    /// Nobody knows, or nothing was written: the log says.
    Failed(String),
}

const CHANGES: [TenantChange; 5] = [
    TenantChange::Register,
    TenantChange::Suspend,
    TenantChange::Resume,
    TenantChange::Freeze,
    TenantChange::Unfreeze,
];

impl Op {
    pub fn first_event(&self) -> Uuid {
        self.parts
            .iter()
            .find_map(|p| p.events.first())
            .copied()
            .unwrap()
    }

    pub fn append(&self, fact: Option<Fact>) -> Append {
        let expected = |part: &Part| match (part.expected, part.after) {
            (-1, _) => Expected::Any,
            (-2, _) => Expected::StreamExists,
            (version, Some(event)) => Expected::After { version, event },
            (version, None) => Expected::at(version),
        };
        let events = |part: &Part| -> Vec<NewEvent> {
            let events = part.events.iter().map(|id| NewEvent {
                event_id: *id,
                event_type: "ModelNoted".into(),
                schema_version: 1,
                payload: id.to_string().into_bytes(),
            });
            events.collect()
        };
        let first = &self.parts[0];
        let others = self.parts[1..].iter().map(|part| Write {
            stream: StreamId(part.stream.clone()),
            expected: expected(part),
            events: events(part),
        });
        let claims = self
            .claims
            .iter()
            .map(|(kind, value, stream, takes)| Claim {
                kind: kind.clone(),
                value: *value,
                stream: StreamId(stream.clone()),
                takes: *takes,
            });
        Append {
            others: others.collect(),
            claims: claims.collect(),
            change: (self.change > 0).then(|| CHANGES[usize::from(self.change) - 1]),
            request_hash: self.keyed.then_some([5; 32]),
            fact,
            ..Append::new(
                TenantId(self.tenant),
                StreamId(first.stream.clone()),
                expected(first),
                self.command,
                b"{}".to_vec(),
                events(first),
            )
        }
    }
}

impl From<Result<Outcome, event_store::Error>> for Answer {
    fn from(result: Result<Outcome, event_store::Error>) -> Self {
        match result {
            Ok(Outcome::Appended(numbers)) => Self::Appended {
                position: numbers.first_position,
                offset: numbers.first_offset,
                versions: numbers.first_versions,
            },
            Ok(Outcome::Conflict {
                current_version,
                stream,
            }) => Self::Conflict {
                version: current_version,
                stream,
            },
            Ok(Outcome::Duplicate { original, .. }) => Self::Duplicate {
                position: original.first_position,
                offset: original.first_offset,
            },
            Ok(Outcome::Refused(Refusal::ValueTaken { holder })) => {
                Self::Refused(format!("taken by {holder}"))
            }
            Ok(Outcome::Refused(refusal)) => Self::Refused(format!("{refusal:?}")),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}
