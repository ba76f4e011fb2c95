//! `log.append_numbered` itself, called as a writer that is wrong would call it: it writes all or nothing.

use event_schemas::TenantId;
use event_store::{Expected, Outcome};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    append::{append, registered},
    harness,
};

/// The swaps, and where each event goes.
#[derive(Clone)]
struct Call {
    partition: Vec<i16>,
    base: Vec<i64>,
    events: Vec<i64>,
    place: Vec<i16>,
    offset: Vec<i64>,
    tenant: Vec<Uuid>,
    position: Vec<i64>,
    stream: Vec<&'static str>,
    version: Vec<i32>,
}

impl Call {
    /// What follows for these tenants, in this order; each in a partition of its own.
    async fn right(admin: &mut PgConnection, tenants: &[TenantId]) -> Self {
        let mut call = Self {
            partition: Vec::new(),
            base: Vec::new(),
            events: Vec::new(),
            place: Vec::new(),
            offset: Vec::new(),
            tenant: Vec::new(),
            position: Vec::new(),
            stream: Vec::new(),
            version: Vec::new(),
        };
        for tenant in tenants {
            let partition = i16::try_from(tenant.partition(16)).unwrap();
            let next = next_offset(admin, partition).await;
            call.partition.push(partition);
            call.base.push(next);
            call.events.push(1);
            call.place.push(partition);
            call.offset.push(next);
            call.tenant.push(tenant.0);
            call.position.push(2);
            call.stream.push("order-a");
            call.version.push(1);
        }
        call
    }

    /// One event more for the first tenant, right after its first one, in a stream of its own.
    fn and_one_more(mut self) -> Self {
        self.events[0] += 1;
        self.place.push(self.place[0]);
        self.offset.push(self.offset[0] + 1);
        self.tenant.push(self.tenant[0]);
        self.position.push(3);
        self.stream.push("order-b");
        self.version.push(1);
        self
    }

    /// The code of the error, if it was one.
    async fn run(&self, connection: &mut PgConnection, full: bool) -> Option<String> {
        let n = self.tenant.len();
        let result = sqlx::query(
            "select log.append_numbered($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
               '{}', '{}', '{}', '{}', '{}', '{}', '{}', $17)",
        )
        .bind(&self.partition)
        .bind(&self.base)
        .bind(&self.events)
        .bind(&self.place)
        .bind(&self.offset)
        .bind(&self.tenant)
        .bind(&self.position)
        .bind(&self.stream)
        .bind(&self.version)
        .bind((0..n).map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(vec!["A"; n])
        .bind(vec![1_i16; n])
        .bind(vec![b"{}".as_slice(); n])
        .bind(vec![1_i16; n])
        .bind(vec![b"{}".as_slice(); n])
        .bind(vec![[0_u8; 32].as_slice(); n])
        .bind(full)
        .execute(connection)
        .await;
        result.err().map(|error| {
            let code = error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code);
            code.unwrap_or_else(|| panic!("{error}")).into_owned()
        })
    }
}

async fn next_offset(admin: &mut PgConnection, partition: i16) -> i64 {
    sqlx::query_scalar("select next_offset from log.partition where partition = $1")
        .bind(partition)
        .fetch_one(admin)
        .await
        .unwrap()
}

/// Every counter and how many events there are: what a refused call must leave alone.
async fn footprint(admin: &mut PgConnection) -> Vec<i64> {
    let rows = sqlx::query("select next_offset from log.partition order by partition")
        .fetch_all(&mut *admin)
        .await
        .unwrap();
    let mut all: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let events = sqlx::query_scalar("select count(*) from log.event").fetch_one(admin);
    all.push(events.await.unwrap());
    all
}

/// Two tenants of different partitions, in the partitions' order.
async fn two(store: &event_store::Store) -> [TenantId; 2] {
    let first = registered(store).await;
    loop {
        let second = registered(store).await;
        let (a, b) = (first.partition(16), second.partition(16));
        if a != b {
            return if a < b {
                [first, second]
            } else {
                [second, first]
            };
        }
    }
}

