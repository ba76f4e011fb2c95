//! Debezium's engine in a process of its own, reading an outbox table through a replication slot: its settings, its life, and
//! its slots. infra/setup/debezium.sh is its counterpart and installs it. Measures nothing.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use daybook::cache;
use sqlx::PgConnection;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{
    server::{Database, run as statement},
    stage::Stage,
};

/// The release that infra/setup/debezium.sh fetches.
const RELEASE: &str = "debezium-3.6.1";
const PROGRAM: &str = include_str!("../java/Outbox.java");
const PATIENCE: Duration = Duration::from_mins(5);
/// As the outbox has them, behind which placement. The id becomes a header without being asked for.
const PLACEMENT: &str = "kafka_partition:partition,content_type:header:content-type,ce_specversion:header,ce_source:header,\
    ce_type:header,ce_time:header,ce_subject:header,ce_tenant:header,ce_position:header,ce_version:header,ce_offset:header,\
    ce_correlationid:header,ce_causationid:header,ce_dataschema:header,ce_recordedtime:header,traceparent:header,\
    value_schema_id:header:__value_schema_id";

/// How the engine reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    /// What is written from the slot's making on.
    Stream,
    /// What is in the table.
    Snapshot,
}

/// What one engine is to do.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) reading: Reading,
    /// Jobs of the same slot go on where the last one ended.
    pub(crate) slot: &'a str,
    pub(crate) topic: &'a str,
    /// How long it waits for a batch to fill.
    pub(crate) poll: Duration,
}

/// The process.
pub(crate) struct Debezium {
    child: Child,
    pub(crate) pid: u32,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
    database: String,
}

