//! Where time, ids and secrets come from. The one module that asks the operating system for them; everything
//! else is handed a [`Clock`].

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Time, ids and random secrets, passed in so that tests can decide them.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
    /// A new time-ordered id.
    fn uuid_v7(&self) -> Uuid;
    /// 256 random bits from the operating system's generator.
    fn random_256(&self) -> [u8; 32];
}

/// The operating system's clock and random generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system for time and ids"
)]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn uuid_v7(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(
        clippy::expect_used,
        reason = "a machine without randomness must not issue secrets"
    )]
    fn random_256(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system has a random generator");
        bytes
    }
}
