//! Owns the leads and their deals: from two tables to lines of the house tenant. Must never guess what a row leaves out.
//!
//! * **Lead id** = `mql_id`, which is also the `reference`. All leads are the house's: no file says which seller looked
//!   after one before the deal.
//! * **Capture** occurs on the first contact date, at midnight.
//! * **Deal** = `lead.win`, at `won_date`. Nothing says when a lead was qualified, so that rule is skipped, and the event
//!   says so. A deal dated before the first contact occurs at the contact; its data keep the source's date.
//! * **Revenue** is in reais; the source writes 0 for most deals, which is kept as it is.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::codec::{Fields, Record};
use super::dimension::{Dimension, Keyed};
use super::field::{Bad, Form};
use super::line::{Kind, LineRow};
use super::sort::{Row, Sorted, Sorter};
use super::table::Table;
use super::{CURRENCY, Error, HOUSE, Report};
const MAX_WORD: usize = 64;
const MAX_PAGE: usize = 128;

/// A row of `marketing_qualified_leads`.
#[derive(Clone, Debug)]
pub(super) struct LeadRow {
    id: Uuid,
    line: u64,
    contacted: DateTime<Utc>,
    landing_page: Option<String>,
    origin: Option<String>,
}

impl LeadRow {
    pub(super) fn parse(form: &Form<'_>, report: &mut Report) -> Result<Self, Bad> {
        let row = Self {
            id: form.id(0)?,
            line: form.line(),
            contacted: form.date(1)?,
            landing_page: form.text(2, MAX_PAGE)?,
            origin: form.text(3, MAX_WORD)?,
        };
        if row.origin.is_none() {
            report.quirk("leadsWithoutOrigin");
        }
        Ok(row)
    }
}

impl Row for LeadRow {
    fn write(&self, record: &mut Record) {
        record.uuid(self.id).number(self.line).time(self.contacted);
        for text in [&self.landing_page, &self.origin] {
            record.maybe(text.as_deref(), Record::text);
        }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: fields.uuid()?,
            line: fields.number()?,
            contacted: fields.time()?,
            landing_page: fields.maybe(Fields::text)?,
            origin: fields.maybe(Fields::text)?,
        })
    }
}

/// A row of `closed_deals`, by lead.
#[derive(Clone, Debug)]
pub(super) struct DealRow {
    lead: Uuid,
    line: u64,
    seller: Uuid,
    won: DateTime<Utc>,
    /// In the order of [`Deal`]: both representatives, then the profile's texts.
    texts: [Option<String>; 7],
    has_company: Option<bool>,
    has_gtin: Option<bool>,
    catalog_size: Option<u32>,
    revenue: Option<i64>,
}

impl DealRow {
    pub(super) fn parse(form: &Form<'_>, _: &mut Report) -> Result<Self, Bad> {
        let text = |index| form.text(index, MAX_WORD);
        Ok(Self {
            lead: form.id(0)?,
            line: form.line(),
            seller: form.id(1)?,
            won: form.time(4)?,
            texts: [
                text(2)?,
                text(3)?,
                text(5)?,
                text(6)?,
                text(7)?,
                text(10)?,
                text(11)?,
            ],
            has_company: form.flag(8)?,
            has_gtin: form.flag(9)?,
            catalog_size: form.maybe_count(12)?,
            revenue: form.maybe_amount(13)?,
        })
    }
}

