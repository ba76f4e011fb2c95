//! Leads for reading: the root fields and the object. Never decides what may happen to a lead.

mod filter;
mod list;
mod row;
mod stats;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::{
    filter::LeadFilter,
    list::{LeadSort, LeadTotal},
    row::LeadRow,
    stats::{LeadGroup, LeadStats, LeadStatsHaving, LeadStatsSort},
};
use crate::{
    as_of::AsOf,
    bucket::Bucket,
    failure::Failure,
    money::Money,
    page::{self, Paging},
    scalar::{BigInt, Kind, global_id, storable, uuid_of},
    serial::Serial,
    session::{Root, Snapshot},
    stats::{Ask, cost},
};

/// The permission's context.
const CONTEXT: &str = "lead";

/// The query root's fields about leads.
#[derive(Clone, Default)]
pub(crate) struct LeadQuery(pub(crate) Root);

#[Object]
impl LeadQuery {
    /// One lead, by exactly one of its names. `null`: there is none. Needs `lead:read`.
    async fn lead(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id, or the UUID.")] id: Option<ID>,
        #[graphql(desc = "The lead's id in another system; of several, the newest.")]
        reference: Option<String>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Option<Lead>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let name = match (id, reference) {
            (Some(id), None) => row::LeadName::Id(uuid_of(Kind::Lead, &id)?),
            (None, Some(reference)) => row::LeadName::Reference(storable(reference)?),
            _ => return Err(Failure::input("give exactly one of id and reference").into()),
        };
        Ok(row::find(&snapshot, name).await?.map(Lead))
    }

    /// Leads, a page at a time. Needs `lead:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn leads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<LeadFilter>,
        #[graphql(desc = "The newest first, if not given.")] order_by: Option<LeadSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Connection<String, Serial<Lead>, LeadTotal>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(list::page(snapshot, filter, order_by.unwrap_or_default(), &paging).await?)
    }

    /// Counts of leads in groups: the pipeline when grouped by status, the conversion when grouped by origin; without
    /// `groupBy` and `bucket` all of them together. Needs `lead:read`.
    #[graphql(complexity = "cost(first) * child_complexity / 10 + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn leads_stats(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<LeadFilter>,
        #[graphql(desc = "What makes a group.")] group_by: Option<Vec<LeadGroup>>,
        #[graphql(
            desc = "In buckets of the time of the first contact. Gaps are filled for every combination of the other keys, \
                    over the time that the filter's `capturedAt` allows, or else from the first lead to the last."
        )]
        bucket: Option<Bucket>,
        #[graphql(desc = "Only groups of which this holds.")] having: Option<LeadStatsHaving>,
        #[graphql(desc = "By these, the first first; equal ones by their keys.")] order_by: Option<
            Vec<LeadStatsSort>,
        >,
        #[graphql(
            desc = "Only so many groups, 1 to 10000. If not given: all of them, and an error if there are more than 1000."
        )]
        first: Option<i32>,
        #[graphql(desc = "As it was then; as it is now, if not given.")] as_of: Option<AsOf>,
    ) -> Result<Vec<Serial<LeadStats>>> {
        let snapshot = self.0.read_as_of(ctx, CONTEXT, as_of).await?;
        let having = having.map(LeadStatsHaving::clause).transpose()?;
        let order = order_by.into_iter().flatten().map(Into::into).collect();
        let ask = Ask::new(ctx, bucket, having, order, first)?;
        let rows = stats::read(&snapshot, filter, &group_by.unwrap_or_default(), &ask).await?;
        Ok(rows.into_iter().map(Serial).collect())
    }
}

/// The leads with these ids, in any order; unknown ids are left out. One statement whatever their number.
pub(crate) async fn by_ids(snapshot: &Arc<Snapshot>, ids: &[Uuid]) -> Result<Vec<Lead>, Failure> {
    snapshot.allow(CONTEXT)?;
    Ok(row::by_ids(snapshot, ids)
        .await?
        .into_iter()
        .map(Lead)
        .collect())
}

/// Where a lead stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "event_schemas::lead::LeadStatus")]
pub(crate) enum LeadStatus {
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
    /// The status as it is stored.
    fn as_str(self) -> &'static str {
        event_schemas::lead::LeadStatus::from(self).as_str()
    }

    /// The status that is stored with this lead.
    fn stored(name: &str, lead: &Uuid) -> Result<Self, Failure> {
        event_schemas::lead::LeadStatus::parse(name)
            .map(Self::from)
            .ok_or_else(|| Failure::corrupt("lead", "status", lead, name))
    }
}

