//! The organization and its API keys for reading. Never shows a key's secret or the hash of one.

mod api_key;

use async_graphql::{
    Context, Enum, ID, Object, Result,
    connection::{Connection, EmptyFields},
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(crate) use self::api_key::{ApiKey, by_ids as api_keys_by_ids};
use crate::{
    failure::Failure,
    page::{self, Paging},
    scalar::{BigInt, Kind, global_id},
    serial::Serial,
    session::{Root, Snapshot},
};

/// The permission's context.
const CONTEXT: &str = "organization";

/// The query root's fields about the organization.
#[derive(Clone, Default)]
pub(crate) struct OrganizationQuery(pub(crate) Root);

#[Object]
impl OrganizationQuery {
    /// Your organization. Needs `organization:read`.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        Ok(read(&snapshot).await?)
    }

    /// The organization's API keys, revoked ones included, a page at a time: the newest first. Needs
    /// `organization:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Serial<ApiKey>, EmptyFields>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        Ok(api_key::page(
            &snapshot,
            &Paging {
                first,
                after,
                last,
                before,
            },
        )
        .await?)
    }
}

/// The organization whose snapshot it is.
pub(crate) async fn read(snapshot: &Snapshot) -> Result<Option<Organization>, Failure> {
    snapshot.allow(CONTEXT)?;
    let row = sqlx::query_as!(
        Organization,
        "select tenant_id, name, country, state, city, ship_before_payment, suspended_at, suspension_reason,
                registered_at, updated_at, version, position
         from organization"
    )
    .fetch_optional(&mut *snapshot.statement().await)
    .await?;
    Ok(row)
}

/// Whether an organization may write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum OrganizationStatus {
    /// It may.
    Active,
    /// Reading only, until the operator resumes it.
    Suspended,
}

/// An organization: one customer of this installation.
#[derive(Clone, Debug)]
pub(crate) struct Organization {
    tenant_id: Uuid,
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

impl Organization {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.tenant_id
    }
}

/// Your organization.
#[Object]
impl Organization {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::Organization, self.tenant_id)
    }

    /// The UUID that commands take.
    async fn organization_id(&self) -> Uuid {
        self.tenant_id
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.name
    }

    /// The country, ISO 3166 alpha-2.
    async fn country(&self) -> Option<&str> {
        self.country.as_deref()
    }

    /// The state or province.
    async fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The city.
    async fn city(&self) -> Option<&str> {
        self.city.as_deref()
    }

    /// Whether orders may be shipped before they are paid.
    async fn ship_before_payment(&self) -> bool {
        self.ship_before_payment
    }

    /// Whether it may write.
    async fn status(&self) -> OrganizationStatus {
        if self.suspended_at.is_some() {
            OrganizationStatus::Suspended
        } else {
            OrganizationStatus::Active
        }
    }

    /// Since when it is suspended. `null`: it is not.
    async fn suspended_at(&self) -> Option<DateTime<Utc>> {
        self.suspended_at
    }

    /// Why it is suspended, in the operator's words. `null`: it is not.
    async fn suspension_reason(&self) -> Option<&str> {
        self.suspension_reason.as_deref()
    }

    /// When it was registered.
    async fn registered_at(&self) -> DateTime<Utc> {
        self.registered_at
    }

    /// When its newest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    /// How many events it has had: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        self.version
    }

    /// The position of its newest event.
    async fn position(&self) -> BigInt {
        self.position.into()
    }
}
