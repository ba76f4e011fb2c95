//! The event log on PostgreSQL: append, load, read, tail, and the only way to a connection. It never decides
//! what an event means, and no other crate opens a pool.

pub mod append;
pub mod clock;
pub mod compat;
mod context;
pub mod error;
mod expiry;
mod freeze;
pub mod fsck;
mod guard;
pub mod head;
pub mod load;
pub mod migrate;
pub mod operator;
pub mod paths;
mod place;
pub mod postgres_es;
pub mod read;
mod role;
pub mod snapshot;
pub mod stats;
mod store;
pub mod token;
pub mod tx;

pub use append::{
    Append, Appended, Claim, Expected, Fact, NewEvent, Outcome, Refusal, TenantChange, Write,
};
pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use head::Heads;
pub use load::{Found, KeyUse, Loaded, Remembered, Snapshot, StoredEvent, Want};
pub use place::{At, Place};
pub use snapshot::NewSnapshot;
pub use store::{Connections, Options, Proofs, QueueLimits, Store};
pub use token::{InvalidToken, Token};
pub use tx::{Identity, OperatorTx, PartitionTx, TenantTx};
