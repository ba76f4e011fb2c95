//! Where a document stands, folded from its events. Owns the one definition that decisions and read models share; never
//! decides whether an event may happen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DocumentEvent;

/// Where a document stands.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum DocumentStatus {
    /// It holds.
    Active,
    /// It does not hold any more.
    Retired,
}

impl DocumentStatus {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 2] = [Self::Active, Self::Retired];

    /// The status as it stands in JSON and in read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The status after `event`, from `current` (`None`: not added yet). What is retired stays retired.
    #[must_use]
    pub fn after(current: Option<Self>, event: &DocumentEvent) -> Option<Self> {
        match event {
            DocumentEvent::DocumentAdded(_) => Some(current.unwrap_or(Self::Active)),
            DocumentEvent::DocumentRevised(_) => current,
            DocumentEvent::DocumentRetired(_) => Some(Self::Retired),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{DocumentRetired, DocumentRevised};

    #[test]
    fn names_are_what_json_says() {
        for status in DocumentStatus::ALL {
            assert_eq!(DocumentStatus::parse(status.as_str()), Some(status));
            assert_eq!(
                serde_json::to_value(status).ok(),
                Some(status.as_str().into())
            );
        }
        assert_eq!(DocumentStatus::parse("deleted"), None);
    }

    #[test]
    fn what_is_retired_stays_retired() {
        let revised = DocumentEvent::from(DocumentRevised {
            revision: 2,
            title: None,
            body: None,
            language: None,
            kind: None,
            tags: None,
            source: None,
            note: None,
            waived: vec![],
        });
        let retired = DocumentEvent::from(DocumentRetired {
            reason: None,
            waived: vec![],
        });
        let after = |current, event| DocumentStatus::after(current, event);
        let (active, gone) = (Some(DocumentStatus::Active), Some(DocumentStatus::Retired));
        assert_eq!(after(active, &revised), active);
        assert_eq!(after(active, &retired), gone);
        assert_eq!(after(gone, &revised), gone);
    }
}
