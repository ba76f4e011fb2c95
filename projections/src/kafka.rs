//! How brokers are reached, and what the topics are called. Owns the clients' settings; never reads or writes a record.

mod decode;
mod envelope;
mod error;
mod feed;
pub(crate) mod member;
pub(crate) mod output;
mod tail;
pub mod topic;
pub mod verify;

use std::{collections::BTreeMap, fmt};

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
};

pub use error::Error;

pub(crate) use envelope::{Envelope, SCHEMA_ID};
pub(crate) use error::is_fence;
pub(crate) use feed::{Feed, Taken};
pub(crate) use output::{Content, Output};
pub(crate) use tail::{Record, Tail};

/// The largest record that a topic must take, in bytes: the largest payload of the log, its key and its headers, and room.
pub(crate) const MAX_RECORD: u32 = 2 << 20;

/// Client properties that Daybook sets itself, because exactly-once delivery rests on them.
const OURS: [&str; 14] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    // A follower may not know the end yet.
    "client.rack",
    "enable.auto.commit",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "isolation.level",
    "message.max.bytes",
    "metadata.broker.list",
    "request.required.acks",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Where Kafka is and what is ours on it.
#[derive(Clone)]
pub struct Settings {
    /// The first brokers to ask: `host:port`, with commas between.
    pub brokers: String,
    /// What every topic and transactional id begins with.
    pub prefix: String,
    /// The name of this installation among those that share the brokers.
    pub cluster: String,
    /// How many brokers keep each topic.
    pub replication_factor: u16,
    /// More properties of the client, such as TLS and SASL.
    properties: BTreeMap<String, String>,
    /// The topics beside the one of all events.
    outputs: Vec<Output>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The properties hold passwords.
        f.debug_struct("Settings")
            .field("brokers", &self.brokers)
            .field("prefix", &self.prefix)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Checks the names. `properties` is the text of a file of client properties, `name = value` on each line and `#`
    /// before comments; those that exactly-once delivery rests on are refused.
    pub fn try_new(
        brokers: &str,
        prefix: &str,
        cluster: &str,
        replication_factor: u16,
        properties: &str,
    ) -> Result<Self, Error> {
        let name = |what: &str, name: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if !name.is_empty() && name.len() <= 100 && name.chars().all(fits) {
                Ok(name.to_owned())
            } else {
                Err(Error::Settings(format!(
                    "kafka.{what} is {name:?}, but takes 1 to 100 of the letters, digits and . _ - that Kafka allows in names"
                )))
            }
        };
        if replication_factor == 0 {
            return Err(Error::Settings(
                "kafka.replication_factor is 0, but at least one broker has to keep a topic"
                    .to_owned(),
            ));
        }
        let settings = Self {
            brokers: brokers.trim().to_owned(),
            prefix: name("prefix", prefix)?,
            cluster: name("cluster", cluster)?,
            replication_factor,
            properties: parse(properties)?,
            outputs: Vec::new(),
        };
        // The client knows its properties: a wrong one is found here, not at the first connection.
        settings
            .client()
            .create_native_config()
            .map_err(|error| match error {
                KafkaError::ClientConfig(_, reason, name, _) => Error::Settings(format!(
                    "the property {name} in the file of kafka.properties is not valid: {reason}"
                )),
                other => Error::Settings(other.to_string()),
            })?;
        Ok(settings)
    }

    /// Also publishes the events of these contexts on topics of their own, and the states of those.
    pub fn with_outputs(mut self, contexts: &[String], states: &[String]) -> Result<Self, Error> {
        self.outputs = output::all(&self.prefix, contexts, states)?;
        Ok(self)
    }

    /// The topics beside the one of all events.
    pub(crate) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// What every client is configured with.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        // A broker that is away is told by the relay and by lag, once; not by each of its clients every second.
        client
            .set_log_level(RDKafkaLogLevel::Error)
            .set("log.connection.close", "false")
            .set("reconnect.backoff.max.ms", "2000")
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("{}.{}", self.prefix, self.cluster));
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client
    }

    /// The topic of all events.
    pub fn events(&self) -> String {
        format!("{}.events.v1", self.prefix)
    }

    /// The topic of the relay's checkpoints.
    pub fn checkpoints(&self) -> String {
        format!("{}.relay.checkpoints", self.prefix)
    }

    /// What the consumer groups of the projections begin with.
    pub fn group(&self) -> String {
        format!("{}.projections.{}", self.prefix, self.cluster)
    }

    /// Where the events come from, as `CloudEvents` wants it: a URI reference.
    pub(crate) fn source(&self) -> String {
        format!("/{}/{}", self.prefix, self.cluster)
    }

    /// Whom Kafka fences for another one of the same name.
    pub(crate) fn transactional_id(&self, slot: u16) -> String {
        format!("{}.relay.{}.{slot}", self.prefix, self.cluster)
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut properties = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(Error::Settings(format!(
                "line {number} of the file of kafka.properties is not `name = value`"
            )));
        };
        let (name, value) = (name.trim(), value.trim());
        if OURS.contains(&name) {
            return Err(Error::Settings(format!(
                "line {number} of the file of kafka.properties sets {name}, which is Daybook's to set: exactly-once delivery rests on it; remove the line"
            )));
        }
        properties.insert(name.to_owned(), value.to_owned());
    }
    Ok(properties)
}

/// What clients say besides their answers goes to the program's log.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "the Kafka client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if matches!(error, KafkaError::PartitionEOF(_))
            || error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF)
        {
            return;
        }
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            reason,
            "the Kafka client"
        );
    }
}

impl rdkafka::consumer::ConsumerContext for Quiet {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(prefix: &str, properties: &str) -> String {
        Settings::try_new("localhost:9092", prefix, "main", 1, properties)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn properties_are_taken_from_a_file() {
        let text = "# TLS\nsecurity.protocol = sasl_ssl\n\nsasl.mechanism=SCRAM-SHA-512\nsasl.username=a\nsasl.password = b=c \n";
        let settings = Settings::try_new(" one:1,two:2", "daybook", "main", 3, text).unwrap();
        let client = settings.client();
        assert_eq!(client.get("bootstrap.servers"), Some("one:1,two:2"));
        assert_eq!(client.get("sasl.password"), Some("b=c"));
        assert!(!format!("{settings:?}").contains("b=c"));
        assert_eq!(settings.transactional_id(3), "daybook.relay.main.3");
    }

    #[test]
    fn what_cannot_be_is_refused_in_a_sentence() {
        assert!(refusal("day book", "").contains("kafka.prefix is \"day book\""));
        assert!(refusal("", "").contains("1 to 100"));
        assert!(refusal("d", "nothing").contains("line 1"));
        assert!(
            refusal("d", "\nacks = 0").contains("line 2 of the file of kafka.properties sets acks")
        );
        assert!(refusal("d", "no.such = 1").contains("no.such"));
        assert!(refusal("d", "security.protocol = none").contains("security.protocol"));
    }
}
