//! `daybook relay`: how far the log is published to Kafka.

use anyhow::Result;
use projections::relay;
use serde_json::json;

use crate::{database::Place, output};

/// Every partition.
pub async fn status(place: &Place, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let partitions = relay::status(&store).await;
    database.close(Some(store)).await?;
    let rows: Vec<_> = partitions?
        .into_iter()
        .map(|at| {
            json!({ "partition": at.partition, "slot": at.slot, "leader": at.leader, "nextOffset": at.next_offset,
                "head": at.head, "lagEvents": at.events, "lagSeconds": at.seconds, "trouble": at.trouble })
        })
        .collect();
    output::rows(
        format,
        &[
            "partition",
            "slot",
            "leader",
            "nextOffset",
            "head",
            "lagEvents",
            "lagSeconds",
            "trouble",
        ],
        &rows,
    );
    Ok(())
}
