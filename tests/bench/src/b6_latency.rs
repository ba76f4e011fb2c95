//! B6: how long after its acknowledgement a change is seen, while commands arrive at half of the full rate: in GraphQL, by a
//! consumer of Kafka; beside it an outbox with Debezium, and PostgreSQL's notifications, at the same rate.

use std::time::{Duration, Instant};

use anyhow::Result;
use projections::kafka::Settings;
use sqlx::{
    Connection as _, PgPool,
    postgres::{PgListener, PgPoolOptions},
};

use crate::{
    arrival::{CHANNEL, Commands, Http, Notify, Outbox},
    child,
    client::{Client, Keys},
    commander::Side,
    debezium::{self, Debezium, Job, Reading},
    measure::{Load, Meter, Window, closed, open},
    run::{Bound, Goal, Run, Session, Subject},
    server::{Database, Server, StoreOptions, run as statement},
    sight::{Sights, Watcher},
    stage::{Stage, environment},
    workload::{Orders, Population, TENANTS},
};

const NAME: &str = "B6";
const GRAPHQL: &str = "acknowledged → visible in GraphQL, p99";
const KAFKA: &str = "acknowledged → visible on Kafka, p99";
const NOTIFICATION: &str = "sent → received, p99";
const FULL: &str = "64 connections, the full rate";
const SERVE: &str = "daybook serve";
const PUBLISHING: &str = "daybook serve, with Kafka";
const RELAY: &str = "daybook serve --roles relay";
const DEBEZIUM: &str = "Debezium";
const NOTIFY: &str = "LISTEN/NOTIFY";
const CONNECTIONS: u64 = 64;
/// Orders that are looked for in GraphQL, a second.
const PROBES: f64 = 25.0;
/// Connections of those who write past Daybook.
const POOL: u32 = 32;
/// Debezium waits for a batch to fill no longer than it must.
const POLL: Duration = Duration::from_millis(1);

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    let stage = Stage::start(server).await?;
    let measured = rounds(session, &stage).await;
    stage.stop().await?;
    measured?;
    session.goals.push(Goal {
        benchmark: NAME,
        subject: Subject::new(GRAPHQL, SERVE),
        against: None,
        bound: Bound::AtMost,
        limit: 50.0,
    });
    for side in [PUBLISHING, RELAY] {
        if session.alone {
            break;
        }
        session.compare(
            NAME,
            Subject::new(KAFKA, side),
            Subject::new(KAFKA, DEBEZIUM),
            Bound::AtMost,
            1.0,
        );
    }
    Ok(())
}

async fn rounds(session: &mut Session, stage: &Stage) -> Result<()> {
    let window = if session.quick {
        Window {
            warm_up: Duration::from_secs(2),
            measured: Duration::from_secs(2),
        }
    } else {
        Window {
            warm_up: Duration::from_secs(5),
            measured: Duration::from_secs(10),
        }
    };
    let full = Bench {
        stage,
        window,
        round: 0,
    };
    let (alone, publishing) = if let Some(rate) = session.rate {
        (rate, rate)
    } else {
        (
            full.full_rate(session, SERVE).await? / 2.0,
            full.full_rate(session, PUBLISHING).await? / 2.0,
        )
    };
    for round in 1..=session.rounds() {
        let bench = Bench { round, ..full };
        bench.graphql(session, alone).await?;
        bench.served(session, publishing).await?;
        bench.relay(session, publishing).await?;
        if !session.alone {
            bench.debezium(session, publishing).await?;
            bench.notify(session, publishing).await?;
        }
    }
    Ok(())
}

/// One round.
#[derive(Clone, Copy)]
struct Bench<'a> {
    stage: &'a Stage,
    window: Window,
    round: u32,
}

