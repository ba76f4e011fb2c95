//! An event that cannot be applied parks its tenant in that projection: everybody else goes on, everybody can see it, and once
//! it is mended the tenant goes on too, as if nothing had been.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use event_schemas::{
    RecordedEvent, StreamId, TenantId,
    order::{CancelReason, OrderCancelled, OrderEvent},
};
use event_store::{Append, Clock as _, Store, SystemClock};
use projections::{
    ApplyError, Engine, Error, Known, Options, Parked, Projection, Retried, WaitError,
    digest::TableDigest, policy::Effects,
};
use sqlx::PgConnection;

use super::{
    count, engine,
    history::{Dice, append, odd, placed, registered, store_all},
};
use crate::harness;

const LONG: Duration = Duration::from_secs(30);

/// Two tenants of one partition.
fn neighbours(store: &Store) -> (TenantId, TenantId) {
    let mut tenants = std::iter::repeat_with(|| TenantId(SystemClock.uuid_v7()))
        .filter(|tenant| tenant.partition(store.partitions()) == 3);
    (tenants.next().unwrap(), tenants.next().unwrap())
}

fn order(tenant: TenantId, dice: &mut Dice) -> Append {
    let stream = StreamId::new("order", SystemClock.uuid_v7());
    let placed = OrderEvent::from(placed(dice));
    Append {
        occurred_at: None,
        ..append(tenant, stream, SystemClock.now(), &placed)
    }
}

fn cancelled(tenant: TenantId, stream: StreamId) -> Append {
    let cancelled = OrderCancelled {
        reason: CancelReason::Fraud,
        note: None,
        waived: vec![],
    };
    Append {
        occurred_at: None,
        ..append(
            tenant,
            stream,
            SystemClock.now(),
            &OrderEvent::from(cancelled),
        )
    }
}

/// Twenty orders of each, side by side; then an event of the first that cannot be applied; then one more order of each.
async fn poisoned(store: &Store, event_type: &'static str, payload: &str) -> (TenantId, TenantId) {
    let (sick, well) = neighbours(store);
    let mut dice = Dice(1);
    let mut log = vec![registered(sick), registered(well)];
    for _ in 0..20 {
        log.extend([order(sick, &mut dice), order(well, &mut dice)]);
    }
    let stream = StreamId::new("order", SystemClock.uuid_v7());
    log.push(odd(sick, stream, event_type, payload));
    log.extend([order(sick, &mut dice), order(well, &mut dice)]);
    store_all(store, &log).await;
    (sick, well)
}

async fn orders(store: &Store, tenant: TenantId) -> i64 {
    let mut tx = store.tenant_tx(tenant).await.unwrap();
    sqlx::query_scalar("select count(*) from order_summary")
        .fetch_one(tx.connection())
        .await
        .unwrap()
}

async fn parked(store: &Store) -> Vec<Parked> {
    projections::parked(store, None, 10).await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_applied_parks_its_tenant_alone() {
    let cases = [
        (
            "PaymentApproved",
            "{\"amount\":\"12\"}",
            "the payload of a stored PaymentApproved does not match its schema (line 1, column 14)",
        ),
        (
            "OrderRefunded",
            "{\"amount\":12,\"reason\":7}",
            "a stored OrderRefunded of version 1 cannot be lifted from version 1 to the next: the field reason is not a text",
        ),
        (
            "OrderRefunded",
            "{\"amount\":\"12\"}",
            "a stored OrderRefunded of version 1, lifted to version 2, does not match its schema",
        ),
        (
            "OrderRefunded",
            "{\"amount\":12}",
            "the order is not placed",
        ),
    ];
    for ((event_type, payload, expected), batch) in cases.into_iter().zip([2_000, 7, 1, 30]) {
        let store = harness::database().await.store().await;
        let (sick, well) = poisoned(&store, event_type, payload).await;
        let engine = engine(&store, batch, 1).await;
        engine.catch_up().await.unwrap();
        let found = parked(&store).await;
        let [one] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (one.projection.as_str(), one.tenant, one.error.as_str()),
            ("order", sick, expected)
        );
        assert_eq!(
            (
                one.position,
                one.events,
                one.attempts,
                one.event_type.as_str()
            ),
            (22, 2, 1, event_type)
        );
        assert_eq!(
            (orders(&store, sick).await, orders(&store, well).await),
            (20, 21)
        );
        for lag in projections::lag(&store).await.unwrap() {
            let here = lag.projection == "order" && lag.partition == 3;
            assert_eq!((lag.events, lag.parked), (0, i32::from(here)), "{lag:?}");
        }
    }
}

