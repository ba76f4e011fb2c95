//! How far the read models are. Never shows another tenant's partition, or an event of one.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use event_schemas::ActorKind;

use crate::{
    failure::Failure,
    scalar::BigInt,
    session::{allowed, operation},
};

/// The permission's context.
const CONTEXT: &str = "projection";

/// The query root's fields about the read models.
#[derive(Clone, Default)]
pub(crate) struct ProjectionQuery;

#[Object]
impl ProjectionQuery {
    /// How far each read model is behind the log, in your organization's part of it. Needs `projection:read`.
    #[graphql(complexity = "8 * child_complexity + 1")]
    async fn projections(&self, ctx: &Context<'_>) -> Result<Vec<Projection>> {
        let principal = allowed(ctx, CONTEXT)?;
        let store = &operation(ctx)?.store;
        let partition = principal.tenant.partition(store.partitions());
        let is_operator = principal.actor.kind == ActorKind::Operator;
        let lags = projections::lag(store).await.map_err(Failure::from)?;
        let lags = lags.into_iter().filter(|lag| lag.partition == partition);
        let mut projections: Vec<_> = lags.map(|lag| Projection::new(lag, is_operator)).collect();
        if projections.iter().any(|one| one.parked_organizations > 0) {
            let parked = projections::parked(store, Some(principal.tenant), u32::MAX).await;
            for parked in parked
                .map_err(Failure::from)?
                .into_iter()
                .filter(|one| one.serves)
            {
                let of = projections
                    .iter_mut()
                    .find(|one| one.name == parked.projection);
                if let Some(projection) = of {
                    projection.parked = Some(parked.into());
                }
            }
        }
        for build in projections::builds(store).await.map_err(Failure::from)? {
            let of = projections
                .iter_mut()
                .find(|one| one.name == build.projection);
            if let (false, Some(projection)) = (build.serves, of) {
                projection.rebuild = Some(build.into());
            }
        }
        Ok(projections)
    }
}

/// A read model and how far it is.
#[derive(SimpleObject, Debug)]
pub(crate) struct Projection {
    /// What it is called.
    name: String,
    /// The part of the log that your organization is in.
    partition: i32,
    /// How many events of that part are not applied yet, of whatever organization.
    lag_events: BigInt,
    /// How long the oldest of them has been waiting, in seconds; 0 when there is none.
    lag_seconds: f64,
    /// Whether it stopped at an event that it cannot apply.
    halted: bool,
    /// Why it stopped; only the operator may know, for the event may be another organization's.
    error: Option<String>,
    /// How many organizations of that part are parked: an event of theirs cannot be applied, and the others go on.
    parked_organizations: i32,
    /// Set if yours is: what it shows is as it was before that event.
    parked: Option<ParkedProjection>,
    /// Set while its tables are made anew: these go on serving until the new ones have caught up.
    rebuild: Option<Rebuild>,
}

/// New tables of a read model on their way, for all organizations.
#[derive(SimpleObject, Debug)]
pub(crate) struct Rebuild {
    /// How many events were replayed.
    applied: BigInt,
    /// How many there are.
    events: BigInt,
    /// Events per second since it began.
    events_per_second: f64,
    /// How long it will take, if it goes on like that.
    seconds_left: Option<f64>,
    /// When it began.
    started_at: DateTime<Utc>,
}

impl From<projections::BuildProgress> for Rebuild {
    fn from(build: projections::BuildProgress) -> Self {
        Self {
            applied: build.applied.into(),
            events: build.events.into(),
            events_per_second: build.rate().unwrap_or_default(),
            seconds_left: build.seconds_left(),
            started_at: build.created_at,
        }
    }
}

/// Where a read model stands still for your organization.
#[derive(SimpleObject, Debug)]
pub(crate) struct ParkedProjection {
    /// The position of the first event that it lacks.
    position: BigInt,
    /// How many of your events it lacks.
    lag_events: BigInt,
    /// The type of the event that it cannot apply.
    event_type: String,
    /// Why it cannot.
    error: String,
    /// How often it was tried.
    attempts: i32,
    /// Since when.
    parked_at: DateTime<Utc>,
}

impl From<projections::Parked> for ParkedProjection {
    fn from(parked: projections::Parked) -> Self {
        Self {
            position: parked.position.into(),
            lag_events: parked.events.into(),
            event_type: parked.event_type,
            error: parked.error,
            attempts: parked.attempts,
            parked_at: parked.parked_at,
        }
    }
}

impl Projection {
    fn new(lag: projections::Lag, is_operator: bool) -> Self {
        Self {
            name: lag.projection,
            partition: lag.partition.into(),
            lag_events: lag.events.into(),
            lag_seconds: lag.seconds,
            halted: lag.halted.is_some(),
            error: lag.halted.filter(|_| is_operator),
            parked_organizations: lag.parked,
            parked: None,
            rebuild: None,
        }
    }
}
