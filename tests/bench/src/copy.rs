//! Bare `COPY`: rows go out to this process in binary and back into another table, over several pairs of connections side by
//! side. Looks at nothing it carries.

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;

/// Rows go back so many bytes at a time: PostgreSQL sends each by itself.
const CHUNK: usize = 64 << 10;

/// What is copied where.
pub(crate) struct Job {
    /// A table, or a query in parentheses.
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Pairs of connections: one that reads and one that writes.
pub(crate) struct Lines(Mutex<Vec<(PgConnection, PgConnection)>>, usize);

impl Lines {
    pub(crate) async fn connect(url: &str, width: usize) -> Result<Self> {
        let pair = |_| async {
            let ends = futures::try_join!(PgConnection::connect(url), PgConnection::connect(url));
            anyhow::Ok(ends?)
        };
        let pairs = try_join_all((0..width).map(pair)).await?;
        Ok(Self(Mutex::new(pairs), width))
    }

    /// Does all of them.
    pub(crate) async fn copy(&self, jobs: Vec<Job>) -> Result<()> {
        stream::iter(jobs)
            .map(async |job| {
                let taken = self.0.lock().await.pop();
                // There are as many pairs as jobs under way.
                if let Some((mut source, mut target)) = taken {
                    one(&mut source, &mut target, &job).await?;
                    self.0.lock().await.push((source, target));
                }
                Ok(())
            })
            .buffer_unordered(self.1)
            .try_collect()
            .await
    }
}

async fn one(source: &mut PgConnection, target: &mut PgConnection, job: &Job) -> Result<()> {
    let out = format!("copy {} to stdout (format binary)", job.from);
    let back = format!("copy {} from stdin (format binary)", job.to);
    let mut rows = source.copy_out_raw(&out).await?;
    let mut sink = target.copy_in_raw(&back).await?;
    let (mut chunk, mut sent) = (Vec::with_capacity(2 * CHUNK), 0);
    while let Some(row) = rows.try_next().await? {
        chunk.extend_from_slice(&row);
        // The head of the format goes with the first row; head and tail are no rows.
        sent += 1;
        if chunk.len() >= CHUNK {
            sink.send(chunk.as_slice()).await?;
            chunk.clear();
        }
    }
    sink.send(chunk.as_slice()).await?;
    let written = sink.finish().await?;
    ensure!(
        sent == written + 1,
        "of {} {sent} rows were read and {written} written",
        job.from
    );
    Ok(())
}
