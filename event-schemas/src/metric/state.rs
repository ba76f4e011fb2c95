//! A metric as it stands, folded from its events, for the compacted topic: not its observations, which would grow for
//! ever. Never what decisions go by.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Aggregation, Feed, MetricEvent, MonthlyGoal};
use crate::{RecordedEvent, decimal::Decimal, state::State};

/// A metric as it stands.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricState {
    /// What it is called.
    pub name: String,
    /// In what it is measured.
    pub unit: String,
    /// How several observations become one number.
    pub aggregation: Aggregation,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What measures it, if nobody else does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
    /// Which goal each month has, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_goal: Option<MonthlyGoal>,
    /// How many observations there are.
    pub observations: u32,
    /// How often one was corrected.
    pub corrections: u32,
    /// The latest observation by its own time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<LatestObservation>,
}

/// The latest observation of a metric.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatestObservation {
    /// Its number within the metric.
    pub number: u32,
    /// When it was measured.
    pub observed_at: DateTime<Utc>,
    /// What was measured, as corrected.
    pub value: Decimal,
}

impl State for MetricState {
    type Event = MetricEvent;

    fn after(before: Option<Self>, event: MetricEvent, _: &RecordedEvent) -> Option<Self> {
        let Some(mut metric) = before else {
            return match event {
                MetricEvent::MetricDefined(defined) => Some(Self {
                    name: defined.name,
                    unit: defined.unit,
                    aggregation: defined.aggregation,
                    description: defined.description,
                    feed: defined.feed,
                    monthly_goal: defined.monthly_goal,
                    observations: 0,
                    corrections: 0,
                    latest: None,
                }),
                _ => None,
            };
        };
        match event {
            MetricEvent::MetricDefined(_) => {}
            MetricEvent::MetricObserved(observed) => {
                for (number, observation) in (observed.first_number..).zip(observed.observations) {
                    metric.observations = metric.observations.max(number);
                    let is_later = |latest: &LatestObservation| {
                        (latest.observed_at, latest.number) < (observation.observed_at, number)
                    };
                    if metric.latest.as_ref().is_none_or(is_later) {
                        metric.latest = Some(LatestObservation {
                            number,
                            observed_at: observation.observed_at,
                            value: observation.value,
                        });
                    }
                }
            }
            MetricEvent::ObservationCorrected(corrected) => {
                metric.corrections = metric.corrections.saturating_add(1);
                let latest = metric.latest.as_mut();
                if let Some(latest) = latest.filter(|latest| latest.number == corrected.number) {
                    latest.value = corrected.value;
                }
            }
        }
        Some(metric)
    }
}
