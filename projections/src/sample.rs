//! An event for tests, numbered and otherwise like any other. Owns nothing else.

use chrono::DateTime;
use event_schemas::{RecordedEvent, StreamId, TenantId};
use uuid::Uuid;

/// The event of this offset in partition 0; its payload has ten bytes.
pub(crate) fn event(offset: i64) -> RecordedEvent {
    RecordedEvent {
        partition: 0,
        offset,
        tenant: TenantId(Uuid::nil()),
        position: offset + 1,
        stream: StreamId("a-b".into()),
        version: 1,
        event_id: Uuid::nil(),
        event_type: "A".into(),
        schema_version: 1,
        payload: vec![0; 10],
        content_type: 1,
        metadata: vec![],
        content_hash: vec![],
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
    }
}
