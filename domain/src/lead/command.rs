//! What may be asked of a lead. Owns the shape and the limits of the input; decides nothing.

use event_schemas::{
    Moment, Object, Personal, Text,
    lead::LossReason,
    money::{Currency, Minor},
    number::Count,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Lead;

/// An amount of money in a currency of its own.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMoney {
    /// How much, in minor units (cents).
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
}

/// What was learnt of a lead's business. What is left out stays as it is known.
#[derive(Clone, Default, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProfile {
    /// The line of business, such as `pet`.
    pub business_segment: Option<Text<1, 64>>,
    /// The kind of business, such as `reseller`.
    pub business_type: Option<Text<1, 64>>,
    /// The kind of lead, such as `online_medium`.
    pub lead_type: Option<Text<1, 64>>,
    /// How they behave in a sale, such as `cat`.
    pub behaviour_profile: Option<Text<1, 64>>,
    /// Whether they have a company.
    pub has_company: Option<bool>,
    /// Whether their products have a GTIN, the number of the barcode.
    pub has_gtin: Option<bool>,
    /// How much they have in stock, as they say, such as `5-20`.
    pub average_stock: Option<Text<1, 64>>,
    /// How many products they say they have.
    pub declared_catalog_size: Option<Count>,
    /// What they say they sell in a month.
    pub declared_monthly_revenue: Option<Object<NewMoney>>,
}

/// Takes in somebody who showed interest. Every field may be left out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaptureLead {
    /// The lead's id in another system.
    pub reference: Option<Text<1, 64>>,
    /// What the person is called.
    pub name: Option<Personal<Text<1, 200>>>,
    /// An e-mail address.
    pub email: Option<Personal<Text<1, 320>>>,
    /// A telephone number.
    pub phone: Option<Personal<Text<1, 64>>>,
    /// What the company is called.
    pub company: Option<Text<1, 200>>,
    /// Where the contact came from, such as `paid_search`.
    pub origin: Option<Text<1, 64>>,
    /// The page on which it was made.
    pub landing_page_id: Option<Text<1, 128>>,
}

/// Notes that the lead may become a deal, and what was learnt of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QualifyLead {
    /// What was learnt of the business.
    pub profile: Option<Object<NewProfile>>,
    /// In words.
    pub note: Option<Text<1, 500>>,
}

/// Says who is to see to the lead. Who is left out stays as before; at least one is needed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct AssignLead {
    /// Who qualifies it: the sales development representative.
    pub development_rep_id: Option<Text<1, 64>>,
    /// Who is to close the deal: the sales representative.
    pub sales_rep_id: Option<Text<1, 64>>,
}

/// Notes that the lead became a deal.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WinLead {
    /// When. Left out: now.
    pub won_at: Option<Moment>,
    /// The seller, customer or account that the lead became.
    pub seller_id: Option<Text<1, 64>>,
    /// Who qualified it, if that was not said before.
    pub development_rep_id: Option<Text<1, 64>>,
    /// Who closed the deal, if that was not said before.
    pub sales_rep_id: Option<Text<1, 64>>,
    /// What was learnt of the business.
    pub profile: Option<Object<NewProfile>>,
}

/// Notes that nothing will come of the lead.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoseLead {
    /// Why.
    pub reason: LossReason,
    /// In words.
    pub note: Option<Text<1, 500>>,
}

/// Everything that may be asked of a lead.
#[derive(Clone, Debug)]
pub enum LeadCommand {
    /// See [`CaptureLead`].
    Capture(CaptureLead),
    /// See [`QualifyLead`].
    Qualify(QualifyLead),
    /// See [`AssignLead`].
    Assign(AssignLead),
    /// See [`WinLead`].
    Win(WinLead),
    /// See [`LoseLead`].
    Lose(LoseLead),
}

crate::command::commands! {
    Lead {
        CaptureLead = "capture" creates => LeadCommand::Capture,
        QualifyLead = "qualify" => LeadCommand::Qualify,
        AssignLead = "assign" => LeadCommand::Assign,
        WinLead = "win" => LeadCommand::Win,
        LoseLead = "lose" => LeadCommand::Lose,
    }
}
