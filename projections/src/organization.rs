//! The read model of organizations: one row per tenant. Never holds credentials: those are identity's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_schemas::{Event, RecordedEvent, organization::OrganizationEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    ApplyError, Projection,
    projection::{Interest, aggregate, decode},
};

/// Organizations.
#[derive(Clone, Copy, Debug)]
pub struct Organization;

/// A row of `organization`.
struct Row {
    name: String,
    country: Option<String>,
    state: Option<String>,
    city: Option<String>,
    ship_before_payment: bool,
    suspended_at: Option<DateTime<Utc>>,
    suspension_reason: Option<String>,
    registered_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
    position: i64,
}

#[async_trait::async_trait]
impl Projection for Organization {
    fn name(&self) -> &'static str {
        "organization"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/organization.sql")
    }

    fn interest(&self) -> Interest {
        Interest::Context("organization")
    }

    fn known(&self) -> &'static [(&'static str, i16)] {
        OrganizationEvent::TYPES
    }

    fn wants(&self, _event_type: &str) -> bool {
        // All of them: the row carries the stream's version.
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let tenants: Vec<Uuid> = events.iter().map(|event| event.tenant.0).collect();
        let mut rows = load(&tenants, connection).await?;
        for event in events {
            fold(&mut rows, event)?;
        }
        save(&rows, connection).await?;
        Ok(())
    }
}

fn fold(rows: &mut BTreeMap<Uuid, Row>, event: &RecordedEvent) -> Result<(), ApplyError> {
    if aggregate(event)? != event.tenant.0 {
        return Err(ApplyError::event(
            event,
            "its stream is not the tenant's own",
        ));
    }
    let decoded = decode(event)?;
    if let OrganizationEvent::OrganizationRegistered(registered) = decoded {
        let row = Row {
            name: registered.name,
            country: registered
                .country
                .map(|country| country.as_str().to_owned()),
            state: registered.state,
            city: registered.city,
            ship_before_payment: false,
            suspended_at: None,
            suspension_reason: None,
            registered_at: event.occurred_at,
            updated_at: event.occurred_at,
            version: event.version,
            position: event.position,
        };
        return match rows.insert(event.tenant.0, row) {
            None => Ok(()),
            Some(_) => Err(ApplyError::event(
                event,
                "the organization is registered already",
            )),
        };
    }
    let Some(row) = rows.get_mut(&event.tenant.0) else {
        return Err(ApplyError::event(
            event,
            "the organization is not registered",
        ));
    };
    match decoded {
        OrganizationEvent::OrganizationRenamed(renamed) => row.name = renamed.name,
        OrganizationEvent::OrganizationSettingsChanged(changed) => {
            row.ship_before_payment = changed.ship_before_payment;
        }
        OrganizationEvent::OrganizationSuspended(suspended) => {
            row.suspended_at = Some(event.occurred_at);
            row.suspension_reason = Some(suspended.reason);
        }
        OrganizationEvent::OrganizationResumed(_) => {
            row.suspended_at = None;
            row.suspension_reason = None;
        }
        OrganizationEvent::OrganizationRegistered(_)
        | OrganizationEvent::ApiKeyIssued(_)
        | OrganizationEvent::ApiKeyRevoked(_) => {}
    }
    row.updated_at = event.occurred_at;
    row.version = event.version;
    row.position = event.position;
    Ok(())
}

async fn load(
    tenants: &[Uuid],
    connection: &mut PgConnection,
) -> Result<BTreeMap<Uuid, Row>, sqlx::Error> {
    let rows = sqlx::query!(
        "select tenant_id, name, country, state, city, ship_before_payment, suspended_at, suspension_reason, registered_at,
                updated_at, version, position
         from organization where tenant_id = any ($1)",
        tenants
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tenant = row.tenant_id;
            let row = Row {
                name: row.name,
                country: row.country,
                state: row.state,
                city: row.city,
                ship_before_payment: row.ship_before_payment,
                suspended_at: row.suspended_at,
                suspension_reason: row.suspension_reason,
                registered_at: row.registered_at,
                updated_at: row.updated_at,
                version: row.version,
                position: row.position,
            };
            (tenant, row)
        })
        .collect())
}

async fn save(
    rows: &BTreeMap<Uuid, Row>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let all = || rows.values();
    sqlx::query!(
        "insert into organization
           (tenant_id, name, country, state, city, ship_before_payment, suspended_at, suspension_reason, registered_at,
            updated_at, version, position)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::timestamptz[],
                              $8::text[], $9::timestamptz[], $10::timestamptz[], $11::int[], $12::bigint[])
         on conflict (tenant_id) do update set
           name = excluded.name, ship_before_payment = excluded.ship_before_payment,
           suspended_at = excluded.suspended_at, suspension_reason = excluded.suspension_reason,
           updated_at = excluded.updated_at, version = excluded.version, position = excluded.position",
        &rows.keys().copied().collect::<Vec<_>>(),
        &all().map(|row| row.name.clone()).collect::<Vec<_>>(),
        &all().map(|row| row.country.clone()).collect::<Vec<_>>() as &[Option<String>],
        &all().map(|row| row.state.clone()).collect::<Vec<_>>() as &[Option<String>],
        &all().map(|row| row.city.clone()).collect::<Vec<_>>() as &[Option<String>],
        &all().map(|row| row.ship_before_payment).collect::<Vec<_>>(),
        &all().map(|row| row.suspended_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &all().map(|row| row.suspension_reason.clone()).collect::<Vec<_>>() as &[Option<String>],
        &all().map(|row| row.registered_at).collect::<Vec<_>>(),
        &all().map(|row| row.updated_at).collect::<Vec<_>>(),
        &all().map(|row| row.version).collect::<Vec<_>>(),
        &all().map(|row| row.position).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}
