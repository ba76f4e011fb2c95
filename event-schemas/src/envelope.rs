//! The envelope around every event: who, when, why, and its numbers. Never looks into a payload.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{StreamId, TenantId};

/// What kind of principal acted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActorKind {
    /// A person with a login.
    User,
    /// A program with an API key.
    ApiKey,
    /// The operator of the installation.
    Operator,
    /// A rule of the system itself.
    Policy,
}

/// Who caused an event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// What kind of principal.
    pub kind: ActorKind,
    /// Its id: a key's UUID, a user's UUID, the operator's system account.
    pub id: String,
    /// The principal on whose behalf it acted, if another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

/// The way a command came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A client of the API.
    Api,
    /// History from another system: may be dated to the past and skip rules that the past did not follow.
    Import,
    /// A policy's answer to an event.
    Policy,
    /// A webhook of another system.
    Webhook,
}

/// What is recorded beside every payload, as JSON in the log's `metadata` column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The command that wrote the event.
    pub command_id: Uuid,
    /// The conversation it belongs to: the same for everything one request caused.
    pub correlation_id: Uuid,
    /// The event or command that directly caused it.
    pub causation_id: Uuid,
    /// Who caused it.
    pub actor: Actor,
    /// The way it came in.
    pub source: Source,
    /// The W3C trace context of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The legal basis of the processing, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// A keyed hash of the client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_hash: Option<String>,
    /// How many policies led to it, one answering the other; 0 for what none did.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u8,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what serde calls it with"
)]
fn is_zero(depth: &u8) -> bool {
    *depth == 0
}

/// The content type of a payload, as stored in the log.
pub const CONTENT_TYPE_JSON: i16 = 1;

/// One event as it stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedEvent {
    /// The slice of the log it is in.
    pub partition: u16,
    /// Its number in the partition: 0, 1, 2 … without gaps.
    pub offset: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its number in the tenant: 1, 2, 3 … without gaps.
    pub position: i64,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its number in the stream: 1, 2, 3 … without gaps.
    pub version: i32,
    /// Its own id.
    pub event_id: Uuid,
    /// Its type, such as `OrderPlaced`.
    pub event_type: String,
    /// The version of the payload's schema.
    pub schema_version: i16,
    /// The exact bytes that were written.
    pub payload: Vec<u8>,
    /// What the bytes are: [`CONTENT_TYPE_JSON`].
    pub content_type: i16,
    /// The exact bytes of the [`Metadata`].
    pub metadata: Vec<u8>,
    /// SHA-256 over the content, see [`crate::hash`].
    pub content_hash: Vec<u8>,
    /// When it happened in the business.
    pub occurred_at: DateTime<Utc>,
    /// When it was written. Never decreases within a partition.
    pub recorded_at: DateTime<Utc>,
}