impl Bench<'_> {
    /// What the server does at most, of which the others get half.
    async fn full_rate(&self, session: &mut Session, side: &str) -> Result<f64> {
        let database = self.stage.server.fresh().await?;
        let keys = keys(&database).await?;
        let settings = self.stage.topics("full").await?;
        let environment = environment(&settings);
        let told: &[_] = if side == PUBLISHING {
            &environment
        } else {
            &[]
        };
        let child = child::Server::daybook_with("all", &database.url, told).await?;
        let clients = Client::connect(&child.url, &keys, CONNECTIONS, self.round).await?;
        let load = closed(clients, self.window, self.meter(child.pid)).await?;
        child.stop().await?;
        self.stage.server.discard(database).await?;
        session.record(Run::load(NAME, FULL, side, 1, &load, "requests/s"));
        Ok(load.rate())
    }

    /// In GraphQL, asked without a token.
    async fn graphql(&self, session: &mut Session, rate: f64) -> Result<()> {
        let database = self.stage.server.fresh().await?;
        let keys = keys(&database).await?;
        let child = child::Server::daybook("all", &database.url).await?;
        let (url, seed) = (child.url.clone(), self.seed(1));
        let callers = {
            let (url, keys) = (url.clone(), keys.clone());
            move |number| Http::new(&url, &keys, seed + number, None)
        };
        let sights = self.sights()?;
        let probes = {
            let (sights, seed) = (sights.clone(), self.seed(2));
            move |number| Http::asking(&url, &keys, seed + number, sights.clone())
        };
        let meter = self.meter(child.pid);
        let (load, _) = tokio::try_join!(
            open(callers, rate, self.window, meter),
            open(probes, PROBES, self.window, meter)
        )?;
        self.record(session, (GRAPHQL, SERVE), load, &sights)
            .await?;
        child.stop().await?;
        self.stage.server.discard(database).await
    }

    /// On Kafka, by the relay in the server that also does all else.
    async fn served(&self, session: &mut Session, rate: f64) -> Result<()> {
        let database = self.stage.server.fresh().await?;
        let keys = keys(&database).await?;
        let settings = self.topics("served").await?;
        let child =
            child::Server::daybook_with("all", &database.url, &environment(&settings)).await?;
        let sights = self.sights()?;
        let watcher = self.watch(&settings, &sights)?;
        let callers = {
            let (url, sights, seed) = (child.url.clone(), sights.clone(), self.seed(3));
            move |number| Http::new(&url, &keys, seed + number, Some(sights.clone()))
        };
        let load = open(callers, rate, self.window, self.meter(child.pid)).await?;
        self.record(session, (KAFKA, PUBLISHING), load, &sights)
            .await?;
        watcher.stop().await?;
        child.stop().await?;
        self.stage.server.discard(database).await
    }

    /// On Kafka, by a relay of its own; the commands are executed in this process.
    async fn relay(&self, session: &mut Session, rate: f64) -> Result<()> {
        let database = self.stage.server.fresh().await?;
        let running = database.running(&StoreOptions::default()).await?;
        let settings = self.topics("relay").await?;
        let child =
            child::Server::daybook_with("relay", &database.url, &environment(&settings)).await?;
        let sights = self.sights()?;
        let watcher = self.watch(&settings, &sights)?;
        let callers = {
            let (side, population) = (Side::daybook(&running.store), Population::new(TENANTS));
            let (noted, seed) = (sights.clone(), self.seed(4));
            move |number| Commands {
                side: side.clone(),
                orders: Orders::new(seed + number, &population),
                noted: noted.clone(),
            }
        };
        let load = open(callers, rate, self.window, self.meter(child.pid)).await?;
        self.record(session, (KAFKA, RELAY), load, &sights).await?;
        watcher.stop().await?;
        child.stop().await?;
        running.stop().await?;
        self.stage.server.discard(database).await
    }

    /// On Kafka, by Debezium's engine; the rows of the outbox are written by this process.
    async fn debezium(&self, session: &mut Session, rate: f64) -> Result<()> {
        let database = self.stage.server.fresh().await?;
        let mut admin = database.admin().await?;
        statement(&mut admin, include_str!("../sql/outbox.sql")).await?;
        let topic = self.topics("debezium").await?;
        let mut engine = Debezium::start(self.stage, &database, Duration::ZERO).await?;
        let job = Job {
            reading: Reading::Stream,
            slot: "latency",
            topic: &topic.events(),
            poll: POLL,
        };
        // It never gets so far: it is ended.
        engine.begin(job, u64::MAX >> 1).await?;
        debezium::streams(&mut admin, job.slot).await?;
        let sights = self.sights()?;
        let watcher = self.watch(&topic, &sights)?;
        let pool = pool(&database).await?;
        let callers = {
            let (pool, population) = (pool.clone(), Population::new(TENANTS));
            let (noted, seed) = (sights.clone(), self.seed(5));
            move |number| Outbox {
                pool: pool.clone(),
                orders: Orders::new(seed + number, &population),
                noted: noted.clone(),
            }
        };
        let load = open(callers, rate, self.window, self.meter(engine.pid)).await?;
        self.record(session, (KAFKA, DEBEZIUM), load, &sights)
            .await?;
        watcher.stop().await?;
        pool.close().await;
        engine.stop(&mut admin).await?;
        admin.close().await?;
        self.stage.server.discard(database).await
    }

    /// PostgreSQL's own way, without anything behind it.
    async fn notify(&self, session: &mut Session, rate: f64) -> Result<()> {
        let database = self.stage.server.fresh().await?;
        let pool = pool(&database).await?;
        let mut listener = PgListener::connect(&database.url).await?;
        listener.listen(CHANNEL).await?;
        let sights = self.sights()?;
        let listening = {
            let sights = sights.clone();
            tokio::spawn(async move {
                loop {
                    let told = listener.recv().await?;
                    sights.seen(told.payload().parse()?, Instant::now());
                }
                #[expect(unreachable_code, reason = "it says what the task fails with")]
                anyhow::Ok(())
            })
        };
        let callers = {
            let (pool, population) = (pool.clone(), Population::new(TENANTS));
            let (noted, seed) = (sights.clone(), self.seed(6));
            move |number| Notify {
                pool: pool.clone(),
                orders: Orders::new(seed + number, &population),
                noted: noted.clone(),
            }
        };
        let meter = self.meter(std::process::id());
        let load = open(callers, rate, self.window, meter).await?;
        self.record(session, (NOTIFICATION, NOTIFY), load, &sights)
            .await?;
        listening.abort();
        pool.close().await;
        self.stage.server.discard(database).await
    }

    fn meter(&self, process: u32) -> Meter {
        Meter {
            postgres: self.stage.server.pid(),
            process,
        }
    }

    /// Orders that no other load of the round has.
    fn seed(&self, load: u64) -> u64 {
        (u64::from(self.round) * 10 + load) * 1_000_000
    }

    fn sights(&self) -> Result<Sights> {
        Sights::new(Instant::now() + self.window.warm_up)
    }

    async fn topics(&self, side: &str) -> Result<Settings> {
        let prefix = format!("{side}{}", self.round);
        self.stage.topics(&prefix).await
    }

    fn watch(&self, settings: &Settings, sights: &Sights) -> Result<Watcher> {
        Watcher::start(self.stage.brokers(), &settings.events(), sights)
    }

    /// The times until things were seen, beside those of the load that they came with.
    async fn record(
        &self,
        session: &mut Session,
        (case, side): (&str, &str),
        mut load: Load,
        sights: &Sights,
    ) -> Result<()> {
        let (rate, acknowledged) = (load.rate(), load.percentile(99.0));
        load.latency = sights.all().await?;
        let mut run = Run::load(NAME, case, side, self.round, &load, "ms");
        run.value = load.percentile(99.0);
        run.extra.insert("arrivals a second", rate);
        run.extra
            .insert("ms until the p99 is acknowledged", acknowledged);
        session.record(run);
        Ok(())
    }
}

async fn keys(database: &Database) -> Result<Keys> {
    let store = database.store(&StoreOptions::default()).await?;
    let keys = Keys::issue(&store).await?;
    store.close().await;
    Ok(keys)
}

async fn pool(database: &Database) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(POOL)
        .connect(&database.url)
        .await?)
}
