//! What a command answers when it was accepted. The words of a refusal are the gateway's.

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The answer to an accepted command.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The stream it wrote to, `<context>-<uuid>`.
    pub stream_id: String,
    /// The stream's version after it.
    pub version: i32,
    /// The tenant's position of its last event; absent for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// Pass it to a query to get an answer no older than this; absent for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What it wrote.
    pub events: Vec<AcceptedEvent>,
    /// Whether this is the answer to an earlier command with the same idempotency key.
    pub replayed: bool,
    /// Whether nothing was written because only the decision was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What only the first answer tells, such as a new key's secret.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One event that a command wrote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedEvent {
    /// Its id.
    pub id: Uuid,
    /// Its type, such as `OrderPlaced`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its number in the stream.
    pub version: i32,
    /// Its number in the tenant; absent for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
}
