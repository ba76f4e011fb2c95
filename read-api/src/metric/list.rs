//! The list of metrics: filter, ordering and pages. Never reads more than a page and one row.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, MaybeUndefined, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};

use super::{Aggregation, Metric, SELECT};
use crate::{
    failure::Failure,
    filter::{
        self, Clause, Column,
        input::{RangeFilter, StringFilter, UuidFilter, group, words},
    },
    page::{Direction, Ordering, Page, Paging, Place},
    serial::Serial,
    session::Snapshot,
};

/// What a metric can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MetricField {
    MetricId,
    Name,
    Unit,
    Aggregation,
    ObservationCount,
    DefinedAt,
    LatestAt,
}

impl MetricField {
    fn column(self) -> Column {
        Column::of(match self {
            Self::MetricId => "m.metric_id",
            Self::Name => "m.name",
            Self::Unit => "m.unit",
            Self::Aggregation => "m.aggregation",
            Self::ObservationCount => "m.observation_count",
            Self::DefinedAt => "m.defined_at",
            Self::LatestAt => "m.latest_at",
        })
    }
}

/// Conditions on how a metric's observations become one number. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct MetricAggregationFilter {
    /// It is this.
    eq: MaybeUndefined<Aggregation>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<Aggregation>>,
}

/// Which metrics. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct MetricFilter {
    /// The UUID.
    metric_id: Option<UuidFilter>,
    /// What it is called.
    name: Option<StringFilter>,
    /// In what it is measured.
    unit: Option<StringFilter>,
    /// How several observations become one number.
    aggregation: Option<MetricAggregationFilter>,
    /// How many observations there are.
    observation_count: Option<RangeFilter<i32>>,
    /// When it was defined.
    defined_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When the latest observation was made.
    latest_at: Option<RangeFilter<DateTime<Utc>>>,
    /// All of these.
    and: Option<Vec<MetricFilter>>,
    /// At least one of these.
    or: Option<Vec<MetricFilter>>,
    /// Not this.
    not: Option<Box<MetricFilter>>,
}

impl MetricFilter {
    fn clause(self) -> Result<Clause<MetricField>, Failure> {
        use MetricField as F;
        let aggregation = |test: MetricAggregationFilter| {
            words(F::Aggregation, test.eq, test.any_of, Aggregation::as_str)
        };
        let own = [
            self.metric_id.map(|test| test.clause(F::MetricId)),
            self.name.map(|test| test.clause(F::Name)),
            self.unit.map(|test| test.clause(F::Unit)),
            self.aggregation.map(aggregation),
            self.observation_count
                .map(|test| test.clause(F::ObservationCount)),
            self.defined_at.map(|test| test.clause(F::DefinedAt)),
            self.latest_at.map(|test| test.clause(F::LatestAt)),
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

/// By what metrics are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum MetricSortField {
    /// When they were defined.
    DefinedAt,
}

/// How metrics are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct MetricSort {
    /// By what.
    field: MetricSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for MetricSort {
    fn default() -> Self {
        Self {
            field: MetricSortField::DefinedAt,
            direction: Direction::Desc,
        }
    }
}

impl MetricSort {
    fn ordering(self) -> Ordering {
        match self.field {
            MetricSortField::DefinedAt => Ordering {
                name: "metrics by definedAt",
                key: "m.defined_at",
                is_time: true,
                id: "m.metric_id",
                direction: self.direction,
            },
        }
    }
}

/// One page.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    filter: Option<MetricFilter>,
    order: MetricSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<Metric>, MetricTotal>, Failure> {
    let clause = filter.unwrap_or_default().clause()?;
    clause.check()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    filter::push(&mut query, &clause, &MetricField::column);
    page.push(&mut query);
    let rows: Vec<Metric> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let place = |row: &Metric| Place {
        key: row.defined_at.timestamp_micros(),
        id: row.metric_id,
    };
    let nodes = rows.into_iter().map(|row| (place(&row), row)).collect();
    let total = MetricTotal {
        snapshot: Arc::clone(&snapshot),
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// How many there are; read only when it is selected.
pub(crate) struct MetricTotal {
    snapshot: Arc<Snapshot>,
    clause: Clause<MetricField>,
}

#[Object]
impl MetricTotal {
    /// How many metrics there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl MetricTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = QueryBuilder::<Postgres>::new("select count(*) from metric m where ");
        filter::push(&mut query, &self.clause, &MetricField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
