//! What must be true once everything has come to rest: the read models are what the log makes, policies have answered each event
//! once, and nothing is left of what was killed.

use std::{collections::HashSet, time::Duration};

use projections::lag;
use sqlx::PgConnection;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::world::{FAR, NEAR, NEAR_TARGET, World};
use crate::writers::check::Log;

/// Within what everything comes to rest: a tenant whose commands could not be tried waits for up to a minute.
const REST: Duration = Duration::from_mins(3);
/// Within what the server drops what nobody reads: it looks once a minute.
const CLEAN: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(50);

/// The log as the checks read it.
const FACTS: &str = "
    create temp table fact as
    select tenant_id, position, stream_id, event_id, event_type, convert_from(payload, 'UTF8')::jsonb as payload,
           (convert_from(metadata, 'UTF8')::jsonb ->> 'causationId')::uuid as cause,
           convert_from(metadata, 'UTF8')::jsonb #>> '{actor,kind}' = 'policy' as of_policy
    from log.event order by tenant_id, position";

/// Statements that tell what is wrong. $1 is the goal that is not reached, $2 the one that is, $3 its target.
const WRONG: [&str; 6] = [
    "select format('%s was observed %s times', o.stream_id, count(m.event_id))
     from fact o left join fact m on m.tenant_id = o.tenant_id and m.cause = o.event_id and m.event_type = 'MetricObserved'
     where o.event_type = 'OrderPlaced' group by o.stream_id, o.event_id having count(m.event_id) <> 1",
    "select format('the observation %s was told %s times', m.event_id, count(g.event_id))
     from fact m left join fact g on g.tenant_id = m.tenant_id and g.cause = m.event_id
                                 and g.event_type = 'GoalProgressed' and g.stream_id = $1
     where m.event_type = 'MetricObserved' group by m.event_id having count(g.event_id) <> 1",
    "select format('%s %s answers %s %s times', event_type, stream_id, cause, count(*))
     from fact where of_policy group by tenant_id, stream_id, event_type, cause having count(*) > 1",
    "select format('%s %s answers %s, which is not there', event_type, stream_id, cause)
     from fact a where of_policy and not exists (
       select from fact c where c.tenant_id = a.tenant_id and c.event_id = a.cause and c.position < a.position)",
    "select format('the goal %s of %s came to %s of %s and was achieved %s times', g.stream_id, g.tenant_id, g.told, m.total, g.achieved)
     from (select tenant_id, stream_id, (array_agg((payload ->> 'actual')::numeric order by position desc)
                                           filter (where event_type = 'GoalProgressed'))[1] as told,
                  count(*) filter (where event_type = 'GoalAchieved') as achieved
           from fact where stream_id in ($1, $2) group by tenant_id, stream_id) g
     join (select tenant_id, sum((o ->> 'value')::numeric) as total
           from fact, jsonb_array_elements(payload -> 'observations') o
           where event_type = 'MetricObserved' group by tenant_id) m on m.tenant_id = g.tenant_id
     where (g.stream_id = $1 and (g.told, g.achieved) is distinct from (m.total, 0::bigint))
        or (g.stream_id = $2 and m.total >= $3::numeric and (g.told < $3::numeric or g.achieved <> 1))",
    "select format('in %s orders of %s brought %s, and %s was observed', month, tenant_id, o.value, m.value)
     from (select tenant_id, date_trunc('month', placed_at, 'UTC') as month, sum(items_total) * 10000 as value
           from order_summary group by 1, 2) o
     full join (select tenant_id, date_trunc('month', observed_at, 'UTC') as month, sum(value) as value
                from metric_observation group by 1, 2) m using (tenant_id, month)
     where o.value is distinct from m.value",
];

/// What must not be there, as counts.
const NOTHING: [(&str, &str); 5] = [
    (
        "tenants are parked",
        "select count(*) from projection.parked",
    ),
    (
        "partitions have halted",
        "select count(*) from projection.checkpoint where halted_at is not null",
    ),
    ("tenants are held", "select count(*) from policy.held"),
    (
        "commands are in the outbox",
        "select count(*) from policy.outbox",
    ),
    (
        "new builds are on their way",
        "select count(*) from projection.build b join projection.live l on l.projection = b.projection
         where b.build > l.build and b.purpose = 'serve'",
    ),
];

/// Lets an hour pass for the builds that serve nobody.
const LATER: &str = "
    update projection.live set switched_at = switched_at - interval '1 hour';
    update projection.build b set seen_at = seen_at - interval '1 hour'
    where not exists (select from projection.live l where l.projection = b.projection and l.build = b.build);
    update projection.checkpoint c set updated_at = updated_at - interval '1 hour'
    where not exists (select from projection.live l where l.projection = c.projection and l.build = c.build)";

