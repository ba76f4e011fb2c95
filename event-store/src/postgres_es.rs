//! Reads the events table of a postgres-es database, in one snapshot. Owns the connection to it and what may be brought
//! over; it never writes there, and never talks to the log.
//!
//! # The order of the events
//!
//! A table of postgres-es numbers the events of each aggregate and nothing beyond. Where it has a column `timestamp`,
//! events come in its order: an event's time is the latest among its own and those before it in its aggregate, so that
//! no aggregate is ever read out of its sequence. Without that column they come aggregate by aggregate.

mod survey;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use event_schemas::StreamId;
use futures::{Stream, TryStreamExt};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

pub use survey::{Refused, Survey};

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none.
    #[error("the source's URL is not of the form postgres://user:password@host:port/database: {0}")]
    Url(#[source] sqlx::Error),
    /// Nobody answers there.
    #[error("the source cannot be reached: {0}; check its URL and that it accepts connections")]
    Unreachable(#[source] sqlx::Error),
    /// There is no such table.
    #[error("the source has no table {table}; name the events table with --table")]
    NoTable {
        /// The name that was looked for.
        table: String,
    },
    /// The table is not one of postgres-es.
    #[error(
        "the source's table {table} has no column {column}, so it is not an events table of postgres-es 0.5"
    )]
    NoColumn {
        /// The table.
        table: String,
        /// The first column it lacks.
        column: &'static str,
    },
    /// Reading failed.
    #[error("the source failed: {0}; import again to go on where it stopped")]
    Read(#[from] sqlx::Error),
}

/// An event of the source.
#[derive(Clone, PartialEq, Debug, sqlx::FromRow)]
pub struct SourceEvent {
    /// The aggregate's type.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub aggregate_id: String,
    /// The event's number in its aggregate, from 1.
    pub sequence: i32,
    /// Its type.
    pub event_type: String,
    /// The major part of its version.
    pub schema_version: i16,
    /// The text of its payload, as the source has it.
    pub payload: String,
    /// The text of its metadata, as the source has it.
    pub metadata: String,
    /// When it happened, where the source says so.
    pub occurred_at: Option<DateTime<Utc>>,
}

impl SourceEvent {
    /// The stream it goes to.
    pub fn stream(&self) -> StreamId {
        StreamId(format!("{}-{}", self.aggregate_type, self.aggregate_id))
    }
}

/// An aggregate of the source, as the stream it goes to.
#[derive(Clone, PartialEq, Eq, Debug, sqlx::FromRow)]
pub struct SourceStream {
    /// The stream's name.
    pub stream: String,
    /// Its last sequence, which is how many events it has.
    pub events: i64,
}

/// An events table, open in one snapshot. Closing the connection ends it.
pub struct Source {
    connection: PgConnection,
    /// The table's name, quoted.
    table: String,
    /// Whether it says when its events happened.
    dated: bool,
    /// Contexts whose streams are not the source's to write.
    reserved: Vec<String>,
}

const COLUMNS: [&str; 7] = [
    "aggregate_type",
    "aggregate_id",
    "sequence",
    "event_type",
    "event_version",
    "payload",
    "metadata",
];

impl Source {
    /// Opens `table`, which may have its schema before a dot. Streams of the contexts `reserved` are refused.
    ///
    /// # Errors
    /// When it cannot be reached, or is not an events table.
    pub async fn open(url: &SecretString, table: &str, reserved: &[&str]) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(url.expose_secret()).map_err(Error::Url)?;
        let mut connection =
            PgConnection::connect_with(&options.application_name("daybook_import"))
                .await
                .map_err(Error::Unreachable)?;
        sqlx::raw_sql("begin isolation level repeatable read read only")
            .execute(&mut connection)
            .await?;
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, table),
        };
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select a.attname::text, c.oid::regclass::text
             from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             where c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
               and case when $2::text is null then pg_table_is_visible(c.oid)
                   else c.relnamespace = (select n.oid from pg_namespace n where n.nspname = $2) end",
        )
        .bind(name)
        .bind(schema)
        .fetch_all(&mut connection)
        .await?;
        let Some((_, quoted)) = columns.first() else {
            return Err(Error::NoTable {
                table: table.to_owned(),
            });
        };
        let has = |column: &str| columns.iter().any(|(name, _)| name == column);
        if let Some(column) = COLUMNS.into_iter().find(|column| !has(column)) {
            return Err(Error::NoColumn {
                table: table.to_owned(),
                column,
            });
        }
        Ok(Self {
            connection,
            table: quoted.clone(),
            dated: has("timestamp"),
            reserved: reserved.iter().map(ToString::to_string).collect(),
        })
    }

    /// The events of all aggregates that are not refused, in the order in which they are to be appended. The source
    /// sorts them; here one is held at a time.
    pub fn events(&mut self) -> impl Stream<Item = Result<SourceEvent, Error>> + Send + '_ {
        let (table, streams) = (&self.table, self.streams());
        let (time, order) = if self.dated {
            (
                "max(e.\"timestamp\"::timestamptz) over (partition by s.stream order by e.sequence)",
                "occurred_at, ",
            )
        } else {
            ("null::timestamptz", "")
        };
        let statement = format!(
            "with streams as ({streams}) \
             select e.aggregate_type::text, e.aggregate_id::text, e.sequence::int, e.event_type::text, \
               split_part(e.event_version::text, '.', 1)::smallint as schema_version, e.payload::text, e.metadata::text, \
               {time} as occurred_at \
             from {table} e join streams s on s.stream = (e.aggregate_type::text || '-' || e.aggregate_id::text) collate \"C\" \
             where s.reason is null order by {order}s.stream, e.sequence"
        );
        sqlx::query_as(AssertSqlSafe(statement))
            .bind(&self.reserved)
            .fetch(&mut self.connection)
            .map_err(Error::Read)
    }

    /// All aggregates that are not refused, by name. Here one is held at a time.
    pub fn sound_streams(&mut self) -> impl Stream<Item = Result<SourceStream, Error>> + Send + '_ {
        let statement = format!(
            "with streams as ({}) select stream, events from streams where reason is null order by stream",
            self.streams()
        );
        sqlx::query_as(AssertSqlSafe(statement))
            .bind(&self.reserved)
            .fetch(&mut self.connection)
            .map_err(Error::Read)
    }
}
