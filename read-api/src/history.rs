//! What happened to one thing, event by event, and what two moments differ in. Reads the log, not the read models: whatever has
//! a state that is published has a history. Never tells who did it: that is the audit trail's.

mod changes;
mod fold;

use async_graphql::{
    ComplexObject, Context, ID, Json, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, Utc};
use event_schemas::{StreamId, state};
use serde_json::Value;
use uuid::Uuid;

use self::{changes::changes, fold::Fold};
use crate::{
    as_of::{self, AsOf},
    failure::Failure,
    page::{self, Direction, Ordering, Page, Paging, Place},
    scalar::{BigInt, parse_global_id},
    serial::Serial,
    session::Root,
};

const ORDERING: Ordering = Ordering {
    name: "history by version",
    key: "version",
    is_time: false,
    id: "version",
    direction: Direction::Asc,
};

/// The query root's fields about what things were before.
#[derive(Clone, Default)]
pub(crate) struct HistoryQuery(pub(crate) Root);

#[Object]
impl HistoryQuery {
    /// What happened to an order, a goal or anything else, the first event first; `last` gives the newest. `null`: there is no such
    /// thing. Needs the permission to read its kind, such as `order:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<String, Serial<HistoryEntry>, HistoryTotal>>> {
        let (kind, stream) = of(&id)?;
        let snapshot = self.0.read(ctx, kind.context).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        let page = Page::new(&paging, ORDERING, snapshot.cursors())?;
        let Some(newest) = fold::newest(&snapshot, &stream).await? else {
            return Ok(None);
        };
        let span = page.numbers(newest);
        let mut entries = Vec::new();
        let mut fold = Fold::new(&snapshot, kind, stream);
        fold.skip_to(span.start).await?;
        while fold.version() + 1 < span.end {
            let before = fold.state()?;
            let Some(event) = fold.step().await? else {
                break;
            };
            entries.push(HistoryEntry {
                version: event.version,
                position: event.position.into(),
                event_id: event.event_id,
                event_type: event.event_type,
                occurred_at: event.occurred_at,
                recorded_at: event.recorded_at,
                changed: changes(&before, &fold.state()?),
            });
        }
        if page.is_backward() {
            entries.reverse();
        }
        let (entries, more) = page.cut(entries);
        let place = |entry: &HistoryEntry| Place {
            key: entry.version.into(),
            id: Uuid::nil(),
        };
        let nodes = entries.into_iter().map(|entry| (place(&entry), entry));
        let total = HistoryTotal {
            total_count: newest,
        };
        Ok(Some(page.connection(
            snapshot.cursors(),
            nodes.collect(),
            more,
            total,
        )?))
    }

    /// What became different about an order, a goal or anything else between two moments. `null`: there is no such thing. Needs
    /// the permission to read its kind, such as `order:read`.
    async fn diff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
        #[graphql(desc = "The earlier moment.")] from: AsOf,
        #[graphql(desc = "The later one; now, if not given.")] to: Option<AsOf>,
    ) -> Result<Option<Diff>> {
        let (kind, stream) = of(&id)?;
        let snapshot = self.0.read(ctx, kind.context).await?;
        let from = as_of::resolve(&snapshot, from).await?.position;
        let to = match to {
            None => i64::MAX,
            Some(to) => as_of::resolve(&snapshot, to).await?.position,
        };
        if from > to {
            return Err(Failure::input("from is after to; exchange the two").into());
        }
        if fold::newest(&snapshot, &stream).await?.is_none() {
            return Ok(None);
        }
        let mut fold = Fold::new(&snapshot, kind, stream);
        fold.go_to(from).await?;
        let (from_version, before) = (fold.version(), fold.state()?);
        fold.go_to(to).await?;
        Ok(Some(Diff {
            from_version,
            to_version: fold.version(),
            changes: changes(&before, &fold.state()?),
        }))
    }
}

/// What has a history, and in which stream.
fn of(id: &ID) -> Result<(&'static state::Kind, StreamId), Failure> {
    let (kind, id) = parse_global_id(id)?;
    let Some(state) = state::of(kind.as_str()) else {
        return Err(Failure::input(format!(
            "{kind} is no aggregate of its own and has no history; ask for that of the organization"
        )));
    };
    Ok((state, StreamId::new(state.context, id)))
}

/// An event, and what it changed.
#[derive(SimpleObject, Debug)]
#[graphql(complex)]
pub(crate) struct HistoryEntry {
    /// Its number among the events of this thing, from 1.
    version: i32,
    /// The organization's position.
    position: BigInt,
    /// The event's id, by which the audit trail knows who did it and why.
    event_id: Uuid,
    /// Its type, such as `OrderShipped`.
    event_type: String,
    /// When it happened.
    occurred_at: DateTime<Utc>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    #[graphql(skip)]
    changed: Vec<FieldChange>,
}

#[ComplexObject]
impl HistoryEntry {
    /// What became different.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn changes(&self) -> &[FieldChange] {
        &self.changed
    }
}

/// How long a history is.
#[derive(SimpleObject, Debug)]
pub(crate) struct HistoryTotal {
    /// How many events there are on all pages together.
    total_count: i32,
}

/// What is different at a later moment.
#[derive(SimpleObject, Debug)]
pub(crate) struct Diff {
    /// How many events it had had at the earlier moment; 0: it was not there yet.
    from_version: i32,
    /// How many events it had had at the later moment.
    to_version: i32,
    /// What became different: nothing that was changed and changed back.
    changes: Vec<FieldChange>,
}

/// A value that is another one afterwards. The values are those of the states on the compacted topics, whose schemas the registry
/// has.
#[derive(SimpleObject, PartialEq, Debug)]
pub(crate) struct FieldChange {
    /// Which, as a JSON Pointer (RFC 6901), such as `/status`. Lists are told as a whole.
    path: String,
    /// What it was; `null`: it was not there.
    before: Option<Json<Value>>,
    /// What it is; `null`: it is not there any more.
    after: Option<Json<Value>>,
}
