//! The lock file: which schemas were published, under which ids. Decides what a new generation may change and what must
//! stay, and says so; never reads or writes a file, and never decides what is compatible ([`compatible`]).
//!
//! A schema's text is what its file holds, to the byte. From it come its hash and its GUID, so a change of a single word
//! is a new revision: a new entry with a new id, for the same event type and version. The earlier text moves to
//! `<context>/superseded/` and stays, because records on Kafka name it by its GUID.

use std::{
    collections::{BTreeMap, btree_map},
    fmt::Write,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    BASE_URI,
    compatible::{self, Incompatible},
    document::{self, Document},
};

/// The folder's files by their path in it, such as `order/OrderPlaced.v1.json`; without the lock file itself.
pub type Files = BTreeMap<String, String>;

/// The lock file's content.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// By id, in ascending order. Entries are added, and never removed or changed.
    pub schemas: Vec<Entry>,
}

/// A published schema.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its number: 1, 2, 3 …
    pub id: u32,
    /// See [`guid`].
    pub guid: Uuid,
    /// SHA-256 of its text: 64 lower-case hexadecimal digits, as `sha256sum` shows them.
    pub sha256: String,
    /// Its name in the registry.
    pub subject: String,
    /// The context of the event.
    pub context: String,
    /// The event's type.
    pub event_type: String,
    /// The event's schema version.
    pub schema_version: i16,
    /// Which text of this version it is: 1, 2, 3 …
    pub revision: u32,
}

/// What a generation comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The lock file.
    pub lock: Lock,
    /// Every other file of the folder.
    pub files: Files,
    /// What is new, a line each.
    pub news: Vec<String>,
}

/// Why nothing is generated.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The newest schema breaks readers of the one that is registered.
    #[error(
        "{title} cannot change like this: {found}; what is stored stays as it is, so take the change back, or make \
         version {next} of {event_type} with an upcaster (docs/guides/change-an-event.md)"
    )]
    Incompatible {
        /// The schema's title.
        title: String,
        /// The event's type.
        event_type: String,
        /// The version after this one.
        next: i16,
        /// The change.
        found: Box<Incompatible>,
    },
    /// A published text is another one now.
    #[error(
        "{file} is not what was registered as id {id}; what was published never changes, so restore it from version \
         control, lock file included"
    )]
    Altered {
        /// The file.
        file: String,
        /// The entry's id.
        id: u32,
    },
    /// An older version was never published, and only the newest one can be made from the code.
    #[error(
        "{title} has no schema, and only the newest version can be generated; write {file} by hand, from the version's \
         sample and its upcaster"
    )]
    Unwritten {
        /// The schema's title.
        title: String,
        /// The file that is needed.
        file: String,
    },
    /// A file written by hand is not the schema it should be.
    #[error("{file} {wrong}; correct the file")]
    Unusable {
        /// The file.
        file: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// An event type or version is published and no longer declared.
    #[error(
        "{title} is registered and no longer declared; logs may hold such events, so declare it again, with an upcaster \
         if it is an older version"
    )]
    Gone {
        /// The schema's title.
        title: String,
    },
    /// A file that nothing knows.
    #[error("{file} is the schema of no event type; delete it, or declare the event type")]
    Stray {
        /// The file.
        file: String,
    },
    /// The ids of the lock file do not ascend.
    #[error(
        "the lock file has id {id} after {before}; ids ascend and are never used again, so restore the lock file from \
         version control and generate anew"
    )]
    Ids {
        /// The id that is wrong.
        id: u32,
        /// The one before it.
        before: u32,
    },
}

/// A schema as text: keys in alphabetical order, two spaces to indent, a line feed at the end.
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// The GUID of a schema: `UUIDv5` of its text. The namespace is the `UUIDv5` of `https://daybook.dev/schemas/` in the
/// namespace of URLs.
pub fn guid(text: &str) -> Uuid {
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, BASE_URI.as_bytes());
    Uuid::new_v5(&namespace, text.as_bytes())
}