#[tokio::test]
async fn a_swap_that_fails_in_one_partition_writes_nothing_in_any() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenants = two(&store).await;
    for moved in 0..2 {
        let mut call = Call::right(&mut admin, &tenants).await;
        let before = footprint(&mut admin).await;
        call.base[moved] -= 1;
        call.offset[moved] -= 1;
        assert_eq!(call.run(&mut admin, false).await.as_deref(), Some("DB005"));
        assert_eq!(footprint(&mut admin).await, before);
    }
    let missing = Call {
        partition: vec![99],
        base: vec![0],
        place: vec![99],
        offset: vec![0],
        ..Call::right(&mut admin, &tenants[..1]).await
    };
    assert_eq!(
        missing.run(&mut admin, false).await.as_deref(),
        Some("DB005")
    );
    let right = Call::right(&mut admin, &tenants).await;
    assert_eq!(right.run(&mut admin, false).await, None);
}

#[tokio::test]
async fn offsets_that_do_not_fill_their_range_are_refused() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenants = two(&store).await;
    let before = footprint(&mut admin).await;
    // A call for one partition is proved in another way than one for several.
    for tenants in [&tenants[..1], &tenants[..]] {
        for (offset, events) in [(1, 1), (0, 2), (-1, 1), (1, 2)] {
            let mut call = Call::right(&mut admin, tenants).await;
            call.offset[0] += offset;
            call.events[0] = events;
            assert_eq!(
                call.run(&mut admin, false).await.as_deref(),
                Some("DB006"),
                "{offset} {events}"
            );
        }
        // One event beside a range that the others fill.
        let mut beside = Call::right(&mut admin, tenants).await.and_one_more();
        beside.events[0] -= 1;
        assert_eq!(
            beside.run(&mut admin, false).await.as_deref(),
            Some("DB006")
        );
        // The right offsets in a partition that nobody swapped.
        let mut elsewhere = Call::right(&mut admin, tenants).await;
        elsewhere.place[0] = (0..16)
            .find(|partition| !elsewhere.partition.contains(partition))
            .unwrap();
        assert_eq!(
            elsewhere.run(&mut admin, false).await.as_deref(),
            Some("DB006")
        );
    }
    // A range that goes back, made up for by another's that has a hole.
    let mut back = Call::right(&mut admin, &tenants).await;
    back.events = vec![-1, 3];
    back.place[0] = back.place[1];
    back.offset[0] = back.offset[1] + 2;
    assert_eq!(back.run(&mut admin, false).await.as_deref(), Some("DB006"));
    assert_eq!(footprint(&mut admin).await, before);
    for tenants in [&tenants[..1], &tenants[1..]] {
        let right = Call::right(&mut admin, tenants).await.and_one_more();
        assert_eq!(right.run(&mut admin, false).await, None);
    }
}

#[tokio::test]
async fn full_proofs_refuse_a_position_and_a_suspended_tenant() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenants = two(&store).await;
    let mut call = Call::right(&mut admin, &tenants).await;
    call.position[1] += 1;
    assert_eq!(call.run(&mut admin, true).await.as_deref(), Some("DB006"));
    sqlx::query("update log.tenant set state = 'suspended' where tenant_id = $1")
        .bind(tenants[0].0)
        .execute(&mut admin)
        .await
        .unwrap();
    let call = Call::right(&mut admin, &tenants).await;
    assert_eq!(call.run(&mut admin, true).await.as_deref(), Some("DB006"));
    assert_eq!(call.run(&mut admin, false).await, None);
}

#[tokio::test]
async fn full_proofs_refuse_every_number_that_does_not_follow() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let [low, high] = two(&store).await;
    let before = footprint(&mut admin).await;
    // Two events of the lower tenant, one of the higher between them.
    let right = Call::right(&mut admin, &[low, high]).await.and_one_more();
    let wrongs: [(&str, fn(&mut Call)); 7] = [
        ("a version", |call| call.version[0] = 2),
        ("a hole between versions", |call| {
            call.stream[2] = "order-a";
            call.version[2] = 3;
        }),
        ("a position", |call| call.position[1] = 3),
        ("a hole between positions", |call| call.position[2] = 4),
        ("a tenant that is not registered", |call| {
            call.tenant[1] = Uuid::now_v7();
            call.position[1] = 1;
        }),
        ("tenants of other partitions", |call| {
            call.tenant = vec![call.tenant[1], call.tenant[0], call.tenant[1]];
        }),
        ("a tenant in two partitions", |call| {
            call.tenant[1] = call.tenant[0];
            call.position[1] = 4;
            call.stream[1] = "order-c";
        }),
    ];
    for (what, wrong) in wrongs {
        let mut call = right.clone();
        wrong(&mut call);
        assert_eq!(
            call.run(&mut admin, true).await.as_deref(),
            Some("DB006"),
            "{what}"
        );
    }
    assert_eq!(footprint(&mut admin).await, before);
    assert_eq!(right.run(&mut admin, true).await, None);
}

