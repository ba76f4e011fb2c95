//! What happens to metrics in the histories.

use chrono::{DateTime, Utc};
use event_schemas::{
    StreamId, TenantId, TimeZone,
    decimal::Decimal,
    metric::{
        Aggregation, Feed, MetricDefined, MetricEvent, MetricObserved, MonthlyGoal, Observation,
        ObservationCorrected,
    },
};
use event_store::{Append, Clock as _, SystemClock};
use uuid::Uuid;

use super::{Dice, append, at};

/// A metric that was begun: its tenant, its id, and one more than its observations; 0 before it is defined.
pub type Begun = (TenantId, Uuid, u32);

/// The next event of one of the metrics, or of a new one of the tenant.
pub fn next(dice: &mut Dice, metrics: &mut Vec<Begun>, tenant: TenantId, n: i64) -> Append {
    if metrics.is_empty() || dice.roll(4) == 0 {
        metrics.push((tenant, SystemClock.uuid_v7(), 0));
    }
    let which = usize::try_from(dice.roll(metrics.len() as u64)).unwrap();
    let (tenant, id, count) = &mut metrics[which];
    let event = step(dice, count, at(n));
    append(*tenant, StreamId::new("metric", *id), at(n), &event)
}

/// The definition of a metric, or what comes later.
fn step(dice: &mut Dice, count: &mut u32, when: DateTime<Utc>) -> MetricEvent {
    let value = |dice: &mut Dice| {
        Decimal::from_micros(dice.roll(9_000_000).cast_signed() - 4_000_000).unwrap()
    };
    if *count == 0 {
        *count = 1;
        return MetricDefined {
            name: format!("m{}", dice.roll(9)),
            unit: "u".into(),
            aggregation: Aggregation::ALL[usize::try_from(dice.roll(3)).unwrap()],
            description: None,
            feed: (dice.roll(2) > 0).then_some(Feed::OrderRevenue),
            monthly_goal: (when.timestamp() % 2 == 0).then(|| MonthlyGoal {
                growth_percent: Decimal::from_micros(1_500_000).unwrap(),
                time_zone: TimeZone::UTC,
            }),
        }
        .into();
    }
    if *count > 1 && dice.roll(3) == 0 {
        let last = u64::from(*count - 1);
        return ObservationCorrected {
            number: u32::try_from(1 + dice.roll(last)).unwrap(),
            value: value(dice),
            reason: (dice.roll(2) > 0).then(|| "r".into()),
        }
        .into();
    }
    let observations: Vec<_> = (0..=dice.roll(3))
        .map(|_| Observation {
            observed_at: at(dice.roll(40).cast_signed()).min(when),
            value: value(dice),
            source: (dice.roll(2) > 0).then(|| format!("s{}", dice.roll(9))),
        })
        .collect();
    let first_number = *count;
    *count += u32::try_from(observations.len()).unwrap();
    MetricObserved {
        first_number,
        observations,
        waived: vec!["a,\"b\\".into()],
    }
    .into()
}
