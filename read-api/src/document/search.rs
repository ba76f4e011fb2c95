//! The search through the documents of an organization, in the order of their rank. Never ranks more than the read model's
//! function finds, and marks only what is on the page.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{InputObject, Object, Result, connection::Connection};
use sqlx::{FromRow, Postgres, QueryBuilder};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    Document, batch,
    highlight::{Highlight, highlights},
    row::{DocumentRow, columns},
};
use crate::{
    failure::Failure,
    page::{Direction, Ordering, Page, Paging, Place},
    scalar::storable,
    serial::Serial,
    session::Snapshot,
};

/// The longest text to look for, in characters.
const LONGEST: usize = 500;
/// What a rank is counted in.
const BILLION: f64 = 1_000_000_000.0;

/// The most relevant first; of those that are as relevant as each other, in the order of their ids.
const ORDERING: Ordering = Ordering {
    name: "documents by rank",
    key: "f.rank",
    is_time: false,
    id: "f.document_id",
    direction: Direction::Desc,
};

/// Among which documents is searched. All conditions must hold.
#[derive(Clone, Default, InputObject, Debug)]
pub(crate) struct DocumentSearchFilter {
    /// The ISO 639 code of their language.
    language: Option<String>,
    /// What they are, such as `policy`.
    kind: Option<String>,
    /// One of their tags.
    tag: Option<String>,
    /// Whether retired ones are found too.
    #[graphql(default)]
    include_retired: bool,
}

/// What is looked for, and among what.
#[derive(Clone, Debug)]
struct Ask {
    words: String,
    filter: DocumentSearchFilter,
}

impl Ask {
    fn try_new(words: String, filter: DocumentSearchFilter) -> Result<Self, Failure> {
        if words.chars().count() > LONGEST {
            return Err(Failure::input(format!(
                "the text to look for has more than {LONGEST} characters; look for fewer words"
            )));
        }
        if !words.contains(char::is_alphanumeric) {
            return Err(Failure::input(
                "the text to look for has no word; give at least one",
            ));
        }
        let words = storable(words)?;
        let DocumentSearchFilter {
            language,
            kind,
            tag,
            include_retired,
        } = filter;
        let filter = DocumentSearchFilter {
            language: language.map(storable).transpose()?,
            kind: kind.map(storable).transpose()?,
            tag: tag.map(storable).transpose()?,
            include_retired,
        };
        Ok(Self { words, filter })
    }

    /// Appends what finds them, with their ranks.
    fn push(&self, query: &mut QueryBuilder<Postgres>) {
        query
            .push("document_found((select log.current_tenant()), ")
            .push_bind(self.words.clone())
            .push(", ")
            .push_bind(self.filter.language.clone())
            .push(", ")
            .push_bind(self.filter.kind.clone())
            .push(", ")
            .push_bind(self.filter.tag.clone())
            .push(", ")
            .push_bind(self.filter.include_retired)
            .push(") f");
    }
}

/// A document with its rank.
#[derive(FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    document: DocumentRow,
    rank: i64,
}

