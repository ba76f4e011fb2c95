//! What B5 and B6 are played on: a PostgreSQL whose log can be decoded, and one broker of Kafka on the same disk, both of
//! their own. Knows none of those who use them.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use daybook::broker::{EmbeddedKafka, Java, Options};
use projections::kafka::{Settings, topic::Admin};
use tempfile::TempDir;

use crate::{
    process,
    server::{PARTITIONS, Server},
};

/// The broker says when a record came, by one clock for everybody.
const SETTINGS: &str = "log.message.timestamp.type=LogAppendTime\n";

pub(crate) struct Stage {
    pub(crate) server: Server,
    kafka: EmbeddedKafka,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// Starts both beside the data of the other server.
    pub(crate) async fn start(beside: &Server) -> Result<Self> {
        let parent = beside.data().parent().unwrap_or(Path::new("/"));
        let folder = tempfile::Builder::new()
            .prefix("daybook-bench-kafka-")
            .tempdir_in(parent)?;
        let java = Java::find().await.map_err(|reason| anyhow!(reason))?;
        let options = Options {
            settings: SETTINGS.to_owned(),
            ..Options::plain(&folder.path().join("kafka"))
        };
        let server = Server::start_logical(parent).await?;
        match EmbeddedKafka::start(&java, &options).await {
            Ok(kafka) => Ok(Self {
                server,
                kafka,
                folder,
            }),
            Err(error) => {
                server.stop().await?;
                Err(error)
            }
        }
    }

    /// Topics whose names begin so, made as the operator makes them.
    pub(crate) async fn topics(&self, prefix: &str) -> Result<Settings> {
        let settings = Settings::try_new(self.kafka.brokers(), prefix, "main", 1, "")?;
        let admin = Admin::try_new(&settings, PARTITIONS)?;
        admin.apply(admin.plan().await?).await?;
        Ok(settings)
    }

    /// The broker's processor time, in seconds.
    pub(crate) fn broker_cpu(&self) -> Result<f64> {
        process::cpu(self.kafka.pid())
    }

    /// What clients connect to.
    pub(crate) fn brokers(&self) -> &str {
        self.kafka.brokers()
    }

    /// Ends both and removes their data.
    pub(crate) async fn stop(self) -> Result<()> {
        let Self {
            server,
            kafka,
            folder,
        } = self;
        let stopped = kafka.stop().await;
        server.stop().await?;
        stopped?;
        let path = folder.path().to_owned();
        folder
            .close()
            .with_context(|| format!("cannot remove {}", path.display()))
    }
}

/// What tells `daybook serve` of these topics.
pub(crate) fn environment(settings: &Settings) -> [(&'static str, &str); 3] {
    [
        ("KAFKA_BROKERS", &settings.brokers),
        ("DAYBOOK__KAFKA__PREFIX", &settings.prefix),
        ("DAYBOOK__KAFKA__REPLICATION_FACTOR", "1"),
    ]
}
