//! B5: a backlog on Kafka. Daybook's relay, Debezium's engine on an outbox table with the same events, and librdkafka's bare
//! producer with the same records, each to topics of its own at one broker; and the memory that takes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use projections::kafka::Settings;
use rdkafka::message::OwnedMessage;
use sqlx::{Connection as _, PgConnection};
use tokio::task::spawn_blocking;

use crate::{
    child,
    debezium::{self, Debezium, Job, Reading},
    fill::Filler,
    http::Connection,
    measure::{Cpu, Meter, Timed},
    process,
    run::{Bound, Run, Session, Subject},
    server::{Database, Server, run as statement},
    stage::{Stage, environment},
    statistics::count,
    topic::{self, Found},
    workload::{TENANTS, tenants},
};

const NAME: &str = "B5";
const UNIT: &str = "events/s";
const RELAY: &str = "relay";
const STREAM: &str = "Debezium, streaming";
const SNAPSHOT: &str = "Debezium, snapshot";
const PRODUCER: &str = "bare producer";
const MEMORY: &str = "memory at its highest";
/// How long Debezium waits for a batch to fill, and its producer for company.
const POLL: Duration = Duration::from_millis(10);
const LINGER: Duration = Duration::from_millis(5);
/// So many events of each partition warm Debezium's machine up.
const WARM_UP: u64 = 1_500;
/// The round that is not recorded: the broker's machine is warm after it.
const WARMING: u32 = 0;
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(20);

/// What the log holds, and so every topic must.
#[derive(Clone, Copy)]
struct Log {
    events: u64,
    payload: u64,
}

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    let stage = Stage::start(server).await?;
    let measured = rounds(session, &stage).await;
    stage.stop().await?;
    measured
}

async fn rounds(session: &mut Session, stage: &Stage) -> Result<()> {
    let events = if session.quick { 40_000 } else { 200_000 };
    let case = format!("a backlog of {} events", count(events));
    for round in WARMING..=session.rounds() {
        let database = stage.server.fresh().await?;
        let mut admin = database.admin().await?;
        Filler::new(tenants(TENANTS))
            .await?
            .add(&mut admin, events)
            .await?;
        statement(&mut admin, "vacuum (analyze) log.event").await?;
        let log = count_log(&mut admin).await?;
        let bench = Bench {
            stage,
            database: &database,
            log,
            case: &case,
            round,
        };
        let records = bench.relay(session, &mut admin).await?;
        if !session.alone && round != WARMING {
            bench.debezium(session, &mut admin).await?;
            bench.producer(session, &mut admin, records).await?;
        }
        admin.close().await?;
        stage.server.discard(database).await?;
    }
    if session.alone {
        return Ok(());
    }
    for (against, limit) in [(STREAM, 3.0), (SNAPSHOT, 3.0), (PRODUCER, 0.5)] {
        session.compare(
            NAME,
            Subject::new(&case, RELAY),
            Subject::new(&case, against),
            Bound::AtLeast,
            limit,
        );
    }
    Ok(())
}

async fn count_log(admin: &mut PgConnection) -> Result<Log> {
    let (events, payload): (i64, i64) = sqlx::query_as(
        "select count(*), coalesce(sum(octet_length(payload)), 0)::bigint from log.event",
    )
    .fetch_one(admin)
    .await?;
    Ok(Log {
        events: u64::try_from(events)?,
        payload: u64::try_from(payload)?,
    })
}

/// One round: everything with the same log.
struct Bench<'a> {
    stage: &'a Stage,
    database: &'a Database,
    log: Log,
    case: &'a str,
    round: u32,
}

