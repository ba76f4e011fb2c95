//! How far policies are with what they want, for those who watch. Reads what the engine wrote down.

use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use event_store::Store;
use metrics::gauge;
use uuid::Uuid;

use super::meter;
use crate::Error;

/// What a policy has yet to do, and what it was refused.
#[derive(Clone, PartialEq, Debug)]
pub struct Backlog {
    /// The policy's name.
    pub policy: String,
    /// How many commands wait to be executed.
    pub waiting: i64,
    /// For how long the oldest of them has been waiting, in seconds; 0 when none is.
    pub oldest_seconds: f64,
    /// How many were refused and not dealt with.
    pub refused: i64,
    /// How many timers are set.
    pub timers: i64,
    /// When the first of them is due.
    pub next_timer: Option<DateTime<Utc>>,
}

/// A tenant whose commands wait because the last one could not be tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Who.
    pub tenant: TenantId,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next.
    pub until: DateTime<Utc>,
    /// Why it could not be tried.
    pub error: String,
}

/// A command that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its id.
    pub id: Uuid,
    /// The policy that wanted it.
    pub policy: String,
    /// Whose.
    pub tenant: TenantId,
    /// Which command.
    pub command: String,
    /// The aggregate's id.
    pub aggregate_id: Uuid,
    /// The position of the event that it answered.
    pub position: i64,
    /// The stable code.
    pub code: String,
    /// Why, in words.
    pub detail: String,
    /// When.
    pub refused_at: DateTime<Utc>,
}

/// The backlogs of all policies that have one, timers or refused commands: of all tenants, or of this one.
pub async fn backlogs(store: &Store, tenant: Option<TenantId>) -> Result<Vec<Backlog>, Error> {
    let mut tx = store.partition_tx().await?;
    let rows = sqlx::query!(
        r#"with commands as (
             select policy, count(*) filter (where refused_at is null) as waiting, count(refused_at) as refused,
                    min(created_at) filter (where refused_at is null) as oldest
             from policy.outbox where $1::uuid is null or tenant_id = $1 group by policy),
           timers as (
             select policy, count(*) as timers, min(due_at) as due_at
             from policy.timer where $1::uuid is null or tenant_id = $1 group by policy)
           select coalesce(c.policy, t.policy) as "policy!", coalesce(c.waiting, 0) as "waiting!",
                  coalesce(extract(epoch from clock_timestamp() - c.oldest), 0)::float8 as "oldest!",
                  coalesce(c.refused, 0) as "refused!", coalesce(t.timers, 0) as "timers!", t.due_at
           from commands c full join timers t on t.policy = c.policy
           order by 1"#,
        tenant.map(|tenant| tenant.0)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Backlog {
            policy: row.policy,
            waiting: row.waiting,
            oldest_seconds: row.oldest.max(0.0),
            refused: row.refused,
            timers: row.timers,
            next_timer: row.due_at,
        })
        .collect())
}

/// The tenants whose commands wait because the last one could not be tried, or this one alone.
pub async fn held(store: &Store, tenant: Option<TenantId>) -> Result<Vec<Held>, Error> {
    let mut tx = store.partition_tx().await?;
    let rows = sqlx::query!(
        r#"select tenant_id, attempts, until, error from policy.held
           where $1::uuid is null or tenant_id = $1 order by until, tenant_id"#,
        tenant.map(|tenant| tenant.0)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Held {
            tenant: TenantId(row.tenant_id),
            attempts: row.attempts,
            until: row.until,
            error: row.error,
        })
        .collect())
}

/// The commands that were refused, of all tenants and policies or of these, the newest first, at most `limit`.
pub async fn refused(
    store: &Store,
    tenant: Option<TenantId>,
    policy: Option<&str>,
    limit: u32,
) -> Result<Vec<Refused>, Error> {
    let mut tx = store.partition_tx().await?;
    let rows = sqlx::query!(
        r#"select id, policy, tenant_id, command, aggregate_id, position, code as "code!", detail as "detail!",
                  refused_at as "refused_at!"
           from policy.outbox
           where refused_at is not null and ($1::uuid is null or tenant_id = $1) and ($2::text is null or policy = $2)
           order by refused_at desc, id limit $3"#,
        tenant.map(|tenant| tenant.0),
        policy,
        i64::from(limit)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Refused {
            id: row.id,
            policy: row.policy,
            tenant: TenantId(row.tenant_id),
            command: row.command,
            aggregate_id: row.aggregate_id,
            position: row.position,
            code: row.code,
            detail: row.detail,
            refused_at: row.refused_at,
        })
        .collect())
}

/// Has refused commands of a tenant be tried again, all of them or this one; how many.
pub async fn retry(store: &Store, tenant: TenantId, id: Option<Uuid>) -> Result<u64, Error> {
    let mut tx = store.partition_tx().await?;
    let changed = sqlx::query!(
        "update policy.outbox set refused_at = null, code = null, detail = null
         where tenant_id = $1 and refused_at is not null and ($2::uuid is null or id = $2)",
        tenant.0,
        id
    )
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(changed.rows_affected())
}

/// Forgets refused commands of a tenant, all of them or this one; how many.
pub async fn dismiss(store: &Store, tenant: TenantId, id: Option<Uuid>) -> Result<u64, Error> {
    let mut tx = store.partition_tx().await?;
    let changed = sqlx::query!(
        "delete from policy.outbox
         where tenant_id = $1 and refused_at is not null and ($2::uuid is null or id = $2)",
        tenant.0,
        id
    )
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(changed.rows_affected())
}

/// Puts the figures where metrics are read.
pub(crate) async fn measure(store: &Store) -> Result<(), Error> {
    for backlog in backlogs(store, None).await? {
        let policy = backlog.policy;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let (waiting, refused) = (backlog.waiting as f64, backlog.refused as f64);
        gauge!(meter::BACKLOG, "policy" => policy.clone()).set(waiting);
        gauge!(meter::OLDEST_SECONDS, "policy" => policy.clone()).set(backlog.oldest_seconds);
        gauge!(meter::REFUSED, "policy" => policy).set(refused);
    }
    Ok(())
}
