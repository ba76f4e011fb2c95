//! Builds made anew: of a whole projection, beside the one that serves; or a copy at exactly the same place, to hold it
//! against the one that serves. No reader notices.

use std::{sync::Arc, time::Instant};

use futures::{StreamExt, TryStreamExt, stream};

use super::{
    Build,
    install::{Purpose, lock, make},
    swap::rest_after,
};
use crate::{
    Engine, Error,
    digest::{TableDigest, digest_in},
    engine::Inner,
};

/// A table of a projection, as it is and as the log makes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// The table that readers read.
    pub serving: TableDigest,
    /// The same, made anew from the log.
    pub rebuilt: TableDigest,
}

impl Compared {
    /// Whether both hold the same rows.
    pub fn is_equal(&self) -> bool {
        self.serving == self.rebuilt
    }
}

impl Engine {
    /// Makes a new build of a projection and lets it serve once it has caught up. Goes on with one that is on its way. Other
    /// processes with the same projection help. The number of the build that serves then.
    pub async fn rebuild(&self, projection: &str) -> Result<i32, Error> {
        let inner = self.inner();
        let build = inner.begin(projection).await?;
        loop {
            inner.fill(&build).await?;
            let began = Instant::now();
            inner.swap(&build).await?;
            if build.is_live() {
                return Ok(build.number);
            }
            tokio::time::sleep(rest_after(began)).await;
            // Somebody else may have let it serve.
            inner.discover().await?;
            if build.replaced.is_cancelled() {
                return Err(Error::Replaced {
                    projection: build.name(),
                    build: build.number,
                });
            }
        }
    }

    /// Makes a projection's tables anew from the log, up to where those that serve are, and holds both against each other.
    pub async fn verify(&self, projection: &str) -> Result<Vec<Compared>, Error> {
        let inner = self.inner();
        let serving = inner.builds.get(projection)?;
        let build = inner.new_build(&serving, Purpose::Check).await?;
        let compared = inner.compare(&serving, &build).await;
        inner.discard(&build).await?;
        compared
    }
}

impl Inner {
    /// The build of a projection that is on its way, or a new one.
    async fn begin(&self, projection: &str) -> Result<Arc<Build>, Error> {
        self.discover().await?;
        let serving = self.builds.get(projection)?;
        let on_its_way = |builds: Vec<Arc<Build>>| {
            let mut builds = builds.into_iter();
            builds.find(|build| build.name() == serving.name() && build.number > serving.number)
        };
        if let Some(found) = on_its_way(self.builds.all()) {
            return Ok(found);
        }
        let made = self.new_build(&serving, Purpose::Serve).await?;
        self.discover().await?;
        on_its_way(self.builds.all()).ok_or(Error::Replaced {
            projection: serving.name(),
            build: made.number,
        })
    }

    pub(super) async fn new_build(&self, like: &Build, purpose: Purpose) -> Result<Build, Error> {
        let mut tx = self.store.partition_tx().await?;
        lock(&mut tx).await?;
        let projection = Arc::clone(&like.projection);
        let build = make(&mut tx, projection, self.store.partitions(), purpose).await?;
        tx.commit().await?;
        Ok(build)
    }

    /// Fills a build up to the heads of now, partitions side by side.
    async fn fill(&self, build: &Build) -> Result<(), Error> {
        let heads = if build.projection.is_policy() {
            self.served(build.name()).await?
        } else {
            self.heads().await?
        };
        stream::iter(heads.into_iter().map(Ok))
            .try_for_each_concurrent(
                usize::from(self.options.connections.max(1)),
                |(partition, head)| self.reach(build, partition, head),
            )
            .await
    }

    /// How far the build is that serves a policy: another one never goes beyond.
    async fn served(&self, policy: &str) -> Result<Vec<(u16, i64)>, Error> {
        let mut tx = self.store.partition_tx().await?;
        let rows = sqlx::query!(
            "select c.partition, c.next_offset from projection.live l
             join projection.checkpoint c on c.projection = l.projection and c.build = l.build
             where l.projection = $1 and l.caught_up",
            policy
        )
        .fetch_all(tx.connection())
        .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((u16::try_from(row.partition).ok()?, row.next_offset)))
            .collect())
    }

    async fn compare(&self, serving: &Build, build: &Build) -> Result<Vec<Compared>, Error> {
        // One moment: what is read later is as it was when the transaction began.
        let mut tx = self.store.partition_tx().await?;
        sqlx::query("set transaction isolation level repeatable read, read only")
            .execute(tx.connection())
            .await?;
        let places = sqlx::query!(
            "select partition, next_offset, parked from projection.checkpoint where projection = $1 and build = $2",
            serving.name(),
            serving.number
        )
        .fetch_all(tx.connection())
        .await?;
        let parked = places.iter().map(|place| i64::from(place.parked)).sum();
        if parked > 0 {
            return Err(Error::Parked {
                projection: serving.name(),
                tenants: parked,
            });
        }
        let of_serving = digest_in(&mut tx, &serving.schema).await?;
        drop(tx);
        stream::iter(places)
            .map(|place| {
                let partition = u16::try_from(place.partition).unwrap_or(0);
                self.reach_exactly(build, partition, place.next_offset)
            })
            .buffer_unordered(usize::from(self.options.connections.max(1)))
            .try_collect::<()>()
            .await?;
        let mut tx = self.store.partition_tx().await?;
        let of_rebuilt = digest_in(&mut tx, &build.schema).await?;
        let pairs = std::iter::zip(of_serving, of_rebuilt);
        Ok(pairs
            .map(|(serving, rebuilt)| Compared { serving, rebuilt })
            .collect())
    }
}
