//! The events of an organization: the tenant itself, its settings and its API keys. Never holds a secret,
//! only hashes.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::country::Country;

mod state;

pub use state::{ApiKey, OrganizationState};

/// A tenant came into being. Always its event at position 1.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationRegistered {
    /// What it is called.
    pub name: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The state or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

/// The organization took another name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationRenamed {
    /// What it is called from now on.
    pub name: String,
}

/// The organization set its own rules.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationSettingsChanged {
    /// Whether an order may be shipped before it is paid.
    pub ship_before_payment: bool,
}

/// The operator stopped all writing for the tenant; reading goes on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationSuspended {
    /// Why, in the operator's words; the tenant reads them.
    pub reason: String,
}

/// The tenant may write again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationResumed {}

/// A program got access.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyIssued {
    /// The key's id, which is not secret.
    pub key_id: Uuid,
    /// What the key is for.
    pub name: String,
    /// What it may do: `*`, `<context>:*` or `<context>:<action>`.
    pub scopes: Vec<String>,
    /// SHA-256 of the secret, 64 lower-case hexadecimal digits.
    pub secret_hash: String,
    /// When it stops working, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key stopped working.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyRevoked {
    /// The key's id.
    pub key_id: Uuid,
}

crate::events! {
    /// What happens to an organization.
    OrganizationEvent {
        OrganizationRegistered = 1,
        OrganizationRenamed = 1,
        OrganizationSettingsChanged = 1,
        OrganizationSuspended = 1,
        OrganizationResumed = 1,
        ApiKeyIssued = 1,
        ApiKeyRevoked = 1,
    }
}
