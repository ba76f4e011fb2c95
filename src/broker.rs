//! A Kafka of one's own: starts a broker from the jars that `make setup` fetches, where Java is there, as a child process. It
//! must never touch a broker it did not start, nor know anything of what Daybook keeps in it.
//!
//! Layout of its folder: `data/`, `server.properties`, `broker.log`, `port`.

mod java;

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::leash::Leash;
pub use java::Java;

/// How long a start may take, recovery included.
const READY: Duration = Duration::from_mins(2);
/// How long a shutdown may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the broker says when it serves.
const SERVES: &str = "Kafka Server started";

/// What the broker is told besides where it listens: one node for one machine, which is missed soon when it was killed and so
/// may come back soon; and no topic that nobody asked for.
const SETTINGS: &str = "process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
";

/// Where a broker lives and how it listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder; made when it is missing.
    pub dir: PathBuf,
    /// The TCP port on 127.0.0.1. 0 takes a free one, the same as last time if that is still free.
    pub port: u16,
    /// More lines of `server.properties`, and what clients connect with: `PLAINTEXT`, or another of Kafka's protocols that
    /// these lines set up.
    pub settings: String,
    /// The protocol of the listener for clients.
    pub protocol: String,
}

impl Options {
    /// A broker without passwords for this machine alone.
    pub fn plain(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            port: 0,
            settings: String::new(),
            protocol: "PLAINTEXT".to_owned(),
        }
    }
}

/// A running broker. Call [`stop`](Self::stop) when done; a dropped one, and one whose process was killed, is shut down by
/// its watchdog a moment later.
#[derive(Debug)]
pub struct EmbeddedKafka {
    child: Child,
    pid: u32,
    leash: Leash,
    brokers: String,
    log: PathBuf,
    _thrown_away: Option<TempDir>,
}

impl EmbeddedKafka {
    /// Starts the broker on the folder and waits until it serves, formatting its storage the first time.
    pub async fn start(java: &Java, options: &Options) -> Result<Self> {
        Self::start_in(java, options, None).await
    }

    /// Starts a broker for tests on a new folder under the system's temporary one, which goes with it.
    pub async fn start_throw_away(java: &Java) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("daybook-kafka-")
            .tempdir()?;
        let options = Options::plain(dir.path());
        Self::start_in(java, &options, Some(dir)).await
    }

    async fn start_in(
        java: &Java,
        options: &Options,
        thrown_away: Option<TempDir>,
    ) -> Result<Self> {
        let dir = &options.dir;
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let port = choose_port(options.port, &dir.join("port"))?;
        let controller = choose_port(0, Path::new(""))?;
        let properties = dir.join("server.properties");
        write(&properties, &server_properties(options, port, controller))?;
        if !dir.join("data/meta.properties").is_file() {
            format(java, &properties).await?;
        }
        write(&dir.join("port"), &format!("{port}\n"))?;
        let log = dir.join("broker.log");
        let out =
            fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut broker = java.command("kafka.Kafka");
        broker
            .arg(&properties)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0);
        let mut child = broker.spawn().context("cannot run java")?;
        let pid = child.id().unwrap_or_default();
        let thrown: Vec<PathBuf> = thrown_away
            .iter()
            .map(|dir| dir.path().to_owned())
            .collect();
        let leash = match Leash::tie(pid, "TERM", &thrown) {
            Ok(leash) => leash,
            Err(error) => {
                // Nothing would end it if we were killed.
                drop(child.kill().await);
                return Err(error).context("cannot run /bin/sh");
            }
        };
        let mut broker = Self {
            child,
            pid,
            leash,
            brokers: format!("127.0.0.1:{port}"),
            log,
            _thrown_away: thrown_away,
        };
        if let Err(error) = broker.ready().await {
            drop(broker.stop().await);
            return Err(error);
        }
        Ok(broker)
    }

    /// What clients connect to.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Shuts it down; ends it hard if that takes too long.
    pub async fn stop(mut self) -> Result<()> {
        // Until it has been waited for, its number cannot belong to another process.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _gone_already = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let stopped = timeout(PATIENCE, self.child.wait()).await.is_ok();
        if !stopped {
            self.child.kill().await?;
        }
        self.leash.untie().await;
        ensure!(
            stopped,
            "Kafka did not shut down within {} s and was ended hard; it recovers at the next start",
            PATIENCE.as_secs()
        );
        Ok(())
    }

    async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY;
        loop {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            if said.contains(SERVES) {
                return Ok(());
            }
            let tail = || {
                let lines: Vec<&str> = said.lines().collect();
                let last = lines.len().saturating_sub(5);
                lines.get(last..).unwrap_or_default().join("\n")
            };
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "Kafka ended while starting ({status}); {} ends with:\n{}",
                    self.log.display(),
                    tail()
                );
            }
            ensure!(
                Instant::now() < deadline,
                "Kafka did not serve within {} s and was stopped; {} ends with:\n{}",
                READY.as_secs(),
                self.log.display(),
                tail()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn server_properties(options: &Options, port: u16, controller: u16) -> String {
    let (protocol, data) = (&options.protocol, options.dir.join("data"));
    format!(
        "{SETTINGS}log.dirs={}
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port}
inter.broker.listener.name=CLIENTS
listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:{protocol}
{}",
        data.display(),
        options.settings
    )
}

async fn format(java: &Java, properties: &Path) -> Result<()> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use event_store::{Clock as _, SystemClock};
    let cluster = URL_SAFE_NO_PAD.encode(SystemClock.uuid_v7());
    let mut tool: Command = java.command("kafka.tools.StorageTool");
    tool.args(["format", "--cluster-id", &cluster, "--config"])
        .arg(properties)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tool.output().await.context("cannot run java")?;
    ensure!(
        output.status.success(),
        "Kafka's storage could not be formatted: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The port asked for; for 0 the last one if it is free, else any.
fn choose_port(asked: u16, last: &Path) -> Result<u16> {
    let free = |port: u16| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|listener| listener.local_addr())
            .map(|address| address.port())
    };
    if asked != 0 {
        return free(asked).with_context(|| {
            format!(
                "port {asked} on 127.0.0.1 is in use; stop what listens there, or choose another"
            )
        });
    }
    let last = fs::read_to_string(last)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .and_then(|port: u16| free(port).ok());
    last.map_or_else(|| free(0).context("cannot listen on 127.0.0.1"), Ok)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
