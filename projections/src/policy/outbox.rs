//! What policies want, written down in the transaction of their states. Never executes anything.

use std::iter;

use event_store::PartitionTx;
use uuid::Uuid;

use super::{
    MAX_DEPTH,
    effect::{Effect, Effects, Timer},
    meter,
};
use crate::{Error, build::Build, engine::narrow};

/// Writes down what is wanted. A command that is there already is the same one.
pub(crate) async fn write(
    tx: &mut PartitionTx,
    build: &Build,
    effects: &Effects,
) -> Result<(), Error> {
    let policy = build.name();
    if !effects.commands.is_empty() {
        insert(tx, policy, &effects.commands).await?;
    }
    if !effects.timers.is_empty() {
        set(tx, policy, effects).await?;
    }
    Ok(())
}

/// Tells of chains that were cut, once they are written down.
pub(crate) fn tell(build: &Build, effects: &Effects) {
    for effect in effects.commands.iter().filter(|one| one.is_cut()) {
        metrics::counter!(meter::TOO_DEEP, "policy" => build.name()).increment(1);
        tracing::error!(
            policy = build.name(),
            tenant = %effect.cause.tenant,
            position = effect.cause.position,
            command = effect.wanted.command,
            "policies answer each other in a circle; the command is not executed"
        );
    }
}

async fn insert(tx: &mut PartitionTx, policy: &str, commands: &[Effect]) -> Result<(), Error> {
    let all = || commands.iter();
    let code = |one: &Effect| one.is_cut().then_some("chain-too-deep");
    let cut = format!(
        "more than {MAX_DEPTH} policies led to this command, one after the other: they answer each other in a circle"
    );
    sqlx::query!(
        r#"insert into policy.outbox
             (policy, partition, id, tenant_id, command, aggregate_id, data, event_id, position, correlation_id,
              on_behalf_of, traceparent, depth, dated_at, created_at, refused_at, code, detail)
           select $1, e.partition, e.id, e.tenant_id, e.command, e.aggregate_id, e.data, e.event_id, e.position, e.correlation_id,
                  e.on_behalf_of, e.traceparent, e.depth, e.dated_at, now(),
                  case when e.code is not null then now() end, e.code, case when e.code is not null then $16 end
           from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::uuid[], $9::bigint[],
                       $10::uuid[], $11::text[], $12::text[], $13::smallint[], $14::timestamptz[], $15::text[])
             with ordinality e(partition, id, tenant_id, command, aggregate_id, data, event_id, position, correlation_id,
                               on_behalf_of, traceparent, depth, dated_at, code, ord)
           order by e.ord
           on conflict (tenant_id, id) do nothing"#,
        policy,
        &all().map(|one| narrow(one.cause.partition)).collect::<Vec<_>>(),
        &all().map(|one| one.id(policy)).collect::<Vec<_>>(),
        &all().map(|one| one.cause.tenant).collect::<Vec<_>>(),
        &all().map(|one| one.wanted.command).collect::<Vec<_>>() as &[&str],
        &all().map(|one| one.wanted.id).collect::<Vec<_>>(),
        &all().map(|one| one.wanted.data.to_string()).collect::<Vec<_>>(),
        &all().map(|one| one.cause.event_id).collect::<Vec<_>>(),
        &all().map(|one| one.cause.position).collect::<Vec<_>>(),
        &all().map(|one| one.cause.correlation_id).collect::<Vec<_>>(),
        &all().map(|one| one.cause.on_behalf_of.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &all().map(|one| one.cause.traceparent.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &all().map(|one| i16::from(one.cause.depth)).collect::<Vec<_>>(),
        &all().map(|one| one.cause.dated_at).collect::<Vec<_>>() as &[Option<_>],
        &all().map(code).collect::<Vec<_>>() as &[Option<&str>],
        cut
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Puts timers in the place of what they were, and removes those that are cancelled. One that was already gone off stays so.
async fn set(tx: &mut PartitionTx, policy: &str, effects: &Effects) -> Result<(), Error> {
    let (tenants, keys): (Vec<Uuid>, Vec<&str>) = effects
        .timers
        .keys()
        .map(|(tenant, key)| (*tenant, key.as_str()))
        .unzip();
    sqlx::query!(
        "delete from policy.timer t using unnest($2::uuid[], $3::text[]) c(tenant_id, key)
         where t.policy = $1 and t.tenant_id = c.tenant_id and t.key = c.key",
        policy,
        &tenants,
        &keys as &[&str]
    )
    .execute(tx.connection())
    .await?;
    let timers: Vec<(&str, &Timer)> = effects
        .timers
        .iter()
        .filter_map(|((_, key), (_, timer))| Some((key.as_str(), timer.as_ref()?)))
        .collect();
    if timers.is_empty() {
        return Ok(());
    }
    let all = || {
        iter::zip(
            timers.iter().map(|one| one.0),
            timers.iter().map(|one| one.1),
        )
    };
    let causes = || timers.iter().map(|(_, timer)| &timer.effect.cause);
    let wanted = || timers.iter().map(|(_, timer)| &timer.effect.wanted);
    sqlx::query!(
        r#"insert into policy.timer
             (policy, partition, key, due_at, id, tenant_id, command, aggregate_id, data, event_id, position, correlation_id,
              on_behalf_of, traceparent, depth, dated_at)
           select $1, e.* from unnest($2::smallint[], $3::text[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::text[], $8::uuid[],
                                      $9::text[], $10::uuid[], $11::bigint[], $12::uuid[], $13::text[], $14::text[],
                                      $15::smallint[], $16::timestamptz[]) e"#,
        policy,
        &causes().map(|one| narrow(one.partition)).collect::<Vec<_>>(),
        &all().map(|(key, _)| key).collect::<Vec<_>>() as &[&str],
        &all().map(|(_, timer)| timer.due_at).collect::<Vec<_>>(),
        &all().map(|(key, timer)| timer.id(policy, key)).collect::<Vec<_>>(),
        &causes().map(|one| one.tenant).collect::<Vec<_>>(),
        &wanted().map(|one| one.command).collect::<Vec<_>>() as &[&str],
        &wanted().map(|one| one.id).collect::<Vec<_>>(),
        &wanted().map(|one| one.data.to_string()).collect::<Vec<_>>(),
        &causes().map(|one| one.event_id).collect::<Vec<_>>(),
        &causes().map(|one| one.position).collect::<Vec<_>>(),
        &causes().map(|one| one.correlation_id).collect::<Vec<_>>(),
        &causes().map(|one| one.on_behalf_of.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &causes().map(|one| one.traceparent.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &causes().map(|one| i16::from(one.depth)).collect::<Vec<_>>(),
        &causes().map(|one| one.dated_at).collect::<Vec<_>>() as &[Option<_>]
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
