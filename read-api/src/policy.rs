//! What the policies of an organization have yet to do, and what they were refused. Never shows another organization's.

use async_graphql::{ComplexObject, Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use projections::policy::status;
use uuid::Uuid;

use crate::{
    failure::Failure,
    scalar::BigInt,
    session::{allowed, operation},
};

/// The permission's context.
const CONTEXT: &str = "policy";
/// The most refused commands that are told.
const MOST: u32 = 100;

/// The query root's fields about policies.
#[derive(Clone, Default)]
pub(crate) struct PolicyQuery;

#[Object]
impl PolicyQuery {
    /// The rules that answer your organization's events with commands, and what they have yet to do. Needs `policy:read`.
    #[graphql(complexity = "8 * child_complexity + 1")]
    async fn policies(&self, ctx: &Context<'_>) -> Result<Vec<Policy>> {
        let tenant = allowed(ctx, CONTEXT)?.tenant;
        let store = &operation(ctx)?.store;
        let backlogs = status::backlogs(store, Some(tenant));
        let backlogs = backlogs.await.map_err(Failure::from)?;
        let held = status::held(store, Some(tenant));
        let held = held.await.map_err(Failure::from)?.pop();
        let all = projections::all();
        let policies = all.iter().filter(|one| one.is_policy()).map(|policy| {
            let name = policy.name();
            let backlog = backlogs.iter().find(|one| one.policy == name);
            Policy {
                tenant,
                name,
                waiting: backlog.map_or(0, |one| one.waiting).into(),
                oldest_seconds: backlog.map_or(0.0, |one| one.oldest_seconds),
                refused_count: backlog.map_or(0, |one| one.refused).into(),
                timers: backlog.map_or(0, |one| one.timers).into(),
                next_timer: backlog.and_then(|one| one.next_timer),
                held: held.as_ref().map(|held| Held {
                    attempts: held.attempts,
                    until: held.until,
                    error: held.error.clone(),
                }),
            }
        });
        Ok(policies.collect())
    }
}

/// A rule that answers events with commands.
#[derive(SimpleObject, Debug)]
#[graphql(complex)]
pub(crate) struct Policy {
    #[graphql(skip)]
    tenant: TenantId,
    /// What it is called.
    name: &'static str,
    /// How many of its commands wait to be executed.
    waiting: BigInt,
    /// For how long the oldest of them has been waiting, in seconds; 0 when none is.
    oldest_seconds: f64,
    /// How many of its commands were refused and not dealt with.
    refused_count: BigInt,
    /// How many timers it has set.
    timers: BigInt,
    /// When the first of them is due.
    next_timer: Option<DateTime<Utc>>,
    /// Set while your organization's commands wait because the last one could not be tried.
    held: Option<Held>,
}

#[ComplexObject]
impl Policy {
    /// The commands that were refused, the newest first, 100 at most.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn refused(&self, ctx: &Context<'_>) -> Result<Vec<RefusedCommand>> {
        let store = &operation(ctx)?.store;
        let refused = status::refused(store, Some(self.tenant), Some(self.name), MOST);
        let refused = refused.await.map_err(Failure::from)?;
        Ok(refused
            .into_iter()
            .map(|one| RefusedCommand {
                id: one.id,
                command: one.command,
                aggregate_id: one.aggregate_id,
                position: one.position.into(),
                code: one.code,
                detail: one.detail,
                refused_at: one.refused_at,
            })
            .collect())
    }
}

/// Why an organization's commands wait.
#[derive(Clone, SimpleObject, Debug)]
#[graphql(name = "HeldCommands")]
pub(crate) struct Held {
    /// How often they were tried.
    attempts: i32,
    /// When they are tried next.
    until: DateTime<Utc>,
    /// Why they could not be tried.
    error: String,
}

/// A command of a policy that was refused.
#[derive(SimpleObject, Debug)]
pub(crate) struct RefusedCommand {
    /// Its id.
    id: Uuid,
    /// Which command, such as `metric.observe`.
    command: String,
    /// The aggregate's id.
    aggregate_id: Uuid,
    /// The position of the event that it answered.
    position: BigInt,
    /// The stable code.
    code: String,
    /// Why, in words.
    detail: String,
    /// When.
    refused_at: DateTime<Utc>,
}
