//! What a caller is told of a command whose connection to the database was lost: the truth, however long it takes to find
//! out, or that nobody knows.

use std::time::{Duration, Instant};

use event_schemas::TenantId;
use event_store::{Append, Error, Expected, Outcome, Store, Write};
use secrecy::SecretString;
use sqlx::PgConnection;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    append::{append, registered},
    forward::Forwarder,
    harness::{self, Database},
    numbered::decided,
    postgres::{connect, holds, until},
};

/// A started store behind a forwarder, and two admins past it: within its transaction the one that holds the lock would see
/// the other sessions as they were.
struct World {
    store: Store,
    admin: PgConnection,
    locker: PgConnection,
    forwarder: Forwarder,
    tenant: TenantId,
    tasks: TaskTracker,
    stop: CancellationToken,
    port: u16,
}

/// The append that waits for a lock, if it is the only one.
const WAITING: &str = "select min(pid) from pg_stat_activity where datname = current_database() \
     and usename = 'daybook_append' and wait_event_type = 'Lock' having count(*) = 1";

impl World {
    async fn new() -> Self {
        let Database { url, mut options } = harness::database().await;
        let port = url.rsplit_once(':').unwrap().1;
        let port = port.split_once('/').unwrap().0.parse().unwrap();
        let forwarder = Forwarder::start(port).await;
        options.url = SecretString::from(forwarder.through(&url));
        let store = Store::connect(&options).await.unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        store.start(&tasks, &stop);
        Self {
            tenant: registered(&store).await,
            admin: connect(&url).await,
            locker: connect(&url).await,
            store,
            forwarder,
            tasks,
            stop,
            port,
        }
    }

    fn submit(&self, append: Append) -> JoinHandle<Result<Outcome, Error>> {
        let store = self.store.clone();
        tokio::spawn(async move { store.submit(append).await })
    }

    /// Locks the tenant's partition, as an append of somebody else's would.
    async fn lock(&mut self) {
        self.tell("begin; select next_offset from log.partition for update")
            .await;
    }

    async fn unlock(&mut self) {
        self.tell("rollback").await;
    }

    async fn tell(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.locker).await.unwrap();
    }

    /// The one append that waits for a lock: its session.
    async fn waiting(&mut self) -> Option<i32> {
        sqlx::query_scalar(WAITING)
            .fetch_optional(&mut self.admin)
            .await
            .unwrap()
    }

    /// Waits until one does.
    async fn waits(&mut self) -> i32 {
        let mut session = None;
        until("an append that waits", async || {
            session = self.waiting().await;
            session.is_some()
        })
        .await;
        session.unwrap()
    }

    /// Position, version and event id of everything that the tenant has after its registration.
    async fn log(&mut self) -> Vec<(i64, i32, uuid::Uuid)> {
        sqlx::query_as(
            "select position, version, event_id from log.event where tenant_id = $1 and position > 1 order by position",
        )
        .bind(self.tenant.0)
        .fetch_all(&mut self.admin)
        .await
        .unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }
}

/// The first event's position and version, and how many there are.
fn numbers(outcome: &Result<Outcome, Error>) -> (i64, i32, i32) {
    match outcome {
        Ok(Outcome::Appended(n)) => (n.first_position, n.first_version(), n.events),
        other => panic!("not appended: {other:?}"),
    }
}

#[tokio::test]
async fn a_lost_session_is_ended_before_its_append_is_sent_again() {
    let mut world = World::new().await;
    world.lock().await;
    let command = append(world.tenant, "order-a", Expected::NoStream, 2);
    let ids: Vec<_> = command.events.iter().map(|event| event.event_id).collect();
    let answer = world.submit(command);
    let lost = world.waits().await;
    world.forwarder.cut();

    // Its statement would go on as soon as the lock is free: it must be gone before the next one is sent.
    until("the next try of the append", async || {
        world.waiting().await.is_some_and(|session| session != lost)
    })
    .await;
    let gone = sqlx::query_scalar::<_, bool>(
        "select not exists (select from pg_stat_activity where pid = $1)",
    )
    .bind(lost)
    .fetch_one(&mut world.admin);
    assert!(gone.await.unwrap(), "the lost session lives");
    world.unlock().await;

    assert_eq!(numbers(&answer.await.unwrap()), (2, 1, 2));
    assert_eq!(world.log().await, [(2, 1, ids[0]), (3, 2, ids[1])]);
    world.end().await;
}

