//! The configuration: compiled-in defaults < file < environment. Never read anywhere else than at the start.

use std::path::Path;

use anyhow::{Context, Result};
use event_store::{Connections, Options, Proofs, QueueLimits};
use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use projections::kafka::Settings;
use read_api::http::trusted::Mode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

const DEFAULTS: &str = include_str!("../config.default.toml");

/// Everything that can be configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "config.default.toml, which is compiled in, documents every setting"
)]
pub struct Config {
    pub http: Http,
    pub database: Database,
    pub log: Log,
    pub append: Append,
    pub commands: Commands,
    pub projections: Projections,
    pub kafka: Kafka,
    pub graphql: GraphQl,
    pub telemetry: Telemetry,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Http {
    pub listen: String,
    pub max_body_bytes: usize,
    pub client_key: SecretString,
    pub proxies: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Database {
    pub url: SecretString,
    pub roles_secret: SecretString,
    pub append_connections: u32,
    pub tenant_connections: u32,
    pub partition_connections: u32,
    pub operator_connections: u32,
    pub identity_connections: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Log {
    pub partitions: u16,
    pub lanes: u16,
    pub queue_commands: usize,
    pub queue_bytes: usize,
    pub tenant_percent: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Append {
    pub proofs: Proofs,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Commands {
    pub cache_bytes: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Projections {
    pub ready_lag_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Kafka {
    pub brokers: String,
    pub prefix: String,
    pub cluster: String,
    pub replication_factor: u16,
    pub properties: String,
    pub context_topics: Vec<String>,
    pub state_topics: Vec<String>,
    pub ready_lag_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct GraphQl {
    pub operation_timeout_ms: u64,
    pub trusted_documents: Mode,
    pub trusted_documents_path: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see config.default.toml")]
pub struct Telemetry {
    pub filter: String,
    pub format: String,
}

impl Config {
    /// Reads the configuration; `DATABASE_URL` stands for `DAYBOOK__DATABASE__URL`, `KAFKA_BROKERS` for
    /// `DAYBOOK__KAFKA__BROKERS`.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            anyhow::ensure!(
                file.is_file(),
                "there is no configuration file {}",
                file.display()
            );
            figment = figment.merge(Toml::file_exact(file));
        }
        let short = Env::raw()
            .only(&["DATABASE_URL", "KAFKA_BROKERS"])
            .map(|name| {
                if name == "KAFKA_BROKERS" {
                    "kafka.brokers".into()
                } else {
                    "database.url".into()
                }
            });
        let config: Self = figment
            .merge(short)
            .merge(Env::prefixed("DAYBOOK__").split("__"))
            .extract()
            .context("the configuration is not valid; config.default.toml lists every setting")?;
        anyhow::ensure!(
            (1..=1024).contains(&config.log.partitions),
            "log.partitions must be 1 to 1024"
        );
        Ok(config)
    }

    /// How the log's store is reached at `url`.
    pub fn store(&self, url: SecretString) -> Options {
        let database = &self.database;
        Options {
            url,
            secret: (!database.roles_secret.expose_secret().is_empty())
                .then(|| database.roles_secret.clone()),
            connections: Connections {
                append: database.append_connections,
                tenant: database.tenant_connections,
                partition: database.partition_connections,
                operator: database.operator_connections,
                identity: database.identity_connections,
            },
            lanes: self.log.lanes,
            queue: QueueLimits {
                commands: self.log.queue_commands,
                bytes: self.log.queue_bytes,
                tenant_percent: self.log.tenant_percent,
                ..QueueLimits::default()
            },
            proofs: self.append.proofs,
            session: vec![("app.revisions", projections::revisions().join(","))],
        }
    }

    /// How the configured Kafka is reached, if one is.
    pub fn kafka_settings(&self) -> Result<Option<Settings>> {
        let brokers = self.kafka.brokers.trim();
        (!brokers.is_empty())
            .then(|| self.kafka_at(brokers, self.kafka.replication_factor))
            .transpose()
    }

    /// How Kafka is reached at these brokers, of which so many keep each topic.
    pub fn kafka_at(&self, brokers: &str, replication_factor: u16) -> Result<Settings> {
        let Kafka {
            prefix,
            cluster,
            properties,
            context_topics,
            state_topics,
            ..
        } = &self.kafka;
        let properties = if properties.is_empty() {
            String::new()
        } else {
            std::fs::read_to_string(properties).with_context(|| {
                format!("cannot read {properties}, the file of kafka.properties")
            })?
        };
        Ok(
            Settings::try_new(brokers, prefix, cluster, replication_factor, &properties)?
                .with_outputs(context_topics, state_topics)?,
        )
    }

    /// The effective configuration as JSON, secrets left out.
    pub fn redacted(&self) -> serde_json::Value {
        let secret = |s: &SecretString| {
            if s.expose_secret().is_empty() {
                ""
            } else {
                "[redacted]"
            }
        };
        serde_json::json!({
            "http": {
                "listen": self.http.listen, "max_body_bytes": self.http.max_body_bytes,
                "client_key": secret(&self.http.client_key), "proxies": self.http.proxies,
            },
            "database": {
                "url": secret(&self.database.url), "roles_secret": secret(&self.database.roles_secret),
                "append_connections": self.database.append_connections,
                "tenant_connections": self.database.tenant_connections,
                "partition_connections": self.database.partition_connections,
                "operator_connections": self.database.operator_connections,
                "identity_connections": self.database.identity_connections,
            },
            "log": {
                "partitions": self.log.partitions, "lanes": self.log.lanes,
                "queue_commands": self.log.queue_commands, "queue_bytes": self.log.queue_bytes,
                "tenant_percent": self.log.tenant_percent,
            },
            "append": { "proofs": self.append.proofs },
            "commands": { "cache_bytes": self.commands.cache_bytes },
            "projections": { "ready_lag_seconds": self.projections.ready_lag_seconds },
            "kafka": {
                "brokers": self.kafka.brokers, "prefix": self.kafka.prefix, "cluster": self.kafka.cluster,
                "replication_factor": self.kafka.replication_factor, "properties": self.kafka.properties,
                "context_topics": self.kafka.context_topics, "state_topics": self.kafka.state_topics,
                "ready_lag_seconds": self.kafka.ready_lag_seconds,
            },
            "graphql": {
                "operation_timeout_ms": self.graphql.operation_timeout_ms,
                "trusted_documents": self.graphql.trusted_documents,
                "trusted_documents_path": self.graphql.trusted_documents_path,
            },
            "telemetry": { "filter": self.telemetry.filter, "format": self.telemetry.format },
        })
    }
}