/// The hash of a schema: SHA-256 of its text.
pub fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

impl Entry {
    fn new(
        id: u32,
        (context, event_type, schema_version): (&str, &str, i16),
        revision: u32,
        text: &str,
    ) -> Self {
        let title = document::title(context, event_type, schema_version);
        let topic = document::topic(context, event_type, schema_version);
        Self {
            id,
            guid: guid(text),
            sha256: sha256(text),
            subject: format!("{topic}-{title}"),
            context: context.to_owned(),
            event_type: event_type.to_owned(),
            schema_version,
            revision,
        }
    }

    /// Its title.
    pub fn title(&self) -> String {
        document::title(&self.context, &self.event_type, self.schema_version)
    }

    /// The file of the newest revision.
    pub fn file(&self) -> String {
        file(&self.context, &self.event_type, self.schema_version)
    }

    /// The file of this revision once there is a later one.
    fn superseded(&self) -> String {
        let Self {
            context,
            event_type,
            schema_version,
            revision,
            ..
        } = self;
        format!("{context}/superseded/{event_type}.v{schema_version}.r{revision}.json")
    }

    fn is_of(&self, context: &str, event_type: &str, schema_version: i16) -> bool {
        self.context == context
            && self.event_type == event_type
            && self.schema_version == schema_version
    }

    fn holds(&self, text: &str) -> bool {
        self.sha256 == sha256(text) && self.guid == guid(text)
    }
}

fn file(context: &str, event_type: &str, schema_version: i16) -> String {
    format!("{context}/{event_type}.v{schema_version}.json")
}

impl Lock {
    /// The newest revision of a version.
    pub fn newest(&self, context: &str, event_type: &str, schema_version: i16) -> Option<&Entry> {
        let mut revisions = self.schemas.iter().rev();
        revisions.find(|entry| entry.is_of(context, event_type, schema_version))
    }

    /// The file of an entry, in the folder of schemas.
    pub fn file(&self, entry: &Entry) -> String {
        let newest = self.newest(&entry.context, &entry.event_type, entry.schema_version);
        if newest.is_none_or(|newest| newest.id == entry.id) {
            entry.file()
        } else {
            entry.superseded()
        }
    }

    /// The newest revision of every version, in the order in which the versions came.
    pub fn current(&self) -> impl Iterator<Item = &Entry> {
        let firsts = self.schemas.iter().filter(|entry| entry.revision == 1);
        firsts.filter_map(|first| {
            self.newest(&first.context, &first.event_type, first.schema_version)
        })
    }

    /// The lock file's text.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The table that is compiled in: `event-schemas/src/schema/table.rs`.
    pub fn table(&self) -> String {
        let mut table = String::from(
            "//! The registered schemas, a row each. Written by `daybook generate` from the lock file, never by hand.\n\n\
             super::registered! {\n",
        );
        for entry in &self.schemas {
            let Entry {
                id,
                guid,
                context,
                event_type,
                schema_version,
                revision,
                ..
            } = entry;
            let file = self.file(entry);
            let topic = document::topic(context, event_type, *schema_version);
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "    {id} \"{guid}\" \"{topic}\" \"{context}\" \"{event_type}\" {schema_version} {revision} \"{file}\";"
            );
        }
        table + "}\n"
    }

    fn next_id(&self) -> u32 {
        self.schemas.last().map_or(1, |entry| entry.id + 1)
    }
}

/// What is to be written, given what is registered, the files as they are, and the newest schemas.
pub fn plan(lock: &Lock, files: &Files, newest: &[Document]) -> Result<Plan, Refusal> {
    for (before, entry) in lock.schemas.iter().zip(lock.schemas.iter().skip(1)) {
        if entry.id <= before.id {
            let (id, before) = (entry.id, before.id);
            return Err(Refusal::Ids { id, before });
        }
    }
    let mut plan = Plan {
        lock: lock.clone(),
        files: Files::new(),
        news: Vec::new(),
    };
    for document in newest {
        for version in 1..document.schema_version {
            plan.older(document, version, files)?;
        }
        plan.newest(document, lock, files)?;
    }
    for entry in &lock.schemas {
        plan.keep(entry, lock, files, newest)?;
    }
    match files.keys().find(|file| !plan.files.contains_key(*file)) {
        Some(file) => Err(Refusal::Stray { file: file.clone() }),
        None => Ok(plan),
    }
}

