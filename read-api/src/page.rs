//! Lists in pages: Relay connections over keyset cursors. Never counts rows to skip them.

mod cursor;

#[cfg(test)]
mod tests;

use std::ops::Range;

use async_graphql::{
    Enum, ObjectType,
    connection::{Connection, Edge},
};
use chrono::DateTime;
use sqlx::{Postgres, QueryBuilder};

pub(crate) use self::cursor::{Cursors, Place};
use crate::{failure::Failure, serial::Serial};

/// Rows on a page when the client does not say.
const DEFAULT: i32 = 20;
/// The most rows on a page.
const MOST: i32 = 100;

/// Up or down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum Direction {
    /// Smallest, oldest or first first.
    Asc,
    /// Largest, newest or last first.
    Desc,
}

/// The arguments of a list, as the client gave them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Paging {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

/// How many rows the arguments may bring: what a list costs.
pub(crate) fn rows(first: Option<i32>, last: Option<i32>) -> usize {
    usize::try_from(first.or(last).unwrap_or(DEFAULT).clamp(1, MOST)).unwrap_or(1)
}

/// How a list is ordered. All text here is ours and goes into the SQL as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ordering {
    /// Names the list and the ordering: a cursor of another is refused.
    pub(crate) name: &'static str,
    /// The SQL of the key.
    pub(crate) key: &'static str,
    /// Whether the key is a time.
    pub(crate) is_time: bool,
    /// The SQL of the id that orders equal keys.
    pub(crate) id: &'static str,
    pub(crate) direction: Direction,
}

/// One page of a list.
pub(crate) struct Page {
    ordering: Ordering,
    list: String,
    limit: i32,
    backward: bool,
    after: Option<Place>,
    before: Option<Place>,
}

impl Page {
    /// The page that the arguments ask for.
    pub(crate) fn new(
        paging: &Paging,
        ordering: Ordering,
        cursors: &Cursors,
    ) -> Result<Self, Failure> {
        let (limit, backward) = match (paging.first, paging.last) {
            (Some(_), Some(_)) => {
                return Err(Failure::input(
                    "first and last cannot be combined; give one of them",
                ));
            }
            (None, Some(last)) => (last, true),
            (first, None) => (first.unwrap_or(DEFAULT), false),
        };
        if !(0..=MOST).contains(&limit) {
            let name = if backward { "last" } else { "first" };
            return Err(Failure::input(format!(
                "{name} must be from 0 to {MOST}; go on with a cursor for more"
            )));
        }
        let list = format!("{} {:?}", ordering.name, ordering.direction);
        let read = |cursor: &Option<String>| {
            cursor
                .as_deref()
                .map(|cursor| cursors.read(&list, cursor))
                .transpose()
        };
        let (after, before) = (read(&paging.after)?, read(&paging.before)?);
        Ok(Self {
            ordering,
            list,
            limit,
            backward,
            after,
            before,
        })
    }

    /// Whether the rows are read downwards, beyond which place, and how many: for what finds them without the statement.
    pub(crate) fn reach(&self) -> (bool, Option<Place>, i64) {
        let descending = self.ordering.direction == Direction::Desc;
        let beyond = if self.backward {
            self.before
        } else {
            self.after
        };
        (
            descending != self.backward,
            beyond,
            i64::from(self.limit) + 1,
        )
    }

    /// Whether the rows are read from the list's end.
    pub(crate) fn is_backward(&self) -> bool {
        self.backward
    }

    /// The numbers to read of a list that is numbered from 1 to `newest`, by which it is ordered: those of this page, and one more.
    pub(crate) fn numbers(&self, newest: i32) -> Range<i32> {
        let number = |place: Option<Place>| i32::try_from(place?.key).ok();
        let start = number(self.after).map_or(1, |after| after.saturating_add(1));
        let end = number(self.before).map_or(newest.saturating_add(1), |before| {
            before.min(newest.saturating_add(1))
        });
        let most = self.limit.saturating_add(1);
        if self.backward {
            start.max(end.saturating_sub(most))..end
        } else {
            start..end.min(start.saturating_add(most))
        }
    }

    /// Narrows a statement that ends in a condition to this page, and one row more: the sign that there is more.
    pub(crate) fn push(&self, query: &mut QueryBuilder<Postgres>) {
        let descending = self.ordering.direction == Direction::Desc;
        self.push_bound(query, self.after, if descending { "<" } else { ">" });
        self.push_bound(query, self.before, if descending { ">" } else { "<" });
        let direction = if descending == self.backward {
            "asc"
        } else {
            "desc"
        };
        let Ordering { key, id, .. } = self.ordering;
        query.push(format_args!(
            " order by {key} {direction}, {id} {direction} limit {}",
            // No parameter: PostgreSQL would plan for an unknown limit, find that dear, and plan anew each time.
            i64::from(self.limit) + 1
        ));
    }

    fn push_bound(&self, query: &mut QueryBuilder<Postgres>, place: Option<Place>, than: &str) {
        let Some(Place { key, id }) = place else {
            return;
        };
        query.push(format_args!(
            " and ({}, {}) {than} (",
            self.ordering.key, self.ordering.id
        ));
        if self.ordering.is_time {
            // A signed place came out of the database: the time exists.
            query.push_bind(DateTime::from_timestamp_micros(key).unwrap_or_default());
        } else {
            query.push_bind(key);
        }
        query.push(", ").push_bind(id).push(")");
    }

    /// The rows to show of those that were read, in the list's order, and whether there were more.
    pub(crate) fn cut<R>(&self, mut rows: Vec<R>) -> (Vec<R>, bool) {
        let limit = usize::try_from(self.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if self.backward {
            rows.reverse();
        }
        (rows, more)
    }

    /// The connection of the shown nodes. `more` says whether there are others beyond, in the direction of the page.
    pub(crate) fn connection<N: ObjectType, T: ObjectType>(
        &self,
        cursors: &Cursors,
        nodes: Vec<(Place, N)>,
        more: bool,
        total: T,
    ) -> Result<Connection<String, Serial<N>, T>, Failure> {
        let (previous, next) = if self.backward {
            (more, self.before.is_some())
        } else {
            (self.after.is_some(), more)
        };
        let mut connection = Connection::with_additional_fields(previous, next, total);
        for (place, node) in nodes {
            connection
                .edges
                .push(Edge::new(cursors.sign(&self.list, place)?, Serial(node)));
        }
        Ok(connection)
    }
}
