//! Events that a build does not want: they change nothing, so that it has passed them as soon as somebody has looked, and its
//! checkpoint may say so later. Never writes anything.

use super::{Inner, Progress};
use crate::{build::Build, error::Failure, projection::select, source::Source};

impl Inner {
    /// Of these partitions, each with the first offset that the build has not applied, those whose next events it does not want.
    pub(crate) async fn unwanted(
        &self,
        build: &Build,
        source: &Source,
        places: &[(u16, i64)],
    ) -> Result<Vec<(u16, Progress)>, Failure> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let most = self.batch().most;
        let found = if let Some(found) = self.pages(source).recent(places, most).await {
            found
        } else {
            let Ok(_connection) = self.connections.acquire().await else {
                return Ok(Vec::new());
            };
            let mut tx = self.store.partition_tx().await?;
            self.pages(source)
                .read(source, &mut tx, places, most)
                .await?
        };
        let mut passed = Vec::new();
        for ((partition, from), slice) in places.iter().zip(&found) {
            let Some(last) = slice.events().last() else {
                continue;
            };
            // What is not known is for the batch to say.
            let none =
                select(build.projection.as_ref(), slice.events()).is_ok_and(|all| all.is_empty());
            if !none {
                continue;
            }
            let next_offset = last.offset + 1;
            if build.is_live() {
                self.waiter
                    .passed(build.name(), *partition, *from, next_offset);
            }
            let progress = Progress::At {
                applied: slice.events().len(),
                next_offset,
                head: self.head(source, *partition, next_offset),
            };
            passed.push((*partition, progress));
        }
        Ok(passed)
    }
}
