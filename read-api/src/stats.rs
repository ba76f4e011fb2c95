//! Groups of rows and what they come to, in the same shape for every context: buckets of time with their gaps filled,
//! conditions on the sums, several orderings, a bound on the groups. Owns the statement; rows, keys and measures come from
//! the contexts. Never knows a table, and never puts a client's text into SQL but as a parameter.

#[cfg(test)]
mod tests;

use async_graphql::Context;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder, Row as _, postgres::PgRow};

use crate::{
    as_of::Past,
    bucket::Bucket,
    failure::Failure,
    filter::{self, Clause, Column, Test, Value},
    page::Direction,
    scalar::BigInt,
    session::Snapshot,
};

/// The most groups that are given unasked.
const UNASKED: i32 = 1_000;
/// The most groups that can be asked for, and the most that filling the gaps may make.
const MOST: i32 = 10_000;

/// What groups come to, or are ordered by. A measure's name is that of its GraphQL field and of its column.
pub(crate) trait Measure: Copy + PartialEq + 'static {
    /// Every one.
    const ALL: &'static [Self];
    /// Its name, and its SQL over the rows `o` of a group; no SQL stands for the groups' keys, by which is only ordered.
    fn definition(self) -> (&'static str, Option<&'static str>);
}

/// A key of the groups: the name of its column, and its SQL where the rows come from.
pub(crate) type Key = (&'static str, &'static str);

/// What measures are made of: the name of a column of `o`, its SQL where the rows come from, and what it is in the row that
/// fills a gap.
pub(crate) type Input = (&'static str, &'static str, &'static str);

/// What is put into groups. All text is ours; `$1` in it is the name of the calendar's time zone.
pub(crate) struct Rows<'r> {
    /// Further parameters, from `$2` on, each after a comma.
    pub(crate) parameters: &'r dyn Fn(&mut QueryBuilder<Postgres>),
    /// When a row happened, by the clock of the calendar's time zone.
    pub(crate) time: &'static str,
    pub(crate) keys: &'r [Key],
    pub(crate) inputs: &'r [Input],
    pub(crate) from: &'static str,
    pub(crate) condition: &'r dyn Fn(&mut QueryBuilder<Postgres>),
    /// What makes one row of several of the table's within a group, if anything does.
    pub(crate) one: Option<&'static str>,
    /// The earlier moment at which the table is seen.
    pub(crate) past: Option<&'r Past>,
    /// The time that is asked about.
    pub(crate) span: Span,
    /// Whether, without keys and buckets, no row at all makes a group too.
    pub(crate) is_never_empty: bool,
}

/// From when until when, exclusive.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Span {
    /// The time in which `time` can be, if the condition is to hold.
    pub(crate) fn of<F: Copy + PartialEq>(clause: &Clause<F>, time: F) -> Self {
        let after = |at: &DateTime<Utc>| at.checked_add_signed(TimeDelta::microseconds(1));
        let (from, until) = match clause {
            Clause::All(clauses) => {
                return clauses.iter().fold(Self::default(), |span, clause| {
                    let other = Self::of(clause, time);
                    Self {
                        from: span.from.max(other.from),
                        until: [span.until, other.until].into_iter().flatten().min(),
                    }
                });
            }
            Clause::Field(field, test) if *field == time => match test {
                Test::Is(Some(Value::Time(at))) => (Some(*at), after(at)),
                Test::Above(Value::Time(at)) => (after(at), None),
                Test::AtLeast(Value::Time(at)) => (Some(*at), None),
                Test::Below(Value::Time(at)) => (None, Some(*at)),
                Test::AtMost(Value::Time(at)) => (None, after(at)),
                _ => (None, None),
            },
            Clause::Any(_) | Clause::Not(_) | Clause::Field(..) => (None, None),
        };
        Self { from, until }
    }
}

/// What a client asks of the groups.
pub(crate) struct Ask<M> {
    pub(crate) bucket: Option<Bucket>,
    selected: Vec<M>,
    having: Clause<M>,
    order: Vec<(M, Direction)>,
    first: Option<i32>,
}

/// How many groups the argument may bring, for the cost.
pub(crate) fn cost(first: Option<i32>) -> usize {
    usize::try_from(first.unwrap_or(UNASKED).clamp(1, MOST)).unwrap_or(1)
}

/// One group, and how many there are once the gaps are filled.
struct Group<R> {
    row: R,
    filled: i64,
}

impl<'r, R: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Group<R> {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            filled: row.try_get("filled")?,
            row: R::from_row(row)?,
        })
    }
}

