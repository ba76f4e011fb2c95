//! An event as record: `CloudEvents` 1.0 in binary mode. The payload stays the stored bytes; all else is in the key and the
//! headers. Never talks to a broker.

use std::{borrow::Cow, fmt::Write};

use event_schemas::{RecordedEvent, schema, state};
use serde::Deserialize;

/// Where Confluent's clients look for the schema of a value that they must not touch.
pub(crate) const SCHEMA_ID: &str = "__value_schema_id";
/// What the source of states has behind that of events.
const STATES: &str = "/states";

/// What the headers take from the metadata, borrowed where JSON allows it. Programs that bring events of their own may
/// have other metadata.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Told<'a> {
    #[serde(borrow)]
    correlation_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    causation_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    traceparent: Option<Cow<'a, str>>,
}

/// Makes records of events, in buffers that are used again.
pub(crate) struct Envelope {
    source: String,
    text: String,
}

impl Envelope {
    pub(crate) fn new(source: String) -> Self {
        Self {
            source,
            text: String::new(),
        }
    }

    /// The record's key: the tenant and the stream, so that compaction and co-partitioned joins go by stream.
    pub(crate) fn key(&mut self, event: &RecordedEvent) -> &[u8] {
        self.format(format_args!("{}/{}", event.tenant, event.stream))
    }

