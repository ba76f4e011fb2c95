//! What a document decides: one function per command, from the state and the command to one event.

use event_schemas::{
    List, Text,
    document::{DocumentAdded, DocumentEvent, DocumentRetired, DocumentRevised, DocumentStatus},
};

use super::{
    AddDocument, Document, DocumentCommand, DocumentRejection, RetireDocument, ReviseDocument,
    mark::Mark,
};
use crate::{Decide, rules::Rules};

impl Document {
    /// The event that follows from the command, or why there is none.
    pub(super) fn decide(
        &self,
        decide: Decide<DocumentCommand>,
    ) -> Result<DocumentEvent, DocumentRejection> {
        let mut rules = Rules::new(decide.is_import());
        // Whether the document exists is structural: not even an import skips it.
        let Some(status) = self.status else {
            let DocumentCommand::Add(command) = decide.command else {
                return Err(DocumentRejection::NotFound);
            };
            return Ok(add(command).into());
        };
        if !matches!(decide.command, DocumentCommand::Add(_)) {
            let holds = status == DocumentStatus::Active;
            rules.require(holds, DocumentRejection::AlreadyRetired)?;
        }
        match decide.command {
            DocumentCommand::Add(_) => Err(DocumentRejection::AlreadyAdded),
            DocumentCommand::Revise(command) => self.revise(command, rules).map(Into::into),
            DocumentCommand::Retire(command) => Ok(retire(command, rules).into()),
        }
    }

    /// Only what becomes another is written down. A revision of nothing says nothing, in an import too.
    fn revise(
        &self,
        command: ReviseDocument,
        rules: Rules,
    ) -> Result<DocumentRevised, DocumentRejection> {
        let language = command
            .language
            .filter(|code| Mark::of(code.as_str()) != self.language);
        let tags = command.tags.map(distinct);
        let revised = DocumentRevised {
            revision: self.revision.saturating_add(1),
            title: changed(command.title, &self.title),
            body: changed(command.body, &self.body),
            language,
            kind: changed(command.kind, &self.kind),
            tags: tags.filter(|tags| Mark::of_all(tags) != self.tags),
            source: changed(command.source, &self.source),
            note: command.note.map(Into::into),
            waived: rules.waived(),
        };
        let is_same = revised.title.is_none()
            && revised.body.is_none()
            && revised.language.is_none()
            && revised.kind.is_none()
            && revised.tags.is_none()
            && revised.source.is_none();
        if is_same {
            return Err(DocumentRejection::Unchanged);
        }
        Ok(revised)
    }
}

fn add(command: AddDocument) -> DocumentAdded {
    DocumentAdded {
        title: command.title.into(),
        body: command.body.into(),
        language: command.language,
        kind: command.kind.map(Into::into),
        tags: command.tags.map(distinct).unwrap_or_default(),
        source: command.source.map(Into::into),
    }
}

fn retire(command: RetireDocument, rules: Rules) -> DocumentRetired {
    DocumentRetired {
        reason: command.reason.map(Into::into),
        waived: rules.waived(),
    }
}

/// The text, where it is another than the one that has the mark.
fn changed<const MIN: usize, const MAX: usize>(
    text: Option<Text<MIN, MAX>>,
    mark: &Mark,
) -> Option<String> {
    text.map(String::from)
        .filter(|text| Mark::of(text) != *mark)
}

/// Each once, where it came first.
fn distinct<const MIN: usize, const MAX: usize, const FEWEST: usize, const MOST: usize>(
    tags: List<Text<MIN, MAX>, FEWEST, MOST>,
) -> Vec<String> {
    let mut found = Vec::new();
    for tag in tags.into_vec() {
        let tag = String::from(tag);
        if !found.contains(&tag) {
            found.push(tag);
        }
    }
    found
}