impl<M: Measure> Ask<M> {
    /// What the arguments ask for; of the measures, what is selected.
    pub(crate) fn new(
        ctx: &Context<'_>,
        bucket: Option<Bucket>,
        having: Option<Clause<M>>,
        order: Vec<(M, Direction)>,
        first: Option<i32>,
    ) -> Result<Self, Failure> {
        if first.is_some_and(|first| !(1..=MOST).contains(&first)) {
            return Err(Failure::input(format!("first must be from 1 to {MOST}")));
        }
        let having = having.unwrap_or_else(|| Clause::All(Vec::new()));
        having.check()?;
        let selection = ctx.look_ahead();
        let selected = M::ALL.iter().copied();
        Ok(Self {
            bucket,
            selected: selected
                .filter(|measure| selection.field(measure.definition().0).exists())
                .collect(),
            having,
            order,
            first,
        })
    }

    /// The measures that must be known: what is selected, what must hold, and what groups are ordered by.
    pub(crate) fn measures(&self) -> Vec<M> {
        let mut needed = self.selected.clone();
        needed.extend(self.order.iter().map(|(measure, _)| *measure));
        self.having.visit(&mut |measure, _| needed.push(measure));
        let all = M::ALL.iter().copied();
        all.filter(|measure| needed.contains(measure)).collect()
    }

