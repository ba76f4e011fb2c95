//! The read model of customers: contact data and consents. Never prints what identifies a person.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_schemas::{Country, Event, Personal, RecordedEvent, customer::CustomerEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    ApplyError, Projection, array,
    projection::{Interest, aggregate, decode},
};

/// Customers.
#[derive(Clone, Copy, Debug)]
pub struct Customer;

type Key = (Uuid, Uuid);

/// A row of `customer`.
struct Row {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    postal_code: Option<String>,
    city: Option<String>,
    state: Option<String>,
    country: Option<String>,
    consents: Vec<String>,
    registered_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
    position: i64,
}

#[async_trait::async_trait]
impl Projection for Customer {
    fn name(&self) -> &'static str {
        "customer"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/customer.sql")
    }

    fn interest(&self) -> Interest {
        Interest::Context("customer")
    }

    fn known(&self) -> &'static [(&'static str, i16)] {
        CustomerEvent::TYPES
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let mut keys = Vec::with_capacity(events.len());
        for event in events {
            keys.push((event.tenant.0, aggregate(event)?));
        }
        let mut rows = load(&keys, connection).await?;
        for (key, event) in keys.iter().zip(events) {
            fold(&mut rows, *key, event)?;
        }
        save(&rows, connection).await?;
        Ok(())
    }
}

fn fold(rows: &mut BTreeMap<Key, Row>, key: Key, event: &RecordedEvent) -> Result<(), ApplyError> {
    let decoded = decode(event)?;
    if let CustomerEvent::CustomerRegistered(registered) = decoded {
        let row = Row {
            name: reveal(registered.name),
            email: reveal(registered.email),
            phone: reveal(registered.phone),
            postal_code: reveal(registered.postal_code),
            city: registered.city,
            state: registered.state,
            country: registered.country.map(code),
            consents: Vec::new(),
            registered_at: event.occurred_at,
            updated_at: event.occurred_at,
            version: event.version,
            position: event.position,
        };
        return match rows.insert(key, row) {
            None => Ok(()),
            Some(_) => Err(ApplyError::event(
                event,
                "the customer is registered already",
            )),
        };
    }
    let Some(row) = rows.get_mut(&key) else {
        return Err(ApplyError::event(event, "the customer is not registered"));
    };
    match decoded {
        CustomerEvent::CustomerContactChanged(changed) => {
            replace(&mut row.name, reveal(changed.name));
            replace(&mut row.email, reveal(changed.email));
            replace(&mut row.phone, reveal(changed.phone));
            replace(&mut row.postal_code, reveal(changed.postal_code));
            replace(&mut row.city, changed.city);
            replace(&mut row.state, changed.state);
            replace(&mut row.country, changed.country.map(code));
        }
        CustomerEvent::ConsentRecorded(recorded) => {
            if !row.consents.contains(&recorded.purpose) {
                row.consents.push(recorded.purpose);
            }
        }
        CustomerEvent::ConsentWithdrawn(withdrawn) => {
            row.consents.retain(|purpose| *purpose != withdrawn.purpose);
        }
        CustomerEvent::CustomerRegistered(_) => {}
    }
    row.updated_at = event.occurred_at;
    row.version = event.version;
    row.position = event.position;
    Ok(())
}

fn reveal(value: Option<Personal<String>>) -> Option<String> {
    value.map(|value| value.0)
}

fn code(country: Country) -> String {
    country.as_str().to_owned()
}

/// What is absent stays as it was.
fn replace(field: &mut Option<String>, value: Option<String>) {
    if value.is_some() {
        *field = value;
    }
}

async fn load(
    keys: &[Key],
    connection: &mut PgConnection,
) -> Result<BTreeMap<Key, Row>, sqlx::Error> {
    let rows = sqlx::query!(
        "select c.tenant_id, c.customer_id, c.name, c.email, c.phone, c.postal_code, c.city, c.state, c.country,
                c.consents, c.registered_at, c.updated_at, c.version, c.position
         from (select distinct tenant_id, customer_id
               from unnest($1::uuid[], $2::uuid[]) as k (tenant_id, customer_id)) as k
         join customer c on c.tenant_id = k.tenant_id and c.customer_id = k.customer_id",
        &keys.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
        &keys.iter().map(|(_, id)| *id).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key = (row.tenant_id, row.customer_id);
            let row = Row {
                name: row.name,
                email: row.email,
                phone: row.phone,
                postal_code: row.postal_code,
                city: row.city,
                state: row.state,
                country: row.country,
                consents: row.consents,
                registered_at: row.registered_at,
                updated_at: row.updated_at,
                version: row.version,
                position: row.position,
            };
            (key, row)
        })
        .collect())
}

async fn save(rows: &BTreeMap<Key, Row>, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let texts = |field: fn(&Row) -> &Option<String>| {
        rows.values()
            .map(|row| field(row).as_deref())
            .collect::<Vec<_>>()
    };
    sqlx::query_file!(
        "sql/customer_upsert.sql",
        &rows.keys().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
        &rows.keys().map(|(_, id)| *id).collect::<Vec<_>>(),
        &texts(|row| &row.name) as &[Option<&str>],
        &texts(|row| &row.email) as &[Option<&str>],
        &texts(|row| &row.phone) as &[Option<&str>],
        &texts(|row| &row.postal_code) as &[Option<&str>],
        &texts(|row| &row.city) as &[Option<&str>],
        &texts(|row| &row.state) as &[Option<&str>],
        &texts(|row| &row.country) as &[Option<&str>],
        &rows
            .values()
            .map(|row| array::literal(&row.consents))
            .collect::<Vec<_>>(),
        &rows
            .values()
            .map(|row| row.registered_at)
            .collect::<Vec<_>>(),
        &rows.values().map(|row| row.updated_at).collect::<Vec<_>>(),
        &rows.values().map(|row| row.version).collect::<Vec<_>>(),
        &rows.values().map(|row| row.position).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}
