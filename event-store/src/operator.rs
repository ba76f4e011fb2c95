//! What only the operator may ask: all tenants, and how far each is. Read-only.

use chrono::{DateTime, Utc};
use event_schemas::TenantId;

use crate::{Error, OperatorTx};

/// A tenant as the operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantRow {
    /// Its id.
    pub tenant: TenantId,
    /// Its name, once the read model has it.
    pub name: Option<String>,
    /// `active`, `suspended` or `frozen`.
    pub state: String,
    /// Its partition.
    pub partition: i16,
    /// How many events it has.
    pub events: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

impl OperatorTx {
    /// All tenants, oldest first.
    pub async fn tenants(&mut self) -> Result<Vec<TenantRow>, Error> {
        let rows = sqlx::query!(
            r#"select t.tenant_id, o.name as "name?", t.state, t.partition, t.created_at, coalesce(n.position, 0) as "events!"
               from log.tenant t
               left join organization o on o.tenant_id = t.tenant_id
               left join lateral (
                 select e.position from log.event e where e.tenant_id = t.tenant_id order by e.position desc limit 1) n on true
               order by t.created_at, t.tenant_id"#
        )
        .fetch_all(self.connection())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| TenantRow {
                tenant: TenantId(r.tenant_id),
                name: r.name,
                state: r.state,
                partition: r.partition,
                events: r.events,
                created_at: r.created_at,
            })
            .collect())
    }

    /// The position of a tenant's newest event, 0 if it has none.
    pub async fn newest_position(&mut self, tenant: TenantId) -> Result<i64, Error> {
        let newest = sqlx::query_scalar!(
            "select max(position) from log.event where tenant_id = $1",
            tenant.0
        );
        Ok(newest.fetch_one(self.connection()).await?.unwrap_or(0))
    }

    /// The content hashes of some events, each named by stream and version: none where there is no such event.
    pub async fn content_hashes(
        &mut self,
        tenant: TenantId,
        streams: &[String],
        versions: &[i32],
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let hashes = sqlx::query_scalar!(
            r#"select e.content_hash as "hash?" from unnest($2::text[], $3::int[]) with ordinality s(stream, version, ord)
               left join log.event e on e.tenant_id = $1 and e.stream_id = s.stream and e.version = s.version
               order by s.ord"#,
            tenant.0,
            streams,
            versions
        );
        Ok(hashes.fetch_all(self.connection()).await?)
    }

    /// How many events some streams have, and the version of the last one.
    pub async fn stream_sizes(
        &mut self,
        tenant: TenantId,
        streams: &[String],
    ) -> Result<Vec<(i64, i32)>, Error> {
        let rows = sqlx::query!(
            r#"select n.events as "events!", n.version as "version!" from unnest($2::text[]) with ordinality s(stream, ord)
               cross join lateral (
                 select count(*) as events, coalesce(max(e.version), 0) as version from log.event e
                 where e.tenant_id = $1 and e.stream_id = s.stream) n
               order by s.ord"#,
            tenant.0,
            streams
        );
        let rows = rows.fetch_all(self.connection()).await?;
        Ok(rows.into_iter().map(|r| (r.events, r.version)).collect())
    }

    /// The server's version, such as `18.6`.
    pub async fn server_version(&mut self) -> Result<String, Error> {
        let version =
            sqlx::query_scalar!(r#"select current_setting('server_version') as "version!""#);
        Ok(version.fetch_one(self.connection()).await?)
    }
}