    /// The groups of these rows.
    pub(crate) async fn read<R>(
        &self,
        snapshot: &Snapshot,
        mut statement: QueryBuilder<Postgres>,
    ) -> Result<Vec<R>, Failure>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        if let Some(bucket) = &self.bucket {
            bucket.check(snapshot).await?;
        }
        let groups: Vec<Group<R>> = statement
            .build_query_as()
            .fetch_all(&mut *snapshot.statement().await)
            .await?;
        if groups.iter().any(|group| group.filled > MOST.into()) {
            return Err(Failure::input(format!(
                "with the gaps filled there are more than {MOST} groups; ask for larger buckets, for less time or for \
                 fewer keys"
            )));
        }
        if self.first.is_none() && groups.len() > cost(None) {
            return Err(Failure::input(format!(
                "there are more than {UNASKED} groups; ask for the first so many (at most {MOST}), for larger buckets, or \
                 filter more"
            )));
        }
        Ok(groups.into_iter().map(|group| group.row).collect())
    }

    /// The statement that puts these rows into groups.
    pub(crate) fn statement(&self, rows: &Rows<'_>) -> QueryBuilder<Postgres> {
        let mut query = QueryBuilder::new("with p as (select ");
        let zone = self
            .bucket
            .as_ref()
            .map_or("UTC", |bucket| &bucket.time_zone);
        query.push_bind(zone.to_owned()).push("::text");
        (rows.parameters)(&mut query);
        query.push("), ");
        if let Some(past) = rows.past {
            past.push(&mut query);
            query.push(", ");
        }
        query.push("o as ");
        let names: Vec<&str> = self
            .bucket
            .iter()
            .map(|_| "start")
            .chain(rows.keys.iter().map(|(name, _)| *name))
            .collect();
        let is_filled = self.bucket.as_ref().is_some_and(|bucket| bucket.fill);
        self.push_rows(&mut query, rows, names.len());
        if is_filled {
            self.push_gaps(&mut query, rows, &names);
        }
        self.push_groups(&mut query, rows, &names, is_filled);
        self.push_answer(&mut query, rows, &names, is_filled);
        query
    }

    /// The rows `o`: their buckets, their keys, and what the measures are made of.
    fn push_rows(&self, query: &mut QueryBuilder<Postgres>, rows: &Rows<'_>, keys: usize) {
        let mut columns = Vec::new();
        if let Some(bucket) = &self.bucket {
            let unit = bucket.size.unit();
            columns.push(format!("date_trunc('{unit}', {}) as start", rows.time));
        }
        columns.extend(
            rows.keys
                .iter()
                .map(|(name, sql)| format!("{sql} as {name}")),
        );
        let inputs = rows.inputs.iter();
        columns.extend(inputs.map(|(name, sql, _)| format!("{sql} as {name}")));
        query.push(format_args!(
            "(select {} from {} where ",
            columns.join(", "),
            rows.from
        ));
        (rows.condition)(query);
        if let Some(one) = rows.one {
            query.push(" group by ");
            for number in 1..=keys {
                query.push(format_args!("{number}, "));
            }
            query.push(one);
        }
        query.push(")");
    }

    /// The rows `x` that fill the gaps: one for every bucket of the time, of every combination of keys that there is. Buckets
    /// are counted by the clock of their time zone: a day that begins at one o'clock does not move the days after it.
    fn push_gaps(&self, query: &mut QueryBuilder<Postgres>, rows: &Rows<'_>, names: &[&str]) {
        let Some(bucket) = &self.bucket else { return };
        let (unit, interval) = (bucket.size.unit(), bucket.size.interval());
        query.push(format_args!(
            ", b as (select generate_series(date_trunc('{unit}', coalesce("
        ));
        query.push_bind(rows.span.from);
        query.push("::timestamptz at time zone $1, min(o.start))), coalesce((");
        query.push_bind(rows.span.until);
        query.push(format_args!(
            "::timestamptz - interval '1 microsecond') at time zone $1, max(o.start)), interval '{interval}') as start \
             from o limit {MOST} + 1), x as (select b.start"
        ));
        let keys: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| *name != "start")
            .collect();
        for key in &keys {
            query.push(format_args!(", c.{key}"));
        }
        query.push(" from b");
        if !keys.is_empty() {
            let keys = keys.join(", ");
            query.push(format_args!(", (select distinct {keys} from o) c"));
        }
        query.push(format_args!(" limit {MOST} + 1)"));
    }

    /// The groups `g` with the measures that are needed.
    fn push_groups(
        &self,
        query: &mut QueryBuilder<Postgres>,
        rows: &Rows<'_>,
        names: &[&str],
        is_filled: bool,
    ) {
        let mut columns: Vec<String> = names.iter().map(|name| format!("o.{name}")).collect();
        for measure in self.measures() {
            if let (name, Some(sql)) = measure.definition() {
                columns.push(format!("{sql} as {name}"));
            }
        }
        if columns.is_empty() {
            columns.push("1 as one".to_owned());
        }
        query.push(format_args!(", g as (select {} from ", columns.join(", ")));
        if is_filled {
            query.push("(select * from o union all select x.*");
            for (_, _, empty) in rows.inputs {
                query.push(format_args!(", {empty}"));
            }
            query.push(" from x) ");
        }
        query.push("o group by ");
        if names.is_empty() {
            query.push("()");
            if !rows.is_never_empty {
                query.push(" having count(*) > 0");
            }
        } else {
            let names: Vec<String> = names.iter().map(|name| format!("o.{name}")).collect();
            query.push(names.join(", "));
        }
        query.push(")");
    }

    /// The groups that are wanted, in order.
    fn push_answer(
        &self,
        query: &mut QueryBuilder<Postgres>,
        rows: &Rows<'_>,
        names: &[&str],
        is_filled: bool,
    ) {
        let filled = if is_filled {
            "(select count(*) from x)"
        } else {
            "0::bigint"
        };
        let mut columns = vec![format!("{filled} as filled")];
        if let Some(bucket) = &self.bucket {
            let interval = bucket.size.interval();
            columns.push("g.start at time zone $1 as start".to_owned());
            columns.push(format!(
                "(g.start + interval '{interval}') at time zone $1 as \"end\""
            ));
        }
        columns.extend(rows.keys.iter().map(|(name, _)| format!("g.{name}")));
        for measure in self.measures() {
            if let (name, Some(_)) = measure.definition() {
                columns.push(format!("g.{name}::text as \"{name}\""));
            }
        }
        query.push(format_args!(
            " select {} from g where (",
            columns.join(", ")
        ));
        filter::push(query, &self.having, &|measure: M| {
            Column::of(measure.definition().0)
        });
        query.push(")");
        if is_filled {
            // Too many groups are told whatever must hold of them.
            query.push(format_args!(" or {filled} > {MOST}"));
        }
        let terms = self.terms(names);
        if !terms.is_empty() {
            query.push(format_args!(" order by {}", terms.join(", ")));
        }
        // No parameter, so that PostgreSQL need not plan anew each time.
        query.push(format_args!(
            " limit {}",
            i64::from(self.first.unwrap_or(UNASKED + 1))
        ));
    }

    /// By what groups are ordered: what was asked for, each once, and then the keys.
    fn terms(&self, names: &[&str]) -> Vec<String> {
        let keys = |direction: &str| -> Vec<String> {
            let keys = names.iter();
            keys.map(|name| format!("g.{name} {direction}")).collect()
        };
        let (mut terms, mut seen) = (Vec::new(), Vec::new());
        for (measure, direction) in &self.order {
            if seen.contains(measure) {
                continue;
            }
            seen.push(*measure);
            let direction = match direction {
                Direction::Asc => "asc",
                Direction::Desc => "desc",
            };
            match measure.definition() {
                (name, Some(_)) => terms.push(format!("g.{name} {direction} nulls last")),
                (_, None) => terms.extend(keys(direction)),
            }
        }
        if seen.iter().all(|measure| measure.definition().1.is_some()) {
            terms.extend(keys("asc"));
        }
        terms
    }
}

/// A whole number of a group; nothing if it was not selected.
pub(crate) fn whole(name: &'static str, digits: Option<&str>) -> Result<BigInt, Failure> {
    let Some(digits) = digits else {
        return Ok(BigInt(0));
    };
    digits
        .parse()
        .map(BigInt)
        .map_err(|_| Failure::corrupt("the groups", name, &"", digits))
}