/// One page, forward.
pub(super) async fn page(
    snapshot: Arc<Snapshot>,
    words: String,
    filter: Option<DocumentSearchFilter>,
    paging: &Paging,
) -> Result<Connection<String, Serial<DocumentMatch>, DocumentSearchTotal>, Failure> {
    let ask = Ask::try_new(words, filter.unwrap_or_default())?;
    let page = Page::new(paging, ORDERING, snapshot.cursors())?;
    let mut query = QueryBuilder::<Postgres>::new(concat!(
        "select ",
        columns!(),
        ", f.rank from (select f.document_id, f.rank from "
    ));
    ask.push(&mut query);
    query.push(" where true");
    page.push(&mut query);
    // Each by its key, however few there are of all.
    query.push(
        ") f, lateral (select * from document d where d.document_id = f.document_id offset 0) d \
         order by f.rank desc, f.document_id desc",
    );
    let rows: Vec<FoundRow> = query
        .build_query_as()
        .fetch_all(&mut *snapshot.statement().await)
        .await?;
    let (rows, more) = page.cut(rows);
    let marks = Arc::new(Marks {
        snapshot: Arc::clone(&snapshot),
        words: ask.words.clone(),
        documents: rows.iter().map(|row| row.document.document_id).collect(),
        found: OnceCell::new(),
    });
    let (ranks, rows): (Vec<i64>, Vec<DocumentRow>) =
        rows.into_iter().map(|row| (row.rank, row.document)).unzip();
    let documents = batch::documents(Arc::clone(&snapshot), rows);
    let nodes = ranks
        .into_iter()
        .zip(documents)
        .map(|(rank, document)| {
            let place = Place {
                key: rank,
                id: document.uuid(),
            };
            let marks = Arc::clone(&marks);
            let found = DocumentMatch {
                document,
                rank,
                marks,
            };
            (place, found)
        })
        .collect();
    let total = DocumentSearchTotal {
        snapshot: Arc::clone(&snapshot),
        ask,
    };
    page.connection(snapshot.cursors(), nodes, more, total)
}

/// What is marked in the documents of a page, read once for all of them; a failure is told to each.
struct Marks {
    snapshot: Arc<Snapshot>,
    words: String,
    documents: Vec<Uuid>,
    found: OnceCell<Result<HashMap<Uuid, Vec<Highlight>>, Failure>>,
}

impl Marks {
    async fn of(&self, document: Uuid) -> Result<Vec<Highlight>, Failure> {
        match self.found.get_or_init(|| self.read()).await {
            Ok(found) => Ok(found.get(&document).cloned().unwrap_or_default()),
            Err(failure) => Err(failure.clone()),
        }
    }

    async fn read(&self) -> Result<HashMap<Uuid, Vec<Highlight>>, Failure> {
        let rows: Vec<(Uuid, Option<String>, Option<String>)> = sqlx::query_as(
            "select d.document_id, m.title, m.body from document d, \
             lateral document_marked(d.language, d.title, d.body, $2) m where d.document_id = any($1)",
        )
        .bind(&self.documents)
        .bind(&self.words)
        .fetch_all(&mut *self.snapshot.statement().await)
        .await?;
        let marked = rows.into_iter().map(|(id, title, body)| {
            let found = highlights(&title.unwrap_or_default(), &body.unwrap_or_default());
            (id, found)
        });
        Ok(marked.collect())
    }
}

/// A document that a search found.
pub(crate) struct DocumentMatch {
    document: Document,
    rank: i64,
    marks: Arc<Marks>,
}

/// A document that a search found.
#[Object]
impl DocumentMatch {
    /// The document.
    #[graphql(complexity = "child_complexity + 1")]
    async fn document(&self) -> &Document {
        &self.document
    }

    /// How well it fits, from 0 to 1: how often the words are in it, in its title above all, for its length. Comparable within
    /// one search only.
    #[expect(clippy::cast_precision_loss, reason = "it is at most a billion")]
    async fn rank(&self) -> f64 {
        self.rank as f64 / BILLION
    }

    /// Where the words are: the title if they are in it, and at most three fragments of the text.
    #[graphql(complexity = "4 * child_complexity + 1")]
    async fn highlights(&self) -> Result<Vec<Highlight>> {
        Ok(self.marks.of(self.document.uuid()).await?)
    }
}

/// How many a search found; read only when it is selected.
pub(crate) struct DocumentSearchTotal {
    snapshot: Arc<Snapshot>,
    ask: Ask,
}

#[Object]
impl DocumentSearchTotal {
    /// How many documents there are on all pages together: 500 at most, for no more are ranked.
    async fn total_count(&self) -> Result<i64> {
        Ok(self.count().await?)
    }
}

impl DocumentSearchTotal {
    async fn count(&self) -> Result<i64, Failure> {
        let mut query = QueryBuilder::<Postgres>::new("select count(*) from ");
        self.ask.push(&mut query);
        Ok(query
            .build_query_scalar()
            .fetch_one(&mut *self.snapshot.statement().await)
            .await?)
    }
}
