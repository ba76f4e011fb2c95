//! The event log on PostgreSQL: append, load, read, tail, and the only way to a connection. It never decides
//! what an event means, and no other crate opens a pool.

pub mod append;
pub mod clock;
mod context;
pub mod error;
pub mod fsck;
pub mod head;
pub mod load;
pub mod migrate;
pub mod operator;
pub mod postgres_es;
pub mod read;
mod role;
pub mod stats;
mod store;
pub mod token;
pub mod tx;

pub use append::{Append, Appended, Expected, NewEvent, Outcome, Refusal};
pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use head::Heads;
pub use load::{KeyUse, Loaded, Remembered, StoredEvent, Want};
pub use store::{Connections, Options, QueueLimits, Store};
pub use token::{InvalidToken, Token};
pub use tx::{IdentityTx, OperatorTx, PartitionTx, TenantTx};
