//! The projection engine on a real log: what it applies never depends on where a batch ends, who applies it or when it
//! is built; what cannot be applied stops loudly; a token is waited for.

mod build;
mod halt;
pub mod history;
mod park;
mod parked;
mod trouble;

use std::{sync::Arc, time::Duration};

use event_schemas::{RecordedEvent, StreamId, TenantId, order::OrderEvent};
use event_store::{Clock as _, Outcome, Store, SystemClock};
use projections::{
    ApplyError, Engine, Known, Options, Projection, WaitError, Waiter, digest::TableDigest,
    policy::Effects,
};
use sqlx::{PgConnection, Row};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::history::{Dice, append, at, history, placed, registered, store_all};
use crate::harness;

/// Another revision of a projection: the same tables, built anew.
pub struct Revision(pub Arc<dyn Projection>, pub u32);

#[async_trait::async_trait]
impl Projection for Revision {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn fold(&self) -> u32 {
        self.1
    }
    fn ddl(&self) -> &'static str {
        self.0.ddl()
    }
    fn known(&self) -> &'static [Known] {
        self.0.known()
    }
    fn reads_others(&self) -> bool {
        self.0.reads_others()
    }
    fn needs_metadata(&self) -> bool {
        self.0.needs_metadata()
    }
    fn wants(&self, event_type: &str) -> bool {
        self.0.wants(event_type)
    }
    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        self.0.apply(events, connection).await
    }
    fn is_policy(&self) -> bool {
        self.0.is_policy()
    }
    async fn react(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<Effects, ApplyError> {
        self.0.react(events, connection).await
    }
}

async fn engine(store: &Store, batch: u16, revision: u32) -> Engine {
    let projections = projections::all()
        .into_iter()
        .map(|projection| Arc::new(Revision(projection, revision)) as Arc<dyn Projection>)
        .collect();
    Engine::install(
        store,
        projections,
        Options {
            batch,
            connections: 2,
            ..Options::default()
        },
    )
    .await
    .unwrap()
}

const READ_MODELS: [&str; 9] = [
    "identity",
    "organization",
    "customer",
    "order",
    "lead",
    "metric",
    "goal",
    "document",
    "audit",
];
/// Of a policy one build serves, whatever the revisions.
const POLICIES: [&str; 3] = ["revenue", "monthly", "progress"];

fn names() -> impl Iterator<Item = &'static str> {
    READ_MODELS.into_iter().chain(POLICIES)
}

async fn digests(engine: &Engine) -> Vec<TableDigest> {
    digests_of(engine, names()).await
}

async fn digests_of(
    engine: &Engine,
    names: impl IntoIterator<Item = &'static str>,
) -> Vec<TableDigest> {
    let mut all = Vec::new();
    for name in names {
        all.extend(engine.digest(name).await.unwrap());
    }
    all
}

async fn count(store: &Store, statement: &'static str) -> i64 {
    let mut tx = store.operator_tx().await.unwrap();
    sqlx::query(statement)
        .fetch_one(tx.connection())
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn a_rebuild_equals_what_grew_with_the_log_whatever_the_batch() {
    let store = harness::database().await.store().await;
    let log = history(7, 500);
    let grown = engine(&store, 2_000, 1).await;
    for part in log.chunks(97) {
        store_all(&store, part).await;
        grown.catch_up().await.unwrap();
    }
    let expected = digests(&grown).await;
    assert!(expected.iter().all(|table| table.rows > 0), "{expected:?}");
    for (batch, revision) in [(1, 2), (7, 3), (2_000, 4)] {
        let rebuilt = engine(&store, batch, revision).await;
        rebuilt.catch_up().await.unwrap();
        assert_eq!(digests(&rebuilt).await, expected, "batches of {batch}");
    }
    // The last one has taken over everywhere.
    let last = count(
        &store,
        "select count(*) from projection.live where build = 4 and caught_up",
    )
    .await;
    assert_eq!(last, i64::try_from(names().count()).unwrap());
}

#[tokio::test]
async fn two_processes_share_the_work_and_apply_everything_once() {
    let database = harness::database().await;
    let (one, other) = (database.store().await, database.store().await);
    store_all(&one, &history(3, 800)).await;
    let (a, b) = (engine(&one, 20, 1).await, engine(&other, 33, 1).await);
    let (first, second) = tokio::join!(a.catch_up(), b.catch_up());
    first.unwrap();
    second.unwrap();
    let alone = engine(&one, 2_000, 2).await;
    alone.catch_up().await.unwrap();
    // Both digests are of their own build: the first two fed one together.
    assert_eq!(digests(&a).await, digests(&alone).await);
}

#[tokio::test]
async fn numbers_are_gapless_in_the_order_of_position_and_totals_agree_with_the_orders() {
    let database = harness::database().await;
    let store = database.store().await;
    store_all(&store, &history(11, 1_200)).await;
    engine(&store, 50, 1).await.catch_up().await.unwrap();
    let mut admin = database.admin().await;
    let schema: String =
        sqlx::query_scalar("select schema_name from projection.serving where projection = 'order'")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("set search_path = {schema}")))
        .execute(&mut admin)
        .await
        .unwrap();
    let wrong_numbers: i64 = sqlx::query_scalar(
        "select count(*) from (
           select s.number, row_number() over (partition by s.tenant_id order by e.position) as expected
           from order_summary s
           join log.event e on e.tenant_id = s.tenant_id and e.stream_id = 'order-' || s.order_id and e.version = 1) n
         where number <> expected",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(wrong_numbers, 0);
    let differences: i64 = sqlx::query_scalar(
        "with per_order as (
           select s.tenant_id, date_trunc('month', s.placed_at at time zone 'UTC')::date as month,
                  coalesce(s.state, '') as state, coalesce(l.seller_id, '') as seller_id, s.status, s.currency, s.order_id,
                  coalesce(sum(l.quantity), 0)::bigint as items, coalesce(sum(l.quantity * l.unit_price), 0)::bigint as revenue,
                  coalesce(sum(l.freight), 0)::bigint as freight
           from order_summary s left join order_line l on l.tenant_id = s.tenant_id and l.order_id = s.order_id
           group by 1, 2, 3, 4, 5, 6, 7),
         expected as (
           select tenant_id, month, state, seller_id, status, currency, count(*) as orders, sum(items)::bigint as items,
                  sum(revenue)::bigint as revenue, sum(freight)::bigint as freight
           from per_order group by 1, 2, 3, 4, 5, 6)
         select count(*) from (
           (select * from expected except table order_total) union all (table order_total except select * from expected)) d",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(differences, 0);
}

