//! Timers that have gone off: each becomes a command in the outbox in the transaction that removes it, so that it does so once,
//! whoever looks. Never sets one.

use chrono::{DateTime, Utc};
use event_store::PartitionTx;

use crate::Error;

/// The most timers at once.
const MOST: i64 = 1_000;
/// A tenant whose history is being told has no present until so long after the last of it: a timer that was set by an event
/// of the past waits until what follows it has been told too. Long enough for an import that stops over night: what a timer
/// appends is dated by its time, and what is told of before then is refused.
const SETTLED: &str = "1 day";

/// Lets timers go off that are due; how many did.
///
/// A timer that an event of the past set goes off once its tenant has come to its time, or nothing more of the past is told, and
/// the policies have answered all of that: what would have kept a goal from being missed may be just behind it.
pub(super) async fn fire(
    tx: &mut PartitionTx,
    policies: &[&'static str],
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let fired = sqlx::query!(
        r#"with due as (
             select t.tenant_id, t.policy, t.key from policy.timer t
             left join lateral (
               select e."offset", e.occurred_at, e.recorded_at from log.event e where e.tenant_id = t.tenant_id
               order by e.position desc limit 1) newest on t.dated_at is not null
             where t.due_at <= $1
               and (t.dated_at is null
                 or (newest.occurred_at >= t.due_at or newest.recorded_at < $1 - $3::text::interval)
                   and not exists (
                     select from policy.outbox o where o.tenant_id = t.tenant_id and o.refused_at is null)
                   and not exists (
                     select from projection.live l
                     join projection.checkpoint c on c.projection = l.projection and c.build = l.build
                     where l.projection = any($4) and c.partition = t.partition and c.next_offset <= newest."offset"))
             order by t.due_at limit $2
             for update of t skip locked),
           gone as (
             delete from policy.timer t using due
             where t.tenant_id = due.tenant_id and t.policy = due.policy and t.key = due.key
             returning t.*)
           insert into policy.outbox
             (id, policy, partition, tenant_id, command, aggregate_id, data, event_id, position, correlation_id, on_behalf_of,
              traceparent, depth, dated_at, created_at)
           select id, policy, partition, tenant_id, command, aggregate_id, data, event_id, position, correlation_id, on_behalf_of,
                  traceparent, depth, case when dated_at is not null then due_at end, $1
           from gone order by due_at, tenant_id, key
           on conflict (tenant_id, id) do nothing"#,
        now,
        MOST,
        SETTLED,
        policies as &[&str]
    )
    .execute(tx.connection())
    .await?;
    Ok(fired.rows_affected())
}
