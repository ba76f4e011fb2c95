//! Rows of `audit`. Never reads what is in other tables.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use sqlx::FromRow;
use uuid::Uuid;

/// All of [`AuditRow`]'s columns of `audit a`.
macro_rules! columns {
    () => {
        "a.entry_id, a.position, a.outcome, a.reason, a.context, a.action, a.target, a.version, a.actor_kind, a.actor_id, \
         a.on_behalf_of, a.source, a.trace_id, a.client, a.legal_basis, a.command_id, a.causation_id, a.correlation_id, \
         a.occurred_at, a.recorded_at"
    };
}
pub(super) use columns;

/// What every reading of the trail begins with.
pub(super) const SELECT: &str = concat!("select ", columns!(), " from audit a where ");

/// One entry, in the order and by the names of exports.
#[derive(Clone, FromRow, Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditRow {
    pub(super) position: i64,
    pub(super) entry_id: Uuid,
    pub(super) outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) context: String,
    pub(super) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor_kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_behalf_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) legal_basis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) causation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) correlation_id: Option<Uuid>,
    #[serde(serialize_with = "time")]
    pub(super) occurred_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub(super) recorded_at: DateTime<Utc>,
}

/// A time as exports write it: RFC 3339 in UTC with microseconds.
pub(super) fn text_of(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text_of(time))
}
