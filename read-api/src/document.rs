//! Documents for reading: the root fields and the object. Never decides what may happen to a document.

mod batch;
mod filter;
mod highlight;
mod list;
mod row;
mod search;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::{
    batch::Batch,
    filter::DocumentFilter,
    list::{DocumentSort, DocumentTotal},
    row::DocumentRow,
    search::{DocumentMatch, DocumentSearchFilter, DocumentSearchTotal},
};
use crate::{
    failure::Failure,
    page::{self, Paging},
    scalar::{BigInt, Kind, global_id, uuid_of},
    serial::Serial,
    session::{Root, Snapshot},
};

/// The permission's context.
const CONTEXT: &str = "document";

/// The query root's fields about documents.
#[derive(Clone, Default)]
pub(crate) struct DocumentQuery(pub(crate) Root);

#[Object]
impl DocumentQuery {
    /// One document. `null`: there is none. Needs `document:read`.
    async fn document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id, or the UUID.")] id: ID,
    ) -> Result<Option<Document>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        Ok(by_ids(&snapshot, &[uuid_of(Kind::Document, &id)?])
            .await?
            .pop())
    }

    /// Documents, a page at a time. Needs `document:read`.
    #[graphql(complexity = "page::rows(first, last) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "The newest first, if not given.")] order_by: Option<DocumentSort>,
        #[graphql(
            desc = "So many from the start, 0 to 100; 20 if neither this nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Serial<Document>, DocumentTotal>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(list::page(snapshot, filter, order_by.unwrap_or_default(), &paging).await?)
    }

    /// Documents with these words in their title, kind, tags or text, the most relevant first, a page at a time. Words are found
    /// in any form in Portuguese and English, in others as they are written; with accents or without. Retired documents are not
    /// found unless the filter says so. Needs `document:read`.
    #[graphql(complexity = "page::rows(first, None) * child_complexity + 1")]
    async fn search_documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "At most 500 characters. All words must be there; `\"…\"` is a phrase, `or` is either, `-` is without."
        )]
        query: String,
        #[graphql(desc = "Only among these.")] filter: Option<DocumentSearchFilter>,
        #[graphql(desc = "So many, 0 to 100; 20 if not given.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor of the same search.")] after: Option<
            String,
        >,
    ) -> Result<Connection<String, Serial<DocumentMatch>, DocumentSearchTotal>> {
        let snapshot = self.0.read(ctx, CONTEXT).await?;
        let paging = Paging {
            first,
            after,
            last: None,
            before: None,
        };
        Ok(search::page(snapshot, query, filter, &paging).await?)
    }
}

/// The documents with these ids, in any order; unknown ids are left out. One statement whatever their number.
pub(crate) async fn by_ids(
    snapshot: &Arc<Snapshot>,
    ids: &[Uuid],
) -> Result<Vec<Document>, Failure> {
    snapshot.allow(CONTEXT)?;
    let rows = row::by_ids(snapshot, ids).await?;
    Ok(batch::documents(Arc::clone(snapshot), rows))
}

/// Where a document stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "event_schemas::document::DocumentStatus")]
pub(crate) enum DocumentStatus {
    /// It holds.
    Active,
    /// It does not hold any more.
    Retired,
}

impl DocumentStatus {
    /// The status as it is stored.
    fn as_str(self) -> &'static str {
        event_schemas::document::DocumentStatus::from(self).as_str()
    }

    /// The status that is stored with this document.
    fn stored(name: &str, document: &Uuid) -> Result<Self, Failure> {
        event_schemas::document::DocumentStatus::parse(name)
            .map(Self::from)
            .ok_or_else(|| Failure::corrupt("document", "status", document, name))
    }
}

/// A document, as the read models know it.
#[derive(Clone)]
pub(crate) struct Document {
    row: DocumentRow,
    batch: Arc<Batch>,
}

impl Document {
    /// The UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.row.document_id
    }
}

/// A document: a text that is kept and looked up, such as a policy or a note.
#[Object]
impl Document {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        global_id(Kind::Document, self.row.document_id)
    }

    /// The UUID that commands take.
    async fn document_id(&self) -> Uuid {
        self.row.document_id
    }

    /// Where it stands.
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn status(&self) -> Result<DocumentStatus> {
        Ok(DocumentStatus::stored(
            &self.row.status,
            &self.row.document_id,
        )?)
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// The whole text, of at most 100,000 characters. It costs as much as 50 other fields.
    #[graphql(complexity = 50)]
    async fn body(&self) -> Result<String> {
        Ok(self.batch.body(self.row.document_id).await?)
    }

    /// The ISO 639 code of its language, such as `pt`.
    async fn language(&self) -> &str {
        &self.row.language
    }

    /// What it is, such as `policy`.
    async fn kind(&self) -> Option<&str> {
        self.row.kind.as_deref()
    }

    /// Words to sort it by.
    async fn tags(&self) -> &[String] {
        &self.row.tags
    }

    /// Where it comes from: an address, or words.
    async fn source(&self) -> Option<&str> {
        self.row.source.as_deref()
    }

    /// How often it was written, from 1.
    async fn revision(&self) -> i32 {
        self.row.revision
    }

    /// What was said of its last revision.
    async fn note(&self) -> Option<&str> {
        self.row.note.as_deref()
    }

    /// Why it was retired.
    async fn reason(&self) -> Option<&str> {
        self.row.reason.as_deref()
    }

    /// When it was added.
    async fn added_at(&self) -> DateTime<Utc> {
        self.row.added_at
    }

    /// When it was revised last.
    async fn revised_at(&self) -> Option<DateTime<Utc>> {
        self.row.revised_at
    }

    /// When it was retired.
    async fn retired_at(&self) -> Option<DateTime<Utc>> {
        self.row.retired_at
    }

    /// The codes of the rules that an import skipped.
    async fn waived(&self) -> &[String] {
        &self.row.waived
    }

    /// When its newest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// How many events it has had: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// The organization's position of its newest event.
    async fn position(&self) -> BigInt {
        self.row.position.into()
    }
}