#[tokio::test]
async fn a_tenant_reads_its_own_rows_alone() {
    let store = harness::database().await.store().await;
    let log = history(5, 600);
    store_all(&store, &log).await;
    engine(&store, 2_000, 1).await.catch_up().await.unwrap();
    let tenant = log[0].tenant;
    let mut tx = store.tenant_tx(tenant).await.unwrap();
    for table in [
        "order_summary",
        "order_line",
        "order_total",
        "customer",
        "organization",
        "lead",
        "metric",
        "goal",
        "document",
        "audit",
    ] {
        let statement =
            format!("select count(*), count(*) filter (where tenant_id <> $1) from {table}");
        let row = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(tenant.0)
            .fetch_one(tx.connection())
            .await
            .unwrap();
        let (all, foreign): (i64, i64) = (row.get(0), row.get(1));
        assert!(
            all > 0 && foreign == 0,
            "{table}: {all} rows, {foreign} of others"
        );
    }
}

#[tokio::test]
async fn a_reader_waits_for_its_write_in_this_process_and_in_another() {
    let database = harness::database().await;
    let (store, reader) = (database.store().await, database.store().await);
    let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &cancelled);
    let engine = engine(&store, 2_000, 1).await;
    engine.run(&tasks, &cancelled);
    let (here, elsewhere) = (engine.waiter(), Waiter::new(reader.clone()));
    let tenant = TenantId(SystemClock.uuid_v7());
    store_all(&store, &[registered(tenant)]).await;
    let mut dice = Dice(9);
    for n in 1..=20 {
        let id = SystemClock.uuid_v7();
        let entry = append(
            tenant,
            StreamId::new("order", id),
            at(n),
            &OrderEvent::from(placed(&mut dice)),
        );
        let outcome = store.submit(entry).await.unwrap();
        let Outcome::Appended(numbers) = outcome else {
            panic!("{outcome:?}")
        };
        let waiter = if n % 2 == 0 { &here } else { &elsewhere };
        waiter
            .wait(
                tenant.partition(store.partitions()),
                numbers.last_offset(),
                &names().collect::<Vec<_>>(),
                Duration::from_secs(10),
            )
            .await
            .unwrap();
        let mut tx = reader.tenant_tx(tenant).await.unwrap();
        let number: i64 =
            sqlx::query_scalar("select number from order_summary where order_id = $1")
                .bind(id)
                .fetch_one(tx.connection())
                .await
                .unwrap();
        assert_eq!(number, n);
    }
    let late = elsewhere
        .wait(
            tenant.partition(store.partitions()),
            21,
            &["order"],
            Duration::from_millis(20),
        )
        .await;
    assert!(
        matches!(late, Err(WaitError::NotCaughtUp(behind)) if behind.lag_events == 1 && !behind.halted)
    );
    cancelled.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn a_new_revision_takes_over_while_the_log_grows() {
    let store = harness::database().await.store().await;
    let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &cancelled);
    let log = history(21, 2_000);
    let (early, late) = log.split_at(1_000);
    let old = engine(&store, 100, 1).await;
    old.run(&tasks, &cancelled);
    store_all(&store, early).await;
    let new = engine(&store, 100, 2).await;
    new.run(&tasks, &cancelled);
    for part in late.chunks(50) {
        store_all(&store, part).await;
    }
    let serves = "select count(*) from projection.live where build = 2 and caught_up";
    let deadline = tokio::time::Instant::now() + Duration::from_mins(4);
    while count(&store, serves).await < i64::try_from(names().count()).unwrap() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the new revision has not taken over: {:#?}",
            projections::builds(&store).await.unwrap()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    new.catch_up().await.unwrap();
    old.catch_up().await.unwrap();
    assert_eq!(
        digests_of(&old, READ_MODELS).await,
        digests_of(&new, READ_MODELS).await
    );
    cancelled.cancel();
    tasks.close();
    tasks.wait().await;
}
