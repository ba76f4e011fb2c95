//! Parked tenants: an event that cannot be applied stops its tenant in that projection, and nobody else. Owns how it is found
//! and what is written down of it; `retry` lets the tenant go on. Nothing is ever passed over: what a parked tenant's tables
//! lack begins at the place that is written down.

use std::collections::{HashMap, HashSet};

use event_schemas::RecordedEvent;
use event_store::PartitionTx;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    ApplyError, Error, Projection, build::Build, engine::narrow, error::Failure, meter,
    policy::Effects,
};

/// The first event of a tenant that cannot be applied.
pub(crate) struct Poisoned {
    pub(crate) tenant: Uuid,
    pub(crate) partition: u16,
    pub(crate) offset: i64,
    pub(crate) position: i64,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    /// Why. Names no value of its payload.
    pub(crate) reason: String,
}

impl Poisoned {
    fn new(event: &RecordedEvent, reason: String) -> Self {
        Self {
            tenant: event.tenant.0,
            partition: event.partition,
            offset: event.offset,
            position: event.position,
            event_id: event.event_id,
            event_type: event.event_type.clone(),
            reason,
        }
    }
}

/// What a batch did besides its rows.
#[derive(Default)]
pub(crate) struct Folded {
    /// The events that could not be applied, each the first one of its tenant.
    pub(crate) poisoned: Vec<Poisoned>,
    /// What a policy wants done about the others.
    pub(crate) effects: Effects,
}

/// Applies a batch one tenant after the other. What can be applied is, up to the first event of each tenant that cannot.
pub(crate) async fn apply_each(
    projection: &dyn Projection,
    events: &[&RecordedEvent],
    connection: &mut PgConnection,
) -> Result<Folded, Failure> {
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    let mut tenants: Vec<Vec<&RecordedEvent>> = Vec::new();
    for event in events {
        let place = *places.entry(event.tenant.0).or_insert(tenants.len());
        match tenants.get_mut(place) {
            Some(of_tenant) => of_tenant.push(event),
            None => tenants.push(vec![event]),
        }
    }
    let mut all = Folded::default();
    for events in &tenants {
        let one = apply_one(projection, events, connection).await?;
        all.poisoned.extend(one.poisoned);
        all.effects.append(one.effects);
    }
    Ok(all)
}

/// Applies one tenant's events up to the first that cannot be applied. The fewer are left in question, the
/// shorter the steps: in halves, where an error does not say which event it was.
pub(crate) async fn apply_one(
    projection: &dyn Projection,
    events: &[&RecordedEvent],
    connection: &mut PgConnection,
) -> Result<Folded, Failure> {
    let mut folded = Folded::default();
    // Everything before `done` is applied; the next step goes to `end`.
    let (mut done, mut end) = (0, events.len());
    while let Some((first, step)) = events
        .get(done..end)
        .and_then(|step| Some((*step.first()?, step)))
    {
        let mut savepoint = connection.begin().await.map_err(Error::from)?;
        match projection.react(step, &mut savepoint).await {
            Ok(effects) => {
                savepoint.commit().await.map_err(Error::from)?;
                folded.effects.append(effects);
                (done, end) = (end, events.len());
            }
            Err(error) => {
                savepoint.rollback().await.map_err(Error::from)?;
                let (offset, reason) = poison(error)?;
                let named = offset.and_then(|offset| step.iter().position(|e| e.offset == offset));
                match named.unwrap_or(step.len() / 2) {
                    0 => {
                        folded.poisoned.push(Poisoned::new(first, reason));
                        break;
                    }
                    before => end = done + before,
                }
            }
        }
    }
    Ok(folded)
}

/// What is wrong with an event, unless something else is wrong.
fn poison(error: ApplyError) -> Result<(Option<i64>, String), Failure> {
    match error.into() {
        Failure::Poison { offset, reason } => Ok((offset, reason)),
        other => Err(other),
    }
}

/// The tenants that are parked in these partitions. The checkpoints are locked.
pub(crate) async fn tenants(
    tx: &mut PartitionTx,
    build: &Build,
    partitions: &[u16],
) -> Result<HashSet<Uuid>, Error> {
    let tenants = sqlx::query_scalar!(
        "select tenant_id from projection.parked where projection = $1 and build = $2 and partition = any($3)",
        build.name(),
        build.number,
        &partitions.iter().copied().map(narrow).collect::<Vec<_>>()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(tenants.into_iter().collect())
}

/// Writes down who is parked from now on. The checkpoints are locked, and say how many they are.
pub(crate) async fn write(
    tx: &mut PartitionTx,
    build: &Build,
    poisoned: &[Poisoned],
) -> Result<(), Error> {
    if poisoned.is_empty() {
        return Ok(());
    }
    let all = || poisoned.iter();
    sqlx::query!(
        r#"insert into projection.parked
             (projection, build, partition, tenant_id, "offset", position, event_id, event_type, error, attempts, parked_at, tried_at)
           select $1, $2, e.*, 1, now(), now()
           from unnest($3::smallint[], $4::uuid[], $5::bigint[], $6::bigint[], $7::uuid[], $8::text[], $9::text[]) e"#,
        build.name(),
        build.number,
        &all().map(|one| narrow(one.partition)).collect::<Vec<_>>(),
        &all().map(|one| one.tenant).collect::<Vec<_>>(),
        &all().map(|one| one.offset).collect::<Vec<_>>(),
        &all().map(|one| one.position).collect::<Vec<_>>(),
        &all().map(|one| one.event_id).collect::<Vec<_>>(),
        &all().map(|one| one.event_type.as_str()).collect::<Vec<_>>() as &[&str],
        &all().map(|one| one.reason.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Says who was parked.
pub(crate) fn tell(build: &Build, poisoned: &[Poisoned]) {
    for one in poisoned {
        metrics::counter!(meter::PARKED_EVER, "projection" => build.name()).increment(1);
        tracing::error!(
            projection = build.name(),
            build = build.number,
            tenant = %one.tenant,
            position = one.position,
            reason = one.reason,
            "a tenant is parked: an event of it cannot be applied; mend what is wrong and run `daybook projections retry`"
        );
    }
}
