//! The read models as they were: at a position of the organization's log, or at a time. Owns what that means for a snapshot and
//! for the text of a statement; how the rows of back then are found is the read models' own.

use std::sync::Arc;

use async_graphql::{Context, InputObject};
use chrono::{DateTime, Utc};
use event_store::{At, Token};
use sqlx::{Postgres, QueryBuilder};

use crate::{
    failure::Failure,
    http::Consistency,
    scalar::BigInt,
    session::{Snapshot, operation, principal},
};

/// A moment of the organization's history: exactly one of the two.
#[derive(Clone, Copy, InputObject, PartialEq, Eq, Debug)]
pub(crate) struct AsOf {
    /// After the event at this position, and before the next; 0 is before the first.
    position: Option<BigInt>,
    /// After everything that had happened by then, and before what happened later. Not in the future.
    time: Option<DateTime<Utc>>,
}

/// The moment that a whole operation is about, unless a field names its own.
pub(crate) struct WholeOperation(pub(crate) Option<AsOf>);

impl WholeOperation {
    /// That of this operation.
    pub(crate) fn of(ctx: &Context<'_>) -> Option<AsOf> {
        ctx.data_opt::<Self>().and_then(|whole| whole.0)
    }
}

/// What an earlier moment is to a snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    /// After the event at this position.
    pub(crate) position: i64,
    /// What time it was.
    pub(crate) time: DateTime<Utc>,
    /// The tables that are read as they were: each has a function `<table>_at`.
    tables: &'static [&'static str],
}

impl Past {
    /// The tables as they were, under their own names, for the list after `with`.
    pub(crate) fn push(&self, query: &mut QueryBuilder<Postgres>) {
        for (index, table) in self.tables.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            query.push(format_args!(
                "{comma}{table} as not materialized (select * from {table}_at("
            ));
            query.push_bind(self.position).push("))");
        }
    }
}

/// The tables of a context that know what they were before.
fn tables(context: &str) -> &'static [&'static str] {
    match context {
        "order" => &["order_summary", "order_review"],
        "lead" => &["lead"],
        "goal" => &["goal", "goal_progress"],
        _ => &[],
    }
}

/// The same snapshot, seen at that moment. Waits until the read model has come that far.
pub(crate) async fn look_back(
    ctx: &Context<'_>,
    snapshot: Arc<Snapshot>,
    context: &'static str,
    as_of: AsOf,
) -> Result<Arc<Snapshot>, Failure> {
    let moment = resolve(&snapshot, as_of).await?;
    let past = Past {
        position: moment.position,
        time: moment.time,
        tables: tables(context),
    };
    let Some(token) = moment.token else {
        return Ok(Arc::new(snapshot.at(past)));
    };
    let tenant = principal(ctx)?.tenant;
    let timeout = ctx
        .data_opt::<Consistency>()
        .map_or_else(|| Consistency::default().timeout, |asked| asked.timeout);
    let operation = operation(ctx)?;
    operation
        .waiter
        .wait(tenant, token, &[context], timeout)
        .await?;
    // What was applied only while we waited is not in this snapshot.
    if shows(&snapshot, context, token).await? {
        return Ok(Arc::new(snapshot.at(past)));
    }
    let later = operation.store.tenant_tx(tenant).await?;
    Ok(Arc::new(snapshot.anew(later).at(past)))
}

/// A moment of the log.
pub(crate) struct Moment {
    /// After the event at this position.
    pub(crate) position: i64,
    time: DateTime<Utc>,
    /// The token of that event, if there is one.
    token: Option<Token>,
}

/// The moment that is meant.
pub(crate) async fn resolve(snapshot: &Snapshot, as_of: AsOf) -> Result<Moment, Failure> {
    let mut transaction = snapshot.transaction().await;
    match (as_of.position, as_of.time) {
        (Some(BigInt(0)), None) => Ok(Moment {
            position: 0,
            time: DateTime::UNIX_EPOCH,
            token: None,
        }),
        (Some(position), None) => {
            let position = position
                .to_i64()
                .ok()
                .filter(|position| *position > 0)
                .ok_or_else(|| Failure::input("asOf.position must be 0 or more"))?;
            let Some(place) = transaction.place_of(position).await? else {
                let newest = transaction.newest_position().await?;
                return Err(Failure::input(format!(
                    "asOf.position {position} is not there yet; the newest is {newest}"
                )));
            };
            Ok(Moment {
                position,
                time: place.occurred_at,
                token: Some(place.token),
            })
        }
        (None, Some(time)) => {
            let token = match transaction.place_at(time).await? {
                At::Future => {
                    return Err(Failure::input(
                        "asOf.time is in the future; leave asOf away to ask for now",
                    ));
                }
                At::Beginning => None,
                At::Event(place) => Some(place.token),
            };
            Ok(Moment {
                position: token.map_or(0, |token| token.position),
                time,
                token,
            })
        }
        _ => Err(Failure::input(
            "give exactly one of asOf.position and asOf.time",
        )),
    }
}

/// Whether the snapshot shows what the read model made of that event.
async fn shows(snapshot: &Snapshot, projection: &str, token: Token) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
             select from projection.serving s
             join projection.checkpoint c on c.projection = s.projection and c.build = s.build
             where s.projection = $1 and c.partition = $2 and c.next_offset > $3) as "shows!""#,
        projection,
        i16::try_from(token.partition).unwrap_or(i16::MAX),
        token.offset
    )
    .fetch_one(&mut *snapshot.statement().await)
    .await?)
}
