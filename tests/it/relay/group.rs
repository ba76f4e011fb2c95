//! Projections that read from Kafka as a group: a member that cannot take its partitions at first takes them later, and a new
//! revision's processes are a group of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use event_store::Store;
use projections::{Engine, Options, Projection, kafka::Settings};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Running, projector, published};
use crate::{
    broker,
    harness::{self, Database},
    import,
    postgres::{End, Postgres, holds, until},
    projections::{
        Revision,
        history::{history, store_all},
    },
};

const PATIENCE: Duration = Duration::from_secs(20);

/// An engine of this process that reads from Kafka.
struct Reader {
    engine: Engine,
    tasks: TaskTracker,
    cancelled: CancellationToken,
}

impl Reader {
    async fn install(
        store: &Store,
        settings: &Settings,
        projections: Vec<Arc<dyn Projection>>,
    ) -> Self {
        let options = Options {
            kafka: Some(settings.clone()),
            connections: 2,
            ..Options::default()
        };
        let engine = Engine::install(store, projections, options).await.unwrap();
        Self {
            engine,
            tasks: TaskTracker::new(),
            cancelled: CancellationToken::new(),
        }
    }

    fn run(&self) {
        self.engine.run(&self.tasks, &self.cancelled);
    }

    async fn digests(&self) -> Vec<projections::digest::TableDigest> {
        let mut all = Vec::new();
        for projection in projections::all() {
            all.extend(self.engine.digest(projection.name()).await.unwrap());
        }
        all
    }

    async fn stop(self) {
        self.cancelled.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Its threads wait for no one: a test that fails ends.
impl Drop for Reader {
    fn drop(&mut self) {
        self.cancelled.cancel();
    }
}

/// The members of each group of the projections, by the group's name.
async fn groups(settings: &Settings) -> BTreeMap<String, Vec<String>> {
    let (brokers, ours) = (settings.brokers.clone(), format!("{}.", settings.group()));
    let ask = move || {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .create()
            .unwrap();
        let found = client.fetch_group_list(None, PATIENCE).unwrap();
        let groups = found.groups().iter();
        groups
            .filter(|group| group.name().starts_with(&ours))
            .map(|group| {
                let members = group.members().iter();
                let members = members.map(|member| member.id().to_owned()).collect();
                (group.name().to_owned(), members)
            })
            .collect()
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_cannot_take_its_partitions_takes_them_later() {
    let mut postgres = Postgres::start().await;
    let database = Database {
        options: harness::options_for(postgres.url()),
        url: postgres.url().to_owned(),
    };
    let store = database.store().await;
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let relay = Running::start(&store, &settings);
    projector::import(&database, 4).await;
    published(&store).await;
    relay.stop().await;
    projector::caught_up(&store).await;
    let expected = import::digests(&database).await;
    projector::empty(&database).await;

    // PostgreSQL is away when partitions are given out: the member leaves, and comes back as another one.
    let reader = Reader::install(&store, &settings, projections::all()).await;
    postgres.end(End::Fast).await;
    reader.run();
    let mut members = BTreeSet::new();
    until("a member to come back", async || {
        members.extend(groups(&settings).await.into_values().flatten());
        members.len() > 1
    })
    .await;
    postgres.start_again().await;
    projector::caught_up(&store).await;
    reader.stop().await;
    assert_eq!(import::digests(&database).await, expected);

    // It answers late: the member waits for it.
    projector::empty(&database).await;
    let reader = Reader::install(&store, &settings, projections::all()).await;
    let (mut admin, mut watch) = (postgres.admin().await, postgres.admin().await);
    sqlx::raw_sql("begin; lock table projection.checkpoint in access exclusive mode")
        .execute(&mut admin)
        .await
        .unwrap();
    reader.run();
    until("a member to ask where to begin", async || {
        let asks = "select exists (select from pg_stat_activity
            where wait_event_type = 'Lock' and query like '%min(c.next_offset)%')";
        holds(&mut watch, asks).await
    })
    .await;
    sqlx::raw_sql("commit").execute(&mut admin).await.unwrap();
    projector::caught_up(&store).await;
    reader.stop().await;
    assert_eq!(import::digests(&database).await, expected);
    store.close().await;
    postgres.end(End::Fast).await;
}

/// The projections in another revision.
fn revised(revision: u32) -> Vec<Arc<dyn Projection>> {
    let revised = |projection| Arc::new(Revision(projection, revision)) as Arc<dyn Projection>;
    projections::all().into_iter().map(revised).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_revision_is_a_group_of_its_own() {
    let database = harness::database().await;
    let stores = [database.store().await, database.store().await];
    let settings = broker::settings(broker::shared().await, &broker::prefix());
    broker::make_topics(&settings).await;
    let relay = Running::start(&stores[0], &settings);
    store_all(&stores[0], &history(5, 300)).await;
    let old = Reader::install(&stores[0], &settings, revised(1)).await;
    old.run();
    projector::caught_up(&stores[0]).await;

    // The new one does not take over while this test looks on: both go on. It passes over rows that are locked; of those that only
    // its predecessor has, it would wait for a policy's, and hold that one still.
    let new = Reader::install(&stores[1], &settings, revised(2)).await;
    let mut admin = database.admin().await;
    sqlx::raw_sql("begin; select from projection.live for update")
        .execute(&mut admin)
        .await
        .unwrap();
    new.run();
    until("two groups", async || {
        let groups = groups(&settings).await;
        groups.len() == 2 && groups.values().all(|members| members.len() == 1)
    })
    .await;
    store_all(&stores[0], &history(6, 300)).await;
    until("both to have applied everything", async || {
        let applied =
            "select count(distinct c.build) = 2 and bool_and(c.next_offset = p.next_offset)
            from projection.checkpoint c join log.partition p using (partition)";
        holds(&mut admin, applied).await
    })
    .await;
    assert_eq!(old.digests().await, new.digests().await);
    sqlx::raw_sql("commit").execute(&mut admin).await.unwrap();
    for reader in [old, new] {
        reader.stop().await;
    }
    relay.stop().await;
    for store in stores {
        store.close().await;
    }
}