#[tokio::test]
async fn who_waits_for_a_parked_tenant_is_told_and_nobody_else() {
    let database = harness::database().await;
    let store = database.store().await;
    let (sick, well) = poisoned(&store, "OrderRefunded", "{\"amount\":12}").await;
    let engine = engine(&store, 2_000, 1).await;
    engine.catch_up().await.unwrap();
    let other_process = projections::Waiter::new(database.store().await);
    // The poison is the 43rd event of the partition.
    for waiter in [engine.waiter(), other_process] {
        let wait = async |tenant, offset, names: &[&str]| {
            waiter.wait_for(tenant, (3, offset), names, LONG).await
        };
        wait(sick, 41, &["order"]).await.unwrap();
        wait(sick, 44, &["customer", "organization"]).await.unwrap();
        wait(well, 44, &["customer", "order"]).await.unwrap();
        for offset in [42, 43] {
            let Err(WaitError::Parked(why)) = wait(sick, offset, &["customer", "order"]).await
            else {
                panic!("it was not told")
            };
            assert_eq!((why.projection.as_str(), why.position), ("order", 22));
            assert_eq!(
                (why.reason.as_str(), why.lag_events),
                ("the order is not placed", 2)
            );
        }
    }
}

/// How a fold fails.
#[derive(Clone, Copy)]
enum Fails {
    /// It says which event it cannot apply.
    Named,
    /// The database refuses some row of the batch.
    Unnamed,
}

/// Orders, but for events that it cannot apply until it is mended.
struct Broken {
    whole: Arc<dyn Projection>,
    revision: u32,
    fails: Fails,
    event_type: &'static str,
    mended: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl Projection for Broken {
    fn name(&self) -> &'static str {
        self.whole.name()
    }
    fn fold(&self) -> u32 {
        self.revision
    }
    fn ddl(&self) -> &'static str {
        self.whole.ddl()
    }
    fn known(&self) -> &'static [Known] {
        self.whole.known()
    }
    fn reads_others(&self) -> bool {
        self.whole.reads_others()
    }
    fn needs_metadata(&self) -> bool {
        self.whole.needs_metadata()
    }
    fn wants(&self, event_type: &str) -> bool {
        self.whole.wants(event_type)
    }
    async fn react(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<Effects, ApplyError> {
        let broken = events
            .iter()
            .find(|event| event.event_type == self.event_type)
            .filter(|_| !self.mended.load(Ordering::Acquire));
        let effects = self.whole.react(events, connection).await?;
        match (broken, self.fails) {
            (None, _) => Ok(effects),
            (Some(event), Fails::Named) => Err(ApplyError::event(event, "it is broken")),
            (Some(_), Fails::Unnamed) => {
                sqlx::query("select 1 / 0").execute(connection).await?;
                Ok(effects)
            }
        }
    }
    fn is_policy(&self) -> bool {
        self.whole.is_policy()
    }
    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        self.react(events, connection).await.map(drop)
    }
}

/// An engine with a fold that fails at events of a type, and the way to mend it.
async fn broken(
    store: &Store,
    revision: u32,
    fails: Fails,
    event_type: &'static str,
) -> (Engine, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let projections = projections::all()
        .into_iter()
        .map(|whole| -> Arc<dyn Projection> {
            if whole.name() != "order" {
                return whole;
            }
            Arc::new(Broken {
                whole,
                revision,
                fails,
                event_type,
                mended: Arc::clone(&mended),
            })
        })
        .collect();
    let options = Options {
        batch: 300,
        connections: 2,
        ..Options::default()
    };
    let engine = Engine::install(store, projections, options).await.unwrap();
    (engine, mended)
}

async fn rebuilt(store: &Store) -> Vec<TableDigest> {
    let anew = engine(store, 2_000, 77).await;
    anew.catch_up().await.unwrap();
    anew.digest("order").await.unwrap()
}

