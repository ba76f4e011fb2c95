//! How a broken rule is treated: it refuses a client and is written down for an import. Knows no rule itself.

use super::OrderRejection;
use crate::Rejection;

/// The rules one decision goes through, in order.
pub(super) struct Rules {
    import: bool,
    waived: Vec<String>,
}

impl Rules {
    /// Rules that refuse, or, for an import, only take note.
    pub(super) fn new(import: bool) -> Self {
        Self {
            import,
            waived: Vec::new(),
        }
    }

    /// Goes on if the rule holds or the past may have broken it.
    pub(super) fn require(
        &mut self,
        holds: bool,
        otherwise: OrderRejection,
    ) -> Result<(), OrderRejection> {
        if holds {
            return Ok(());
        }
        if !self.import {
            return Err(otherwise);
        }
        self.waived.push(otherwise.code().to_owned());
        Ok(())
    }

    /// The codes of the rules that were skipped.
    pub(super) fn waived(self) -> Vec<String> {
        self.waived
    }
}
