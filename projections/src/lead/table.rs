//! The statements on `lead`: one to load what a batch finds, one to write what it leaves. Never folds an event.

use std::collections::BTreeMap;

use event_schemas::{
    lead::{LeadProfile, LeadStatus},
    money::{Currency, Minor, Money},
};
use sqlx::PgConnection;

use super::{Key, Past, row::Row};
use crate::array;

/// The rows of these leads that are there.
pub(super) async fn load(
    keys: &[Key],
    connection: &mut PgConnection,
) -> Result<BTreeMap<Key, Row>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/lead_load.sql",
        &keys.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
        &keys.iter().map(|(_, id)| *id).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let revenue = money(row.monthly_revenue, row.revenue_currency.as_deref())?;
            let size = row.catalog_size.map(u32::try_from).transpose();
            let profile = LeadProfile {
                business_segment: row.business_segment,
                business_type: row.business_type,
                lead_type: row.lead_type,
                behaviour_profile: row.behaviour_profile,
                has_company: row.has_company,
                has_gtin: row.has_gtin,
                average_stock: row.average_stock,
                declared_catalog_size: size.map_err(|_| corrupt("catalog_size"))?,
                declared_monthly_revenue: revenue,
            };
            let status = LeadStatus::parse(&row.status).ok_or_else(|| corrupt("status"))?;
            let found = Row {
                reference: row.reference,
                name: row.name,
                email: row.email,
                phone: row.phone,
                company: row.company,
                origin: row.origin,
                landing_page_id: row.landing_page_id,
                status,
                development_rep_id: row.development_rep_id,
                sales_rep_id: row.sales_rep_id,
                profile,
                seller_id: row.seller_id,
                loss_reason: row.loss_reason,
                note: row.note,
                captured_at: row.captured_at,
                qualified_at: row.qualified_at,
                assigned_at: row.assigned_at,
                won_at: row.won_at,
                lost_at: row.lost_at,
                waived: row.waived,
                version: row.version,
                position: row.position,
                updated_at: row.updated_at,
                first_position: row.first_position,
            };
            Ok(((row.tenant_id, row.lead_id), found))
        })
        .collect()
}

fn money(amount: Option<i64>, currency: Option<&str>) -> Result<Option<Money>, sqlx::Error> {
    let (Some(amount), Some(currency)) = (amount, currency) else {
        return Ok(None);
    };
    Ok(Some(Money {
        amount: Minor::try_new(amount).ok_or_else(|| corrupt("monthly_revenue"))?,
        currency: Currency::try_new(currency).ok_or_else(|| corrupt("revenue_currency"))?,
    }))
}

/// A value that this projection never writes.
fn corrupt(column: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: format!("lead.{column}"),
        source: "the stored value is none that this projection writes".into(),
    }
}

/// Writes all rows, and what they were before.
pub(super) async fn save(
    rows: &BTreeMap<Key, Row>,
    past: &[Past],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let past = past
        .iter()
        .map(|(key, row, until)| (key, row, Some(*until)));
    let present = rows.iter().map(|(key, row)| (key, row, None));
    let versions: Vec<(&Key, &Row, Option<i64>)> = past.chain(present).collect();
    let rows = || versions.iter().map(|(_, row, _)| *row);
    let all = |field: fn(&Row) -> Option<&String>| {
        rows()
            .map(|row| field(row).map(String::as_str))
            .collect::<Vec<_>>()
    };
    let times = |field: fn(&Row) -> Option<chrono::DateTime<chrono::Utc>>| {
        rows().map(field).collect::<Vec<_>>()
    };
    let flags = |field: fn(&Row) -> Option<bool>| rows().map(field).collect::<Vec<_>>();
    let revenue = |row: &Row| row.profile.declared_monthly_revenue;
    sqlx::query_file!(
        "sql/lead_upsert.sql",
        &versions.iter().map(|(key, ..)| key.0).collect::<Vec<_>>(),
        &versions.iter().map(|(key, ..)| key.1).collect::<Vec<_>>(),
        &all(|row| row.reference.as_ref()) as &[Option<&str>],
        &all(|row| row.name.as_ref()) as &[Option<&str>],
        &all(|row| row.email.as_ref()) as &[Option<&str>],
        &all(|row| row.phone.as_ref()) as &[Option<&str>],
        &all(|row| row.company.as_ref()) as &[Option<&str>],
        &all(|row| row.origin.as_ref()) as &[Option<&str>],
        &all(|row| row.landing_page_id.as_ref()) as &[Option<&str>],
        &rows().map(|row| row.status.as_str()).collect::<Vec<_>>() as &[&str],
        &all(|row| row.development_rep_id.as_ref()) as &[Option<&str>],
        &all(|row| row.sales_rep_id.as_ref()) as &[Option<&str>],
        &all(|row| row.profile.business_segment.as_ref()) as &[Option<&str>],
        &all(|row| row.profile.business_type.as_ref()) as &[Option<&str>],
        &all(|row| row.profile.lead_type.as_ref()) as &[Option<&str>],
        &all(|row| row.profile.behaviour_profile.as_ref()) as &[Option<&str>],
        &flags(|row| row.profile.has_company) as &[Option<bool>],
        &flags(|row| row.profile.has_gtin) as &[Option<bool>],
        &all(|row| row.profile.average_stock.as_ref()) as &[Option<&str>],
        &rows()
            .map(|row| row.profile.declared_catalog_size.map(i64::from))
            .collect::<Vec<_>>() as &[Option<i64>],
        &rows()
            .map(|row| revenue(row).map(|revenue| revenue.amount.get()))
            .collect::<Vec<_>>() as &[Option<i64>],
        &rows()
            .map(|row| revenue(row).map(|revenue| revenue.currency.as_str().to_owned()))
            .collect::<Vec<_>>() as &[Option<String>],
        &all(|row| row.seller_id.as_ref()) as &[Option<&str>],
        &all(|row| row.loss_reason.as_ref()) as &[Option<&str>],
        &all(|row| row.note.as_ref()) as &[Option<&str>],
        &rows().map(|row| row.captured_at).collect::<Vec<_>>(),
        &times(|row| row.qualified_at) as &[Option<_>],
        &times(|row| row.assigned_at) as &[Option<_>],
        &times(|row| row.won_at) as &[Option<_>],
        &times(|row| row.lost_at) as &[Option<_>],
        &rows()
            .map(|row| array::literal(&row.waived))
            .collect::<Vec<_>>(),
        &rows().map(|row| row.version).collect::<Vec<_>>(),
        &rows().map(|row| row.position).collect::<Vec<_>>(),
        &rows().map(|row| row.updated_at).collect::<Vec<_>>(),
        &rows().map(|row| row.first_position).collect::<Vec<_>>(),
        &versions
            .iter()
            .map(|(.., until)| *until)
            .collect::<Vec<_>>() as &[Option<i64>]
    )
    .execute(connection)
    .await?;
    Ok(())
}