/// What is known of a lead's business.
#[derive(SimpleObject, Debug)]
pub(crate) struct LeadProfile {
    /// The line of business, such as `pet`.
    business_segment: Option<String>,
    /// The kind of business, such as `reseller`.
    business_type: Option<String>,
    /// The kind of lead, such as `online_medium`.
    lead_type: Option<String>,
    /// How they behave in a sale, such as `cat`.
    behaviour_profile: Option<String>,
    /// Whether they have a company.
    has_company: Option<bool>,
    /// Whether their products have a GTIN, the number of the barcode.
    has_gtin: Option<bool>,
    /// How much they have in stock, as they say.
    average_stock: Option<String>,
    /// How many products they say they have.
    declared_catalog_size: Option<BigInt>,
    /// What they say they sell in a month.
    declared_monthly_revenue: Option<Money>,
}

/// A lead, as the read models know it.
#[derive(Clone, Debug)]
pub(crate) struct Lead(LeadRow);

impl Lead {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.0.lead_id
    }
}

/// A lead: somebody who may become a customer.
#[Object]
impl Lead {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::Lead, self.0.lead_id)
    }

    /// The UUID that commands take.
    async fn lead_id(&self) -> Uuid {
        self.0.lead_id
    }

    /// The lead's id in another system.
    async fn reference(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }

    /// Where it stands.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn status(&self) -> Result<LeadStatus> {
        Ok(LeadStatus::stored(&self.0.status, &self.0.lead_id)?)
    }

    /// What the person is called.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The e-mail address.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// The telephone number.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// What the company is called.
    async fn company(&self) -> Option<&str> {
        self.0.company.as_deref()
    }

    /// Where the contact came from.
    async fn origin(&self) -> Option<&str> {
        self.0.origin.as_deref()
    }

    /// The page on which it was made.
    async fn landing_page_id(&self) -> Option<&str> {
        self.0.landing_page_id.as_deref()
    }

    /// Who qualifies it: the sales development representative.
    async fn development_rep_id(&self) -> Option<&str> {
        self.0.development_rep_id.as_deref()
    }

    /// Who is to close the deal: the sales representative.
    async fn sales_rep_id(&self) -> Option<&str> {
        self.0.sales_rep_id.as_deref()
    }

    /// What is known of the business.
    async fn profile(&self) -> LeadProfile {
        let row = self.0.clone();
        let revenue = row.monthly_revenue.zip(row.revenue_currency.as_deref());
        LeadProfile {
            business_segment: row.business_segment,
            business_type: row.business_type,
            lead_type: row.lead_type,
            behaviour_profile: row.behaviour_profile,
            has_company: row.has_company,
            has_gtin: row.has_gtin,
            average_stock: row.average_stock,
            declared_catalog_size: row.catalog_size.map(Into::into),
            declared_monthly_revenue: revenue
                .map(|(amount, currency)| Money::new(amount, currency)),
        }
    }

    /// What the lead became: a seller, a customer, an account.
    async fn seller_id(&self) -> Option<&str> {
        self.0.seller_id.as_deref()
    }

    /// Why it was lost: `noInterest`, `noBudget`, `competitor`, `unreachable`, `unsuitable`, `duplicate` or `other`.
    async fn loss_reason(&self) -> Option<&str> {
        self.0.loss_reason.as_deref()
    }

    /// What was noted when it was lost, or else when it was qualified.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// When the first contact was made.
    async fn captured_at(&self) -> DateTime<Utc> {
        self.0.captured_at
    }

    /// When it was qualified first.
    async fn qualified_at(&self) -> Option<DateTime<Utc>> {
        self.0.qualified_at
    }

    /// When it was assigned last.
    async fn assigned_at(&self) -> Option<DateTime<Utc>> {
        self.0.assigned_at
    }

    /// When it became a deal. `null` too where nobody knows.
    async fn won_at(&self) -> Option<DateTime<Utc>> {
        self.0.won_at
    }

    /// When it was lost.
    async fn lost_at(&self) -> Option<DateTime<Utc>> {
        self.0.lost_at
    }

    /// The codes of the rules that an import skipped.
    async fn waived(&self) -> &[String] {
        &self.0.waived
    }

    /// When its newest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// How many events it has had: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The organization's position of its newest event.
    async fn position(&self) -> BigInt {
        self.0.position.into()
    }
}
