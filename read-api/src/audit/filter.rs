//! Which entries: the filter's fields and where they stand. Never reads a row.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::{DateTime, Utc};
use projections::audit::word;

use super::AuditOutcome;
use crate::{
    failure::Failure,
    filter::{
        Clause, Column, Test,
        input::{RangeFilter, StringFilter, UuidFilter, group, words},
    },
    scalar::BigInt,
};

/// What an entry can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AuditField {
    EntryId,
    Position,
    Outcome,
    Context,
    Action,
    Target,
    ActorKind,
    ActorId,
    Source,
    Client,
    CommandId,
    CorrelationId,
    OccurredAt,
    RecordedAt,
    Text,
}

/// What a search finds, in any order.
const FOUND: Column = Column {
    before: "a.entry_id in (select audit_matching((select log.current_tenant()), ",
    expression: "",
    after: ", false, -1, '00000000-0000-0000-0000-000000000000', null))",
};

impl AuditField {
    /// Where it stands for `audit a`.
    pub(crate) fn column(self) -> Column {
        Column::of(match self {
            Self::EntryId => "a.entry_id",
            Self::Position => "a.position",
            Self::Outcome => "a.outcome",
            Self::Context => "a.context",
            Self::Action => "a.action",
            Self::Target => "a.target",
            Self::ActorKind => "a.actor_kind",
            Self::ActorId => "a.actor_id",
            Self::Source => "a.source",
            Self::Client => "a.client",
            Self::CommandId => "a.command_id",
            Self::CorrelationId => "a.correlation_id",
            Self::OccurredAt => "a.occurred_at",
            Self::RecordedAt => "a.recorded_at",
            Self::Text => return FOUND,
        })
    }
}

/// Conditions on the outcome of an action. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct AuditOutcomeFilter {
    /// It is this.
    eq: MaybeUndefined<AuditOutcome>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<AuditOutcome>>,
}

/// Which entries of the audit trail. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct AuditFilter {
    /// The entry's id: the event's.
    entry_id: Option<UuidFilter>,
    /// The organization's position of the event.
    position: Option<RangeFilter<BigInt>>,
    /// What became of it.
    outcome: Option<AuditOutcomeFilter>,
    /// The context, such as `order`.
    context: Option<StringFilter>,
    /// What happened: the event's type.
    action: Option<StringFilter>,
    /// What it happened to: the stream.
    target: Option<StringFilter>,
    /// The id of who did it.
    actor: Option<StringFilter>,
    /// What kind: `user`, `apiKey`, `operator` or `policy`.
    actor_kind: Option<StringFilter>,
    /// The way it came in: `api`, `import`, `policy` or `webhook`.
    source: Option<StringFilter>,
    /// The keyed hash of the client's address.
    client: Option<StringFilter>,
    /// The command that wrote it.
    command_id: Option<UuidFilter>,
    /// The conversation it belongs to.
    correlation: Option<UuidFilter>,
    /// When it happened in the business.
    occurred_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When it was written down.
    recorded_at: Option<RangeFilter<DateTime<Utc>>>,
    /// Words, in any form, in Portuguese or English, with accents or without: of the action, the target, the actor and the
    /// texts of the event that are not personal. All of them must be there; `"…"` is a phrase, `or` is either, `-` is without.
    text: Option<String>,
    /// All of these.
    and: Option<Vec<AuditFilter>>,
    /// At least one of these.
    or: Option<Vec<AuditFilter>>,
    /// Not this.
    not: Option<Box<AuditFilter>>,
}

impl AuditFilter {
    /// The conditions, checked for their size.
    pub(crate) fn checked(self) -> Result<Clause<AuditField>, Failure> {
        let clause = self.clause()?;
        clause.check()?;
        Ok(clause)
    }

    fn clause(self) -> Result<Clause<AuditField>, Failure> {
        use AuditField as F;
        let outcome = |test: AuditOutcomeFilter| {
            words(F::Outcome, test.eq, test.any_of, AuditOutcome::as_str)
        };
        let own = [
            self.entry_id.map(|test| test.clause(F::EntryId)),
            self.position.map(|test| test.clause(F::Position)),
            self.outcome.map(outcome),
            self.context.map(|test| test.clause(F::Context)),
            self.action.map(|test| test.clause(F::Action)),
            self.target.map(|test| test.clause(F::Target)),
            self.actor.map(|test| test.clause(F::ActorId)),
            self.actor_kind.map(|test| test.clause(F::ActorKind)),
            self.source.map(|test| test.clause(F::Source)),
            self.client.map(|test| test.clause(F::Client)),
            self.command_id.map(|test| test.clause(F::CommandId)),
            self.correlation.map(|test| test.clause(F::CorrelationId)),
            self.occurred_at.map(|test| test.clause(F::OccurredAt)),
            self.recorded_at.map(|test| test.clause(F::RecordedAt)),
            self.text.map(|text| search(&text)),
        ];
        let own = own.into_iter().flatten().collect::<Result<_, _>>()?;
        group(
            own,
            self.and,
            self.or,
            self.not.map(|not| *not),
            Self::clause,
        )
    }
}

/// The longest text to look for, in characters.
const LONGEST: usize = 500;

/// What is found by a text.
pub(super) fn search(text: &str) -> Result<Clause<AuditField>, Failure> {
    if text.chars().count() > LONGEST {
        return Err(Failure::input(format!(
            "the text to look for has more than {LONGEST} characters; look for fewer words"
        )));
    }
    if !text.contains(char::is_alphanumeric) {
        return Err(Failure::input(
            "the text to look for has no word; give one, or leave it out",
        ));
    }
    Ok(Clause::Field(
        AuditField::Text,
        Test::Found(word::query(text)),
    ))
}

/// The text, where it is all that is asked for: then a page of what is found is enough.
pub(super) fn only_text(clause: &Clause<AuditField>) -> Option<&str> {
    match clause {
        Clause::Field(AuditField::Text, Test::Found(text)) => Some(text),
        Clause::All(parts) => match parts.as_slice() {
            [only] => only_text(only),
            _ => None,
        },
        Clause::Field(..) | Clause::Any(_) | Clause::Not(_) => None,
    }
}
