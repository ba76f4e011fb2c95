//! Where a lead stands, folded from its events. Owns the one definition that decisions and read models share; never
//! decides whether an event may happen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LeadEvent;

/// Where a lead stands.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum LeadStatus {
    /// The first contact was made.
    Captured,
    /// It may become a deal.
    Qualified,
    /// It became a deal.
    Won,
    /// Nothing will come of it.
    Lost,
}

impl LeadStatus {
    /// All of them, in the order of the pipeline.
    pub const ALL: [Self; 4] = [Self::Captured, Self::Qualified, Self::Won, Self::Lost];

    /// The status as it stands in JSON and in read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Qualified => "qualified",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether a deal can still come of it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Captured | Self::Qualified)
    }

    /// The status after `event`, from `current` (`None`: not captured yet). What is won or lost stays closed; only the
    /// other outcome changes it, which no decision but one on imported history allows.
    #[must_use]
    pub fn after(current: Option<Self>, event: &LeadEvent) -> Option<Self> {
        match event {
            LeadEvent::LeadCaptured(_) => Some(current.unwrap_or(Self::Captured)),
            LeadEvent::LeadQualified(_) => Some(match current {
                Some(closed @ (Self::Won | Self::Lost)) => closed,
                Some(Self::Captured | Self::Qualified) | None => Self::Qualified,
            }),
            LeadEvent::LeadAssigned(_) => current,
            LeadEvent::LeadWon(_) => Some(Self::Won),
            LeadEvent::LeadLost(_) => Some(Self::Lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{LeadLost, LeadQualified, LossReason};

    #[test]
    fn names_are_what_json_says() {
        for status in LeadStatus::ALL {
            assert_eq!(LeadStatus::parse(status.as_str()), Some(status));
            assert_eq!(
                serde_json::to_value(status).ok(),
                Some(status.as_str().into())
            );
        }
        assert_eq!(LeadStatus::parse("open"), None);
    }

    #[test]
    fn what_is_closed_is_not_qualified_again() {
        let qualified = LeadEvent::from(LeadQualified {
            profile: super::super::LeadProfile::default(),
            note: None,
            waived: vec![],
        });
        let lost = LeadEvent::from(LeadLost {
            reason: LossReason::NoBudget,
            note: None,
            waived: vec![],
        });
        let after = |current, event| LeadStatus::after(Some(current), event);
        assert_eq!(
            after(LeadStatus::Captured, &qualified),
            Some(LeadStatus::Qualified)
        );
        assert_eq!(after(LeadStatus::Won, &qualified), Some(LeadStatus::Won));
        assert_eq!(after(LeadStatus::Won, &lost), Some(LeadStatus::Lost));
        assert!(LeadStatus::Qualified.is_open() && !LeadStatus::Lost.is_open());
    }
}
