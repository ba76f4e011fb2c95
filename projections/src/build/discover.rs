//! Finds what other processes did to the builds of this binary's revisions: new ones are fed here too, and one that was replaced
//! is left alone.

use std::{collections::BTreeMap, sync::Arc};

use super::Build;
use crate::{Error, engine::Inner};

impl Inner {
    /// Looks. Whoever does may be the first to see a new one: the loop asks each build whether it is fed.
    pub(crate) async fn discover(&self) -> Result<(), Error> {
        let known = self.builds.all();
        let revisions: BTreeMap<&str, &Arc<Build>> = known
            .iter()
            .map(|build| (build.revision.as_str(), build))
            .collect();
        let mut tx = self.store.partition_tx().await?;
        let rows = sqlx::query!(
            r#"select b.projection, b.revision, b.build, b.schema_name, l.build = b.build and l.caught_up as "live!"
               from projection.live l
               join projection.build b on b.projection = l.projection and b.revision = l.revision and b.build >= l.build
               where l.revision = any($1) and b.purpose = 'serve'
               order by b.projection, b.build"#,
            &revisions.keys().map(|revision| (*revision).to_owned()).collect::<Vec<_>>()
        )
        .fetch_all(tx.connection())
        .await?;
        drop(tx);
        let (mut there, mut live) = (Vec::new(), Vec::new());
        for row in rows {
            let same = known
                .iter()
                .find(|build| build.name() == row.projection && build.number == row.build);
            let build = match (same, revisions.get(row.revision.as_str())) {
                (Some(same), _) => Arc::clone(same),
                (None, Some(sibling)) => {
                    let projection = Arc::clone(&sibling.projection);
                    Arc::new(Build::new(
                        projection,
                        row.revision,
                        row.build,
                        row.schema_name,
                    ))
                }
                (None, None) => continue,
            };
            if row.live {
                live.push(Arc::clone(&build));
            }
            there.push(build);
        }
        // Those that serve do so before the others cease to: a projection is never without.
        for build in live {
            build.set_live(true);
        }
        for build in &known {
            if !there.iter().any(|one| Arc::ptr_eq(one, build)) {
                build.set_live(false);
                build.replaced.cancel();
            }
        }
        self.builds.change(|builds| *builds = there);
        Ok(())
    }
}
