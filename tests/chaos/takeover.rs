//! How soon another relay publishes when the one that does falls asleep: from SIGSTOP until it has all leases, until the first
//! event that was recorded after that is on Kafka for a consumer of committed records, and until there is one of every slot.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use event_schemas::{StreamId, TenantId};
use event_store::{Append, Expected, NewEvent, Store};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use projections::relay;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{Run, postgres::until, stage::Stage, writers::server::Server};

const PARTITIONS: u16 = 16;
const SLOTS: u16 = 4;
/// So many that every slot has some.
const TENANTS: usize = 32;
/// Between two appends, of an event of every tenant each.
const TICK: Duration = Duration::from_millis(20);
/// How long a leader sleeps, and how long it is awake before the other one does.
const SLEEP: Duration = Duration::from_secs(20);
const AWAKE: Duration = Duration::from_secs(4);

/// What the consumer waits for: of each slot the first event of a later round.
struct Watch {
    after: u64,
    seen: BTreeMap<u16, Instant>,
}

/// Appends an event of every tenant, again and again.
async fn write(store: Store, tenants: Vec<TenantId>, round: Arc<AtomicU64>, end: Arc<AtomicBool>) {
    while !end.load(Ordering::Acquire) {
        let number = round.fetch_add(1, Ordering::AcqRel);
        let event = |tenant: &TenantId| {
            let event = NewEvent {
                event_id: Uuid::now_v7(),
                event_type: "ThingHappened".into(),
                schema_version: 1,
                payload: b"{}".to_vec(),
            };
            let stream = StreamId(format!("order-{number}"));
            let id = Uuid::now_v7();
            Append::new(
                *tenant,
                stream,
                Expected::Any,
                id,
                b"{}".to_vec(),
                vec![event],
            )
        };
        let batch: Vec<Append> = tenants.iter().map(event).collect();
        store.append(&batch).await.unwrap();
        sleep(TICK).await;
    }
}

/// Reads until the end is told.
fn read(brokers: &str, topic: &str, watch: &Mutex<Watch>, end: &AtomicBool) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "watching")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "5")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, i32::from(partition), Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    while !end.load(Ordering::Acquire) {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else {
            continue;
        };
        let key = std::str::from_utf8(message.key().unwrap()).unwrap();
        let round = key.rsplit('-').next().and_then(|round| round.parse().ok());
        let mut watch = watch.lock().unwrap();
        if round.is_some_and(|round: u64| round > watch.after) {
            let slot = u16::try_from(message.partition()).unwrap() % SLOTS;
            watch.seen.entry(slot).or_insert_with(Instant::now);
        }
    }
}

/// Which server leads every slot, if one does.
async fn leader(store: &Store, servers: &[Server; 2]) -> Option<usize> {
    let status = relay::status(store).await.ok()?;
    (0..2).find(|n| {
        let process = format!("process {}", servers[*n].pid());
        let leads =
            |at: &relay::Status| at.leader.as_ref().is_some_and(|at| at.ends_with(&process));
        status.iter().all(leads)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measured() {
    let mut stage = Stage::start(Run::of_environment(), TENANTS).await;
    let (store, settings) = (stage.store.clone(), stage.settings.clone());
    let (round, end) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let watch = Arc::new(Mutex::new(Watch {
        after: u64::MAX,
        seen: BTreeMap::new(),
    }));
    let writer = tokio::spawn(write(
        store.clone(),
        stage.tenants.clone(),
        Arc::clone(&round),
        Arc::clone(&end),
    ));
    let reader = {
        let (brokers, topic) = (settings.brokers.clone(), settings.events());
        let (watch, end) = (Arc::clone(&watch), Arc::clone(&end));
        std::thread::spawn(move || read(&brokers, &topic, &watch, &end))
    };
    let mut took: [Vec<Duration>; 3] = Default::default();
    for _ in 0..stage.run.kills {
        until("one to lead", async || {
            leader(&store, &stage.servers).await.is_some()
        })
        .await;
        sleep(AWAKE).await;
        let asleep = leader(&store, &stage.servers).await.expect("one leads");
        let pid = Pid::from_raw(i32::try_from(stage.servers[asleep].pid()).unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
        let began = Instant::now();
        *watch.lock().unwrap() = Watch {
            after: round.load(Ordering::Acquire),
            seen: BTreeMap::new(),
        };
        until("the other to lead", async || {
            leader(&store, &stage.servers).await == Some(1 - asleep)
        })
        .await;
        let led = began.elapsed();
        until("the other to publish", async || {
            watch.lock().unwrap().seen.len() == usize::from(SLOTS)
        })
        .await;
        let times: Vec<Instant> = watch.lock().unwrap().seen.values().copied().collect();
        let first = times.iter().min().unwrap().duration_since(began);
        let last = times.iter().max().unwrap().duration_since(began);
        eprintln!("leases {led:.2?}, first event {first:.2?}, of every slot {last:.2?}");
        for (all, one) in took.iter_mut().zip([led, first, last]) {
            all.push(one);
        }
        sleep(SLEEP.saturating_sub(began.elapsed())).await;
        kill(pid, Signal::SIGCONT).unwrap();
    }
    end.store(true, Ordering::Release);
    writer.await.unwrap();
    reader.join().unwrap();
    for (what, mut all) in ["leases", "first event", "of every slot"]
        .into_iter()
        .zip(took)
    {
        all.sort_unstable();
        let (least, half, most) = (all[0], all[all.len() / 2], all[all.len() - 1]);
        eprintln!("{what}: min {least:.2?}, median {half:.2?}, max {most:.2?}");
    }
    let (_, wrong) = stage.end().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
