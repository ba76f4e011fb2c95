//! Where a tenant's log had come to: at a position, or at a time. Never reads a payload.

use chrono::{DateTime, Utc};

use crate::{Error, TenantTx, Token};

/// A place in a tenant's log: that of one of its events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The event's place, as a token has it.
    pub token: Token,
    /// When the event happened.
    pub occurred_at: DateTime<Utc>,
}

/// Where a tenant's log was at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// The time has not come, by the database's clock.
    Future,
    /// Nothing had happened yet.
    Beginning,
    /// The last event that had happened.
    Event(Place),
}

impl TenantTx {
    /// The place of the event at a position. `None`: there is no such event.
    pub async fn place_of(&mut self, position: i64) -> Result<Option<Place>, Error> {
        let row = sqlx::query!(
            r#"select partition, "offset", occurred_at from log.event
               where tenant_id = (select log.current_tenant()) and position = $1"#,
            position
        )
        .fetch_optional(self.connection())
        .await?;
        Ok(row.map(|row| place(position, row.partition, row.offset, row.occurred_at)))
    }

    /// The place of the last event that had happened by a time.
    ///
    /// A tenant's events are in the order in which they happened: the log refuses one that is older than its newest. So this is a
    /// binary search over positions, of about as many look-ups as the number of events has binary digits.
    pub async fn place_at(&mut self, time: DateTime<Utc>) -> Result<At, Error> {
        let row = sqlx::query!(
            r#"with recursive
                 tenant as materialized (select log.current_tenant() as id),
                 search (low, high) as (
                   select 0::bigint, (select position from log.event where tenant_id = (select id from tenant)
                                      order by position desc limit 1)
                   union all
                   select case when e.occurred_at <= $1 then e.position else low end,
                          case when e.occurred_at <= $1 then high else e.position - 1 end
                   from search cross join lateral (
                     select position, occurred_at from log.event
                     where tenant_id = (select id from tenant) and position = (low + high + 1) / 2
                     -- Looked up each time, not joined with all of the tenant's events.
                     offset 0) e
                   where low < high)
               select clock_timestamp() < $1 as "is_future!", e.position as "position?", e.partition as "partition?",
                      e."offset" as "offset?", e.occurred_at as "occurred_at?"
               from (select max(low) as last from search where low = high) s
               left join log.event e on e.tenant_id = (select id from tenant) and e.position = s.last"#,
            time
        )
        .fetch_one(self.connection())
        .await?;
        if row.is_future {
            return Ok(At::Future);
        }
        let of_row = |(((position, partition), offset), occurred_at)| {
            At::Event(place(position, partition, offset, occurred_at))
        };
        let found = row.position.zip(row.partition).zip(row.offset);
        Ok(found.zip(row.occurred_at).map_or(At::Beginning, of_row))
    }

    /// The position of the tenant's newest event; 0 if it has none.
    pub async fn newest_position(&mut self) -> Result<i64, Error> {
        let newest = sqlx::query_scalar!(
            "select max(position) from log.event where tenant_id = (select log.current_tenant())"
        )
        .fetch_one(self.connection())
        .await?;
        Ok(newest.unwrap_or(0))
    }
}

fn place(position: i64, partition: i16, offset: i64, occurred_at: DateTime<Utc>) -> Place {
    Place {
        token: Token {
            // The table holds no negative one.
            partition: u16::try_from(partition).unwrap_or(0),
            position,
            offset,
        },
        occurred_at,
    }
}
