//! API keys: `dbk_` and 32 random bytes. Only the hash of a key is ever stored, looked up or logged.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use event_schemas::{Actor, ActorKind, TenantId};
use event_store::{Clock, Store};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Authenticate, Principal, Scopes,
    lookup::{Key, Lookup},
};
use crate::Problem;

/// What every key starts with, so that scanners find leaked ones.
pub const PREFIX: &str = "dbk_";

/// A new key from 32 random bytes: the text to be shown once, and the SHA-256 of the bytes, to be stored.
pub fn new_key(random: [u8; 32]) -> (String, [u8; 32]) {
    (
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random)),
        Sha256::digest(random).into(),
    )
}

/// The hash of a presented key, if it has the form of one.
fn hash_of(token: &str) -> Option<[u8; 32]> {
    let secret: [u8; 32] = URL_SAFE_NO_PAD
        .decode(token.strip_prefix(PREFIX)?)
        .ok()?
        .try_into()
        .ok()?;
    Some(Sha256::digest(secret).into())
}

/// Authentication by API key, against the read model of keys.
pub struct ApiKeys {
    keys: Lookup,
    clock: Arc<dyn Clock>,
}

impl ApiKeys {
    /// Keys of this store; `clock` says when one has expired.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys: Lookup::new(store),
            clock,
        }
    }
}

#[async_trait]
impl Authenticate for ApiKeys {
    async fn authenticate(&self, token: &str) -> Result<Principal, Problem> {
        let Some(hash) = hash_of(token) else {
            return Err(refuse(&Refusal::IllFormed));
        };
        let found = self.keys.find(hash).await?;
        judge(found, self.clock.now()).map_err(|refusal| refuse(&refusal))
    }
}

/// Why a key is refused. The log says so; the caller is never told which.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Refusal {
    IllFormed,
    Unknown,
    Ambiguous(Uuid),
    Revoked(Uuid),
    Expired(Uuid),
}

fn judge(found: Vec<Key>, now: DateTime<Utc>) -> Result<Principal, Refusal> {
    let mut found = found.into_iter();
    let key = found.next().ok_or(Refusal::Unknown)?;
    // The same secret in two organisations cannot happen by chance: nobody gets in rather than into the wrong one.
    if found.next().is_some() {
        return Err(Refusal::Ambiguous(key.id));
    }
    if key.revoked_at.is_some() {
        return Err(Refusal::Revoked(key.id));
    }
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::Expired(key.id));
    }
    Ok(Principal {
        tenant: TenantId(key.tenant),
        actor: Actor {
            kind: ActorKind::ApiKey,
            id: key.id.to_string(),
            on_behalf_of: None,
        },
        scopes: Scopes::new(key.scopes),
    })
}

fn refuse(refusal: &Refusal) -> Problem {
    let (reason, key) = match refusal {
        Refusal::IllFormed => ("ill-formed", None),
        Refusal::Unknown => ("unknown", None),
        Refusal::Ambiguous(key) => ("ambiguous", Some(key)),
        Refusal::Revoked(key) => ("revoked", Some(key)),
        Refusal::Expired(key) => ("expired", Some(key)),
    };
    tracing::info!(
        reason,
        key_id = key.map(tracing::field::display),
        "an API key was refused"
    );
    Problem::invalid_credential()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::TimeDelta;

    use super::*;

    fn key(expires_in: Option<i64>, revoked: bool) -> Key {
        let now = DateTime::UNIX_EPOCH;
        Key {
            id: Uuid::from_u128(1),
            tenant: Uuid::from_u128(2),
            scopes: vec!["order:place".to_owned()],
            expires_at: expires_in.map(|seconds| now + TimeDelta::seconds(seconds)),
            revoked_at: revoked.then_some(now),
        }
    }

    #[test]
    fn a_new_key_is_found_by_its_hash() {
        let (shown, hash) = new_key([9; 32]);
        assert_eq!(shown.len(), 4 + 43);
        assert_eq!(hash_of(&shown), Some(hash));
    }

    #[test]
    fn only_the_exact_form_is_a_key() {
        let (shown, _) = new_key([9; 32]);
        let secret = shown.strip_prefix(PREFIX).unwrap();
        // The last character carries two bits that must be zero: another one with the same bytes is no key.
        let (most, last) = secret.split_at(42);
        assert_eq!(last, "k");
        for token in [
            "",
            PREFIX,
            secret,
            &format!("DBK_{secret}"),
            &format!("{shown}="),
            &format!("{shown}A"),
            &format!("{PREFIX}{most}"),
            &format!("{PREFIX}{most}l"),
            &format!("{PREFIX}{most}+"),
        ] {
            assert_eq!(hash_of(token), None, "{token}");
        }
    }

    #[test]
    fn a_key_opens_while_it_lives() {
        let now = DateTime::UNIX_EPOCH;
        let principal = judge(vec![key(Some(1), false)], now).unwrap();
        assert_eq!(
            (principal.tenant, principal.actor.kind),
            (TenantId(Uuid::from_u128(2)), ActorKind::ApiKey)
        );
        assert_eq!(principal.actor.id, Uuid::from_u128(1).to_string());
        assert!(principal.require("order", "place").is_ok());
        assert_eq!(
            principal.require("order", "ship").unwrap_err().code(),
            "forbidden"
        );
        assert!(judge(vec![key(None, false)], now).is_ok());
    }

    #[test]
    fn every_refusal_has_the_same_answer() {
        let (now, id) = (DateTime::UNIX_EPOCH, Uuid::from_u128(1));
        let refusals = [
            (judge(vec![], now), Refusal::Unknown),
            (judge(vec![key(Some(0), false)], now), Refusal::Expired(id)),
            (judge(vec![key(Some(-1), false)], now), Refusal::Expired(id)),
            (judge(vec![key(Some(1), true)], now), Refusal::Revoked(id)),
            (judge(vec![key(Some(-1), true)], now), Refusal::Revoked(id)),
            (
                judge(vec![key(None, false), key(None, false)], now),
                Refusal::Ambiguous(id),
            ),
        ];
        for (found, expected) in refusals {
            let refusal = found.unwrap_err();
            assert_eq!(refusal, expected);
            assert_eq!(refuse(&refusal), refuse(&Refusal::IllFormed));
        }
    }
}
