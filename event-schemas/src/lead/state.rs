//! A lead as it stands, folded from its events, for the compacted topic. Never what decisions go by.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{LeadCaptured, LeadEvent, LeadProfile, LeadStatus, LossReason};
use crate::{Personal, RecordedEvent, state::State};

/// A lead as it stands.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadState {
    /// Where it stands.
    pub status: LeadStatus,
    /// The lead's id in another system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the person is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<String>>,
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal<String>>,
    /// A telephone number, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<String>>,
    /// What the company is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Where the contact came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The page on which it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landing_page_id: Option<String>,
    /// Who qualifies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub development_rep_id: Option<String>,
    /// Who is to close the deal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales_rep_id: Option<String>,
    /// What is known of the business.
    #[serde(skip_serializing_if = "LeadProfile::is_empty")]
    pub profile: LeadProfile,
    /// What the lead became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<String>,
    /// Why it was lost; absent unless it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_reason: Option<LossReason>,
    /// When the first contact was made.
    pub captured_at: DateTime<Utc>,
    /// When it was qualified first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qualified_at: Option<DateTime<Utc>>,
    /// When it became a deal; absent unless it did, and where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub won_at: Option<DateTime<Utc>>,
    /// When it was lost; absent unless it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<DateTime<Utc>>,
}

impl State for LeadState {
    type Event = LeadEvent;

    fn after(before: Option<Self>, event: LeadEvent, recorded: &RecordedEvent) -> Option<Self> {
        let Some(mut lead) = before else {
            return match event {
                LeadEvent::LeadCaptured(captured) => Some(Self::captured(captured, recorded)),
                _ => None,
            };
        };
        lead.status = LeadStatus::after(Some(lead.status), &event).unwrap_or(lead.status);
        match event {
            LeadEvent::LeadCaptured(_) => {}
            LeadEvent::LeadQualified(qualified) => {
                lead.profile = lead.profile.then(qualified.profile);
                lead.qualified_at.get_or_insert(recorded.occurred_at);
            }
            LeadEvent::LeadAssigned(assigned) => {
                lead.development_rep_id = assigned.development_rep_id.or(lead.development_rep_id);
                lead.sales_rep_id = assigned.sales_rep_id.or(lead.sales_rep_id);
            }
            LeadEvent::LeadWon(won) => {
                lead.development_rep_id = won.development_rep_id.or(lead.development_rep_id);
                lead.sales_rep_id = won.sales_rep_id.or(lead.sales_rep_id);
                lead.profile = lead.profile.then(won.profile);
                lead.seller_id = won.seller_id.or(lead.seller_id);
                lead.won_at = won.won_at;
                (lead.loss_reason, lead.lost_at) = (None, None);
            }
            LeadEvent::LeadLost(lost) => {
                lead.loss_reason = Some(lost.reason);
                lead.lost_at = Some(recorded.occurred_at);
                lead.won_at = None;
            }
        }
        Some(lead)
    }
}

impl LeadState {
    fn captured(captured: LeadCaptured, recorded: &RecordedEvent) -> Self {
        Self {
            status: LeadStatus::Captured,
            reference: captured.reference,
            name: captured.name,
            email: captured.email,
            phone: captured.phone,
            company: captured.company,
            origin: captured.origin,
            landing_page_id: captured.landing_page_id,
            development_rep_id: None,
            sales_rep_id: None,
            profile: LeadProfile::default(),
            seller_id: None,
            loss_reason: None,
            captured_at: recorded.occurred_at,
            qualified_at: None,
            won_at: None,
            lost_at: None,
        }
    }
}
