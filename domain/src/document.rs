//! The document: a text that is kept, revised and retired. Owns the state its decisions need, which holds no text of it, only
//! what tells whether one is another; decisions are in `decision`, rejections in `rejection`.

use cqrs_es::{Aggregate, event_sink::EventSink};
use event_schemas::{
    Language,
    document::{DocumentEvent, DocumentStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::mark::Mark;
use crate::{Decide, Entity};

mod command;
mod decision;
mod mark;
mod rejection;
#[cfg(test)]
mod tests;

pub use command::{AddDocument, DocumentCommand, RetireDocument, ReviseDocument};
pub use rejection::DocumentRejection;

/// What a document must remember to decide.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Where it stands; `None` before it is added.
    status: Option<DocumentStatus>,
    /// How often it was written; 0 before it is added.
    revision: u32,
    /// What it says.
    title: Mark,
    body: Mark,
    language: Mark,
    kind: Mark,
    tags: Mark,
    source: Mark,
}

impl Aggregate for Document {
    const TYPE: &'static str = "document";
    type Command = Decide<DocumentCommand>;
    type Event = DocumentEvent;
    type Error = DocumentRejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), DocumentRejection> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: DocumentEvent) {
        self.status = DocumentStatus::after(self.status, &event);
        match event {
            DocumentEvent::DocumentAdded(added) => {
                self.revision = 1;
                self.title = Mark::of(&added.title);
                self.body = Mark::of(&added.body);
                self.language = Mark::of(added.language.as_str());
                self.kind = Mark::of(added.kind.as_deref().unwrap_or_default());
                self.tags = Mark::of_all(&added.tags);
                self.source = Mark::of(added.source.as_deref().unwrap_or_default());
            }
            DocumentEvent::DocumentRevised(revised) => {
                self.revision = revised.revision;
                self.title.follow(revised.title.as_deref());
                self.body.follow(revised.body.as_deref());
                let language = revised.language.as_ref();
                self.language.follow(language.map(Language::as_str));
                self.kind.follow(revised.kind.as_deref());
                if let Some(tags) = revised.tags {
                    self.tags = Mark::of_all(&tags);
                }
                self.source.follow(revised.source.as_deref());
            }
            DocumentEvent::DocumentRetired(_) => {}
        }
    }
}

impl Entity for Document {
    type Decision = DocumentCommand;
    type Fact = DocumentEvent;
    type Refusal = DocumentRejection;
    const PLURAL: &'static str = "documents";
}
