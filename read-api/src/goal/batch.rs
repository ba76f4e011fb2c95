//! What belongs to goals, read for all goals of a page at once when the first of them is asked for it. Never one statement
//! per goal.

use std::{collections::HashMap, sync::Arc};

use async_graphql::connection::Connection;
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use super::{
    Goal,
    progress::{self, GoalProgress, GoalProgressTotal, ProgressRow},
    row::GoalRow,
};
use crate::{
    failure::Failure,
    metric::{self, Metric},
    page::Paging,
    serial::Serial,
    session::Snapshot,
};

/// Something read once for the whole batch; a failure is told to each.
type Once<T> = OnceCell<Result<HashMap<Uuid, T>, Failure>>;

/// Goals that were read together.
pub(crate) struct Batch {
    snapshot: Arc<Snapshot>,
    goals: Vec<Uuid>,
    metrics: Vec<Uuid>,
    metric: Once<Metric>,
    /// One reading for each page that is asked of every goal.
    progress: Mutex<HashMap<Paging, Arc<Once<Vec<ProgressRow>>>>>,
}

/// These rows as goals of one batch.
pub(crate) fn goals(snapshot: Arc<Snapshot>, rows: Vec<GoalRow>) -> Vec<Goal> {
    let mut metrics: Vec<Uuid> = rows.iter().filter_map(|row| row.metric_id).collect();
    metrics.sort_unstable();
    metrics.dedup();
    let batch = Arc::new(Batch {
        snapshot,
        goals: rows.iter().map(|row| row.goal_id).collect(),
        metrics,
        metric: OnceCell::new(),
        progress: Mutex::default(),
    });
    rows.into_iter()
        .map(|row| Goal {
            row,
            batch: Arc::clone(&batch),
        })
        .collect()
}

impl Batch {
    pub(crate) async fn metric(&self, id: Uuid) -> Result<Option<Metric>, Failure> {
        let read = || async {
            let metrics = metric::by_ids(&self.snapshot, &self.metrics).await?;
            Ok(metrics
                .into_iter()
                .map(|metric| (metric.uuid(), metric))
                .collect())
        };
        match self.metric.get_or_init(read).await {
            Ok(found) => Ok(found.get(&id).cloned()),
            Err(failure) => Err(failure.clone()),
        }
    }

    /// A page of the progress of a goal, of which there is so much.
    pub(crate) async fn progress(
        &self,
        goal: Uuid,
        count: i32,
        paging: Paging,
    ) -> Result<Connection<String, Serial<GoalProgress>, GoalProgressTotal>, Failure> {
        let page = progress::page(&paging, self.snapshot.cursors())?;
        let once = Arc::clone(self.progress.lock().await.entry(paging).or_default());
        let read = || progress::read(&self.snapshot, &self.goals, &page);
        let rows = match once.get_or_init(read).await {
            Ok(found) => found.get(&goal).cloned().unwrap_or_default(),
            Err(failure) => return Err(failure.clone()),
        };
        progress::connection(&page, self.snapshot.cursors(), rows, count)
    }
}
