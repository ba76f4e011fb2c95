//! What belongs to documents, read for all documents of a page at once when the first of them is asked for it. Never one
//! statement per document.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    Document,
    row::{self, DocumentRow},
};
use crate::{failure::Failure, session::Snapshot};

/// Documents that were read together.
pub(crate) struct Batch {
    snapshot: Arc<Snapshot>,
    documents: Vec<Uuid>,
    /// Read once for all; a failure is told to each.
    bodies: OnceCell<Result<HashMap<Uuid, String>, Failure>>,
}

/// These rows as documents of one batch.
pub(super) fn documents(snapshot: Arc<Snapshot>, rows: Vec<DocumentRow>) -> Vec<Document> {
    let batch = Arc::new(Batch {
        snapshot,
        documents: rows.iter().map(|row| row.document_id).collect(),
        bodies: OnceCell::new(),
    });
    rows.into_iter()
        .map(|row| Document {
            row,
            batch: Arc::clone(&batch),
        })
        .collect()
}

impl Batch {
    /// The text of one of them.
    pub(super) async fn body(&self, document: Uuid) -> Result<String, Failure> {
        let read = || row::bodies(&self.snapshot, &self.documents);
        match self.bodies.get_or_init(read).await {
            Ok(found) => Ok(found.get(&document).cloned().unwrap_or_default()),
            Err(failure) => Err(failure.clone()),
        }
    }
}
