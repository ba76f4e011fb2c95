//! A record back to the event it was made of, without what is not on Kafka: the metadata and the hash. Never trusts a record
//! to be one of ours.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use event_schemas::{RecordedEvent, StreamId, TenantId, envelope::CONTENT_TYPE_JSON};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use uuid::Uuid;

/// The headers of one record.
struct Told<'m>(&'m BorrowedMessage<'m>);

impl Told<'_> {
    fn text(&self, name: &'static str) -> Result<&str, String> {
        let headers = self.0.headers().ok_or("it has no headers")?;
        let header = headers
            .iter()
            .find(|header| header.key == name)
            .ok_or_else(|| format!("it has no header {name}"))?;
        std::str::from_utf8(header.value.unwrap_or_default())
            .map_err(|_| format!("its header {name} is no text"))
    }

    fn get<T: FromStr>(&self, name: &'static str) -> Result<T, String> {
        let text = self.text(name)?;
        text.parse()
            .map_err(|_| format!("its header {name} cannot be read"))
    }

    fn time(&self, name: &'static str) -> Result<DateTime<Utc>, String> {
        self.get::<DateTime<chrono::FixedOffset>>(name)
            .map(|time| time.to_utc())
    }
}

/// The event of a record, or what is wrong with it.
pub(super) fn decode(message: &BorrowedMessage<'_>) -> Result<RecordedEvent, String> {
    let told = Told(message);
    let stream = StreamId(told.text("ce_subject")?.to_owned());
    let event_type = told
        .text("ce_type")?
        .strip_prefix(stream.context())
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or("its type is not one of its stream's context")?
        .to_owned();
    let schema_version = told
        .text("ce_dataschema")?
        .strip_suffix(".json")
        .and_then(|name| name.rsplit_once(".v"))
        .and_then(|(_, version)| version.parse().ok())
        .ok_or("its header ce_dataschema names no version")?;
    Ok(RecordedEvent {
        partition: u16::try_from(message.partition())
            .map_err(|_| "its partition is no number of the log's")?,
        offset: told.get("ce_offset")?,
        tenant: TenantId(told.get::<Uuid>("ce_tenant")?),
        position: told.get("ce_position")?,
        version: told.get("ce_version")?,
        event_id: told.get("ce_id")?,
        event_type,
        schema_version,
        payload: message.payload().unwrap_or_default().to_vec(),
        content_type: CONTENT_TYPE_JSON,
        metadata: Vec::new(),
        content_hash: Vec::new(),
        occurred_at: told.time("ce_time")?,
        recorded_at: told.time("ce_recordedtime")?,
        stream,
    })
}
