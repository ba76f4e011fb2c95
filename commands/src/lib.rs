//! The command side: one registry of commands, their execution, and the APIs derived from it. No file per context, no
//! business rule and no SQL.

mod answer;
pub mod bulk;
mod cache;
mod execute;
pub mod graphql;
pub mod openapi;
pub mod registry;
mod replay;
pub mod rest;

pub use answer::{Accepted, AcceptedEvent};
pub use execute::{Bus, Cause, Request, Settle, Way};
pub use registry::{Spec, registry};
