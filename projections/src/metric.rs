//! The read models of metrics: the list, the observations and their corrections. Owns the fold over a batch; the statements
//! are in `table`. Never decides whether something may happen to a metric.

mod table;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use chrono::{DateTime, Utc};
use event_schemas::{
    Event, RecordedEvent,
    metric::{MetricDefined, MetricEvent, MetricObserved, ObservationCorrected},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    ApplyError, Projection,
    projection::{Known, aggregate, decode},
};

/// Metrics.
#[derive(Clone, Copy, Debug)]
pub struct Metric;

/// Tenant and metric.
type Key = (Uuid, Uuid);
/// Tenant, metric and the observation's number.
type ObservationKey = (Uuid, Uuid, i32);

/// A row of `metric` without its key. Values are in millionths.
struct Row {
    name: String,
    unit: String,
    aggregation: String,
    description: Option<String>,
    feed: Option<String>,
    monthly: Option<Monthly>,
    observation_count: i32,
    correction_count: i32,
    latest: Option<Latest>,
    defined_at: DateTime<Utc>,
    waived: Vec<String>,
    version: i32,
    position: i64,
    updated_at: DateTime<Utc>,
}

/// Which goal each month has.
struct Monthly {
    growth: i64,
    zone: String,
}

/// The latest observation: they are ordered by their time, and by their numbers at the same time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Latest {
    at: DateTime<Utc>,
    number: i32,
    value: i64,
}

/// A row of `metric_observation` without its key.
struct Observation {
    observed_at: DateTime<Utc>,
    value: i64,
    source: Option<String>,
    corrections: i32,
}

/// A row of `metric_correction`.
struct Correction {
    key: ObservationKey,
    place: i32,
    old_value: i64,
    new_value: i64,
    reason: Option<String>,
    corrected_at: DateTime<Utc>,
}

/// What a batch finds and leaves behind.
#[derive(Default)]
struct Batch {
    metrics: BTreeMap<Key, Row>,
    observations: BTreeMap<ObservationKey, Observation>,
    corrections: Vec<Correction>,
}

#[async_trait::async_trait]
impl Projection for Metric {
    fn name(&self) -> &'static str {
        "metric"
    }

    fn fold(&self) -> u32 {
        1
    }

    fn ddl(&self) -> &'static str {
        include_str!("../../migrations/read-models/metric.sql")
    }

    fn known(&self) -> &'static [Known] {
        &[Known {
            context: "metric",
            types: MetricEvent::TYPES,
        }]
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        let mut decoded = Vec::with_capacity(events.len());
        let mut corrected = BTreeSet::new();
        for recorded in events {
            let key = (recorded.tenant.0, aggregate(recorded)?);
            let event = decode(recorded)?;
            if let MetricEvent::ObservationCorrected(event) = &event {
                corrected.insert((key.0, key.1, number(recorded, event.number)?));
            }
            decoded.push((key, *recorded, event));
        }
        let keys: BTreeSet<Key> = decoded.iter().map(|(key, ..)| *key).collect();
        let mut batch = Batch {
            metrics: table::load(&keys, connection).await?,
            observations: table::load_observations(&corrected, connection).await?,
            corrections: Vec::new(),
        };
        for (key, recorded, event) in decoded {
            batch.fold(key, recorded, event)?;
        }
        table::save(&batch.metrics, connection).await?;
        table::save_observations(&batch.observations, connection).await?;
        table::insert_corrections(&batch.corrections, connection).await?;
        Ok(())
    }
}

impl Batch {
    fn fold(
        &mut self,
        key: Key,
        recorded: &RecordedEvent,
        event: MetricEvent,
    ) -> Result<(), ApplyError> {
        let row = match (self.metrics.entry(key), event) {
            (Entry::Vacant(free), MetricEvent::MetricDefined(defined)) => {
                free.insert(Row::defined(recorded, defined));
                return Ok(());
            }
            (Entry::Occupied(_), MetricEvent::MetricDefined(_)) => {
                return Err(ApplyError::event(recorded, "the metric is defined already"));
            }
            (Entry::Vacant(_), _) => {
                return Err(ApplyError::event(recorded, "the metric is not defined"));
            }
            (Entry::Occupied(row), MetricEvent::MetricObserved(observed)) => {
                let row = row.into_mut();
                observe(&mut self.observations, row, key, recorded, observed)?;
                row
            }
            (Entry::Occupied(row), MetricEvent::ObservationCorrected(event)) => {
                let row = row.into_mut();
                let number = number(recorded, event.number)?;
                let key = (key.0, key.1, number);
                let observation = self.observations.get_mut(&key).ok_or_else(|| {
                    ApplyError::event(recorded, "the metric has no observation of that number")
                })?;
                let correction = correct(observation, row, key, recorded, event);
                self.corrections.push(correction);
                row
            }
        };
        row.version = recorded.version;
        row.position = recorded.position;
        row.updated_at = recorded.occurred_at;
        Ok(())
    }
}

impl Row {
    fn defined(recorded: &RecordedEvent, defined: MetricDefined) -> Self {
        Self {
            name: defined.name,
            unit: defined.unit,
            aggregation: defined.aggregation.as_str().to_owned(),
            description: defined.description,
            feed: defined.feed.map(|feed| feed.as_str().to_owned()),
            monthly: defined.monthly_goal.map(|goal| Monthly {
                growth: goal.growth_percent.micros(),
                zone: goal.time_zone.as_str().to_owned(),
            }),
            observation_count: 0,
            correction_count: 0,
            latest: None,
            defined_at: recorded.occurred_at,
            waived: Vec::new(),
            version: recorded.version,
            position: recorded.position,
            updated_at: recorded.occurred_at,
        }
    }
}

fn observe(
    observations: &mut BTreeMap<ObservationKey, Observation>,
    row: &mut Row,
    key: Key,
    recorded: &RecordedEvent,
    observed: MetricObserved,
) -> Result<(), ApplyError> {
    for (at, observation) in (observed.first_number..).zip(observed.observations) {
        let number = number(recorded, at)?;
        let latest = Latest {
            at: observation.observed_at,
            number,
            value: observation.value.micros(),
        };
        row.latest = row.latest.max(Some(latest));
        row.observation_count = row.observation_count.max(number);
        let found = Observation {
            observed_at: latest.at,
            value: latest.value,
            source: observation.source,
            corrections: 0,
        };
        observations.insert((key.0, key.1, number), found);
    }
    for code in observed.waived {
        if !row.waived.contains(&code) {
            row.waived.push(code);
        }
    }
    Ok(())
}

fn correct(
    observation: &mut Observation,
    row: &mut Row,
    key: ObservationKey,
    recorded: &RecordedEvent,
    corrected: ObservationCorrected,
) -> Correction {
    let new_value = corrected.value.micros();
    observation.corrections += 1;
    row.correction_count += 1;
    if let Some(latest) = row.latest.as_mut().filter(|latest| latest.number == key.2) {
        latest.value = new_value;
    }
    Correction {
        key,
        place: observation.corrections,
        old_value: std::mem::replace(&mut observation.value, new_value),
        new_value,
        reason: corrected.reason,
        corrected_at: recorded.occurred_at,
    }
}

fn number(recorded: &RecordedEvent, number: u32) -> Result<i32, ApplyError> {
    i32::try_from(number)
        .map_err(|_| ApplyError::event(recorded, "an observation's number is out of range"))
}
