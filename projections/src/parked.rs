//! Who is parked in the projections, for those who watch. Reads what the engine wrote down.

use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use event_store::Store;
use uuid::Uuid;

use crate::Error;

/// A tenant with an event that a projection cannot apply. Its tables are as they were before that event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parked {
    /// The projection's name.
    pub projection: String,
    /// The number of the build that cannot go on for it.
    pub build: i32,
    /// Whether that is the build which serves; else it is a new one on its way.
    pub serves: bool,
    /// Who.
    pub tenant: TenantId,
    /// The tenant's partition.
    pub partition: u16,
    /// The offset of the first event that is not applied.
    pub offset: i64,
    /// Its position.
    pub position: i64,
    /// How many events of the tenant are not applied.
    pub events: i64,
    /// The event that could not be applied.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Why it could not. Names no value of its payload.
    pub error: String,
    /// How often it was tried.
    pub attempts: i32,
    /// Since when.
    pub parked_at: DateTime<Utc>,
    /// When it was tried last.
    pub tried_at: DateTime<Utc>,
}

/// The tenants that are parked, or this one alone, in the builds that serve and those that are on their way; at most `limit`,
/// the newest first.
pub async fn parked(
    store: &Store,
    tenant: Option<TenantId>,
    limit: u32,
) -> Result<Vec<Parked>, Error> {
    let mut tx = store.partition_tx().await?;
    let rows = sqlx::query!(
        r#"select p.projection, p.build, p.build = l.build as "serves!", p.tenant_id, p.partition, p."offset", p.position, p.event_id, p.event_type, p.error, p.attempts,
                  p.parked_at, p.tried_at,
                  coalesce((select max(e.position) from log.event e where e.tenant_id = p.tenant_id), 0) + 1 - p.position as "events!"
           from projection.serving l
           join projection.build b on b.projection = l.projection and b.build >= l.build and b.purpose = 'serve'
           join projection.parked p on p.projection = b.projection and p.build = b.build
           where $1::uuid is null or p.tenant_id = $1
           order by p.parked_at desc, p.projection, p.tenant_id
           limit $2"#,
        tenant.map(|tenant| tenant.0),
        i64::from(limit)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Parked {
            projection: row.projection,
            build: row.build,
            serves: row.serves,
            tenant: TenantId(row.tenant_id),
            partition: u16::try_from(row.partition).unwrap_or(0),
            offset: row.offset,
            position: row.position,
            events: row.events.max(0),
            event_id: row.event_id,
            event_type: row.event_type,
            error: row.error,
            attempts: row.attempts,
            parked_at: row.parked_at,
            tried_at: row.tried_at,
        })
        .collect())
}
