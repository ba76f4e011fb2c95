//! What happens to goals in the histories.

use chrono::{DateTime, TimeDelta, Utc};
use event_schemas::{
    StreamId, TenantId,
    decimal::Decimal,
    goal::{
        GoalAbandoned, GoalAchieved, GoalActivated, GoalAdjusted, GoalAggregation, GoalDrafted,
        GoalEvent, GoalMetricLinked, GoalMissed, GoalProgressed, GoalStatus, GoalTerms, MetricLink,
        ProgressSource,
    },
};
use event_store::{Append, Clock as _, SystemClock};
use uuid::Uuid;

use super::{Dice, append, at};

/// A goal that was begun: its tenant, its id, and one more than its progress; 0 before it is drafted.
pub type Begun = (TenantId, Uuid, u32);

/// The next event of one of the goals, or of a new one of the tenant.
pub fn next(dice: &mut Dice, goals: &mut Vec<Begun>, tenant: TenantId, n: i64) -> Append {
    if goals.is_empty() || dice.roll(4) == 0 {
        goals.push((tenant, SystemClock.uuid_v7(), 0));
    }
    let which = usize::try_from(dice.roll(goals.len() as u64)).unwrap();
    let (tenant, id, count) = &mut goals[which];
    let event = step(dice, count, at(n));
    append(*tenant, StreamId::new("goal", *id), at(n), &event)
}

fn some<T>(dice: &mut Dice, value: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    (dice.roll(3) > 0).then(|| value(dice))
}

fn number(dice: &mut Dice) -> Decimal {
    Decimal::from_micros(dice.roll(9_000_000).cast_signed() - 4_000_000).unwrap()
}

fn terms(dice: &mut Dice, when: DateTime<Utc>) -> GoalTerms {
    GoalTerms {
        title: format!("g{}", dice.roll(9)),
        description: some(dice, |_| "d, \"quoted\"".into()),
        owner_id: some(dice, |dice| format!("o{}", dice.roll(3))),
        unit: some(dice, |_| "u".into()),
        baseline: some(dice, number),
        target: some(dice, number),
        starts_at: some(dice, |_| when),
        due_at: some(dice, |dice| {
            when + TimeDelta::days(dice.roll(90).cast_signed() - 9)
        }),
    }
}

fn link(dice: &mut Dice) -> MetricLink {
    MetricLink {
        metric_id: Uuid::from_u128(dice.roll(9).into()),
        aggregation: GoalAggregation::ALL[usize::try_from(dice.roll(5)).unwrap()],
    }
}

/// The draft of a goal, or what comes later: in any order, for what is closed stays closed.
fn step(dice: &mut Dice, count: &mut u32, when: DateTime<Utc>) -> GoalEvent {
    let waived = vec!["a,\"b\\".to_owned()];
    let note = |dice: &mut Dice| some(dice, |dice| format!("n{}", dice.roll(9)));
    if *count == 0 {
        *count = 1;
        return GoalDrafted {
            terms: terms(dice, when),
        }
        .into();
    }
    match dice.roll(20) {
        0..=3 => GoalActivated {
            unit: "u".into(),
            baseline: number(dice),
            target: number(dice),
            starts_at: when,
            due_at: when + TimeDelta::days(dice.roll(90).cast_signed()),
            metric: some(dice, link),
            waived,
        }
        .into(),
        4 | 5 => GoalMetricLinked {
            metric: link(dice),
            previous: some(dice, link),
            status: GoalStatus::Draft,
            terms: terms(dice, when),
            waived,
        }
        .into(),
        6 | 7 => GoalAdjusted {
            old: terms(dice, when),
            new: terms(dice, when),
            status: GoalStatus::Active,
            metric: some(dice, link),
            reached: dice.roll(2) > 0,
            reason: note(dice),
            waived,
        }
        .into(),
        8 => GoalAchieved {
            actual: some(dice, number),
            note: note(dice),
            waived,
        }
        .into(),
        9 => GoalMissed {
            actual: some(dice, number),
            note: note(dice),
            waived,
        }
        .into(),
        10 => GoalAbandoned { reason: note(dice) }.into(),
        _ => {
            *count += 1;
            GoalProgressed {
                number: *count - 1,
                actual: number(dice),
                previous: some(dice, number),
                reached: dice.roll(2) > 0,
                source: some(dice, |dice| ProgressSource {
                    metric_id: Uuid::from_u128(7),
                    observation_number: some(dice, |dice| u32::try_from(dice.roll(900)).unwrap()),
                    event_id: some(dice, |dice| Uuid::from_u128(dice.roll(99).into())),
                }),
                note: note(dice),
                waived,
            }
            .into()
        }
    }
}
