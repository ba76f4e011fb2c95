//! The demo organization: a believable year of orders, generated deterministically and carried through the commands like
//! any other history. Owns no rule; what it makes up, the domain decides.

mod demo;
pub mod random;

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use commands::Bus;
use event_schemas::TenantId;
use uuid::{Uuid, uuid};

use crate::import;

/// The demo organization's id.
pub const DEMO: Uuid = uuid!("da1b0000-0000-4000-8000-000000000001");
/// Its name.
pub const DEMO_NAME: &str = "Aurora Coffee Roasters";

/// The demo organization.
pub fn tenant() -> TenantId {
    TenantId(DEMO)
}

/// Writes the year that ends at `now`. Repeating it with the same `now` changes nothing.
pub fn demo(
    bus: &Bus,
    now: DateTime<Utc>,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<import::Written> {
    let lines = demo::year(now);
    let written = import::execute(
        bus,
        "demo",
        lines.into_iter().map(Ok::<_, std::convert::Infallible>),
        progress,
    )?;
    ensure!(
        written.refused.is_empty(),
        "the demo data were refused: {:?}",
        written.examples
    );
    Ok(written)
}

/// How many lines the year has.
pub fn lines(now: DateTime<Utc>) -> u64 {
    u64::try_from(demo::year(now).len()).unwrap_or(u64::MAX)
}
