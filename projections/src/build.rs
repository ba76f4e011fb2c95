//! Builds: a projection's tables in a schema of their own, filled from offset 0. Owns the list of those that this process
//! feeds; `install` makes them, `discover` finds those that others made, `swap` lets one serve, `drop` removes what nobody reads.

mod anew;
mod discover;
mod drop;
pub(crate) mod install;
mod progress;
pub(crate) mod swap;
mod tenant;

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

use crate::{Error, Projection};

pub use anew::Compared;
pub use progress::{BuildProgress, builds};

/// A projection's tables that this process feeds.
pub(crate) struct Build {
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) revision: String,
    pub(crate) number: i32,
    pub(crate) schema: String,
    /// Whether readers of this binary read it.
    live: AtomicBool,
    /// Whether it is about to serve, and the one that serves stands still for it.
    pub(crate) awaited: AtomicBool,
    /// Whether this process's loop feeds it.
    fed: AtomicBool,
    /// Cancelled when another build has taken its place.
    pub(crate) replaced: CancellationToken,
}

impl Build {
    /// One that nobody reads, nor feeds.
    fn new(projection: Arc<dyn Projection>, revision: String, number: i32, schema: String) -> Self {
        Self {
            projection,
            revision,
            number,
            schema,
            live: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            fed: AtomicBool::new(false),
            replaced: CancellationToken::new(),
        }
    }

    /// Whether the loop begins to feed it with this.
    pub(crate) fn begin(&self) -> bool {
        !self.fed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// Where its tables are.
    pub(crate) fn search_path(&self) -> String {
        format!("{}, extensions", self.schema)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    fn set_live(&self, live: bool) {
        self.live.store(live, Ordering::Release);
    }
}

/// The builds of this binary's revisions that serve or are on their way.
pub(crate) struct Builds(RwLock<Vec<Arc<Build>>>);

impl Builds {
    pub(crate) fn new(builds: Vec<Build>) -> Self {
        Self(RwLock::new(builds.into_iter().map(Arc::new).collect()))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Build>> {
        let builds = self.0.read().unwrap_or_else(PoisonError::into_inner);
        builds.clone()
    }

    /// The build of a projection that serves, or else the newest.
    pub(crate) fn get(&self, projection: &str) -> Result<Arc<Build>, Error> {
        let builds = self.all();
        let mut of_it = builds
            .iter()
            .filter(|build| build.name() == projection)
            .collect::<Vec<_>>();
        of_it.sort_by_key(|build| (build.is_live(), build.number));
        let found = of_it.pop().map(Arc::clone);
        found.ok_or_else(|| Error::UnknownProjection(projection.to_owned()))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Build>>)) {
        let mut builds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut builds);
    }
}