    /// Gives each header of an event in turn.
    pub(crate) fn headers(&mut self, event: &RecordedEvent, give: impl FnMut(&'static str, &[u8])) {
        self.tell(event, &event.event_type, event.schema_version, "", give);
    }

    /// Gives each header of the state that a stream has come to with an event. An id together with its source is never
    /// used twice, so the source is another one.
    pub(crate) fn state_headers(
        &mut self,
        event: &RecordedEvent,
        kind: &state::Kind,
        give: impl FnMut(&'static str, &[u8]),
    ) {
        self.tell(event, kind.name, kind.schema_version, STATES, give);
    }

    fn tell(
        &mut self,
        event: &RecordedEvent,
        name: &str,
        schema_version: i16,
        below: &str,
        mut give: impl FnMut(&'static str, &[u8]),
    ) {
        let told: Told<'_> = serde_json::from_slice(&event.metadata).unwrap_or_default();
        let time = |at: &chrono::DateTime<chrono::Utc>| {
            at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
        };
        let context = event.stream.context();
        give("content-type", b"application/json");
        give("ce_specversion", b"1.0");
        give("ce_id", self.format(format_args!("{}", event.event_id)));
        let source = std::mem::take(&mut self.source);
        give("ce_source", self.format(format_args!("{source}{below}")));
        self.source = source;
        give("ce_type", self.format(format_args!("{context}.{name}")));
        give("ce_time", time(&event.occurred_at).as_bytes());
        give("ce_subject", event.stream.as_str().as_bytes());
        give("ce_tenant", self.format(format_args!("{}", event.tenant)));
        give(
            "ce_position",
            self.format(format_args!("{}", event.position)),
        );
        give("ce_version", self.format(format_args!("{}", event.version)));
        give("ce_offset", self.format(format_args!("{}", event.offset)));
        let ids = [
            ("ce_correlationid", &told.correlation_id),
            ("ce_causationid", &told.causation_id),
        ];
        for (name, id) in ids {
            if let Some(id) = id {
                give(name, id.as_bytes());
            }
        }
        give(
            "ce_dataschema",
            self.format(format_args!(
                "{}{context}/{name}.v{schema_version}.json",
                schema::BASE_URI
            )),
        );
        give("ce_recordedtime", time(&event.recorded_at).as_bytes());
        if let Some(traceparent) = &told.traceparent {
            give("traceparent", traceparent.as_bytes());
        }
        // Another program's event may have the name of one of ours.
        let published = schema::find(name, schema_version);
        if let Some(published) = published.filter(|schema| schema.context == context) {
            give(SCHEMA_ID, &published.header());
        }
    }

    fn format(&mut self, arguments: std::fmt::Arguments<'_>) -> &[u8] {
        self.text.clear();
        // Writing to a string cannot fail.
        let _written = self.text.write_fmt(arguments);
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::DateTime;
    use event_schemas::{StreamId, TenantId};
    use uuid::Uuid;

    use super::*;

    fn event(metadata: &str) -> RecordedEvent {
        RecordedEvent {
            partition: 3,
            offset: 41,
            tenant: TenantId(Uuid::from_u128(1)),
            position: 7,
            stream: StreamId("order-x".into()),
            version: 2,
            event_id: Uuid::from_u128(2),
            event_type: "OrderPlaced".into(),
            schema_version: 1,
            payload: b"{}".to_vec(),
            content_type: 1,
            metadata: metadata.as_bytes().to_vec(),
            content_hash: vec![],
            occurred_at: DateTime::UNIX_EPOCH,
            recorded_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::microseconds(1_500_000),
        }
    }

    const METADATA: &str = r#"{"commandId":"00000000-0000-0000-0000-000000000003","correlationId":"00000000-0000-0000-0000-000000000004",
        "causationId":"00000000-0000-0000-0000-000000000005","actor":{"kind":"operator","id":"x"},"source":"api"}"#;

    fn headers(event: &RecordedEvent) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        Envelope::new("/daybook/main".to_owned()).headers(event, |name, value| {
            if name == SCHEMA_ID {
                assert_eq!((value.len(), value.first()), (17, Some(&1)));
            } else {
                headers.push((name, String::from_utf8(value.to_vec()).unwrap()));
            }
        });
        headers
    }

    #[test]
    fn an_event_is_a_cloud_event() {
        let event = event(METADATA);
        let told: Vec<String> = headers(&event)
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            told,
            [
                "content-type: application/json",
                "ce_specversion: 1.0",
                "ce_id: 00000000-0000-0000-0000-000000000002",
                "ce_source: /daybook/main",
                "ce_type: order.OrderPlaced",
                "ce_time: 1970-01-01T00:00:00.000000Z",
                "ce_subject: order-x",
                "ce_tenant: 00000000-0000-0000-0000-000000000001",
                "ce_position: 7",
                "ce_version: 2",
                "ce_offset: 41",
                "ce_correlationid: 00000000-0000-0000-0000-000000000004",
                "ce_causationid: 00000000-0000-0000-0000-000000000005",
                "ce_dataschema: https://daybook.dev/schemas/order/OrderPlaced.v1.json",
                "ce_recordedtime: 1970-01-01T00:00:01.500000Z",
            ]
        );
        let mut envelope = Envelope::new(String::new());
        assert_eq!(
            envelope.key(&event),
            b"00000000-0000-0000-0000-000000000001/order-x"
        );
    }

    #[test]
    fn the_trace_goes_on_where_there_is_one() {
        let metadata = METADATA.replacen('{', r#"{"traceparent":"00-a\u0062-c-01","#, 1);
        let told = headers(&event(&metadata));
        assert_eq!(told.last(), Some(&("traceparent", "00-ab-c-01".to_owned())));
    }

    #[test]
    fn an_event_of_ours_names_its_schema_and_others_do_not() {
        let names_one = |event: &RecordedEvent| {
            let mut named = false;
            Envelope::new(String::new()).headers(event, |name, _| named |= name == SCHEMA_ID);
            named
        };
        let ours = event(METADATA);
        assert!(names_one(&ours));
        let newer = RecordedEvent {
            schema_version: 99,
            ..ours.clone()
        };
        assert!(!names_one(&newer));
        let foreign = RecordedEvent {
            stream: StreamId("account-1".into()),
            ..ours
        };
        assert!(!names_one(&foreign));
    }

    #[test]
    fn a_state_has_a_name_and_a_source_of_its_own() {
        let mut told = Vec::new();
        let kind = state::of("order").unwrap();
        Envelope::new("/daybook/main".to_owned()).state_headers(
            &event(METADATA),
            kind,
            |name, value| {
                told.push((name, String::from_utf8_lossy(value).into_owned()));
            },
        );
        for (name, value) in [
            ("ce_source", "/daybook/main/states"),
            ("ce_type", "order.OrderState"),
            ("ce_offset", "41"),
            ("ce_version", "2"),
            (
                "ce_dataschema",
                "https://daybook.dev/schemas/order/OrderState.v1.json",
            ),
        ] {
            assert!(told.contains(&(name, value.to_owned())), "{name}: {told:?}");
        }
        assert!(told.iter().any(|(name, _)| *name == SCHEMA_ID));
    }

    #[test]
    fn metadata_of_other_programs_has_no_ids() {
        for metadata in ["{}", "[]", "no JSON", r#"{"correlationId":7}"#] {
            let told = headers(&event(metadata));
            assert_eq!(told.len(), 13, "{metadata}");
            assert!(told.iter().all(|(name, _)| !name.contains("ationid")));
        }
    }
}
