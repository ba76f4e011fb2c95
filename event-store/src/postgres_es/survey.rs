//! What a source holds, and which of its aggregates do not fit the log. Never looks into a payload.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use super::{Error, Source};

/// The most bytes of an event's payload.
const PAYLOAD: usize = 512 * 1024;
/// The most bytes of its metadata: what is left of the log's 16 KiB beside our own.
const METADATA: usize = 15_000;

/// What a source holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Survey {
    /// Aggregates that fit.
    pub streams: i64,
    /// Their events.
    pub events: i64,
    /// When the earliest of these happened, where the source says so.
    pub earliest: Option<DateTime<Utc>>,
    /// How many aggregates do not fit.
    pub refused: i64,
    /// The first of them, by name.
    pub examples: Vec<Refused>,
}

/// An aggregate that does not fit.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, sqlx::FromRow)]
pub struct Refused {
    /// The name its stream would have.
    pub stream: String,
    /// Why it does not fit.
    pub reason: String,
}

impl Source {
    /// Looks at every aggregate; names at most `examples` of those that do not fit.
    pub async fn survey(&mut self, examples: i64) -> Result<Survey, Error> {
        let streams = self.streams();
        let statement = format!(
            "with streams as ({streams}) \
             select count(*) filter (where reason is null), \
               coalesce(sum(events) filter (where reason is null), 0)::bigint, \
               min(earliest) filter (where reason is null), count(*) filter (where reason is not null) from streams"
        );
        let (fitting, events, earliest, refused) = sqlx::query_as(AssertSqlSafe(statement))
            .bind(&self.reserved)
            .fetch_one(&mut self.connection)
            .await?;
        let statement = format!(
            "with streams as ({streams}) select stream, reason from streams where reason is not null \
             order by stream limit $2"
        );
        let examples = sqlx::query_as(AssertSqlSafe(statement))
            .bind(&self.reserved)
            .bind(examples)
            .fetch_all(&mut self.connection)
            .await?;
        Ok(Survey {
            streams: fitting,
            events,
            earliest,
            refused,
            examples,
        })
    }

    /// One row per stream: its name, its events, its earliest time, and why it does not fit, if it does not. `$1` are
    /// the contexts that are reserved.
    pub(super) fn streams(&self) -> String {
        let table = &self.table;
        let (earliest, endless) = if self.dated {
            (
                "min(\"timestamp\"::timestamptz) filter (where sequence = 1)",
                "bool_or(not isfinite(\"timestamp\") or \"timestamp\" is null)",
            )
        } else {
            ("null::timestamptz", "false")
        };
        format!(
            "select stream, events, earliest, case \
               when aggregates > 1 then 'two aggregates would share this name' \
               when octet_length(stream) > 255 then 'the name is longer than 255 bytes' \
               when starts_with(stream, '$') or split_part(stream, '-', 1) = any ($1) \
                 then 'streams of ' || split_part(stream, '-', 1) || ' are Daybook''s own' \
               when lowest <> 1 or highest <> events \
                 then 'its sequences are not 1 to ' || events || ': they go from ' || lowest || ' to ' || highest \
               when highest > 2147483647 then 'it has more than 2147483647 events' \
               when misnamed then 'an event''s type has not 1 to 128 bytes' \
               when unversioned then 'an event''s version does not begin with a number up to 9999' \
               when payload > {PAYLOAD} then 'a payload is longer than {PAYLOAD} bytes' \
               when metadata > {METADATA} then 'metadata are longer than {METADATA} bytes' \
               when endless then 'an event''s time is not a time' \
             end as reason \
             from (select (aggregate_type::text || '-' || aggregate_id::text) collate \"C\" as stream, \
                 count(*) as events, count(distinct aggregate_type) as aggregates, min(sequence) as lowest, \
                 max(sequence) as highest, bool_or(octet_length(event_type) not between 1 and 128) as misnamed, \
                 bool_or(event_version !~ '^[0-9]{{1,4}}([.]|$)') as unversioned, \
                 max(octet_length(payload::text)) as payload, max(octet_length(metadata::text)) as metadata, \
                 {earliest} as earliest, {endless} as endless \
               from {table} group by 1) stream"
        )
    }
}
