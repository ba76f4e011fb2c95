//! The organization: the tenant itself, its settings and its API keys. Owns the state its decisions need;
//! never holds a secret or its hash.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use event_schemas::{
    Moment,
    organization::{
        ApiKeyIssued, ApiKeyRevoked, OrganizationEvent, OrganizationRegistered,
        OrganizationRenamed, OrganizationResumed, OrganizationSettingsChanged,
        OrganizationSuspended,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decide, Entity, Settings};

mod command;
mod rejection;
#[cfg(test)]
mod tests;

pub use command::{
    ChangeSettings, IssueApiKey, OrganizationCommand, RegisterOrganization, RenameOrganization,
    ResumeOrganization, RevokeApiKey, SuspendOrganization,
};
pub use rejection::OrganizationRejection;

/// How many keys may work at once.
const MAX_API_KEYS: usize = 100;

/// What an organization must remember of a key.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ApiKey {
    expires_at: Option<DateTime<Utc>>,
    revoked: bool,
}

impl ApiKey {
    fn works_at(&self, time: DateTime<Utc>) -> bool {
        !self.revoked && self.expires_at.is_none_or(|expiry| expiry > time)
    }
}

/// What an organization must remember to decide.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Its name; `None` before it is registered.
    name: Option<String>,
    settings: Settings,
    /// Whether the log refuses everything but its resumption.
    suspended: bool,
    api_keys: BTreeMap<Uuid, ApiKey>,
}

impl Organization {
    /// The tenant's own rules, which every decision in the tenant may know.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    fn decide(
        &self,
        decide: Decide<OrganizationCommand>,
    ) -> Result<OrganizationEvent, OrganizationRejection> {
        let Some(name) = &self.name else {
            let OrganizationCommand::Register(command) = decide.command else {
                return Err(OrganizationRejection::NotFound);
            };
            return Ok(register(command).into());
        };
        match decide.command {
            OrganizationCommand::Register(_) => Err(OrganizationRejection::AlreadyRegistered),
            OrganizationCommand::Rename(command) if command.name.as_str() == name => {
                Err(OrganizationRejection::NameUnchanged)
            }
            OrganizationCommand::Rename(command) => Ok(OrganizationRenamed {
                name: command.name.into(),
            }
            .into()),
            OrganizationCommand::ChangeSettings(ChangeSettings {
                ship_before_payment,
            }) => Ok(OrganizationSettingsChanged {
                ship_before_payment,
            }
            .into()),
            OrganizationCommand::Suspend(_) if self.suspended => {
                Err(OrganizationRejection::AlreadySuspended)
            }
            OrganizationCommand::Suspend(command) => Ok(OrganizationSuspended {
                reason: command.reason.into(),
            }
            .into()),
            OrganizationCommand::Resume(ResumeOrganization {}) if self.suspended => {
                Ok(OrganizationResumed {}.into())
            }
            OrganizationCommand::Resume(ResumeOrganization {}) => {
                Err(OrganizationRejection::NotSuspended)
            }
            OrganizationCommand::IssueApiKey {
                request,
                key_id,
                secret_hash,
            } => self
                .issue(request, key_id, secret_hash, decide.occurred_at)
                .map(Into::into),
            OrganizationCommand::RevokeApiKey(command) => self.revoke(&command).map(Into::into),
        }
    }

    fn issue(
        &self,
        request: IssueApiKey,
        key_id: Uuid,
        secret_hash: String,
        time: DateTime<Utc>,
    ) -> Result<ApiKeyIssued, OrganizationRejection> {
        if request
            .expires_at
            .is_some_and(|expiry| expiry.get() <= time)
        {
            return Err(OrganizationRejection::ExpiryInThePast);
        }
        if self
            .api_keys
            .values()
            .filter(|key| key.works_at(time))
            .count()
            >= MAX_API_KEYS
        {
            return Err(OrganizationRejection::TooManyApiKeys);
        }
        Ok(ApiKeyIssued {
            key_id,
            name: request.name.into(),
            scopes: request
                .scopes
                .into_vec()
                .into_iter()
                .map(Into::into)
                .collect(),
            secret_hash,
            expires_at: request.expires_at.map(Moment::get),
        })
    }

    fn revoke(&self, command: &RevokeApiKey) -> Result<ApiKeyRevoked, OrganizationRejection> {
        let key = self
            .api_keys
            .get(&command.key_id)
            .ok_or(OrganizationRejection::ApiKeyUnknown)?;
        if key.revoked {
            return Err(OrganizationRejection::ApiKeyAlreadyRevoked);
        }
        Ok(ApiKeyRevoked {
            key_id: command.key_id,
        })
    }
}

impl Aggregate for Organization {
    const TYPE: &'static str = "organization";
    type Command = Decide<OrganizationCommand>;
    type Event = OrganizationEvent;
    type Error = OrganizationRejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), OrganizationRejection> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: OrganizationEvent) {
        match event {
            OrganizationEvent::OrganizationRegistered(registered) => {
                self.name = Some(registered.name);
            }
            OrganizationEvent::OrganizationRenamed(renamed) => self.name = Some(renamed.name),
            OrganizationEvent::OrganizationSettingsChanged(changed) => {
                self.settings = Settings {
                    ship_before_payment: changed.ship_before_payment,
                };
            }
            OrganizationEvent::OrganizationSuspended(_) => self.suspended = true,
            OrganizationEvent::OrganizationResumed(_) => self.suspended = false,
            OrganizationEvent::ApiKeyIssued(issued) => {
                let key = ApiKey {
                    expires_at: issued.expires_at,
                    revoked: false,
                };
                self.api_keys.insert(issued.key_id, key);
            }
            OrganizationEvent::ApiKeyRevoked(revoked) => {
                self.api_keys.entry(revoked.key_id).or_default().revoked = true;
            }
        }
    }
}

impl Entity for Organization {
    type Decision = OrganizationCommand;
    type Fact = OrganizationEvent;
    type Refusal = OrganizationRejection;
    const PLURAL: &'static str = "organizations";
}

fn register(command: RegisterOrganization) -> OrganizationRegistered {
    OrganizationRegistered {
        name: command.name.into(),
        country: command.country,
        state: command.state.map(Into::into),
        city: command.city.map(Into::into),
    }
}
