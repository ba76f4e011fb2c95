//! Policies: rules that answer events with commands. A policy is a projection whose tables are its state; what it wants done
//! commits together with them and its checkpoint (`outbox`), is wanted by the build that serves alone (`gate`), and is executed
//! once, whatever crashes (`dispatch`). Never decides whether a command is allowed, and never sees the domain.

pub mod dispatch;
pub(crate) mod effect;
pub(crate) mod gate;
pub(crate) mod meter;
pub mod monthly;
pub(crate) mod outbox;
pub mod progress;
pub mod revenue;
pub mod status;
mod timer;

pub use dispatch::{Answer, Dispatch, Due, Policies};
pub use effect::{Effects, Wanted};

/// The longest chain of policies that answer each other's events: whatever is behind that is a circle.
pub const MAX_DEPTH: u8 = 16;
