//! Which documents: the filter's fields and where they stand. Never reads a row.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::{DateTime, Utc};

use super::DocumentStatus;
use crate::{
    failure::Failure,
    filter::{
        Clause, Column,
        input::{RangeFilter, StringFilter, UuidFilter, group, words},
    },
};

/// What a document can be filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DocumentField {
    DocumentId,
    Status,
    Title,
    Language,
    Kind,
    Tag,
    Source,
    AddedAt,
    RevisedAt,
    RetiredAt,
}

/// One of a document's tags.
const TAG: Column = Column {
    before: "exists (select 1 from unnest(d.tags) t (tag) where ",
    expression: "t.tag",
    after: ")",
};

impl DocumentField {
    /// Where it stands for `document d`.
    pub(crate) fn column(self) -> Column {
        Column::of(match self {
            Self::DocumentId => "d.document_id",
            Self::Status => "d.status",
            Self::Title => "d.title",
            Self::Language => "d.language",
            Self::Kind => "d.kind",
            Self::Tag => return TAG,
            Self::Source => "d.source",
            Self::AddedAt => "d.added_at",
            Self::RevisedAt => "d.revised_at",
            Self::RetiredAt => "d.retired_at",
        })
    }
}

/// Conditions on the status of a document. All of them must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct DocumentStatusFilter {
    /// It is this.
    eq: MaybeUndefined<DocumentStatus>,
    /// It is one of these.
    #[graphql(name = "in")]
    any_of: Option<Vec<DocumentStatus>>,
}

/// Which documents. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct DocumentFilter {
    /// The UUID.
    document_id: Option<UuidFilter>,
    /// Where it stands.
    status: Option<DocumentStatusFilter>,
    /// What it is called.
    title: Option<StringFilter>,
    /// The ISO 639 code of its language.
    language: Option<StringFilter>,
    /// What it is, such as `policy`.
    kind: Option<StringFilter>,
    /// One of its tags.
    tag: Option<StringFilter>,
    /// Where it comes from.
    source: Option<StringFilter>,
    /// When it was added.
    added_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When it was revised last.
    revised_at: Option<RangeFilter<DateTime<Utc>>>,
    /// When it was retired.
    retired_at: Option<RangeFilter<DateTime<Utc>>>,
    /// All of these.
    and: Option<Vec<DocumentFilter>>,
    /// At least one of these.
    or: Option<Vec<DocumentFilter>>,
    /// Not this.
    not: Option<Box<DocumentFilter>>,
}

impl DocumentFilter {
    /// The conditions, checked for their size.
    pub(crate) fn checked(self) -> Result<Clause<DocumentField>, Failure> {
        let clause = self.clause()?;
        clause.check()?;
        Ok(clause)
    }

    fn clause(self) -> Result<Clause<DocumentField>, Failure> {
        use DocumentField as F;
        let status = |test: DocumentStatusFilter| {
            words(F::Status, test.eq, test.any_of, DocumentStatus::as_str)
        };
        let own = [
            self.document_id.map(|test| test.clause(F::DocumentId)),
            self.status.map(status),
            self.title.map(|test| test.clause(F::Title)),
            self.language.map(|test| test.clause(F::Language)),
            self.kind.map(|test| test.clause(F::Kind)),
            self.tag.map(|test| test.clause(F::Tag)),
            self.source.map(|test| test.clause(F::Source)),
            self.added_at.map(|test| test.clause(F::AddedAt)),
            self.revised_at.map(|test| test.clause(F::RevisedAt)),
            self.retired_at.map(|test| test.clause(F::RetiredAt)),
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
