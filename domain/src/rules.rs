//! How a broken rule is treated: it refuses a client and is written down for an import. Knows no rule itself.

use crate::Rejection;

/// The rules one decision goes through, in order.
pub(crate) struct Rules {
    import: bool,
    waived: Vec<String>,
}

impl Rules {
    /// Rules that refuse, or, for an import, only take note.
    pub(crate) fn new(import: bool) -> Self {
        Self {
            import,
            waived: Vec::new(),
        }
    }

    /// Whether they only take note.
    pub(crate) fn is_import(&self) -> bool {
        self.import
    }

    /// Goes on if the rule holds or the past may have broken it.
    pub(crate) fn require<R: Rejection>(&mut self, holds: bool, otherwise: R) -> Result<(), R> {
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
    pub(crate) fn waived(self) -> Vec<String> {
        self.waived
    }
}