#[tokio::test]
async fn a_parked_tenant_goes_on_once_it_is_mended() {
    for fails in [Fails::Named, Fails::Unnamed] {
        let store = harness::database().await.store().await;
        let (sick, well) = neighbours(&store);
        let mut dice = Dice(4);
        let mut log = vec![registered(sick), registered(well)];
        let mut shipped = Vec::new();
        for n in 0..400 {
            let order = order(if n % 3 == 0 { well } else { sick }, &mut dice);
            shipped.push((order.tenant, order.stream.clone()));
            log.push(order);
        }
        store_all(&store, &log).await;
        let (engine, mended) = broken(&store, 1, fails, "OrderCancelled").await;
        engine.catch_up().await.unwrap();
        assert_eq!(parked(&store).await.len(), 0);

        // One tenant's order is cancelled, which the fold cannot apply; then it lives on for longer than a part of a replay.
        let (_, stream) = shipped.iter().find(|(tenant, _)| *tenant == sick).unwrap();
        let mut log = vec![cancelled(sick, stream.clone())];
        log.extend((0..2_500).map(|_| order(sick, &mut dice)));
        log.extend((0..100).map(|_| order(well, &mut dice)));
        store_all(&store, &log).await;
        engine.catch_up().await.unwrap();
        let before = (orders(&store, sick).await, orders(&store, well).await);
        assert_eq!(before, (266, 234));
        for attempts in 1..3 {
            assert_eq!(parked(&store).await.first().unwrap().attempts, attempts);
            let again = engine.retry("order", sick).await.unwrap();
            assert!(
                matches!(
                    again,
                    Retried::Parked {
                        replayed: 0,
                        position: 268,
                        ..
                    }
                ),
                "{again:?}"
            );
        }
        assert_eq!(
            engine.retry("order", well).await.unwrap(),
            Retried::NotParked
        );
        assert_eq!(
            engine.retry("customer", sick).await.unwrap(),
            Retried::NotParked
        );

        mended.store(true, Ordering::Release);
        let replayed = engine.retry("order", sick).await.unwrap();
        assert_eq!(replayed, Retried::Live { replayed: 2_501 });
        assert_eq!(orders(&store, sick).await, 2_766);
        assert_eq!(parked(&store).await.len(), 0);
        store_all(&store, &[order(sick, &mut dice), order(well, &mut dice)]).await;
        engine.catch_up().await.unwrap();
        assert_eq!(engine.digest("order").await.unwrap(), rebuilt(&store).await);
    }
}

#[tokio::test]
async fn several_processes_agree_on_who_is_parked() {
    let database = harness::database().await;
    let (one, other) = (database.store().await, database.store().await);
    let ((a, mend_a), (b, mend_b)) = (
        broken(&one, 1, Fails::Named, "OrderCancelled").await,
        broken(&other, 1, Fails::Unnamed, "OrderCancelled").await,
    );
    // Every tenant of a history gets parked sooner or later, while both processes work on it and some are retried.
    let log = super::history(5, 1_500);
    let tenants: std::collections::BTreeSet<TenantId> = log.iter().map(|one| one.tenant).collect();
    for part in log.chunks(150) {
        store_all(&one, part).await;
        let (first, second) = tokio::join!(a.catch_up(), b.catch_up());
        first.unwrap();
        second.unwrap();
        for tenant in tenants.iter().take(2) {
            a.retry("order", *tenant).await.unwrap();
        }
    }
    assert!(parked(&one).await.len() > 2);
    mend_a.store(true, Ordering::Release);
    mend_b.store(true, Ordering::Release);
    for tenant in &tenants {
        let retried = b.retry("order", *tenant).await.unwrap();
        assert!(!matches!(retried, Retried::Parked { .. }), "{retried:?}");
    }
    let left = count(
        &one,
        "select coalesce(sum(parked), 0)::bigint from projection.checkpoint",
    );
    assert_eq!(left.await, 0);
    assert_eq!(b.digest("order").await.unwrap(), rebuilt(&one).await);
}

#[tokio::test]
async fn a_new_revision_that_parks_more_does_not_take_over() {
    let store = harness::database().await.store().await;
    let old = engine(&store, 2_000, 1).await;
    let (sick, well) = neighbours(&store);
    let mut dice = Dice(2);
    let first = order(sick, &mut dice);
    let second = cancelled(sick, first.stream.clone());
    store_all(&store, &[registered(sick), registered(well), first, second]).await;
    old.catch_up().await.unwrap();
    let (new, mended) = broken(&store, 2, Fails::Named, "OrderCancelled").await;
    let refused = new.catch_up().await.unwrap_err();
    assert!(
        matches!(
            refused,
            Error::SetBack {
                projection: "order",
                tenants: 1,
                ..
            }
        ),
        "{refused:?}"
    );
    let found = parked(&store).await;
    assert!(
        found.iter().all(|one| !one.serves) && found.len() == 1,
        "{found:?}"
    );
    mended.store(true, Ordering::Release);
    new.retry("order", sick).await.unwrap();
    new.catch_up().await.unwrap();
    let serving =
        "select count(*) from projection.live l join projection.build b using (projection, build)
                   where l.projection = 'order' and l.build = 2";
    assert_eq!(count(&store, serving).await, 1);
}
