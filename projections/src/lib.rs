//! The projection engine, the read models and the relay to Kafka. Owns everything that is derived from the log; it never
//! decides anything, never writes to the log and never sees the domain or the commands.

mod array;
pub mod audit;
mod build;
pub mod customer;
pub mod digest;
pub mod document;
pub mod engine;
pub mod error;
pub mod goal;
pub mod identity;
pub mod kafka;
pub mod lag;
pub mod lead;
pub mod meter;
pub mod metric;
pub mod order;
pub mod organization;
mod page;
mod park;
pub mod parked;
pub mod policy;
pub mod projection;
pub mod relay;
mod retry;
mod run;
#[cfg(test)]
mod sample;
mod source;
pub mod wait;

use std::sync::Arc;

pub use build::{BuildProgress, Compared, builds};
pub use engine::{Engine, Options, Progress};
pub use error::Error;
pub use lag::{Lag, lag};
pub use parked::{Parked, parked};
pub use projection::{ApplyError, Known, Projection};
pub use retry::Retried;
pub use wait::{NotCaughtUp, ParkedFor, WaitError, Waiter};

/// Every projection of this binary. A new one is one line here.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(identity::Identity),
        Arc::new(organization::Organization),
        Arc::new(customer::Customer),
        Arc::new(order::Order),
        Arc::new(lead::Lead),
        Arc::new(metric::Metric),
        Arc::new(goal::Goal),
        Arc::new(document::Document),
        Arc::new(audit::Audit),
        Arc::new(policy::revenue::Revenue),
        Arc::new(policy::monthly::Monthly),
        Arc::new(policy::progress::Progress),
    ]
}

/// What identifies the tables that this binary's projections make. A session that has these, joined by commas, as its setting
/// `app.revisions` reads those tables and no others.
pub fn revisions() -> Vec<String> {
    all()
        .iter()
        .map(|one| projection::revision(one.as_ref()))
        .collect()
}