impl Plan {
    /// An older version: registered already, or written by hand.
    fn older(&mut self, document: &Document, version: i16, files: &Files) -> Result<(), Refusal> {
        let (context, event_type) = (document.context, document.event_type);
        if self.lock.newest(context, event_type, version).is_some() {
            return Ok(());
        }
        let title = document::title(context, event_type, version);
        let file = file(context, event_type, version);
        let Some(found) = files.get(&file) else {
            return Err(Refusal::Unwritten { title, file });
        };
        let unusable = |wrong: String| Refusal::Unusable {
            file: file.clone(),
            wrong,
        };
        let schema: Value = serde_json::from_str(found)
            .map_err(|error| unusable(format!("is not JSON: {error}")))?;
        let uri = document::uri(context, event_type, version);
        for (keyword, value) in [("title", title), ("$id", uri)] {
            if schema.get(keyword).is_none_or(|found| *found != value) {
                return Err(unusable(format!("does not have the {keyword} {value}")));
            }
        }
        self.register((context, event_type, version), 1, text(&schema));
        Ok(())
    }

    /// The newest version: as it is registered, a new revision, or new.
    fn newest(&mut self, document: &Document, lock: &Lock, files: &Files) -> Result<(), Refusal> {
        let of = (
            document.context,
            document.event_type,
            document.schema_version,
        );
        let text = text(&document.schema);
        let Some(entry) = lock.newest(of.0, of.1, of.2) else {
            self.register(of, 1, text);
            return Ok(());
        };
        if entry.holds(&text) {
            self.files.insert(entry.file(), text);
            return Ok(());
        }
        let before = published(entry, entry.file(), files)?;
        let old: Value = serde_json::from_str(before).unwrap_or_default();
        compatible::check(&old, &document.schema).map_err(|found| Refusal::Incompatible {
            title: entry.title(),
            event_type: entry.event_type.clone(),
            next: entry.schema_version + 1,
            found: Box::new(found),
        })?;
        self.files.insert(entry.superseded(), before.clone());
        self.register(of, entry.revision + 1, text);
        Ok(())
    }

    fn register(&mut self, of: (&str, &str, i16), revision: u32, text: String) {
        let entry = Entry::new(self.lock.next_id(), of, revision, &text);
        self.files.insert(entry.file(), text);
        let Entry { id, subject, .. } = &entry;
        self.news.push(format!(
            "registered revision {revision} of {subject} as id {id}"
        ));
        self.lock.schemas.push(entry);
    }

    /// What was registered before and is not generated stays as it is.
    fn keep(
        &mut self,
        entry: &Entry,
        lock: &Lock,
        files: &Files,
        newest: &[Document],
    ) -> Result<(), Refusal> {
        let declared = newest.iter().any(|document| {
            document.context == entry.context
                && document.event_type == entry.event_type
                && document.schema_version >= entry.schema_version
        });
        if !declared {
            return Err(Refusal::Gone {
                title: entry.title(),
            });
        }
        let (before, after) = (lock.file(entry), self.lock.file(entry));
        if let btree_map::Entry::Vacant(place) = self.files.entry(after) {
            place.insert(published(entry, before, files)?.clone());
        }
        Ok(())
    }
}

/// The text of an entry, as it was published.
fn published<'a>(entry: &Entry, file: String, files: &'a Files) -> Result<&'a String, Refusal> {
    let found = files.get(&file).filter(|text| entry.holds(text));
    found.ok_or(Refusal::Altered { file, id: entry.id })
}

#[cfg(test)]
mod tests;