/// What nobody reads.
const LEFT: &str = "
    select 'the schema ' || nspname from pg_namespace
    where nspname like 'p\\_%' and nspname not in (select schema_name from projection.live)
    union all
    select format('the build %s of %s', build, projection) from projection.build b
    where not exists (select from projection.live l where l.projection = b.projection and l.build = b.build)
    union all
    select format('the checkpoint of build %s of %s', build, projection) from projection.checkpoint c
    where not exists (select from projection.live l where l.projection = c.projection and l.build = c.build)
    group by projection, build";

impl World {
    /// Waits until nothing is left to do, and looks; what is wrong. The server is killed in the end.
    pub async fn end(&mut self) -> (Log, Log, Vec<String>) {
        let mut wrong = Vec::new();
        if timeout(REST, self.rest()).await.is_err() {
            wrong.push(format!("it does not come to rest within {REST:?}"));
        }
        let mut admin = self.postgres.admin().await;
        for (what, question) in NOTHING {
            let count: i64 = sqlx::query_scalar(question)
                .fetch_one(&mut admin)
                .await
                .unwrap();
            if count > 0 {
                wrong.push(format!("{count} {what}"));
            }
        }
        wrong.extend(self.verify(None).await);
        wrong.extend(cleaned(&mut admin).await);
        self.server.kill().await;
        wrong.extend(answers(&mut admin).await);
        let log = Log::read(&mut admin).await;
        let of_policies: Vec<Uuid> =
            sqlx::query_scalar("select event_id from fact where of_policy")
                .fetch_all(&mut admin)
                .await
                .unwrap();
        eprintln!(
            "{} events, {} of them of policies",
            log.events.len(),
            of_policies.len()
        );
        let of_policies: HashSet<Uuid> = of_policies.into_iter().collect();
        // An answer of a policy has the trace of the command that led to it.
        let mut of_writers = log.clone();
        of_writers
            .events
            .retain(|event| !of_policies.contains(&event.id));
        self.store.close().await;
        (log, of_writers, wrong)
    }

    /// Until the read models are at the heads, policies want nothing, and that has led to no more events.
    async fn rest(&self) {
        let mut before = None;
        loop {
            let at = self.at_rest().await;
            if at.is_some() && at == before {
                return;
            }
            before = at;
            sleep(LOOK).await;
        }
    }

    /// How many events there are, if nothing is left to do about them.
    async fn at_rest(&self) -> Option<i64> {
        let lags = lag(&self.store).await.ok()?;
        let mut admin = self.postgres.admin().await;
        for (_, question) in NOTHING {
            let count: i64 = sqlx::query_scalar(question)
                .fetch_one(&mut admin)
                .await
                .ok()?;
            if count > 0 {
                return None;
            }
        }
        let behind = lags.iter().any(|one| one.events > 0);
        (!behind).then(|| lags.iter().map(|one| one.head).sum())
    }
}

/// Waits until the server has dropped what nobody reads; what it leaves.
async fn cleaned(admin: &mut PgConnection) -> Vec<String> {
    sqlx::raw_sql(LATER).execute(&mut *admin).await.unwrap();
    let mut left = Vec::new();
    let _looked = timeout(CLEAN, async {
        loop {
            left = sqlx::query_scalar::<_, String>(LEFT)
                .fetch_all(&mut *admin)
                .await
                .unwrap();
            if left.is_empty() {
                return;
            }
            sleep(LOOK).await;
        }
    })
    .await;
    left.iter()
        .map(|what| format!("{what} is left, which nobody reads"))
        .collect()
}

/// Which events were not answered once, and what does not add up.
async fn answers(admin: &mut PgConnection) -> Vec<String> {
    for prepare in [FACTS, "analyze fact", "begin", "select projection.look()"] {
        sqlx::raw_sql(prepare).execute(&mut *admin).await.unwrap();
    }
    let mut wrong = Vec::new();
    for statement in WRONG {
        // Every statement has all three.
        let statement = format!(
            "select * from ({statement}) w where ($1::text, $2::text, $3::int) is not null"
        );
        let found = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(statement))
            .bind(format!("goal-{FAR}"))
            .bind(format!("goal-{NEAR}"))
            .bind(i32::try_from(NEAR_TARGET).unwrap())
            .fetch_all(&mut *admin)
            .await
            .unwrap();
        wrong.extend(found);
    }
    sqlx::raw_sql("commit").execute(admin).await.unwrap();
    wrong
}
