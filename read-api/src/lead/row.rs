//! Rows of `lead`. Never reads what is in other tables.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{failure::Failure, session::Snapshot};

/// What every reading of leads begins with: all of [`LeadRow`]'s columns.
pub(crate) const SELECT: &str = "select l.lead_id, l.reference, l.name, l.email, l.phone, l.company, l.origin, \
     l.landing_page_id, l.status, l.development_rep_id, l.sales_rep_id, l.business_segment, l.business_type, l.lead_type, \
     l.behaviour_profile, l.has_company, l.has_gtin, l.average_stock, l.catalog_size, l.monthly_revenue, \
     l.revenue_currency, l.seller_id, l.loss_reason, l.note, l.captured_at, l.qualified_at, l.assigned_at, l.won_at, \
     l.lost_at, l.waived, l.version, l.position, l.updated_at from lead l where ";

/// One lead.
#[derive(Clone, FromRow, Debug)]
pub(crate) struct LeadRow {
    pub(crate) lead_id: Uuid,
    pub(crate) reference: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) landing_page_id: Option<String>,
    pub(crate) status: String,
    pub(crate) development_rep_id: Option<String>,
    pub(crate) sales_rep_id: Option<String>,
    pub(crate) business_segment: Option<String>,
    pub(crate) business_type: Option<String>,
    pub(crate) lead_type: Option<String>,
    pub(crate) behaviour_profile: Option<String>,
    pub(crate) has_company: Option<bool>,
    pub(crate) has_gtin: Option<bool>,
    pub(crate) average_stock: Option<String>,
    pub(crate) catalog_size: Option<i64>,
    pub(crate) monthly_revenue: Option<i64>,
    pub(crate) revenue_currency: Option<String>,
    pub(crate) seller_id: Option<String>,
    pub(crate) loss_reason: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) captured_at: DateTime<Utc>,
    pub(crate) qualified_at: Option<DateTime<Utc>>,
    pub(crate) assigned_at: Option<DateTime<Utc>>,
    pub(crate) won_at: Option<DateTime<Utc>>,
    pub(crate) lost_at: Option<DateTime<Utc>>,
    pub(crate) waived: Vec<String>,
    pub(crate) version: i32,
    pub(crate) position: i64,
    pub(crate) updated_at: DateTime<Utc>,
}

/// By what one lead is looked up.
pub(crate) enum LeadName {
    Id(Uuid),
    Reference(String),
}

/// The lead of that name; of several with one reference, the newest.
pub(crate) async fn find(snapshot: &Snapshot, name: LeadName) -> Result<Option<LeadRow>, Failure> {
    let mut query = snapshot.query(SELECT);
    match name {
        LeadName::Id(id) => query.push("l.lead_id = ").push_bind(id),
        LeadName::Reference(reference) => query
            .push("l.reference = ")
            .push_bind(reference)
            .push(" order by l.captured_at desc, l.lead_id desc limit 1"),
    };
    Ok(query
        .build_query_as()
        .fetch_optional(&mut *snapshot.statement().await)
        .await?)
}

/// The leads of these ids, in any order.
pub(crate) async fn by_ids(snapshot: &Snapshot, ids: &[Uuid]) -> Result<Vec<LeadRow>, Failure> {
    let mut query = snapshot.query(SELECT);
    query
        .push("l.lead_id = any(")
        .push_bind(ids.to_vec())
        .push(")");
    Ok(query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}
