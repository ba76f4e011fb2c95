//! Customers for reading: the root fields and the object. Never decides what may happen to a customer.

mod list;

use async_graphql::{Context, ID, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use self::list::{CustomerFilter, CustomerSort, CustomerTotal};
use crate::{
    failure::Failure,
    page::{self, Paging},
    scalar::{BigInt, Kind, global_id, uuid_of},
    serial::Serial,
    session::{Root, Snapshot},
};

/// The permission's context.
const CONTEXT: &str = "customer";

/// What every reading of customers begins with: all of [`Customer`]'s columns.
const SELECT: &str = "select c.customer_id, c.name, c.email, c.phone, c.postal_code, c.city, c.state, c.country, \
     c.consents, c.registered_at, c.updated_at, c.version, c.position from customer c where ";

/// The query root's fields about customers.
#[derive(Clone, Default)]
pub(crate) struct CustomerQuery(pub(crate) Root);

#[Object]
impl CustomerQuery {
    /// One customer. `null`: there is none. Needs `customer:read`.
    async fn customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id, or the UUID.")] id: ID,
    ) -> Result<Option<Customer>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        Ok(by_ids(&snapshot, &[uuid_of(Kind::Customer, &id)?])
            .await?
            .pop())
    }

    /// Customers, a page at a time. Needs `customer:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<CustomerFilter>,
        #[graphql(desc = "The newest first, if not given.")] order_by: Option<CustomerSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Serial<Customer>, CustomerTotal>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(list::page(snapshot, filter, order_by.unwrap_or_default(), &paging).await?)
    }
}

/// The customers with these ids, in any order; unknown ids are left out. One statement whatever their number.
pub(crate) async fn by_ids(snapshot: &Snapshot, ids: &[Uuid]) -> Result<Vec<Customer>, Failure> {
    snapshot.allow(CONTEXT)?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query
        .push("c.customer_id = any(")
        .push_bind(ids.to_vec())
        .push(")");
    Ok(query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}

/// A customer, as the read models know it.
#[derive(Clone, FromRow, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the columns' names")]
pub(crate) struct Customer {
    customer_id: Uuid,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    postal_code: Option<String>,
    city: Option<String>,
    state: Option<String>,
    country: Option<String>,
    consents: Vec<String>,
    registered_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
    position: i64,
}

impl Customer {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.customer_id
    }
}

/// A customer.
#[Object]
impl Customer {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::Customer, self.customer_id)
    }

    /// The UUID that commands take.
    async fn customer_id(&self) -> Uuid {
        self.customer_id
    }

    /// The name.
    async fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The e-mail address.
    async fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The telephone number.
    async fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    /// The postal code.
    async fn postal_code(&self) -> Option<&str> {
        self.postal_code.as_deref()
    }

    /// The city.
    async fn city(&self) -> Option<&str> {
        self.city.as_deref()
    }

    /// The state or province.
    async fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The country, ISO 3166 alpha-2.
    async fn country(&self) -> Option<&str> {
        self.country.as_deref()
    }

    /// The purposes that the customer consents to.
    async fn consents(&self) -> &[String] {
        &self.consents
    }

    /// When the customer was registered.
    async fn registered_at(&self) -> DateTime<Utc> {
        self.registered_at
    }

    /// When the customer's newest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    /// How many events the customer has had: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        self.version
    }

    /// The organization's position of the customer's newest event.
    async fn position(&self) -> BigInt {
        self.position.into()
    }
}
