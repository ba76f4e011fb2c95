//! The published language of Daybook: ids, envelope and event types. It owns what is written into
//! the log and read by everyone else; it never decides anything and never does I/O.

pub mod customer;
pub mod envelope;
pub mod event;
pub mod hash;
pub mod money;
pub mod order;
pub mod organization;
pub mod personal;
pub mod stream;
pub mod tenant;

pub use envelope::{Actor, ActorKind, Metadata, RecordedEvent, Source};
pub use event::{DecodeError, Event};
pub use personal::Personal;
pub use stream::StreamId;
pub use tenant::TenantId;
