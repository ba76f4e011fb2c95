//! What a mutation answers: `Accepted`, or a typed problem that a client can act on.

use async_graphql::{Interface, Object, ObjectType, SimpleObject, Union};
use gateway::Problem;
use http::StatusCode;
use uuid::Uuid;

/// The answer to a command.
#[derive(Union)]
pub(super) enum CommandResult<Q: ObjectType + 'static> {
    Accepted(Accepted<Q>),
    InvalidInput(InvalidInput),
    NotFound(NotFound),
    Conflict(Conflict),
    Rejected(Rejected),
}

/// What every problem tells.
#[expect(
    clippy::duplicated_attributes,
    reason = "each field of the interface has a type"
)]
#[derive(Interface)]
#[graphql(
    name = "Problem",
    field(
        name = "code",
        ty = "&String",
        desc = "The stable, machine-readable code."
    ),
    field(
        name = "message",
        ty = "&String",
        desc = "What happened and what to do next, for a user."
    ),
    field(
        name = "path",
        ty = "&Vec<String>",
        desc = "Where in the arguments, if somewhere."
    )
)]
pub enum AnyProblem {
    /// The fields are not what they must be.
    InvalidInput(InvalidInput),
    /// There is nothing with this id.
    NotFound(NotFound),
    /// Another version than expected.
    Conflict(Conflict),
    /// The business rules say no.
    Rejected(Rejected),
}

/// The command's fields are not what they must be; nothing was written.
#[derive(SimpleObject)]
pub struct InvalidInput {
    code: String,
    message: String,
    path: Vec<String>,
}

/// There is nothing with this id; nothing was written.
#[derive(SimpleObject)]
pub struct NotFound {
    code: String,
    message: String,
    path: Vec<String>,
}

/// The aggregate is at another version than expected; nothing was written.
#[derive(SimpleObject)]
pub struct Conflict {
    code: String,
    message: String,
    path: Vec<String>,
    /// The version it is at now.
    current_version: Option<i32>,
    /// Whether the same command may be sent again as it is.
    retryable: bool,
}

/// The business rules say no; nothing was written.
#[derive(SimpleObject)]
pub struct Rejected {
    code: String,
    message: String,
    path: Vec<String>,
}

/// The command was accepted.
pub(super) struct Accepted<Q> {
    accepted: crate::Accepted,
    query: Q,
}

/// An event that the command wrote.
#[derive(SimpleObject)]
#[graphql(name = "AcceptedEvent")]
struct Event {
    /// The event's id.
    id: Uuid,
    /// Its type, such as `OrderPlaced`.
    #[graphql(name = "type")]
    kind: String,
    /// Its number in the stream.
    version: i32,
    /// Its number in the organization, as a string.
    position: Option<String>,
}

/// Something that only the first answer tells, such as a new key.
#[derive(SimpleObject)]
struct Secret {
    /// What it is, such as `apiKey`.
    name: String,
    /// The secret itself. It is not stored: keep it now.
    value: String,
}

/// The command was accepted.
#[Object(name = "Accepted")]
impl<Q: ObjectType + 'static> Accepted<Q> {
    /// The stream it wrote to, `<context>-<uuid>`.
    async fn stream_id(&self) -> &str {
        &self.accepted.stream_id
    }
    /// The stream's version after it.
    async fn version(&self) -> i32 {
        self.accepted.version
    }
    /// The organization's position of its last event, as a string; null for a dry run.
    async fn position(&self) -> Option<String> {
        self.accepted.position.map(|p| p.to_string())
    }
    /// Pass it to a query to get an answer no older than this; null for a dry run.
    async fn token(&self) -> Option<&str> {
        self.accepted.token.as_deref()
    }
    /// What it wrote.
    async fn events(&self) -> Vec<Event> {
        let event = |e: &crate::AcceptedEvent| Event {
            id: e.id,
            kind: e.event_type.clone(),
            version: e.version,
            position: e.position.map(|p| p.to_string()),
        };
        self.accepted.events.iter().map(event).collect()
    }
    /// Whether this is the answer to an earlier command with the same idempotency key.
    async fn replayed(&self) -> bool {
        self.accepted.replayed
    }
    /// Whether nothing was written because only the decision was asked for.
    async fn dry_run(&self) -> bool {
        self.accepted.dry_run
    }
    /// What only the first answer tells, such as a new key.
    async fn secrets(&self) -> Vec<Secret> {
        let secret = |(name, value): (&String, &serde_json::Value)| {
            Some(Secret {
                name: name.clone(),
                value: value.as_str()?.to_owned(),
            })
        };
        self.accepted.extra.iter().filter_map(secret).collect()
    }
    /// The query root, answering no older than this command.
    async fn query(&self) -> &Q {
        &self.query
    }
}

impl<Q: ObjectType + 'static> CommandResult<Q> {
    pub(super) fn accepted(accepted: crate::Accepted, query: Q) -> Self {
        Self::Accepted(Accepted { accepted, query })
    }

    /// The typed problem; none for what belongs at the top level: permissions, limits, faults of the system.
    pub(super) fn refused(problem: &Problem) -> Option<Self> {
        let (code, message) = (problem.code().to_owned(), problem.detail().to_owned());
        let path = problem.pointer().map_or_else(Vec::new, |pointer| {
            let inside = pointer
                .split('/')
                .skip(1)
                .map(|part| part.replace("~1", "/").replace("~0", "~"));
            std::iter::once("input".to_owned()).chain(inside).collect()
        });
        match problem.status() {
            StatusCode::BAD_REQUEST => Some(Self::InvalidInput(InvalidInput {
                code,
                message,
                path,
            })),
            StatusCode::NOT_FOUND => Some(Self::NotFound(NotFound {
                code,
                message,
                path,
            })),
            StatusCode::CONFLICT => {
                let extension = |name: &str| problem.extensions().get(name);
                let version = extension("currentVersion").and_then(serde_json::Value::as_i64);
                Some(Self::Conflict(Conflict {
                    code,
                    message,
                    path,
                    current_version: version.and_then(|v| i32::try_from(v).ok()),
                    retryable: extension("retryable")
                        .and_then(serde_json::Value::as_bool)
                        .unwrap_or(false),
                }))
            }
            StatusCode::UNPROCESSABLE_ENTITY => Some(Self::Rejected(Rejected {
                code,
                message,
                path,
            })),
            _ => None,
        }
    }
}
