//! The list of customers: filter, ordering and pages. Never reads more than a page and one row.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};

use super::{Customer, SELECT};
use crate::{
    failure::Failure,
    filter::{
        self, Clause, Column,
        input::{RangeFilter, StringFilter, UuidFilter, group},
    },
    page::{Direction, Ordering, Page, Paging, Place},
    serial::Serial,
    session::Snapshot,
};

/// What a customer can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CustomerField {
    CustomerId,
    Name,
    Email,
    City,
    State,
    Country,
    RegisteredAt,
}

impl CustomerField {
    fn column(self) -> Column {
        Column::of(match self {
            Self::CustomerId => "c.customer_id",
            Self::Name => "c.name",
            Self::Email => "c.email",
            Self::City => "c.city",
            Self::State => "c.state",
            Self::Country => "c.country",
            Self::RegisteredAt => "c.registered_at",
        })
    }
}

/// Which customers. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct CustomerFilter {
    /// The UUID.
    customer_id: Option<UuidFilter>,
    /// The name.
    name: Option<StringFilter>,
    /// The e-mail address.
    email: Option<StringFilter>,
    /// The city.
    city: Option<StringFilter>,
    /// The state or province.
    state: Option<StringFilter>,
    /// The country, ISO 3166 alpha-2.
    country: Option<StringFilter>,
    /// When the customer was registered.
    registered_at: Option<RangeFilter<DateTime<Utc>>>,
    /// All of these.
    and: Option<Vec<CustomerFilter>>,
    /// At least one of these.
    or: Option<Vec<CustomerFilter>>,
    /// Not this.
    not: Option<Box<CustomerFilter>>,
}

impl CustomerFilter {
    fn clause(self) -> Result<Clause<CustomerField>, Failure> {
        use CustomerField as F;
        let own = [
            self.customer_id.map(|test| test.clause(F::CustomerId)),
            self.name.map(|test| test.clause(F::Name)),
            self.email.map(|test| test.clause(F::Email)),
            self.city.map(|test| test.clause(F::City)),
            self.state.map(|test| test.clause(F::State)),
            self.country.map(|test| test.clause(F::Country)),
            self.registered_at.map(|test| test.clause(F::RegisteredAt)),
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

/// By what customers are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum CustomerSortField {
    /// When they were registered.
    RegisteredAt,
}

/// How customers are ordered.
#[derive(Clone, Copy, InputObject, Debug)]
pub(crate) struct CustomerSort {
    /// By what.
    field: CustomerSortField,
    /// Up or down.
    #[graphql(default_with = "Direction::Asc")]
    direction: Direction,
}

impl Default for CustomerSort {
    fn default() -> Self {
        Self {
            field: CustomerSortField::RegisteredAt,
            direction: Direction::Desc,
        }
    }
}

impl CustomerSort {
    fn ordering(self) -> Ordering {
        match self.field {
            CustomerSortField::RegisteredAt => Ordering {
                name: "customers by registeredAt",
                key: "c.registered_at",
                is_time: true,
                id: "c.customer_id",
                direction: self.direction,
            },
        }
    }
}

/// One page.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    filter: Option<CustomerFilter>,
    order: CustomerSort,
    paging: &Paging,
) -> Result<Connection<String, Serial<Customer>, CustomerTotal>, Failure> {
    let clause = filter.unwrap_or_default().clause()?;
    clause.check()?;
    let page = Page::new(paging, order.ordering(), snapshot.cursors())?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    filter::push(&mut query, &clause, &CustomerField::column);
    page.push(&mut query);
    let rows: Vec<Customer> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let place = |row: &Customer| Place {
        key: row.registered_at.timestamp_micros(),
        id: row.customer_id,
    };
    let nodes = rows.into_iter().map(|row| (place(&row), row)).collect();
    let total = CustomerTotal {
        snapshot: Arc::clone(&snapshot),
        clause,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// How many there are; read only when it is selected.
pub(crate) struct CustomerTotal {
    snapshot: Arc<Snapshot>,
    clause: Clause<CustomerField>,
}

#[Object]
impl CustomerTotal {
    /// How many customers there are on all pages together.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl CustomerTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = QueryBuilder::<Postgres>::new("select count(*) from customer c where ");
        filter::push(&mut query, &self.clause, &CustomerField::column);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
