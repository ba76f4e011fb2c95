//! Compares source and log after an import, aggregate by aggregate. Changes nothing.

use anyhow::Result;
use event_schemas::TenantId;
use event_store::{
    Store,
    postgres_es::{Source, SourceStream},
};
use futures::TryStreamExt;
use serde::Serialize;

/// Aggregates compared at a time.
const STREAMS: usize = 500;
/// Differences that are named one by one.
const EXAMPLES: usize = 20;

/// An aggregate of which the log has not what the source has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The stream.
    pub stream: String,
    /// Its events in the source, which is its last sequence too.
    pub source_events: i64,
    /// Its events in the log.
    pub log_events: i64,
    /// Its last version in the log.
    pub log_version: i32,
}

/// How many aggregates differ, and the first of them.
///
/// # Errors
/// When source or log cannot be read.
pub async fn verify(
    store: &Store,
    tenant: TenantId,
    source: &mut Source,
) -> Result<(u64, Vec<Difference>)> {
    let (mut count, mut examples) = (0, Vec::new());
    let mut streams = std::pin::pin!(source.sound_streams());
    loop {
        let mut page: Vec<SourceStream> = Vec::with_capacity(STREAMS);
        while page.len() < STREAMS {
            match streams.try_next().await? {
                Some(stream) => page.push(stream),
                None => break,
            }
        }
        if page.is_empty() {
            return Ok((count, examples));
        }
        let names: Vec<_> = page.iter().map(|stream| stream.stream.clone()).collect();
        let sizes = store
            .operator_tx()
            .await?
            .stream_sizes(tenant, &names)
            .await?;
        for (stream, (events, version)) in page.into_iter().zip(sizes) {
            if (events, i64::from(version)) == (stream.events, stream.events) {
                continue;
            }
            count += 1;
            if examples.len() < EXAMPLES {
                examples.push(Difference {
                    stream: stream.stream,
                    source_events: stream.events,
                    log_events: events,
                    log_version: version,
                });
            }
        }
    }
}
