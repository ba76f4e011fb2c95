//! A document as it stands, folded from its events, for the compacted topic. Never what decisions go by.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{DocumentAdded, DocumentEvent, DocumentStatus};
use crate::{Language, RecordedEvent, state::State};

/// A document as it stands.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentState {
    /// Where it stands.
    pub status: DocumentStatus,
    /// What it is called.
    pub title: String,
    /// The text.
    pub body: String,
    /// In which language it is written.
    pub language: Language,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Words to sort it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How often it was written, from 1.
    pub revision: u32,
    /// Why it was retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// When it was revised last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revised_at: Option<DateTime<Utc>>,
    /// When it was retired; absent unless it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<DateTime<Utc>>,
}

impl State for DocumentState {
    type Event = DocumentEvent;

    fn after(before: Option<Self>, event: DocumentEvent, recorded: &RecordedEvent) -> Option<Self> {
        let Some(mut document) = before else {
            return match event {
                DocumentEvent::DocumentAdded(added) => Some(Self::added(added, recorded)),
                _ => None,
            };
        };
        document.status =
            DocumentStatus::after(Some(document.status), &event).unwrap_or(document.status);
        match event {
            DocumentEvent::DocumentAdded(_) => {}
            DocumentEvent::DocumentRevised(revised) => {
                document.revision = revised.revision;
                document.title = revised.title.unwrap_or(document.title);
                document.body = revised.body.unwrap_or(document.body);
                document.language = revised.language.unwrap_or(document.language);
                document.tags = revised.tags.unwrap_or(document.tags);
                replace(&mut document.kind, revised.kind);
                replace(&mut document.source, revised.source);
                document.revised_at = Some(recorded.occurred_at);
            }
            DocumentEvent::DocumentRetired(retired) => {
                document.reason = retired.reason;
                document.retired_at = Some(recorded.occurred_at);
            }
        }
        Some(document)
    }
}

impl DocumentState {
    fn added(added: DocumentAdded, recorded: &RecordedEvent) -> Self {
        Self {
            status: DocumentStatus::Active,
            title: added.title,
            body: added.body,
            language: added.language,
            kind: added.kind,
            tags: added.tags,
            source: added.source,
            revision: 1,
            reason: None,
            added_at: recorded.occurred_at,
            revised_at: None,
            retired_at: None,
        }
    }
}

/// What is absent stays; what is empty is none.
fn replace(field: &mut Option<String>, value: Option<String>) {
    if let Some(value) = value {
        *field = Some(value).filter(|value| !value.is_empty());
    }
}
