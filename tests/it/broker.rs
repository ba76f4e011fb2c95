//! Kafka for tests: one broker for the whole run, which ends with the test process, and brokers of a test's own, which can be
//! killed and started again where they were. Must never signal a process that it did not start.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use daybook::broker::{EmbeddedKafka, Java, Options};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use projections::kafka::{Settings, topic::Admin};
use tempfile::TempDir;

use crate::harness::lasting;

/// The run's broker: what clients connect to.
pub async fn shared() -> &'static str {
    static BROKERS: OnceLock<String> = OnceLock::new();
    let start = || {
        BROKERS.get_or_init(|| {
            lasting(async || {
                let java = Java::find().await.expect("Java and Kafka are there");
                let broker = EmbeddedKafka::start_throw_away(&java).await.unwrap();
                let brokers = broker.brokers().to_owned();
                (broker, brokers)
            })
        })
    };
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// A name for topics that no other test has.
pub fn prefix() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub fn settings(brokers: &str, prefix: &str) -> Settings {
    Settings::try_new(brokers, prefix, "main", 1, "").unwrap()
}

/// Topics of a log with 16 partitions, made as the operator makes them.
pub async fn make_topics(settings: &Settings) {
    let admin = Admin::try_new(settings, 16).unwrap();
    admin.apply(admin.plan().await.unwrap()).await.unwrap();
    admin.check().await.unwrap();
}

/// Whether the broker knows that a topic is missing or not as it must be.
pub async fn has_changes(settings: &Settings) -> bool {
    let admin = Admin::try_new(settings, 16).unwrap();
    !admin.plan().await.unwrap().changes.is_empty()
}

/// A broker of a test's own.
pub struct Broker {
    java: Java,
    options: Options,
    running: Option<EmbeddedKafka>,
    brokers: String,
    _folder: TempDir,
}

impl Broker {
    pub async fn start() -> Self {
        Self::start_with(|_| (String::new(), "PLAINTEXT".to_owned())).await
    }

    /// With more settings, made with its folder, and the protocol that clients speak.
    pub async fn start_with(settings: impl FnOnce(&std::path::Path) -> (String, String)) -> Self {
        let java = Java::find().await.expect("Java and Kafka are there");
        let folder = tempfile::tempdir().unwrap();
        let (settings, protocol) = settings(folder.path());
        let mut options = Options {
            settings,
            protocol,
            ..Options::plain(&folder.path().join("kafka"))
        };
        let running = EmbeddedKafka::start(&java, &options).await.unwrap();
        let brokers = running.brokers().to_owned();
        options.port = brokers.rsplit_once(':').unwrap().1.parse().unwrap();
        Self {
            java,
            options,
            running: Some(running),
            brokers,
            _folder: folder,
        }
    }

    /// Where it keeps everything.
    pub fn folder(&self) -> &std::path::Path {
        &self.options.dir
    }

    /// What clients connect to, the same after every restart.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(&mut self) {
        self.running.take().expect("it runs").stop().await.unwrap();
    }

    /// SIGKILL, and the end of the process.
    pub async fn kill(&mut self) {
        let running = self.running.take().expect("it runs");
        let pid = Pid::from_raw(i32::try_from(running.pid()).unwrap());
        kill(pid, Signal::SIGKILL).unwrap();
        running.stop().await.unwrap();
    }

    /// Starts it again where it was.
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "it has ended");
        self.running = Some(
            EmbeddedKafka::start(&self.java, &self.options)
                .await
                .unwrap(),
        );
    }
}