impl Bench<'_> {
    /// What the processors do from here on.
    fn count(&self, process: u32) -> Result<Count<'_>> {
        let meter = Meter {
            postgres: self.stage.server.pid(),
            process,
        };
        Ok(Count {
            stage: self.stage,
            meter,
            before: meter.read()?,
            broker: self.stage.broker_cpu()?,
        })
    }

    /// Topics that nobody else has.
    async fn topics(&self, side: &str) -> Result<Settings> {
        let prefix = format!("{side}{}", self.round);
        self.stage.topics(&prefix).await
    }

    /// The relay as users run it; answers what it has published.
    async fn relay(
        &self,
        session: &mut Session,
        admin: &mut PgConnection,
    ) -> Result<Vec<OwnedMessage>> {
        let settings = self.topics("relay").await?;
        statement(admin, "checkpoint").await?;
        let first = self.first(&settings);
        let child =
            child::Server::daybook_with("relay", &self.database.url, &environment(&settings))
                .await?;
        first.await??;
        let count = self.count(child.pid)?;
        published(&child.url, self.log.events).await?;
        let cpu = count.end()?;
        let memory = process::memory(child.pid)?.highest;
        child.stop().await?;
        let mut found = topic::read(self.stage.brokers(), &settings.events(), true).await?;
        self.record(session, RELAY, &found, cpu)?;
        self.remember(session, RELAY, memory);
        Ok(std::mem::take(&mut found.kept))
    }

    /// The engine from its slot, and from a snapshot, in a process that has done each before.
    async fn debezium(&self, session: &mut Session, admin: &mut PgConnection) -> Result<()> {
        statement(admin, include_str!("../sql/outbox.sql")).await?;
        let mut engine = Debezium::start(self.stage, self.database, LINGER).await?;
        let warm = self.topics("warm").await?.events();
        let stream = |topic| Job {
            reading: Reading::Stream,
            slot: "streaming",
            topic,
            poll: POLL,
        };
        let snapshot = |slot, topic| Job {
            reading: Reading::Snapshot,
            slot,
            topic,
            poll: POLL,
        };
        let some: i64 =
            sqlx::query_scalar("select sum(least(next_offset, $1))::bigint from log.partition")
                .bind(i64::try_from(WARM_UP)?)
                .fetch_one(&mut *admin)
                .await?;
        let some = u64::try_from(some)?;
        engine.begin(stream(&warm), some).await?;
        debezium::streams(admin, "streaming").await?;
        fill(admin, WARM_UP).await?;
        engine.done().await?;
        engine.begin(snapshot("warming", &warm), some).await?;
        engine.done().await?;
        statement(admin, "truncate public.outbox").await?;
        fill(admin, u64::MAX >> 1).await?;
        for (side, job, name) in [
            (STREAM, stream(""), "stream"),
            (SNAPSHOT, snapshot("snapshot", ""), "snapshot"),
        ] {
            let settings = self.topics(name).await?;
            let topic = settings.events();
            statement(admin, "checkpoint").await?;
            let first = self.first(&settings);
            engine
                .begin(
                    Job {
                        topic: &topic,
                        ..job
                    },
                    self.log.events,
                )
                .await?;
            first.await??;
            let count = self.count(engine.pid)?;
            engine.done().await?;
            let cpu = count.end()?;
            let found = topic::read(self.stage.brokers(), &topic, false).await?;
            self.record(session, side, &found, cpu)?;
            let memory = process::memory(engine.pid)?.highest;
            self.remember(session, side, memory);
        }
        engine.stop(admin).await?;
        statement(admin, "drop table public.outbox").await
    }

    /// The client alone, from memory.
    async fn producer(
        &self,
        session: &mut Session,
        admin: &mut PgConnection,
        records: Vec<OwnedMessage>,
    ) -> Result<()> {
        let settings = self.topics("producer").await?;
        let topic = settings.events();
        statement(admin, "checkpoint").await?;
        let (brokers, to) = (self.stage.brokers().to_owned(), topic.clone());
        let first = self.first(&settings);
        let producing = spawn_blocking(move || topic::produce(&brokers, &to, &records));
        first.await??;
        let count = self.count(std::process::id())?;
        producing.await??;
        let cpu = count.end()?;
        let found = topic::read(self.stage.brokers(), &topic, false).await?;
        self.record(session, PRODUCER, &found, cpu)
    }

    fn first(&self, settings: &Settings) -> tokio::task::JoinHandle<Result<()>> {
        let (brokers, topic) = (self.stage.brokers().to_owned(), settings.events());
        tokio::spawn(async move { topic::first(&brokers, &topic).await })
    }

    /// Fails if the topic is not the log.
    fn record(
        &self,
        session: &mut Session,
        side: &str,
        found: &Found,
        (cpu, broker): (Cpu, f64),
    ) -> Result<()> {
        ensure!(
            found.records == self.log.events && found.payload == self.log.payload,
            "{side}: the log has {} events with {} bytes, and the topic {} records with {}",
            self.log.events,
            self.log.payload,
            found.records,
            found.payload
        );
        ensure!(
            found.headers >= 12,
            "{side}: there are records with {} headers only",
            found.headers
        );
        if self.round == WARMING {
            return Ok(());
        }
        let timed = Timed {
            seconds: found.seconds,
            cpu,
        };
        let mut run = Run::timed(
            NAME,
            self.case,
            side,
            self.round,
            (found.records, UNIT),
            &timed,
        );
        run.extra
            .insert("headers", f64::from(u32::try_from(found.headers)?));
        run.extra.insert("broker cores", broker / found.seconds);
        session.record(run);
        Ok(())
    }

    fn remember(&self, session: &mut Session, side: &str, memory: f64) {
        if self.round == WARMING {
            return;
        }
        session.record(Run::figure(NAME, MEMORY, side, self.round, memory, "MiB"));
    }
}

/// Processor time since some moment, the broker's by itself.
struct Count<'a> {
    stage: &'a Stage,
    meter: Meter,
    before: Cpu,
    broker: f64,
}

impl Count<'_> {
    fn end(self) -> Result<(Cpu, f64)> {
        let broker = self.stage.broker_cpu()? - self.broker;
        Ok((self.meter.since(self.before)?, broker))
    }
}

/// The first events of each partition as rows of the outbox.
async fn fill(admin: &mut PgConnection, first: u64) -> Result<()> {
    let fill = include_str!("../sql/outbox_fill.sql").replace("$FIRST", &first.to_string());
    statement(admin, &fill).await?;
    statement(admin, "analyze public.outbox").await
}

/// Waits until the relay says that it has published so many.
async fn published(url: &str, events: u64) -> Result<()> {
    let mut connection = Connection::connect(url).await?;
    let waiting = async {
        loop {
            let (_, body) = connection.get("/metrics").await?;
            let text = String::from_utf8(body)?;
            let counter = text
                .lines()
                .find_map(|line| line.strip_prefix(projections::relay::metric::EVENTS))
                .map_or(Ok(0), |value| value.trim().parse::<u64>())?;
            ensure!(
                counter <= events,
                "the relay has published {counter} of {events} events"
            );
            if counter == events {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .context("the relay did not publish everything")?
}
