//! A row of `document`, and how an event changes it. Never touches the database, and never knows a text that no event of the
//! batch brings.

use chrono::{DateTime, Utc};
use event_schemas::{
    RecordedEvent,
    document::{DocumentAdded, DocumentEvent, DocumentStatus},
};

/// A row of `document` without its key.
pub(super) struct Row {
    pub(super) status: DocumentStatus,
    pub(super) title: String,
    /// The text; `None`: as it is stored.
    pub(super) body: Option<String>,
    pub(super) language: String,
    pub(super) kind: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) source: Option<String>,
    pub(super) revision: i32,
    pub(super) note: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) added_at: DateTime<Utc>,
    pub(super) revised_at: Option<DateTime<Utc>>,
    pub(super) retired_at: Option<DateTime<Utc>>,
    pub(super) waived: Vec<String>,
    pub(super) version: i32,
    pub(super) position: i64,
    pub(super) updated_at: DateTime<Utc>,
}

impl Row {
    pub(super) fn added(recorded: &RecordedEvent, added: DocumentAdded) -> Self {
        Self {
            status: DocumentStatus::Active,
            title: storable(added.title),
            body: Some(storable(added.body)),
            language: added.language.as_str().to_owned(),
            kind: added.kind.map(storable),
            tags: added.tags.into_iter().map(storable).collect(),
            source: added.source.map(storable),
            revision: 1,
            note: None,
            reason: None,
            added_at: recorded.occurred_at,
            revised_at: None,
            retired_at: None,
            waived: Vec::new(),
            version: recorded.version,
            position: recorded.position,
            updated_at: recorded.occurred_at,
        }
    }

    /// Takes in what happened after it was added.
    pub(super) fn fold(&mut self, recorded: &RecordedEvent, event: DocumentEvent) {
        self.status = DocumentStatus::after(Some(self.status), &event).unwrap_or(self.status);
        match event {
            DocumentEvent::DocumentAdded(_) => {}
            DocumentEvent::DocumentRevised(revised) => {
                self.revision = i32::try_from(revised.revision).unwrap_or(i32::MAX);
                if let Some(title) = revised.title {
                    self.title = storable(title);
                }
                if let Some(body) = revised.body {
                    self.body = Some(storable(body));
                }
                if let Some(language) = revised.language {
                    language.as_str().clone_into(&mut self.language);
                }
                if let Some(tags) = revised.tags {
                    self.tags = tags.into_iter().map(storable).collect();
                }
                replace(&mut self.kind, revised.kind);
                replace(&mut self.source, revised.source);
                self.note = revised.note.map(storable);
                self.revised_at = Some(recorded.occurred_at);
                self.waive(revised.waived);
            }
            DocumentEvent::DocumentRetired(retired) => {
                self.reason = retired.reason.map(storable);
                self.retired_at = Some(recorded.occurred_at);
                self.waive(retired.waived);
            }
        }
        self.version = recorded.version;
        self.position = recorded.position;
        self.updated_at = recorded.occurred_at;
    }

    /// Each code once, in the order in which they came up.
    fn waive(&mut self, codes: Vec<String>) {
        for code in codes {
            if !self.waived.contains(&code) {
                self.waived.push(code);
            }
        }
    }
}

/// What is absent stays as it was; what is empty is none.
fn replace(field: &mut Option<String>, value: Option<String>) {
    if let Some(value) = value {
        *field = Some(storable(value)).filter(|value| !value.is_empty());
    }
}

/// The text without what no command lets in, and a table cannot hold or a search needs for its marks: control characters but
/// tab and line feed.
fn storable(text: String) -> String {
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(is_text) {
        text
    } else {
        text.chars().filter(|c| is_text(*c)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_table_holds_is_left_out() {
        assert_eq!(storable("a\0b\u{1}c\n\td".to_owned()), "abc\n\td");
        assert_eq!(storable("ação".to_owned()), "ação");
    }

    #[test]
    fn what_is_empty_is_none() {
        let mut kind = Some("policy".to_owned());
        replace(&mut kind, None);
        assert_eq!(kind.as_deref(), Some("policy"));
        replace(&mut kind, Some(String::new()));
        assert_eq!(kind, None);
    }
}
