//! The published schemas of all events: which there are, and how to find one. Owns their ids, names and texts as they
//! stand in the committed files; never reads a file at run time, and never checks a payload.
//!
//! A schema is found by an event's type and version, per event if need be: it is a look-up in a table in memory.
//!
//! ```
//! let schema = event_schemas::schema::find("OrderPlaced", 1).ok_or("no schema")?;
//! assert_eq!(schema.subject, "daybook.events.v1-order.OrderPlaced.v1");
//! assert_eq!(schema.uri, "https://daybook.dev/schemas/order/OrderPlaced.v1.json");
//! // What Confluent's clients look for in the header `__value_schema_id`.
//! let header: [u8; 17] = schema.header();
//! assert_eq!(header[0], 1);
//! # Ok::<(), &str>(())
//! ```

pub mod compatible;
pub mod document;
pub mod lock;

mod table;

use std::{collections::HashMap, sync::LazyLock};

use uuid::Uuid;

/// What the names of topics begin with where nothing else is configured, and those of subjects everywhere.
pub const PREFIX: &str = "daybook";

/// The Kafka topic of all events, whose name begins the subject of each.
pub const TOPIC: &str = "daybook.events.v1";

/// Where the schemas' URIs begin. Every server answers their paths.
pub const BASE_URI: &str = "https://daybook.dev/schemas/";

/// The first byte of the header `__value_schema_id`: a GUID follows.
const MAGIC: u8 = 1;

/// A schema as it was published. Nothing of it ever changes.
#[derive(PartialEq, Eq, Debug)]
pub struct Registered {
    /// Its number in the registry: 1, 2, 3 … never used for another.
    pub id: u32,
    /// The fingerprint of its text: see [`lock::guid`].
    pub guid: Uuid,
    /// The context, such as `order`.
    pub context: &'static str,
    /// The event's type, such as `OrderPlaced`, or the name of the context's state.
    pub event_type: &'static str,
    /// The event's schema version: 1, 2, 3 …
    pub schema_version: i16,
    /// Which text of this version it is: 1, and one more with every compatible change. The registry's `version`.
    pub revision: u32,
    /// Its name in the registry, `<topic>-<context>.<type>.v<version>`: all revisions of a version share it.
    pub subject: &'static str,
    /// Its `$id`, and the value of the header `ce_dataschema`. All revisions of a version share it.
    pub uri: &'static str,
    /// The JSON Schema, to the byte what is in the committed file.
    pub text: &'static str,
}

impl Registered {
    /// The value of the header `__value_schema_id`: the byte 1 and the sixteen bytes of the GUID.
    pub fn header(&self) -> [u8; 17] {
        let mut header = [MAGIC; 17];
        for (to, from) in header.iter_mut().skip(1).zip(self.guid.as_bytes()) {
            *to = *from;
        }
        header
    }
}

/// Every schema that was ever published, by id.
pub fn all() -> &'static [Registered] {
    table::ALL
}

/// The newest text of the schema of an event. `None` for a type or version that is none of ours.
///
/// An imported stream may hold a type of the same name: the schema is that event's if the stream's context is `context`.
pub fn find(event_type: &str, schema_version: i16) -> Option<&'static Registered> {
    type Newest = HashMap<(&'static str, i16), &'static Registered>;
    static NEWEST: LazyLock<Newest> = LazyLock::new(|| {
        // Later revisions have larger ids, and replace the earlier ones here.
        all()
            .iter()
            .map(|schema| ((schema.event_type, schema.schema_version), schema))
            .collect()
    });
    // A key that lives as long as the argument does.
    let newest: &HashMap<(&str, i16), &'static Registered> = &NEWEST;
    newest.get(&(event_type, schema_version)).copied()
}

/// The rows of the table, which `daybook generate` writes: id, GUID, topic, context, event type, schema version, revision, file.
macro_rules! registered {
    ($($id:literal $guid:literal $topic:literal $context:literal $event_type:literal $version:literal $revision:literal $file:literal;)*) => {
        /// Every schema that was ever published, by id.
        pub(super) static ALL: &[super::Registered] = &[$(super::Registered {
            id: $id,
            guid: uuid::uuid!($guid),
            context: $context,
            event_type: $event_type,
            schema_version: $version,
            revision: $revision,
            subject: concat!($topic, "-", $context, ".", $event_type, ".v", $version),
            uri: concat!("https://daybook.dev/schemas/", $context, "/", $event_type, ".v", $version, ".json"),
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/", $file)),
        }),*];
    };
}
use registered;

#[cfg(test)]
mod tests;
