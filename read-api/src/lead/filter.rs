//! Which leads: the filter's fields and where they stand. Never reads a row.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::{DateTime, Utc};

use super::LeadStatus;
use crate::{
    failure::Failure,
    filter::{
        Clause, Column,
        input::{RangeFilter, StringFilter, UuidFilter, group, words},
    },
};

/// What a lead can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LeadField {
    LeadId,
    Reference,
    Company,
    Origin,
    LandingPageId,
    Status,
    DevelopmentRepId,
    SalesRepId,
    BusinessSegment,
    LeadType,
    SellerId,
    LossReason,
    CapturedAt,
    WonAt,
    LostAt,
}

impl LeadField {
    /// Where it stands for `lead l`.
    pub(crate) fn column(self) -> Column {
        Column::of(match self {
            Self::LeadId => "l.lead_id",
            Self::Reference => "l.reference",
            Self::Company => "l.company",
            Self::Origin => "l.origin",
            Self::LandingPageId => "l.landing_page_id",
            Self::Status => "l.status",
            Self::DevelopmentRepId => "l.development_rep_id",
            Self::SalesRepId => "l.sales_rep_id",
            Self::BusinessSegment => "l.business_segment",
            Self::LeadType => "l.lead_type",
            Self::SellerId => "l.seller_id",
            Self::LossReason => "l.loss_reason",
            Self::CapturedAt => "l.captured_at",
            Self::WonAt => "l.won_at",
            Self::LostAt => "l.lost_at",
        })
    }
}

/// Conditions on the status of a lead. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct LeadStatusFilter {
    /// It is this.
    eq: MaybeUndefined<LeadStatus>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<LeadStatus>>,
}

/// Which leads. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct LeadFilter {
    /// The UUID.
    lead_id: Option<UuidFilter>,
    /// The lead's id in another system.
    reference: Option<StringFilter>,
    /// What the company is called.
    company: Option<StringFilter>,
    /// Where the contact came from.
    origin: Option<StringFilter>,
    /// The page on which it was made.
    landing_page_id: Option<StringFilter>,
    /// Where it stands.
    status: Option<LeadStatusFilter>,
    /// Who qualifies it.
    development_rep_id: Option<StringFilter>,
    /// Who is to close the deal.
    sales_rep_id: Option<StringFilter>,
    /// The line of business.
    business_segment: Option<StringFilter>,
    /// The kind of lead.
    lead_type: Option<StringFilter>,
    /// What the lead became.
    seller_id: Option<StringFilter>,
    /// Why it was lost.
    loss_reason: Option<StringFilter>,
    /// When the first contact was made.
    captured_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When it became a deal.
    won_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When it was lost.
    lost_at: Option<RangeFilter<DateTime<Utc>>>,
    /// All of these.
    and: Option<Vec<LeadFilter>>,
    /// At least one of these.
    or: Option<Vec<LeadFilter>>,
    /// Not this.
    not: Option<Box<LeadFilter>>,
}

impl LeadFilter {
    /// The conditions, checked for their size.
    pub(crate) fn checked(self) -> Result<Clause<LeadField>, Failure> {
        let clause = self.clause()?;
        clause.check()?;
        Ok(clause)
    }

    fn clause(self) -> Result<Clause<LeadField>, Failure> {
        use LeadField as F;
        let status =
            |test: LeadStatusFilter| words(F::Status, test.eq, test.any_of, LeadStatus::as_str);
        let own = [
            self.lead_id.map(|test| test.clause(F::LeadId)),
            self.reference.map(|test| test.clause(F::Reference)),
            self.company.map(|test| test.clause(F::Company)),
            self.origin.map(|test| test.clause(F::Origin)),
            self.landing_page_id
                .map(|test| test.clause(F::LandingPageId)),
            self.status.map(status),
            self.development_rep_id
                .map(|test| test.clause(F::DevelopmentRepId)),
            self.sales_rep_id.map(|test| test.clause(F::SalesRepId)),
            self.business_segment
                .map(|test| test.clause(F::BusinessSegment)),
            self.lead_type.map(|test| test.clause(F::LeadType)),
            self.seller_id.map(|test| test.clause(F::SellerId)),
            self.loss_reason.map(|test| test.clause(F::LossReason)),
            self.captured_at.map(|test| test.clause(F::CapturedAt)),
            self.won_at.map(|test| test.clause(F::WonAt)),
            self.lost_at.map(|test| test.clause(F::LostAt)),
        ];
        let own = own.into_iter().flatten().collect::<Result<_, _>>()?;
        group(
            own,
            self.and,
            self.or,
            self.not.map(|not| *not),
            Self::clause,
        )
    }
}
