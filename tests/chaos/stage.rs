//! What the harnesses of the relay play on: PostgreSQL, a broker and two servers that publish, with tenants to write for. Knows
//! what the topic must be in the end; nothing here happens by itself.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use event_schemas::TenantId;
use event_store::Store;
use projections::{kafka::Settings, relay};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::{
    RECOVERY, Run,
    broker::{self, Broker},
    consumer, harness,
    postgres::Postgres,
    writers::{
        check::Log,
        load::{self, Target},
        server::Server,
    },
};

/// Everything that can be hit, and a way to look at it.
pub struct Stage {
    pub run: Run,
    pub postgres: Postgres,
    pub broker: Broker,
    pub servers: [Server; 2],
    pub target: Arc<Target>,
    pub tenants: Vec<TenantId>,
    pub store: Store,
    pub settings: Settings,
}

impl Stage {
    pub async fn start(run: Run, tenants: usize) -> Self {
        let (postgres, broker) = (Postgres::start().await, Broker::start().await);
        let settings = broker::settings(broker.brokers(), "daybook");
        broker::make_topics(&settings).await;
        let url = postgres.url();
        let store = Store::connect(&harness::options_for(url)).await.unwrap();
        let (tenants, keys) = load::tenants(&store, tenants).await;
        let servers = [
            server(&run, url, &broker, 0).await,
            server(&run, url, &broker, 1).await,
        ];
        let urls = servers.each_ref().map(|server| server.url.clone());
        Self {
            run,
            servers,
            target: Arc::new(Target::new(urls, keys)),
            tenants,
            store,
            settings,
            postgres,
            broker,
        }
    }

    /// Kills a server and starts it again.
    pub async fn kill(&mut self, victim: usize) {
        self.servers[victim].kill().await;
        let again = server(&self.run, self.postgres.url(), &self.broker, victim).await;
        self.servers[victim] = again;
        self.target.moved(victim, self.servers[victim].url.clone());
    }

    /// Waits until everything is published, ends the servers, and compares the topic with the log: what is wrong.
    pub async fn end(&mut self) -> (Log, Vec<String>) {
        let mut wrong = Vec::new();
        let caught_up = timeout(RECOVERY * 2, async {
            loop {
                let status = relay::status(&self.store).await;
                if status.is_ok_and(|status| status.iter().all(|at| at.events == 0)) {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        if caught_up.await.is_err() {
            let status = relay::status(&self.store).await;
            wrong.push(format!("the relay does not catch up: {status:?}"));
        }
        for server in &mut self.servers {
            server.kill().await;
        }
        let log = Log::read(&mut self.postgres.admin().await).await;
        let topic = consumer::read(&self.settings).await;
        let records: usize = topic.values().map(Vec::len).sum();
        eprintln!("{} events, {records} records", log.events.len());
        wrong.extend(differences(&log, &topic));
        self.store.close().await;
        (log, wrong)
    }
}

async fn server(run: &Run, url: &str, broker: &Broker, n: usize) -> Server {
    let settings = [
        ("KAFKA_BROKERS", broker.brokers()),
        ("DAYBOOK__KAFKA__REPLICATION_FACTOR", "1"),
    ];
    run.server_with(url, n, &settings).await
}

/// What is missing on the topic, is there twice, or out of order.
fn differences(log: &Log, topic: &BTreeMap<i32, Vec<consumer::Seen>>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expected: BTreeMap<i32, Vec<(i64, Uuid)>> = BTreeMap::new();
    for event in &log.events {
        let partition = expected.entry(i32::from(event.partition)).or_default();
        partition.push((event.offset, event.id));
    }
    for partition in 0..16 {
        let mut next = 0_i64;
        for seen in topic.get(&partition).into_iter().flatten() {
            if seen.offset != next {
                let how = if seen.offset < next {
                    "again or out of order"
                } else {
                    "too early"
                };
                wrong.push(format!(
                    "partition {partition}: event {} comes {how}, {next} follows",
                    seen.offset
                ));
            }
            next = next.max(seen.offset + 1);
            let event = expected
                .get(&partition)
                .and_then(|events| events.get(usize::try_from(seen.offset).unwrap()));
            if event != Some(&(seen.offset, seen.id)) {
                wrong.push(format!(
                    "partition {partition}: event {} is another one in the log",
                    seen.offset
                ));
            }
        }
        let there = expected.get(&partition).map_or(0, Vec::len);
        if usize::try_from(next).unwrap() != there {
            wrong.push(format!(
                "partition {partition} has events up to {next}, and the log {there}"
            ));
        }
    }
    wrong
}
