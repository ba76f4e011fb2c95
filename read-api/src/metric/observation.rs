//! The observations of one metric and what they were before. Never reads more than a page, one row, and the page's
//! corrections at once.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Enum, InputObject, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::decimal;
use crate::{
    failure::Failure,
    filter::{
        self, Clause, Column,
        input::{RangeFilter, StringFilter, group},
    },
    page::{Direction, Ordering, Page, Paging, Place},
    scalar::Decimal,
    serial::Serial,
    session::Snapshot,
};

/// What an observation can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ObservationField {
    Number,
    ObservedAt,
    Source,
    Corrections,
}

impl ObservationField {
    fn column(self) -> Column {
        Column::of(match self {
            Self::Number => "o.number",
            Self::ObservedAt => "o.observed_at",
            Self::Source => "o.source",
            Self::Corrections => "o.corrections",
        })
    }
}

/// Which observations. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
#[graphql(name = "MetricObservationFilter")]
pub(crate) struct ObservationFilter {
    /// Its number within the metric.
    number: Option<RangeFilter<i32>>,
    /// When it was made.
    observed_at: Option<RangeFilter<DateTime<Utc>>>,
    /// Where it comes from.
    source: Option<StringFilter>,
    /// How often it was corrected.
    correction_count: Option<RangeFilter<i32>>,
    /// All of these.
    and: Option<Vec<ObservationFilter>>,
    /// At least one of these.
    or: Option<Vec<ObservationFilter>>,
    /// Not this.
    not: Option<Box<ObservationFilter>>,
}

impl ObservationFilter {
    fn clause(self) -> Result<Clause<ObservationField>, Failure> {
        use ObservationField as F;
        let own = [
            self.number.map(|test| test.clause(F::Number)),
            self.observed_at.map(|test| test.clause(F::ObservedAt)),
            self.source.map(|test| test.clause(F::Source)),
            self.correction_count
                .map(|test| test.clause(F::Corrections)),
        ];
        let own = own.into_iter().flatten().collect::<Result<_, _>>()?;
        group(
            own,
            self.and,
            self.or,
            self.not.map(|not| *not),
            Self::clause,
        )
    }
}

/// By what observations are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(name = "MetricObservationSortField")]
pub(crate) enum ObservationSortField {
    /// When they were made.
    ObservedAt,
    /// Their numbers within the metric: in the order in which they were told.
    Number,
}

/// How observations are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
#[graphql(name = "MetricObservationSort")]
pub(crate) struct ObservationSort {
    /// By what.
    field: ObservationSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for ObservationSort {
    fn default() -> Self {
        Self {
            field: ObservationSortField::ObservedAt,
            direction: Direction::Desc,
        }
    }
}

impl ObservationSort {
    fn ordering(self) -> Ordering {
        let (name, key, is_time) = match self.field {
            ObservationSortField::ObservedAt => {
                ("observations by observedAt", "o.observed_at", true)
            }
            ObservationSortField::Number => ("observations by number", "o.number", false),
        };
        Ordering {
            name,
            key,
            is_time,
            // A place has a UUID for equal keys: here it is the number.
            id: "lpad(to_hex(o.number), 32, '0')::uuid",
            direction: self.direction,
        }
    }

    fn place(self, row: &Row) -> Place {
        Place {
            key: match self.field {
                ObservationSortField::ObservedAt => row.observed_at.timestamp_micros(),
                ObservationSortField::Number => row.number.into(),
            },
            id: Uuid::from_u128(row.number.unsigned_abs().into()),
        }
    }
}

#[derive(FromRow, Debug)]
struct Row {
    number: i32,
    observed_at: DateTime<Utc>,
    value: i64,
    source: Option<String>,
    corrections: i32,
}

/// One measurement, as it was corrected.
#[derive(SimpleObject, Debug)]
pub(crate) struct MetricObservation {
    /// Its number within the metric, from 1: what `correctObservation` takes.
    number: i32,
    /// When it was made.
    observed_at: DateTime<Utc>,
    /// What was measured.
    value: Decimal,
    /// Where it comes from.
    source: Option<String>,
    /// How it was corrected, the first time first.
    corrections: Vec<MetricCorrection>,
}

/// A value that was put right.
#[derive(SimpleObject, Debug)]
pub(crate) struct MetricCorrection {
    /// What it was.
    old_value: Decimal,
    /// What it became.
    new_value: Decimal,
    /// Why, in words.
    reason: Option<String>,
    /// When.
    corrected_at: DateTime<Utc>,
}

/// One page of the observations of a metric.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    metric: Uuid,
    filter: Option<ObservationFilter>,
    order: ObservationSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<MetricObservation>, ObservationTotal>, Failure> {
    let clause = filter.unwrap_or_default().clause()?;
    clause.check()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = QueryBuilder::<Postgres>::new(
        "select o.number, o.observed_at, o.value, o.source, o.corrections from metric_observation o where o.metric_id = ",
    );
    query.push_bind(metric).push(" and ");
    filter::push(&mut query, &clause, &ObservationField::column);
    page.push(&mut query);
    let rows: Vec<Row> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let mut corrections = corrections(&snapshot, metric, &rows).await?;
    let nodes = rows.into_iter().map(|row| {
        let node = MetricObservation {
            number: row.number,
            observed_at: row.observed_at,
            value: decimal(row.value)?,
            corrections: corrections.remove(&row.number).unwrap_or_default(),
            source: row.source.clone(),
        };
        Ok((order.place(&row), node))
    });
    let nodes = nodes.collect::<Result<Vec<_>, Failure>>()?;
    let total = ObservationTotal {
        snapshot: Arc::clone(&snapshot),
        metric,
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// The corrections of these observations, by number.
async fn corrections(
    snapshot: &Snapshot,
    metric: Uuid,
    rows: &[Row],
) -> Result<HashMap<i32, Vec<MetricCorrection>>, Failure> {
    let numbers: Vec<i32> = rows
        .iter()
        .filter(|row| row.corrections > 0)
        .map(|row| row.number)
        .collect();
    let mut found: HashMap<i32, Vec<MetricCorrection>> = HashMap::new();
    if numbers.is_empty() {
        return Ok(found);
    }
    let rows = sqlx::query!(
        "select number, old_value, new_value, reason, corrected_at
         from metric_correction where metric_id = $1 and number = any($2) order by number, correction",
        metric,
        &numbers
    )
    .fetch_all(&mut *snapshot.statement().await)
    .await?;
    for row in rows {
        found.entry(row.number).or_default().push(MetricCorrection {
            old_value: decimal(row.old_value)?,
            new_value: decimal(row.new_value)?,
            reason: row.reason,
            corrected_at: row.corrected_at,
        });
    }
    Ok(found)
}

/// How many there are; read only when it is selected.
pub(crate) struct ObservationTotal {
    snapshot: Arc<Snapshot>,
    metric: Uuid,
    clause: Clause<ObservationField>,
}

#[Object(name = "MetricObservationTotal")]
impl ObservationTotal {
    /// How many observations there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl ObservationTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = QueryBuilder::<Postgres>::new(
            "select count(*) from metric_observation o where o.metric_id = ",
        );
        query.push_bind(self.metric).push(" and ");
        filter::push(&mut query, &self.clause, &ObservationField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
