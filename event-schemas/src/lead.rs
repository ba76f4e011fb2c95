//! The events of a lead: somebody who may become a customer, from the first contact to the deal or its loss. Whatever
//! identifies a person is [`Personal`]. Never decides whether something may happen.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Personal, money::Money};

mod state;
pub mod status;

pub use state::LeadState;
pub use status::LeadStatus;

/// What is known of a lead's business. What is absent is unknown.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadProfile {
    /// The line of business, such as `pet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_segment: Option<String>,
    /// The kind of business: `reseller`, `manufacturer`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_type: Option<String>,
    /// The kind of lead, such as `online_medium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_type: Option<String>,
    /// How they behave in a sale, such as `cat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behaviour_profile: Option<String>,
    /// Whether they have a company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_company: Option<bool>,
    /// Whether their products have a GTIN, the number of the barcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_gtin: Option<bool>,
    /// How much they have in stock, as they say, such as `5-20`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_stock: Option<String>,
    /// How many products they say they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_catalog_size: Option<u32>,
    /// What they say they sell in a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_monthly_revenue: Option<Money>,
}

impl LeadProfile {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is known after `later` is too: what it leaves out stays.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            business_segment: later.business_segment.or(self.business_segment),
            business_type: later.business_type.or(self.business_type),
            lead_type: later.lead_type.or(self.lead_type),
            behaviour_profile: later.behaviour_profile.or(self.behaviour_profile),
            has_company: later.has_company.or(self.has_company),
            has_gtin: later.has_gtin.or(self.has_gtin),
            average_stock: later.average_stock.or(self.average_stock),
            declared_catalog_size: later.declared_catalog_size.or(self.declared_catalog_size),
            declared_monthly_revenue: later
                .declared_monthly_revenue
                .or(self.declared_monthly_revenue),
        }
    }
}

/// Why a lead was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LossReason {
    /// They do not want it.
    NoInterest,
    /// They cannot pay for it.
    NoBudget,
    /// They chose somebody else.
    Competitor,
    /// They never answered.
    Unreachable,
    /// It does not fit them, or they do not fit us.
    Unsuitable,
    /// They are another lead already.
    Duplicate,
    /// Anything else.
    Other,
}

impl LossReason {
    /// The reason as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoInterest => "noInterest",
            Self::NoBudget => "noBudget",
            Self::Competitor => "competitor",
            Self::Unreachable => "unreachable",
            Self::Unsuitable => "unsuitable",
            Self::Duplicate => "duplicate",
            Self::Other => "other",
        }
    }
}

/// Somebody showed interest: the first contact.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadCaptured {
    /// The lead's id in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the person is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<String>>,
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal<String>>,
    /// A telephone number, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<String>>,
    /// What the company is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Where the contact came from, such as `paid_search`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The page on which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing_page_id: Option<String>,
}

/// Somebody spoke with the lead and thinks that it may become a deal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadQualified {
    /// What was learnt of the business.
    #[serde(default, skip_serializing_if = "LeadProfile::is_empty")]
    pub profile: LeadProfile,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// Somebody is to see to the lead. Who is absent stays as before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadAssigned {
    /// Who qualifies it: the sales development representative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub development_rep_id: Option<String>,
    /// Who is to close the deal: the sales representative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_rep_id: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// The lead became a deal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadWon {
    /// When. Absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub won_at: Option<DateTime<Utc>>,
    /// The seller, customer or account that the lead became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<String>,
    /// Who qualified it, where that was not known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub development_rep_id: Option<String>,
    /// Who closed the deal, where that was not known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_rep_id: Option<String>,
    /// What was learnt of the business.
    #[serde(default, skip_serializing_if = "LeadProfile::is_empty")]
    pub profile: LeadProfile,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// Nothing will come of the lead.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadLost {
    /// Why.
    pub reason: LossReason,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The codes of the rules that an import skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

crate::events! {
    /// What happens to a lead.
    LeadEvent {
        LeadCaptured = 1,
        LeadQualified = 1,
        LeadAssigned = 1,
        LeadWon = 1,
        LeadLost = 1,
    }
}
