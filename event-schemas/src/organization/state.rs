//! An organization as it is, folded from its events, for the compacted topic. Never holds a secret or the hash of one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::OrganizationEvent;
use crate::{Country, RecordedEvent, state::State};

/// An organization as it is.
#[derive(Clone, PartialEq, Default, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationState {
    /// What it is called.
    pub name: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The state or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Whether an order may be shipped before it is paid.
    pub ship_before_payment: bool,
    /// Why it may not write, where it may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<String>,
    /// The keys that were issued and not revoked, by id.
    pub api_keys: BTreeMap<Uuid, ApiKey>,
}

/// A program's access.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// What the key is for.
    pub name: String,
    /// What it may do: `*`, `<context>:*` or `<context>:<action>`.
    pub scopes: Vec<String>,
    /// When it stops working, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl State for OrganizationState {
    type Event = OrganizationEvent;

    fn after(before: Option<Self>, event: OrganizationEvent, _: &RecordedEvent) -> Option<Self> {
        let mut organization = before.unwrap_or_default();
        match event {
            OrganizationEvent::OrganizationRegistered(registered) => {
                organization.name = registered.name;
                organization.country = registered.country;
                organization.state = registered.state;
                organization.city = registered.city;
            }
            OrganizationEvent::OrganizationRenamed(renamed) => organization.name = renamed.name,
            OrganizationEvent::OrganizationSettingsChanged(settings) => {
                organization.ship_before_payment = settings.ship_before_payment;
            }
            OrganizationEvent::OrganizationSuspended(suspended) => {
                organization.suspended = Some(suspended.reason);
            }
            OrganizationEvent::OrganizationResumed(_) => organization.suspended = None,
            OrganizationEvent::ApiKeyIssued(issued) => {
                let key = ApiKey {
                    name: issued.name,
                    scopes: issued.scopes,
                    expires_at: issued.expires_at,
                };
                organization.api_keys.insert(issued.key_id, key);
            }
            OrganizationEvent::ApiKeyRevoked(revoked) => {
                organization.api_keys.remove(&revoked.key_id);
            }
        }
        Some(organization)
    }
}
