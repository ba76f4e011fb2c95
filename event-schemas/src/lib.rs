//! The published language of Daybook: ids, envelope, event types and their schemas. It owns what is written into
//! the log and read by everyone else; it never decides anything and never does I/O.

pub mod asyncapi;
pub mod country;
pub mod customer;
pub mod decimal;
pub mod document;
pub mod envelope;
pub mod event;
pub mod goal;
pub mod hash;
pub mod language;
pub mod lead;
pub mod list;
pub mod metric;
pub mod moment;
pub mod money;
pub mod number;
pub mod object;
pub mod order;
pub mod organization;
pub mod personal;
pub mod schema;
pub mod scope;
pub mod state;
pub mod stream;
pub mod tenant;
pub mod text;
pub mod time_zone;

#[cfg(test)]
mod samples;

pub use country::Country;
pub use envelope::{Actor, ActorKind, Metadata, RecordedEvent, Source};
pub use event::{DecodeError, Event, UpcastError};
pub use language::Language;
pub use list::List;
pub use moment::Moment;
pub use object::Object;
pub use personal::Personal;
pub use scope::Scope;
pub use stream::StreamId;
pub use tenant::TenantId;
pub use text::Text;
pub use time_zone::TimeZone;

/// Daybook's own contexts. The streams whose names begin with one of them hold its events and no others.
pub const CONTEXTS: [&str; 7] = [
    "organization",
    "customer",
    "order",
    "lead",
    "metric",
    "goal",
    "document",
];
