//! The read model of credentials: API keys by the hash of their secret. Never sees a secret.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_schemas::{
    Event, RecordedEvent,
    organization::{ApiKeyIssued, OrganizationEvent},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    ApplyError, Projection, array,
    projection::{Interest, aggregate, decode},
};

/// API keys.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

/// A key as the batch leaves it: issued in it, or only revoked.
struct Key {
    issued: Option<(ApiKeyIssued, Vec<u8>, DateTime<Utc>)>,
    revoked_at: Option<DateTime<Utc>>,
}

#[async_trait::async_trait]
impl Projection for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/identity.sql")
    }

    fn interest(&self) -> Interest {
        Interest::Context("organization")
    }

    fn known(&self) -> &'static [(&'static str, i16)] {
        OrganizationEvent::TYPES
    }

    fn wants(&self, event_type: &str) -> bool {
        matches!(event_type, "ApiKeyIssued" | "ApiKeyRevoked")
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let mut keys: BTreeMap<(Uuid, Uuid), Key> = BTreeMap::new();
        for event in events {
            // The stream's name is the tenant's; an event elsewhere would be somebody else's key.
            if aggregate(event)? != event.tenant.0 {
                return Err(ApplyError::event(
                    event,
                    "its stream is not the tenant's own",
                ));
            }
            match decode(event)? {
                OrganizationEvent::ApiKeyIssued(issued) => {
                    let hash = hash(&issued.secret_hash).ok_or_else(|| {
                        ApplyError::event(event, "the key's hash is not 64 hexadecimal digits")
                    })?;
                    let id = (event.tenant.0, issued.key_id);
                    let key = Key {
                        issued: Some((issued, hash, event.occurred_at)),
                        revoked_at: None,
                    };
                    if keys.insert(id, key).is_some() {
                        return Err(ApplyError::event(event, "the key is issued already"));
                    }
                }
                OrganizationEvent::ApiKeyRevoked(revoked) => {
                    let key = keys.entry((event.tenant.0, revoked.key_id)).or_insert(Key {
                        issued: None,
                        revoked_at: None,
                    });
                    key.revoked_at.get_or_insert(event.occurred_at);
                }
                OrganizationEvent::OrganizationRegistered(_)
                | OrganizationEvent::OrganizationRenamed(_)
                | OrganizationEvent::OrganizationSettingsChanged(_)
                | OrganizationEvent::OrganizationSuspended(_)
                | OrganizationEvent::OrganizationResumed(_) => {}
            }
        }
        insert(&keys, connection).await?;
        revoke(&keys, connection).await?;
        Ok(())
    }
}

fn hash(digits: &str) -> Option<Vec<u8>> {
    hex::decode(digits).ok().filter(|hash| hash.len() == 32)
}

async fn insert(
    keys: &BTreeMap<(Uuid, Uuid), Key>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let issued: Vec<_> = keys
        .iter()
        .filter_map(|((tenant, _), key)| {
            key.issued
                .as_ref()
                .map(|(event, hash, at)| (*tenant, event, hash, *at, key.revoked_at))
        })
        .collect();
    if issued.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into api_key (tenant_id, key_id, name, scopes, secret_hash, issued_at, expires_at, revoked_at)
         select tenant_id, key_id, name, scopes::text[], secret_hash, issued_at, expires_at, revoked_at
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[], $7::timestamptz[],
                     $8::timestamptz[])
           as k (tenant_id, key_id, name, scopes, secret_hash, issued_at, expires_at, revoked_at)",
        &issued.iter().map(|(tenant, ..)| *tenant).collect::<Vec<_>>(),
        &issued.iter().map(|(_, event, ..)| event.key_id).collect::<Vec<_>>(),
        &issued.iter().map(|(_, event, ..)| event.name.clone()).collect::<Vec<_>>(),
        &issued.iter().map(|(_, event, ..)| array::literal(&event.scopes)).collect::<Vec<_>>(),
        &issued.iter().map(|(_, _, hash, ..)| (*hash).clone()).collect::<Vec<_>>(),
        &issued.iter().map(|(_, _, _, at, _)| *at).collect::<Vec<_>>(),
        &issued.iter().map(|(_, event, ..)| event.expires_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &issued.iter().map(|(.., revoked)| *revoked).collect::<Vec<_>>() as &[Option<DateTime<Utc>>]
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn revoke(
    keys: &BTreeMap<(Uuid, Uuid), Key>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let revoked: Vec<_> = keys
        .iter()
        .filter(|(_, key)| key.issued.is_none())
        .filter_map(|((tenant, id), key)| key.revoked_at.map(|at| (*tenant, *id, at)))
        .collect();
    if revoked.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update api_key a set revoked_at = coalesce(a.revoked_at, k.revoked_at)
         from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as k (tenant_id, key_id, revoked_at)
         where a.tenant_id = k.tenant_id and a.key_id = k.key_id",
        &revoked
            .iter()
            .map(|(tenant, ..)| *tenant)
            .collect::<Vec<_>>(),
        &revoked.iter().map(|(_, id, _)| *id).collect::<Vec<_>>(),
        &revoked.iter().map(|(.., at)| *at).collect::<Vec<_>>()
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_digits() {
        assert_eq!(hash(&"0f".repeat(32)), Some(vec![15; 32]));
        assert_eq!(hash(&"0f".repeat(31)), None);
        assert_eq!(hash(&"zz".repeat(32)), None);
    }
}