impl Row for DealRow {
    fn write(&self, record: &mut Record) {
        record
            .uuid(self.lead)
            .number(self.line)
            .uuid(self.seller)
            .time(self.won);
        for text in &self.texts {
            record.maybe(text.as_deref(), Record::text);
        }
        for flag in [self.has_company, self.has_gtin] {
            record.maybe(flag.map(u8::from), Record::byte);
        }
        record
            .maybe(self.catalog_size, Record::small)
            .maybe(self.revenue, Record::amount);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        let (lead, line) = (fields.uuid()?, fields.number()?);
        let (seller, won) = (fields.uuid()?, fields.time()?);
        let mut texts = [const { None }; 7];
        for text in &mut texts {
            *text = fields.maybe(Fields::text)?;
        }
        let mut flag = || Ok::<_, Error>(fields.maybe(Fields::byte)?.map(|byte| byte == 1));
        Ok(Self {
            lead,
            line,
            seller,
            won,
            texts,
            has_company: flag()?,
            has_gtin: flag()?,
            catalog_size: fields.maybe(Fields::small)?,
            revenue: fields.maybe(Fields::amount)?,
        })
    }
}

impl Keyed for DealRow {
    const TABLE: Table = Table::ClosedDeals;
    const UNUSED: &'static str = "deal without a lead";

    fn key(&self) -> (Uuid, u64) {
        (self.lead, self.line)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Contact<'a> {
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    landing_page_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deal<'a> {
    won_at: DateTime<Utc>,
    seller_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    development_rep_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sales_rep_id: Option<&'a str>,
    profile: Known<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Known<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    business_segment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    behaviour_profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_company: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_gtin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_stock: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_catalog_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_monthly_revenue: Option<Revenue>,
}

#[derive(Serialize)]
struct Revenue {
    amount: i64,
    currency: &'static str,
}

/// Writes the lines of all leads. The time of the first contact of all, if there was one.
pub(super) fn capture(
    leads: &Sorted<LeadRow>,
    deals: &Sorted<DealRow>,
    report: &mut Report,
    lines: &mut Sorter<LineRow>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let mut leads = leads.stream()?;
    let mut deals = Dimension::new(deals)?;
    let mut earliest: Option<DateTime<Utc>> = None;
    let mut last = None;
    while let Some(lead) = leads.next()? {
        if last.replace(lead.id) == Some(lead.id) {
            report.reject(Table::Leads, lead.line, "id already seen");
            continue;
        }
        report.mapped(Table::Leads);
        let at = lead.contacted;
        earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        captured(&lead)?.emit(lines, report)?;
        let Some(deal) = deals.find(lead.id, report)?.cloned() else {
            continue;
        };
        if deal.won < at {
            report.quirk("dealBeforeContact");
        }
        won(&lead, &deal)?.emit(lines, report)?;
    }
    deals.finish(report)?;
    Ok(earliest)
}

fn captured(lead: &LeadRow) -> Result<LineRow, Error> {
    let contact = Contact {
        reference: lead.id.simple().to_string(),
        origin: lead.origin.as_deref(),
        landing_page_id: lead.landing_page.as_deref(),
    };
    line(Kind::CaptureLead, lead.id, lead.contacted, &contact)
}

fn won(lead: &LeadRow, deal: &DealRow) -> Result<LineRow, Error> {
    let [
        development_rep_id,
        sales_rep_id,
        business_segment,
        lead_type,
        behaviour_profile,
        average_stock,
        business_type,
    ] = deal.texts.each_ref().map(Option::as_deref);
    let revenue = deal.revenue.map(|amount| Revenue {
        amount,
        currency: CURRENCY,
    });
    let data = Deal {
        won_at: deal.won,
        seller_id: deal.seller.simple().to_string(),
        development_rep_id,
        sales_rep_id,
        profile: Known {
            business_segment,
            lead_type,
            behaviour_profile,
            has_company: deal.has_company,
            has_gtin: deal.has_gtin,
            average_stock,
            business_type,
            declared_catalog_size: deal.catalog_size,
            declared_monthly_revenue: revenue,
        },
    };
    line(Kind::WinLead, lead.id, deal.won.max(lead.contacted), &data)
}

fn line(kind: Kind, id: Uuid, at: DateTime<Utc>, data: &impl Serialize) -> Result<LineRow, Error> {
    Ok(LineRow {
        tenant: HOUSE,
        at,
        kind,
        id,
        origin: id,
        order: Uuid::nil(),
        data: serde_json::to_string(data)?,
    })
}