impl Debezium {
    /// Starts it; it reads nothing yet. `linger` is how long its producer waits for company.
    pub(crate) async fn start(
        stage: &Stage,
        database: &Database,
        linger: Duration,
    ) -> Result<Self> {
        let folder = tempfile::tempdir_in(stage.folder.path())?;
        let jars = home()?.join("lib/*");
        compile(folder.path(), &jars).await?;
        let producer = folder.path().join("producer.properties");
        fs::write(
            &producer,
            format!(
                "bootstrap.servers={}\nacks=all\nenable.idempotence=true\ncompression.type=lz4\nlinger.ms={}\nbatch.size=262144\n\
                 buffer.memory=67108864\n",
                stage.brokers(),
                linger.as_millis()
            ),
        )?;
        // The system ends it if we are killed.
        let mut child = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "TERM",
                "java",
                "-Xmx1g",
                "-XX:+UseParallelGC",
            ])
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
            .arg("-cp")
            .arg(format!("{}:{}", folder.path().display(), jars.display()))
            .arg("Outbox")
            .arg(&producer)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start setpriv, which is in util-linux")?;
        Ok(Self {
            pid: child.id().context("Debezium ended at once")?,
            input: child.stdin.take().context("Debezium has no input")?,
            output: BufReader::new(child.stdout.take().context("Debezium has no output")?).lines(),
            child,
            folder,
            database: database.url.clone(),
        })
    }

    /// Has an engine publish so many records; [`done`](Self::done) says when it has.
    pub(crate) async fn begin(&mut self, job: Job<'_>, records: u64) -> Result<()> {
        let file = self.folder.path().join("engine.properties");
        fs::write(&file, self.properties(job)?)?;
        let line = format!("{} {records}\n", file.display());
        self.input.write_all(line.as_bytes()).await?;
        Ok(())
    }

    /// Waits until the engine has published them and has ended.
    pub(crate) async fn done(&mut self) -> Result<()> {
        let said = timeout(PATIENCE, self.output.next_line())
            .await
            .context("Debezium did not publish everything")??;
        ensure!(said.as_deref() == Some("done"), "Debezium has failed");
        Ok(())
    }

    /// Ends the process, and frees its slots.
    pub(crate) async fn stop(mut self, admin: &mut PgConnection) -> Result<()> {
        self.child.kill().await?;
        let deadline = Instant::now() + Duration::from_secs(30);
        let active = "select count(*) from pg_replication_slots where active";
        while sqlx::query_scalar::<_, i64>(active)
            .fetch_one(&mut *admin)
            .await?
            > 0
        {
            ensure!(
                Instant::now() < deadline,
                "Debezium's slot is still in use after its end"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        statement(
            admin,
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots",
        )
        .await
    }

    fn properties(&self, job: Job<'_>) -> Result<String> {
        let (user, password, host, port, database) =
            parts(&self.database).context("the database's URL is another one than ours")?;
        let offsets = self.folder.path().join(format!("{}.offsets", job.slot));
        let mode = match job.reading {
            Reading::Stream => "no_data",
            Reading::Snapshot => "initial_only",
        };
        let poll = job.poll.as_millis().to_string();
        let settings = [
            ("name", job.slot),
            ("topic.prefix", job.slot),
            (
                "connector.class",
                "io.debezium.connector.postgresql.PostgresConnector",
            ),
            ("plugin.name", "pgoutput"),
            ("database.hostname", host),
            ("database.port", port),
            ("database.user", user),
            ("database.password", password),
            ("database.dbname", database),
            ("slot.name", job.slot),
            ("publication.name", job.slot),
            ("publication.autocreate.mode", "filtered"),
            ("table.include.list", "public.outbox"),
            ("snapshot.mode", mode),
            ("snapshot.fetch.size", "10240"),
            ("max.batch.size", "16384"),
            ("max.queue.size", "65536"),
            ("poll.interval.ms", &poll),
            ("tombstones.on.delete", "false"),
            (
                "offset.storage",
                "org.apache.kafka.connect.storage.FileOffsetBackingStore",
            ),
            ("offset.storage.file.filename", &offsets.to_string_lossy()),
            ("transforms", "outbox"),
            (
                "transforms.outbox.type",
                "io.debezium.transforms.outbox.EventRouter",
            ),
            ("transforms.outbox.route.topic.replacement", job.topic),
            (
                "transforms.outbox.table.fields.additional.placement",
                PLACEMENT,
            ),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let mut text = String::new();
        for (name, value) in settings {
            writeln!(text, "{name}={value}")?;
        }
        Ok(text)
    }
}

/// Waits until an engine reads from the slot.
pub(crate) async fn streams(admin: &mut PgConnection, slot: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let active = "select count(*) from pg_replication_slots where active and slot_name = $1";
    while sqlx::query_scalar::<_, i64>(active)
        .bind(slot)
        .fetch_one(&mut *admin)
        .await?
        == 0
    {
        ensure!(Instant::now() < deadline, "Debezium does not read its slot");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Of `postgres://user:password@host:port/database`.
fn parts(url: &str) -> Option<(&str, &str, &str, &str, &str)> {
    let (login, place) = url.strip_prefix("postgres://")?.split_once('@')?;
    let (user, password) = login.split_once(':')?;
    let (address, database) = place.split_once('/')?;
    let (host, port) = address.split_once(':')?;
    Some((user, password, host, port, database))
}

async fn compile(folder: &Path, jars: &Path) -> Result<()> {
    let source = folder.join("Outbox.java");
    fs::write(&source, PROGRAM)?;
    let output = Command::new("javac")
        .arg("-d")
        .arg(folder)
        .arg("-cp")
        .arg(jars)
        .arg(&source)
        .output()
        .await
        .context("cannot run javac")?;
    ensure!(
        output.status.success(),
        "the program around Debezium's engine does not compile: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn home() -> Result<PathBuf> {
    cache::places("DAYBOOK_DEBEZIUM_HOME", RELEASE)
        .into_iter()
        .find(|home| home.join("lib").is_dir())
        .context("Debezium is not installed; run infra/setup/debezium.sh")
}
