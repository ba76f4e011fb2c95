//! Where a goal stands, folded from its events. Owns the one definition that decisions and read models share; never
//! decides whether an event may happen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GoalEvent;

/// Where a goal stands.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum GoalStatus {
    /// It is being agreed on.
    Draft,
    /// It is meant, and its progress counts.
    Active,
    /// Its target was reached.
    Achieved,
    /// Its span ended before.
    Missed,
    /// Nobody wants it any more.
    Abandoned,
}

impl GoalStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Active,
        Self::Achieved,
        Self::Missed,
        Self::Abandoned,
    ];

    /// The status as it stands in JSON and in read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Achieved => "achieved",
            Self::Missed => "missed",
            Self::Abandoned => "abandoned",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether something can still happen to it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Active)
    }

    /// The status after `event`, from `current` (`None`: not drafted yet). What is closed stays as it was closed.
    #[must_use]
    pub fn after(current: Option<Self>, event: &GoalEvent) -> Option<Self> {
        if current.is_some_and(|current| !current.is_open()) {
            return current;
        }
        match event {
            GoalEvent::GoalDrafted(_) => current.or(Some(Self::Draft)),
            GoalEvent::GoalActivated(_) => Some(Self::Active),
            GoalEvent::GoalMetricLinked(_)
            | GoalEvent::GoalAdjusted(_)
            | GoalEvent::GoalProgressed(_) => current,
            GoalEvent::GoalAchieved(_) => Some(Self::Achieved),
            GoalEvent::GoalMissed(_) => Some(Self::Missed),
            GoalEvent::GoalAbandoned(_) => Some(Self::Abandoned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal::{GoalAbandoned, GoalMissed};

    #[test]
    fn names_are_what_json_says() {
        for status in GoalStatus::ALL {
            assert_eq!(GoalStatus::parse(status.as_str()), Some(status));
            assert_eq!(
                serde_json::to_value(status).ok(),
                Some(status.as_str().into())
            );
        }
        assert_eq!(GoalStatus::parse("closed"), None);
    }

    #[test]
    fn what_is_closed_stays_closed() {
        let missed = GoalEvent::from(GoalMissed {
            actual: None,
            note: None,
            waived: vec![],
        });
        let abandoned = GoalEvent::from(GoalAbandoned { reason: None });
        let after = |current, event| GoalStatus::after(Some(current), event);
        assert_eq!(after(GoalStatus::Active, &missed), Some(GoalStatus::Missed));
        assert_eq!(
            after(GoalStatus::Missed, &abandoned),
            Some(GoalStatus::Missed)
        );
        assert!(GoalStatus::Draft.is_open() && !GoalStatus::Achieved.is_open());
    }
}