#[tokio::test]
async fn a_partitions_time_never_goes_back() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenants = two(&store).await;
    // The clock that wrote last was an hour ahead.
    sqlx::query(
        "update log.partition set last_recorded_at = now() + interval '1 hour' where partition = $1",
    )
    .bind(i16::try_from(tenants[1].partition(16)).unwrap())
    .execute(&mut admin)
    .await
    .unwrap();
    let behind = "select count(*) from log.event e join log.partition p using (partition)
         where e.position > 1 and (e.recorded_at <> p.last_recorded_at or p.last_recorded_at < now() + interval '50 minutes')";
    for tenants in [&tenants[1..], &tenants[..]] {
        let mut call = Call::right(&mut admin, tenants).await;
        let last = call.tenant.len() - 1;
        if tenants.len() > 1 {
            // It has the event of the first call.
            call.position[last] = 3;
            call.stream[last] = "order-b";
        }
        assert_eq!(call.run(&mut admin, false).await, None);
        let behind: i64 = sqlx::query_scalar(behind)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert_eq!(behind, 0, "{} partitions", tenants.len());
    }
    let [low, high] = tenants;
    let checked = [low, high].map(|tenant| append(tenant, "order-c", Expected::Any, 1));
    for outcome in store.append(&checked).await.unwrap() {
        assert!(matches!(outcome, Ok(Outcome::Appended(_))), "{outcome:?}");
    }
    let behind: i64 = sqlx::query_scalar(behind)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(behind, 0, "checked");
}

#[tokio::test]
async fn partitions_are_locked_in_ascending_order_however_they_are_named() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let [low, high] = two(&store).await;
    // Somebody holds the higher partition. A call that names it first must still take the lower one before it waits.
    sqlx::query("begin").execute(&mut admin).await.unwrap();
    sqlx::query("select from log.partition where partition = $1 for update")
        .bind(i16::try_from(high.partition(16)).unwrap())
        .execute(&mut admin)
        .await
        .unwrap();
    let mut caller = database.admin().await;
    let call = Call::right(&mut caller, &[high, low]).await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut caller)
        .await
        .unwrap();
    let calling = tokio::spawn(async move { call.run(&mut caller, false).await });
    let mut observer = database.admin().await;
    let waits = "select wait_event_type = 'Lock' from pg_stat_activity where pid = $1";
    while sqlx::query_scalar::<_, Option<bool>>(waits)
        .bind(pid)
        .fetch_one(&mut observer)
        .await
        .unwrap()
        != Some(true)
    {
        tokio::task::yield_now().await;
    }
    let free = "select count(*) from (select from log.partition where partition = $1 for update skip locked) l";
    let free: i64 = sqlx::query_scalar(free)
        .bind(i16::try_from(low.partition(16)).unwrap())
        .fetch_one(&mut observer)
        .await
        .unwrap();
    assert_eq!(free, 0, "the lower partition is taken first");
    sqlx::query("commit").execute(&mut admin).await.unwrap();
    assert_eq!(calling.await.unwrap(), None);
}

#[tokio::test]
async fn it_refuses_other_isolation_levels() {
    let database = harness::database().await;
    let (store, mut admin) = (database.store().await, database.admin().await);
    let tenants = two(&store).await;
    let call = Call::right(&mut admin, &tenants).await;
    sqlx::query("set default_transaction_isolation = 'repeatable read'")
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(call.run(&mut admin, false).await.as_deref(), Some("DB001"));
}
