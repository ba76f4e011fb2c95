//! Executes what policies want: a tenant's commands in their order, each once. Whoever is at a partition holds its lock; what was
//! executed by one that crashed is executed again under the same idempotency key, and changes nothing. Decides nothing itself.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use event_store::{Clock, PartitionTx, Store};
use futures::{StreamExt, stream};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{meter, timer};
use crate::{Engine, Error};

/// The most commands of one round.
const MOST: i64 = 500;
/// How many tenants at once.
const SIDE_BY_SIDE: usize = 16;
/// How often to look at what other processes want, and at timers.
const LOOK: Duration = Duration::from_secs(1);
/// Any number that nothing else in the database is likely to lock on; the partition's number beside it.
const TURN_LOCK: i32 = 0x706f_6c69;

/// A command that is to be executed.
#[derive(Clone, PartialEq, Debug)]
pub struct Due {
    /// Its id: its idempotency key.
    pub id: Uuid,
    /// The policy that wants it.
    pub policy: String,
    /// Which command, such as `metric.observe`.
    pub command: String,
    /// The aggregate's id.
    pub aggregate_id: Uuid,
    /// The JSON object of its fields.
    pub data: String,
    /// The event that caused it.
    pub event_id: Uuid,
    /// Its conversation.
    pub correlation_id: Uuid,
    /// Who was behind that event.
    pub on_behalf_of: Option<String>,
    /// Its W3C trace context.
    pub traceparent: Option<String>,
    /// How many policies led to it.
    pub depth: u8,
    /// When it happens, if in a tenant whose history is told later.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// What became of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is in the log, or there was nothing to write.
    Done,
    /// The business rules, or its form, say no.
    Refused {
        /// The stable code.
        code: String,
        /// In words.
        detail: String,
    },
    /// It could not be tried, and may be later.
    Later(String),
}

/// The seam behind which commands are executed.
#[async_trait]
pub trait Dispatch: Send + Sync {
    /// Executes commands of one tenant in their order; one answer each.
    async fn dispatch(&self, tenant: TenantId, commands: Vec<Due>) -> Vec<Answer>;
}

/// Executes what the policies want. Cheap to clone.
#[derive(Clone)]
pub struct Policies {
    store: Store,
    dispatch: Arc<dyn Dispatch>,
    clock: Arc<dyn Clock>,
    wanted: Arc<Notify>,
    /// The names of the engine's policies.
    names: Arc<[&'static str]>,
}

impl Policies {
    /// Executes behind `dispatch` what the engine's policies want, and those of other processes.
    pub fn new(engine: &Engine, dispatch: Arc<dyn Dispatch>, clock: Arc<dyn Clock>) -> Self {
        let builds = engine.inner().builds.all();
        let policies = builds.iter().filter(|one| one.projection.is_policy());
        Self {
            store: engine.inner().store.clone(),
            dispatch,
            clock,
            wanted: Arc::clone(&engine.inner().wanted),
            names: policies.map(|one| one.name()).collect(),
        }
    }