#[tokio::test]
async fn nothing_is_sent_again_while_the_lost_session_lives() {
    let mut world = World::new().await;
    world.lock().await;
    let answer = world.submit(append(world.tenant, "order-a", Expected::NoStream, 1));
    let lost = world.waits().await;
    // It hears nothing, not even that it is to end.
    let process = nix::unistd::Pid::from_raw(lost);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGSTOP).unwrap();
    world.forwarder.cut();
    // Longer than it is waited for in one try.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let waiting = world.waiting().await;
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGCONT).unwrap();
    assert_eq!(waiting, Some(lost), "another one waits beside it");
    world.unlock().await;
    assert_eq!(numbers(&answer.await.unwrap()), (2, 1, 1));
    assert_eq!(world.log().await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_found_in_the_log() {
    let mut world = World::new().await;
    // A version that the caller did not name has to be found too.
    for (expected, position, versions) in
        [(Expected::NoStream, 2, [1, 1]), (Expected::Any, 5, [3, 2])]
    {
        world.lock().await;
        let beside = append(world.tenant, "order-b", expected, 1);
        let command = Append {
            others: vec![Write {
                stream: beside.stream,
                expected,
                events: beside.events,
            }],
            ..append(world.tenant, "order-a", expected, 2)
        };
        let answer = world.submit(command);
        world.waits().await;
        world.forwarder.keep_answers();
        world.unlock().await;
        let there = usize::try_from(position + 1).unwrap();
        until("the commit", async || world.log().await.len() == there).await;
        assert!(!answer.is_finished(), "nobody has told it yet");
        world.forwarder.cut();
        let answer = answer.await.unwrap();
        assert_eq!(numbers(&answer), (position, versions[0], 3));
        assert!(
            matches!(&answer, Ok(Outcome::Appended(n)) if n.first_versions == versions),
            "{answer:?}"
        );
        assert_eq!(world.log().await.len(), there);
    }
    world.end().await;
}

#[tokio::test]
async fn only_what_was_under_way_is_unknown_when_the_database_stays_away() {
    let mut world = World::new().await;
    world.lock().await;
    let command = append(world.tenant, "order-a", Expected::NoStream, 1);
    let under_way = world.submit(command.clone());
    let lost = world.waits().await;
    world.forwarder.lead_to(None);
    world.forwarder.cut();
    let queued = world.submit(append(world.tenant, "order-b", Expected::NoStream, 1));
    let begun = Instant::now();

    let answer = under_way.await.unwrap();
    assert!(
        matches!(answer, Err(Error::OutcomeUnknown(_))),
        "{answer:?}"
    );
    for later in [
        queued,
        world.submit(append(world.tenant, "order-c", Expected::NoStream, 1)),
    ] {
        let answer = later.await.unwrap();
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(40));
    assert_eq!(world.log().await, []);

    // Back again. The lost statement is still waiting, and nobody knows which of the two goes first: it happens once.
    let port = world.port;
    world.forwarder.lead_to(Some(port));
    let repeated = world.submit(command.clone());
    let one_more = "select count(*) = 2 from pg_stat_activity where datname = current_database() \
         and usename = 'daybook_append' and wait_event_type = 'Lock'";
    until("the repetition", async || {
        holds(&mut world.admin, one_more).await
    })
    .await;
    world.unlock().await;
    let Ok(
        Outcome::Appended(numbers)
        | Outcome::Duplicate {
            original: numbers, ..
        },
    ) = repeated.await.unwrap()
    else {
        panic!("the repetition has no answer");
    };
    assert_eq!((numbers.first_position, numbers.first_version()), (2, 1));
    let ended = sqlx::query_scalar::<_, bool>("select pg_terminate_backend($1, 10000)")
        .bind(lost)
        .fetch_one(&mut world.admin);
    ended.await.unwrap();
    let later = world.submit(append(world.tenant, "order-b", Expected::NoStream, 1));
    assert_eq!(self::numbers(&later.await.unwrap()), (3, 1, 1));
    let log = world.log().await;
    assert_eq!(log.len(), 2);
    assert_eq!(log[0], (2, 1, command.events[0].event_id));
    world.end().await;
}

#[tokio::test]
async fn what_is_written_stays_so_when_the_rest_of_its_batch_fails() {
    let mut world = World::new().await;
    let partitions = world.store.partitions();
    let here = world.tenant.partition(partitions);
    let elsewhere = loop {
        let tenant = registered(&world.store).await;
        if tenant.partition(partitions) != here {
            break tenant;
        }
    };
    // The first is numbered by the writer and written; the second, which the database decides, waits and is cancelled.
    let batch = [
        decided(&world.store, world.tenant, "order-a", Expected::NoStream).await,
        append(elsewhere, "order-b", Expected::Any, 1),
    ];
    let there = elsewhere.partition(partitions);
    let lock = format!(
        "begin; select next_offset from log.partition where partition = {there} for update"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock))
        .execute(&mut world.locker)
        .await
        .unwrap();
    let store = world.store.clone();
    let written = batch[0].events[0].event_id;
    let answer = tokio::spawn(async move { store.append(&batch).await });
    let waiting = world.waits().await;
    let cancelled = sqlx::query_scalar::<_, bool>("select pg_cancel_backend($1)")
        .bind(waiting)
        .fetch_one(&mut world.admin);
    assert!(cancelled.await.unwrap());

    let results = answer.await.unwrap().unwrap();
    assert_eq!(numbers(&results[0]), (2, 1, 1));
    assert!(
        matches!(results[1], Err(Error::Unavailable(_))),
        "{results:?}"
    );
    assert_eq!(world.log().await, [(2, 1, written)]);
    world.unlock().await;
    world.end().await;
}
