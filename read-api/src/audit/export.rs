//! The audit trail as a file: which entries, in which format, page by page from the oldest to the newest there was at the start.
//! Owns the words of the filter outside of GraphQL. Never holds more than a page, and never ends early without an error.

mod cell;
pub mod openapi;
mod route;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use event_store::Store;
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    filter::{AuditField, search},
    list::{place, push},
    row::{AuditRow, SELECT},
};
use crate::{
    failure::Failure,
    filter::{Clause, Test, Value},
    page::Place,
};

pub use route::router;

/// How many entries are read at once.
const PAGE: i64 = 1_000;

/// How entries are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values (RFC 4180), with a line of names.
    Csv,
    /// A JSON object per line.
    #[default]
    Ndjson,
}

impl Format {
    /// The name of such a file ends in this.
    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// Which entries, and how they are written. All conditions must hold; without any, all entries.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Which {
    /// How they are written.
    #[serde(default)]
    pub format: Format,
    /// The id of who did it.
    pub actor: Option<String>,
    /// What kind: `user`, `apiKey`, `operator` or `policy`.
    pub actor_kind: Option<String>,
    /// The event's type.
    pub action: Option<String>,
    /// The context.
    pub context: Option<String>,
    /// The stream.
    pub target: Option<String>,
    /// The way it came in: `api`, `import`, `policy` or `webhook`.
    pub source: Option<String>,
    /// `accepted` or `denied`.
    pub outcome: Option<Outcome>,
    /// The conversation.
    pub correlation: Option<Uuid>,
    /// It happened then or later.
    pub from: Option<DateTime<Utc>>,
    /// It happened before.
    pub before: Option<DateTime<Utc>>,
    /// Only after this position.
    pub after_position: Option<i64>,
    /// Words, as in GraphQL's filter.
    pub text: Option<String>,
}

/// What became of an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It happened.
    Accepted,
    /// It was refused.
    Denied,
}

impl Which {
    fn clause(self) -> Result<Clause<AuditField>, Failure> {
        use AuditField as F;
        let texts = [
            (F::ActorId, self.actor),
            (F::ActorKind, self.actor_kind),
            (F::Action, self.action),
            (F::Context, self.context),
            (F::Target, self.target),
            (F::Source, self.source),
            (
                F::Outcome,
                self.outcome
                    .map(|outcome| super::AuditOutcome::from(outcome).as_str().to_owned()),
            ),
        ];
        let is = |field, value| Clause::Field(field, Test::Is(Some(value)));
        let mut all: Vec<_> = texts
            .into_iter()
            .filter_map(|(field, text)| Some(is(field, Value::Text(text?))))
            .collect();
        all.extend(
            self.correlation
                .map(|id| is(F::CorrelationId, Value::Id(id))),
        );
        all.extend(
            self.from
                .map(|time| Clause::Field(F::OccurredAt, Test::AtLeast(Value::Time(time)))),
        );
        all.extend(
            self.before
                .map(|time| Clause::Field(F::OccurredAt, Test::Below(Value::Time(time)))),
        );
        if let Some(text) = self.text {
            all.push(search(&text)?);
        }
        let clause = Clause::All(all);
        clause.check()?;
        Ok(clause)
    }
}

impl From<Outcome> for super::AuditOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Denied => Self::Denied,
        }
    }
}

/// Why an export cannot begin, or go on. What was written until then is no whole export.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message())]
pub struct ExportError(Failure);

impl<F: Into<Failure>> From<F> for ExportError {
    fn from(failure: F) -> Self {
        Self(failure.into())
    }
}

/// An export under way.
pub struct Export {
    store: Store,
    tenant: TenantId,
    clause: Clause<AuditField>,
    format: Format,
    /// The newest entry's position when it began: what comes later is not in it.
    newest: i64,
    /// The last entry that was written, or the place before the first.
    after: Place,
    begun: bool,
    ended: bool,
}

impl Export {
    /// Begins an export of a tenant's entries, which may be read or this is not called.
    pub async fn begin(store: Store, tenant: TenantId, which: Which) -> Result<Self, ExportError> {
        let after = Place {
            key: which.after_position.unwrap_or(0),
            id: Uuid::max(),
        };
        let format = which.format;
        let clause = which.clause()?;
        let mut tx = store.tenant_tx(tenant).await?;
        let newest: Option<i64> = sqlx::query_scalar("select max(position) from audit")
            .fetch_one(tx.connection())
            .await?;
        Ok(Self {
            store,
            tenant,
            clause,
            format,
            newest: newest.unwrap_or(0),
            after,
            begun: false,
            ended: false,
        })
    }

    /// The next part of the file; none at its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExportError> {
        if self.ended {
            return Ok(None);
        }
        let rows = self.page().await?;
        let mut out = Vec::with_capacity(rows.len() * 512);
        if !self.begun && self.format == Format::Csv {
            cell::header(&mut out);
        }
        self.begun = true;
        for row in &rows {
            match self.format {
                Format::Csv => cell::line(row, &mut out),
                Format::Ndjson => {
                    serde_json::to_writer(&mut out, row).map_err(|error| Failure::fault(&error))?;
                    out.push(b'\n');
                }
            }
        }
        match rows.last() {
            Some(last) => self.after = place(last),
            None => self.ended = true,
        }
        self.ended |= i64::try_from(rows.len()).is_ok_and(|rows| rows < PAGE);
        Ok((!out.is_empty()).then(|| out.into()))
    }

    /// Each page in a transaction of its own: a file may take longer than any of them may.
    async fn page(&self) -> Result<Vec<AuditRow>, Failure> {
        let mut query = QueryBuilder::<Postgres>::new(SELECT);
        push(&mut query, &self.clause, false, Some(self.after), PAGE);
        query
            .push(" and (a.position, a.entry_id) > (")
            .push_bind(self.after.key)
            .push(", ")
            .push_bind(self.after.id)
            .push(") and a.position <= ")
            .push_bind(self.newest)
            .push(format_args!(
                " order by a.position, a.entry_id limit {PAGE}"
            ));
        let mut tx = self.store.tenant_tx(self.tenant).await?;
        Ok(query.build_query_as().fetch_all(tx.connection()).await?)
    }
}
