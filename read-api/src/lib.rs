//! The query side: GraphQL over HTTP, and the registry of the events' schemas. Never writes, and never sees commands or
//! the domain.
//!
//! An [`http::Engine`] needs [`Query`] as its root, a [`Subgraph`] among the schema's data, and [`Reads`].

pub mod audit;
pub mod http;
pub mod registry;

mod as_of;
mod bucket;
mod customer;
mod document;
mod failure;
mod filter;
mod goal;
mod history;
mod lead;
mod metric;
mod money;
mod operation;
mod order;
mod organization;
mod page;
mod policy;
mod projection;
mod query;
mod scalar;
mod selection;
mod serial;
mod session;
mod stats;
mod waiter;

pub use operation::Reads;
pub use query::{Query, Subgraph, subgraph_sdl};
pub use waiter::{WaitError, Waiter};
