//! Trouble in one partition, while the engine runs: the others go on, with what was there and with what comes.

use std::time::Duration;

use event_schemas::{StreamId, TenantId, order::OrderEvent};
use event_store::{Clock as _, Outcome, Store, SystemClock};
use projections::{Engine, WaitError};
use sqlx::PgConnection;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    engine,
    history::{Dice, append, at, placed, registered, store_all},
    names,
};
use crate::harness;

const LONG: Duration = Duration::from_secs(30);

/// Two tenants in different partitions, and the engine that follows them.
struct Two {
    store: Store,
    engine: Engine,
    tasks: TaskTracker,
    cancelled: CancellationToken,
    admin: PgConnection,
    /// Whose partition gets into trouble.
    sick: TenantId,
    well: TenantId,
}

const SICK: u16 = 1;
const WELL: u16 = 2;

impl Two {
    /// Each has been registered and has placed an order; nothing is applied yet.
    async fn new() -> Self {
        let database = harness::database().await;
        let store = database.store().await;
        let tenant = |partition| {
            std::iter::repeat_with(|| TenantId(SystemClock.uuid_v7()))
                .find(|tenant| tenant.partition(store.partitions()) == partition)
                .unwrap()
        };
        let (sick, well) = (tenant(SICK), tenant(WELL));
        store_all(&store, &[registered(sick), registered(well)]).await;
        let two = Self {
            engine: engine(&store, 2_000, 1).await,
            tasks: TaskTracker::new(),
            cancelled: CancellationToken::new(),
            admin: database.admin().await,
            sick,
            well,
            store,
        };
        for tenant in [sick, well] {
            assert_eq!(two.order(tenant).await, 1);
        }
        two
    }

    /// One more order; its offset.
    async fn order(&self, tenant: TenantId) -> i64 {
        let entry = append(
            tenant,
            StreamId::new("order", SystemClock.uuid_v7()),
            at(1),
            &OrderEvent::from(placed(&mut Dice(5))),
        );
        let outcome = self.store.append(&[entry]).await.unwrap().remove(0);
        let Ok(Outcome::Appended(numbers)) = outcome else {
            panic!("{outcome:?}")
        };
        numbers.last_offset()
    }

    fn run(&self) {
        self.store.start(&self.tasks, &self.cancelled);
        self.engine.run(&self.tasks, &self.cancelled);
    }

    async fn reached(&self, partition: u16, offset: i64) -> Result<(), WaitError> {
        let waiter = self.engine.waiter();
        waiter
            .wait(partition, offset, &names().collect::<Vec<_>>(), LONG)
            .await
    }

    /// What was there and what comes now.
    async fn the_well_one_goes_on(&self) {
        self.reached(WELL, 1).await.unwrap();
        for _ in 0..5 {
            let offset = self.order(self.well).await;
            self.reached(WELL, offset).await.unwrap();
        }
    }

    /// Every step of the checkpoints in the sick partition fails from now on, with this SQLSTATE.
    async fn refuse(&mut self, code: &str) {
        let statement = format!(
            "create function public.refuse() returns trigger language plpgsql as
               $$ begin raise exception 'refused' using errcode = '{code}'; end $$;
             create trigger refuse before update on projection.checkpoint
               for each row when (new.partition = {SICK}) execute function public.refuse()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut self.admin)
            .await
            .unwrap();
    }

    async fn refuse_no_more(&mut self) {
        sqlx::raw_sql("drop trigger refuse on projection.checkpoint")
            .execute(&mut self.admin)
            .await
            .unwrap();
    }

    async fn stop(self) {
        self.cancelled.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[tokio::test]
async fn a_corrupt_event_halts_its_partition_and_the_others_go_on() {
    let mut two = Two::new().await;
    sqlx::raw_sql("alter table log.event disable trigger all")
        .execute(&mut two.admin)
        .await
        .unwrap();
    sqlx::query("update log.event set payload = '{\"n\":9}' where tenant_id = $1 and position = 2")
        .bind(two.sick.0)
        .execute(&mut two.admin)
        .await
        .unwrap();
    two.run();
    two.the_well_one_goes_on().await;
    let Err(WaitError::NotCaughtUp(behind)) = two.reached(SICK, 1).await else {
        panic!("a corrupt event was applied")
    };
    assert_eq!((behind.lag_events, behind.halted), (1, true));
    two.the_well_one_goes_on().await;
    two.stop().await;
}

#[tokio::test]
async fn a_partition_whose_batches_fail_is_tried_again_and_the_others_go_on() {
    let mut two = Two::new().await;
    // A lock that was not to be had: it passes.
    two.refuse("55P03").await;
    two.run();
    two.the_well_one_goes_on().await;
    two.refuse_no_more().await;
    two.reached(SICK, 1).await.unwrap();
    two.stop().await;
}

#[tokio::test]
async fn a_partition_that_fails_for_good_is_left_alone_and_the_others_go_on() {
    let mut two = Two::new().await;
    // Not even the halt can be written down.
    two.refuse("P0001").await;
    two.run();
    two.the_well_one_goes_on().await;
    two.refuse_no_more().await;
    // Other tries are not affected, such as the next start's.
    two.engine.catch_up().await.unwrap();
    two.reached(SICK, 1).await.unwrap();
    two.stop().await;
}
