//! What a decision may know besides its state. Everything travels in here; a decision never asks a clock,
//! a random source or a service.

use chrono::{DateTime, Utc};
use event_schemas::{Actor, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A command together with everything its decision may know.
#[derive(Clone, Debug)]
pub struct Decide<C> {
    /// What is wanted.
    pub command: C,
    /// When the decision is made.
    pub now: DateTime<Utc>,
    /// When it happened in the business: `now`, but for an import.
    pub occurred_at: DateTime<Utc>,
    /// The way the command came in.
    pub source: Source,
    /// Who asks.
    pub actor: Actor,
    /// The tenant's own rules.
    pub settings: Settings,
}

impl<C> Decide<C> {
    /// Imported history may skip the rules that the past did not follow.
    pub fn is_import(&self) -> bool {
        matches!(self.source, Source::Import)
    }
}

/// Rules that a tenant sets for itself, folded from its organization's events.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Whether an order may be shipped before it is paid.
    pub ship_before_payment: bool,
}
