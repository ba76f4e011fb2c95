//! What may be asked of an organization. Owns the shape and the limits of the input; decides nothing and
//! never sees a secret.

use std::fmt::Write as _;

use event_schemas::{Country, List, Moment, Scope, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::Organization;

/// Takes a new organization into the installation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterOrganization {
    /// What it is called.
    pub name: Text<1, 200>,
    /// Where it is.
    pub country: Option<Country>,
    /// The state or province.
    pub state: Option<Text<1, 64>>,
    /// The city.
    pub city: Option<Text<1, 128>>,
}

/// Gives the organization another name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenameOrganization {
    /// What it is called from now on.
    pub name: Text<1, 200>,
}

/// Sets the organization's own rules.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeSettings {
    /// Whether an order may be shipped before it is paid.
    pub ship_before_payment: bool,
}

/// Stops all writing for the organization until it is resumed; reading goes on, and settings stay.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuspendOrganization {
    /// Why; the organization reads it.
    pub reason: Text<1, 500>,
}

/// Lets a suspended organization write again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResumeOrganization {}

/// Gives a program access. The answer shows the secret once; it is never stored.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssueApiKey {
    /// What the key is for.
    pub name: Text<1, 100>,
    /// What it may do: 1 to 32 times `*`, `<context>:*` or `<context>:<action>`.
    pub scopes: List<Scope, 1, 32>,
    /// When it stops working. Left out: never.
    pub expires_at: Option<Moment>,
}

impl IssueApiKey {
    /// The command with the key's id and the SHA-256 of its secret, which were made for it.
    pub fn prepared(self, key_id: Uuid, secret_hash: [u8; 32]) -> OrganizationCommand {
        let secret_hash = secret_hash
            .iter()
            .fold(String::with_capacity(64), |mut hex, byte| {
                // Writing to a String cannot fail.
                let _ = write!(hex, "{byte:02x}");
                hex
            });
        OrganizationCommand::IssueApiKey {
            request: self,
            key_id,
            secret_hash,
        }
    }
}

/// Takes a program's access away, at once and for good.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeApiKey {
    /// The key's id.
    pub key_id: Uuid,
}

/// Everything that may be asked of an organization.
#[derive(Clone, Debug)]
pub enum OrganizationCommand {
    /// See [`RegisterOrganization`].
    Register(RegisterOrganization),
    /// See [`RenameOrganization`].
    Rename(RenameOrganization),
    /// See [`ChangeSettings`].
    ChangeSettings(ChangeSettings),
    /// See [`SuspendOrganization`].
    Suspend(SuspendOrganization),
    /// See [`ResumeOrganization`].
    Resume(ResumeOrganization),
    /// See [`IssueApiKey::prepared`].
    IssueApiKey {
        /// What the client asked for.
        request: IssueApiKey,
        /// The new key's id.
        key_id: Uuid,
        /// SHA-256 of the secret, 64 lower-case hexadecimal digits.
        secret_hash: String,
    },
    /// See [`RevokeApiKey`].
    RevokeApiKey(RevokeApiKey),
}

crate::command::commands! {
    Organization {
        RegisterOrganization = "register" creates => OrganizationCommand::Register,
        RenameOrganization = "rename" => OrganizationCommand::Rename,
        ChangeSettings = "changeSettings" => OrganizationCommand::ChangeSettings,
        SuspendOrganization = "suspend" => OrganizationCommand::Suspend,
        ResumeOrganization = "resume" => OrganizationCommand::Resume,
        IssueApiKey = "issueApiKey",
        RevokeApiKey = "revokeApiKey" => OrganizationCommand::RevokeApiKey,
    }
}