    /// Starts the task. It ends when `cancelled`, after the round it is at.
    pub fn run(&self, tasks: &TaskTracker, cancelled: &CancellationToken) {
        let (policies, cancelled) = (self.clone(), cancelled.clone());
        tasks.spawn(async move {
            while !cancelled.is_cancelled() {
                if let Err(error) = policies.settle().await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what policies want was not executed; it is tried again"
                    );
                }
                tokio::select! {
                    () = policies.wanted.notified() => {}
                    () = tokio::time::sleep(LOOK) => {}
                    () = cancelled.cancelled() => {}
                }
            }
        });
    }

    /// Executes everything that is due now, timers included, but for what has to wait and what others are at.
    pub async fn settle(&self) -> Result<(), Error> {
        while self.fire().await? > 0 {}
        while self.round().await? > 0 {}
        Ok(())
    }

    /// Lets timers go off.
    async fn fire(&self) -> Result<u64, Error> {
        let mut tx = self.store.partition_tx().await?;
        let fired = timer::fire(&mut tx, &self.names, self.clock.now()).await?;
        tx.commit().await?;
        Ok(fired)
    }

    /// One round; how many commands were executed or refused.
    async fn round(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let mut tx = self.store.partition_tx().await?;
        let mine = take_turns(&mut tx).await?;
        if mine.is_empty() {
            return Ok(0);
        }
        let commands = due(&mut tx, &mine, now).await?;
        if commands.is_empty() {
            return Ok(0);
        }
        let answered: Vec<_> = stream::iter(commands)
            .map(async |(tenant, commands)| {
                let ids: Vec<_> = commands
                    .iter()
                    .map(|due| (due.id, due.policy.clone()))
                    .collect();
                let answers = self.dispatch.dispatch(TenantId(tenant), commands).await;
                Verdict::of(tenant, ids, answers)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        write_down(&mut tx, &answered, now).await?;
        tx.commit().await?;
        Ok(answered.iter().map(Verdict::settled).sum())
    }
}

/// What became of a tenant's commands.
struct Verdict {
    tenant: Uuid,
    done: Vec<Uuid>,
    refused: Vec<(Uuid, String, String)>,
    later: Option<String>,
}

impl Verdict {
    fn of(tenant: Uuid, commands: Vec<(Uuid, String)>, answers: Vec<Answer>) -> Self {
        let mut verdict = Self {
            tenant,
            done: Vec::new(),
            refused: Vec::new(),
            later: None,
        };
        for ((id, policy), answer) in commands.into_iter().zip(answers) {
            let outcome = match answer {
                Answer::Done => {
                    verdict.done.push(id);
                    "done"
                }
                // What was refused may lack what could not be tried before it.
                Answer::Refused { code, detail } if verdict.later.is_none() => {
                    tracing::info!(policy, %tenant, code, "a policy's command was refused");
                    verdict.refused.push((id, code, detail));
                    "refused"
                }
                Answer::Refused { .. } => "held",
                Answer::Later(why) => {
                    verdict.later.get_or_insert(why);
                    "held"
                }
            };
            metrics::counter!(meter::COMMANDS, "policy" => policy, "outcome" => outcome)
                .increment(1);
        }
        verdict
    }

    fn settled(&self) -> usize {
        self.done.len() + self.refused.len()
    }
}

/// Takes the turn of every partition with something to do that nobody else has.
async fn take_turns(tx: &mut PartitionTx) -> Result<Vec<i16>, Error> {
    let waiting = sqlx::query_scalar!(
        r#"select p.partition from log.partition p
           where exists (select from policy.outbox o where o.partition = p.partition and o.refused_at is null)"#
    )
    .fetch_all(tx.connection())
    .await?;
    if waiting.is_empty() {
        return Ok(waiting);
    }
    let mine = sqlx::query_scalar!(
        r#"select p.partition as "partition!" from unnest($1::smallint[]) p(partition)
           where pg_try_advisory_xact_lock($2, p.partition)"#,
        &waiting,
        TURN_LOCK
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(mine)
}

/// The first commands of these partitions, by tenant. A tenant that is held has none.
async fn due(
    tx: &mut PartitionTx,
    partitions: &[i16],
    now: DateTime<Utc>,
) -> Result<BTreeMap<Uuid, Vec<Due>>, Error> {
    let rows = sqlx::query!(
        r#"select o.id, o.policy, o.tenant_id, o.command, o.aggregate_id, o.data, o.event_id, o.correlation_id, o.on_behalf_of,
                  o.traceparent, o.depth, case when o.dated_at is not null then greatest(o.dated_at, newest.occurred_at) end as occurred_at
           from policy.outbox o
           left join lateral (
             select e.occurred_at from log.event e where e.tenant_id = o.tenant_id
             order by e.position desc limit 1) newest on o.dated_at is not null
           where o.partition = any($1) and o.refused_at is null
             and not exists (select from policy.held h where h.tenant_id = o.tenant_id and h.until > $2)
           order by o.sequence limit $3"#,
        partitions,
        now,
        MOST
    )
    .fetch_all(tx.connection())
    .await?;
    let mut commands: BTreeMap<Uuid, Vec<Due>> = BTreeMap::new();
    for row in rows {
        commands.entry(row.tenant_id).or_default().push(Due {
            id: row.id,
            policy: row.policy,
            command: row.command,
            aggregate_id: row.aggregate_id,
            data: row.data,
            event_id: row.event_id,
            correlation_id: row.correlation_id,
            on_behalf_of: row.on_behalf_of,
            traceparent: row.traceparent,
            depth: u8::try_from(row.depth).unwrap_or(u8::MAX),
            occurred_at: row.occurred_at,
        });
    }
    Ok(commands)
}

async fn write_down(
    tx: &mut PartitionTx,
    verdicts: &[Verdict],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let done = verdicts
        .iter()
        .flat_map(|one| one.done.iter().map(|id| (one.tenant, *id)));
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = done.unzip();
    sqlx::query!(
        "delete from policy.outbox o using unnest($1::uuid[], $2::uuid[]) d(tenant_id, id)
         where o.tenant_id = d.tenant_id and o.id = d.id",
        &tenants,
        &ids
    )
    .execute(tx.connection())
    .await?;
    let refused = || verdicts.iter().flat_map(|one| &one.refused);
    if refused().next().is_some() {
        sqlx::query!(
            "update policy.outbox o set refused_at = $5, code = r.code, detail = r.detail
             from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) r(tenant_id, id, code, detail)
             where o.tenant_id = r.tenant_id and o.id = r.id",
            &verdicts
                .iter()
                .flat_map(|one| one.refused.iter().map(|_| one.tenant))
                .collect::<Vec<_>>(),
            &refused().map(|(id, ..)| *id).collect::<Vec<_>>(),
            &refused()
                .map(|(_, code, _)| code.as_str())
                .collect::<Vec<_>>() as &[&str],
            &refused()
                .map(|(.., detail)| detail.as_str())
                .collect::<Vec<_>>() as &[&str],
            now
        )
        .execute(tx.connection())
        .await?;
    }
    hold(tx, verdicts, now).await
}

/// Holds the tenants whose commands could not be tried: for a second, then twice as long each time, up to a minute.
async fn hold(tx: &mut PartitionTx, verdicts: &[Verdict], now: DateTime<Utc>) -> Result<(), Error> {
    let held = || {
        verdicts
            .iter()
            .filter_map(|one| Some((one.tenant, one.later.as_deref()?)))
    };
    sqlx::query!(
        "with tried as (select * from unnest($1::uuid[]) t(tenant_id)),
         freed as (
           delete from policy.held h using tried t
           where h.tenant_id = t.tenant_id and h.tenant_id <> all ($2::uuid[]))
         insert into policy.held as h (tenant_id, attempts, until, error)
         select l.tenant_id, 1, $4::timestamptz + interval '1 second', l.error from unnest($2::uuid[], $3::text[]) l(tenant_id, error)
         on conflict (tenant_id) do update
           set attempts = h.attempts + 1, error = excluded.error,
               until = $4::timestamptz + least(interval '1 second' * 2 ^ least(h.attempts, 6), interval '1 minute')",
        &verdicts.iter().map(|one| one.tenant).collect::<Vec<_>>(),
        &held().map(|(tenant, _)| tenant).collect::<Vec<_>>(),
        &held().map(|(_, error)| error).collect::<Vec<_>>() as &[&str],
        now
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
