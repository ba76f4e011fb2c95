//! Owns who is registered where: the organizations, and the customers of each. Must never look at what was bought.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::HOUSE;
use super::dimension::Dimension;
use super::line::{Kind, LineRow};
use super::row::{Address, SellerRow, VisitRow};
use super::sort::{Sorted, Sorter};
use super::{CURRENCY, Error, Options, Report};

/// The country of the whole dataset.
const COUNTRY: &str = "BR";

#[derive(Serialize)]
struct Organization<'a> {
    name: &'a str,
    country: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Contact<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    country: &'static str,
}

/// Writes the lines of all tenants and their customers, from the visits by tenant, person and time. `first_contact` is
/// when the house's first lead was captured.
pub(super) fn register(
    visits: &Sorted<VisitRow>,
    sellers: &Sorted<SellerRow>,
    first_contact: Option<DateTime<Utc>>,
    options: &Options,
    report: &mut Report,
    lines: &mut Sorter<LineRow>,
) -> Result<(), Error> {
    let mut visits = visits.stream()?;
    let mut sellers = Dimension::new(sellers)?;
    let mut last: Option<VisitRow> = None;
    // The tenant's earliest visit: a step is never before its order's placement.
    let mut since: Option<(Uuid, DateTime<Utc>)> = None;
    let mut house = first_contact;
    while let Some(mut visit) = visits.next()? {
        match &mut since {
            Some((tenant, at)) if *tenant == visit.tenant => *at = visit.at.min(*at),
            _ => {
                let mut at = visit.at;
                if visit.tenant == HOUSE {
                    at = house.take().map_or(at, |contact| contact.min(at));
                }
                if let Some((tenant, at)) = since.replace((visit.tenant, at)) {
                    begin(tenant, at, &mut sellers, options, report, lines)?;
                }
            }
        }
        match last.filter(|last| (last.tenant, last.person) == (visit.tenant, visit.person)) {
            None => contact(Kind::RegisterCustomer, &visit)?.emit(lines, report)?,
            Some(last) => {
                // What a later row leaves out has not changed.
                let known = Address {
                    postal_code: visit
                        .address
                        .postal_code
                        .take()
                        .or_else(|| last.address.postal_code.clone()),
                    city: visit
                        .address
                        .city
                        .take()
                        .or_else(|| last.address.city.clone()),
                    state: visit
                        .address
                        .state
                        .take()
                        .or_else(|| last.address.state.clone()),
                };
                visit.address = known;
                if visit.address != last.address {
                    report.quirk("customersMoved");
                    contact(Kind::ChangeContact, &visit)?.emit(lines, report)?;
                }
            }
        }
        last = Some(visit);
    }
    // The house has no row among the sellers, so it may come after the others: the lines are sorted anyway.
    for (tenant, at) in since.into_iter().chain(house.map(|at| (HOUSE, at))) {
        begin(tenant, at, &mut sellers, options, report, lines)?;
    }
    sellers.finish(report)
}

fn contact(kind: Kind, visit: &VisitRow) -> Result<LineRow, Error> {
    let contact = Contact {
        postal_code: visit.address.postal_code.as_deref(),
        city: visit.address.city.as_deref(),
        state: visit.address.state.as_deref(),
        country: COUNTRY,
    };
    Ok(LineRow {
        tenant: visit.tenant,
        at: visit.at,
        kind,
        id: visit.person,
        origin: visit.order,
        order: visit.order,
        data: serde_json::to_string(&contact)?,
    })
}

/// What a tenant begins with.
fn begin(
    tenant: Uuid,
    at: DateTime<Utc>,
    sellers: &mut Dimension<SellerRow>,
    options: &Options,
    report: &mut Report,
    lines: &mut Sorter<LineRow>,
) -> Result<(), Error> {
    organization(tenant, at, sellers, report)?.emit(lines, report)?;
    if options.revenue {
        revenue(tenant, at).emit(lines, report)?;
    }
    Ok(())
}

/// The metric that follows the revenue of a tenant's orders.
fn revenue(tenant: Uuid, at: DateTime<Utc>) -> LineRow {
    LineRow {
        tenant,
        at,
        kind: Kind::DefineRevenue,
        id: Uuid::new_v5(&tenant, b"revenue"),
        origin: tenant,
        order: tenant,
        data: format!(
            r#"{{"name":"Revenue","unit":"{CURRENCY}","aggregation":"sum","feed":"orderRevenue","monthlyGoal":{{"growthPercent":"10"}}}}"#
        ),
    }
}

fn organization(
    tenant: Uuid,
    at: DateTime<Utc>,
    sellers: &mut Dimension<SellerRow>,
    report: &mut Report,
) -> Result<LineRow, Error> {
    let is_house = tenant == HOUSE;
    let seller = if is_house {
        None
    } else {
        sellers.find(tenant, report)?.cloned()
    };
    if seller.is_none() && !is_house {
        report.quirk("sellersUnknown");
    }
    let short: String = tenant.simple().to_string().chars().take(8).collect();
    let name = if is_house {
        "marketplace".to_owned()
    } else {
        format!("Seller {short}")
    };
    let organization = Organization {
        name: &name,
        country: COUNTRY,
        state: seller.as_ref().and_then(|seller| seller.state.as_deref()),
        city: seller.as_ref().and_then(|seller| seller.city.as_deref()),
    };
    Ok(LineRow {
        tenant,
        at,
        kind: Kind::RegisterOrganization,
        id: tenant,
        origin: tenant,
        order: Uuid::nil(),
        data: serde_json::to_string(&organization)?,
    })
}
