//! API keys. Never reads the hash of a secret: the reader's role may not.

use async_graphql::{
    ID, Object,
    connection::{Connection, EmptyFields},
};
use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::CONTEXT;
use crate::{
    failure::Failure,
    page::{Direction, Ordering, Page, Paging, Place},
    scalar::{Kind, global_id},
    serial::Serial,
    session::Snapshot,
};

const SELECT: &str = "select k.key_id, k.name, k.scopes, k.issued_at, k.expires_at, k.revoked_at from api_key k where ";

const NEWEST: Ordering = Ordering {
    name: "apiKeys by issuedAt",
    key: "k.issued_at",
    is_time: true,
    id: "k.key_id",
    direction: Direction::Desc,
};

/// An API key. Its secret is never stored and was shown once, when it was issued.
#[derive(Clone, FromRow, Debug)]
pub(crate) struct ApiKey {
    key_id: Uuid,
    name: String,
    scopes: Vec<String>,
    issued_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.key_id
    }
}

/// An API key. Its secret is never stored and was shown once, when it was issued.
#[Object]
impl ApiKey {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::ApiKey, self.key_id)
    }

    /// The UUID that `revokeApiKey` takes.
    async fn key_id(&self) -> Uuid {
        self.key_id
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.name
    }

    /// What it permits: `*`, or `<context>:<action>`, or `<context>:*`.
    async fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// When it was issued.
    async fn issued_at(&self) -> DateTime<Utc> {
        self.issued_at
    }

    /// When it stops to be accepted. `null`: never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// When it was revoked.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.revoked_at
    }
}

/// One page.
pub(super) async fn page(
    snapshot: &Snapshot,
    paging: &Paging,
) -> Result<Connection<String, Serial<ApiKey>, EmptyFields>, Failure> {
    let page = Page::new(paging, NEWEST, snapshot.cursors())?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push("true");
    page.push(&mut query);
    let rows: Vec<ApiKey> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let place = |row: &ApiKey| Place {
        key: row.issued_at.timestamp_micros(),
        id: row.key_id,
    };
    let nodes = rows.into_iter().map(|row| (place(&row), row)).collect();
    page.connection(snapshot.cursors(), nodes, more, EmptyFields)
}

/// The keys with these ids, in any order; unknown ids are left out.
pub(crate) async fn by_ids(snapshot: &Snapshot, ids: &[Uuid]) -> Result<Vec<ApiKey>, Failure> {
    snapshot.allow(CONTEXT)?;
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query
        .push("k.key_id = any(")
        .push_bind(ids.to_vec())
        .push(")");
    Ok(query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?)
}
