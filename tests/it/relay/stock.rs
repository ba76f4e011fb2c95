//! Consumers that others have written, as processes of their own: Apache Kafka's console consumer and Confluent's client for
//! Python. They read a topic while it is written; what they say is taken in as it comes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use daybook::broker::Java;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use projections::kafka::Settings;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

use super::consumer::Seen;

/// How long a consumer may be behind the relay.
const PATIENCE: Duration = Duration::from_mins(3);

/// What was read, by partition, in the order of reading. A payload is its SHA-256.
pub type Topic = BTreeMap<i32, Vec<Seen>>;

/// A consumer that runs.
pub struct Stock {
    process: Child,
    /// It ends when this does; without, by a signal.
    input: Option<ChildStdin>,
    reading: JoinHandle<Topic>,
    count: watch::Receiver<usize>,
}

/// A payload as it is compared.
pub fn hash(payload: &[u8]) -> Vec<u8> {
    Sha256::digest(payload).to_vec()
}

impl Stock {
    /// Kafka's own, in Java.
    pub async fn java(settings: &Settings) -> Self {
        let java = Java::find().await.expect("Java and Kafka are there");
        // Nothing that a record can hold: a schema's id in a header is any bytes.
        let mark = Uuid::now_v7().simple().to_string();
        let mut command = java.command("org.apache.kafka.tools.consumer.ConsoleConsumer");
        command
            .args(["--bootstrap-server", &settings.brokers])
            .args(["--topic", &settings.events(), "--from-beginning"])
            .args(["--isolation-level", "read_committed"]);
        for property in [
            "print.partition=true",
            "print.headers=true",
            "print.key=true",
            &format!("key.separator={mark}|"),
            &format!("headers.separator={mark},"),
            &format!("line.separator={mark}\n"),
        ] {
            command.args(["--formatter-property", property]);
        }
        command.stdin(Stdio::null());
        let end = format!("{mark}\n");
        Self::start(command, end, move |text| printed(text, &mark))
    }

    /// Confluent's, in Python.
    pub async fn python(settings: &Settings) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let said = Command::new(root.join("infra/setup/confluent.sh"))
            .arg("--path")
            .output()
            .await
            .unwrap();
        let packages = PathBuf::from(String::from_utf8(said.stdout).unwrap().trim());
        assert!(
            packages.is_dir(),
            "Confluent's Python client is not in {}; run `make setup`",
            packages.display()
        );
        let mut command = Command::new("python3");
        command
            .arg(root.join("tests/it/relay/stock.py"))
            .args([&settings.brokers, &settings.events()])
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped());
        Self::start(command, "\n".to_owned(), line)
    }

    fn start(
        mut command: Command,
        end: String,
        parse: impl Fn(&[u8]) -> (i32, Seen) + Send + 'static,
    ) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (counting, count) = watch::channel(0);
        let output = process.stdout.take().unwrap();
        Self {
            input: process.stdin.take(),
            process,
            reading: tokio::spawn(read(output, end, parse, counting)),
            count,
        }
    }

    /// How many records it has read.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until it has read so many, and ends it: all that it read. The one in Python first reads to the topic's end.
    pub async fn end(mut self, records: usize) -> Topic {
        let there = self.count.wait_for(|count| *count >= records);
        let waited = timeout(PATIENCE, there).await.map(drop);
        waited.unwrap_or_else(|_| panic!("{} of {records} records in time", self.count()));
        if let Some(input) = self.input.take() {
            drop(input);
        } else {
            let pid = self.process.id().expect("it runs until it is ended");
            kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGTERM).unwrap();
        }
        let read = timeout(PATIENCE, self.reading).await;
        read.expect("it ends when it is told to").unwrap()
    }
}

/// Reads to the end, record by record.
async fn read(
    output: ChildStdout,
    end: String,
    parse: impl Fn(&[u8]) -> (i32, Seen),
    count: watch::Sender<usize>,
) -> Topic {
    let (mut output, mut topic, mut record) = (BufReader::new(output), Topic::new(), Vec::new());
    while output.read_until(b'\n', &mut record).await.unwrap() > 0 {
        if let Some(whole) = record.strip_suffix(end.as_bytes()) {
            let (partition, seen) = parse(whole);
            topic.entry(partition).or_default().push(seen);
            count.send_modify(|count| *count += 1);
            record.clear();
        }
    }
    assert!(record.is_empty(), "it ends after a record");
    topic
}

/// A record as the console consumer prints it: partition, headers, key, value.
fn printed(record: &[u8], mark: &str) -> (i32, Seen) {
    // A character for each byte: values may be anything.
    let text: String = record.iter().map(|byte| char::from(*byte)).collect();
    let (between, comma) = (format!("{mark}|"), format!("{mark},"));
    let parts: Vec<&str> = text.split(&between).collect();
    let [partition, headers, key, value] = parts[..] else {
        panic!("not four parts: {text}");
    };
    let header = |name: &str| {
        let found = headers.split(&comma).find_map(|header| {
            let (named, value) = header.split_once(':')?;
            (named == name).then_some(value)
        });
        found.unwrap_or_else(|| panic!("{name} is not in {headers}"))
    };
    let payload: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap()).collect();
    let seen = Seen {
        offset: header("ce_offset").parse().unwrap(),
        id: header("ce_id").parse().unwrap(),
        key: key.to_owned(),
        payload: hash(&payload),
    };
    let partition = partition.strip_prefix("Partition:").unwrap();
    (partition.parse().unwrap(), seen)
}

/// A record as the program in Python prints it.
fn line(record: &[u8]) -> (i32, Seen) {
    let record: Value = serde_json::from_slice(record).unwrap();
    let text = |name: &str| record[name].as_str().unwrap();
    let seen = Seen {
        offset: record["offset"].as_i64().unwrap(),
        id: text("id").parse().unwrap(),
        key: text("key").to_owned(),
        payload: hex::decode(text("sha256")).unwrap(),
    };
    let partition = record["partition"].as_i64().unwrap();
    (i32::try_from(partition).unwrap(), seen)
}
