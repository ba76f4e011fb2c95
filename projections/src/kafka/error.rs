//! What can go wrong with Kafka, each in words that say what to do next. Never carries a payload or a password.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why something could not be done on Kafka.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings cannot be meant.
    #[error("{0}")]
    Settings(String),
    /// A topic is missing, or is not as it must be.
    #[error("{0}")]
    Topic(String),
    /// What is on Kafka is not what was published from this log.
    #[error("{0}")]
    Diverged(String),
    /// Records are neither committed nor aborted, and nobody is about to end their transaction.
    #[error(
        "Kafka has left records of partition {partition} of {topic} undecided, and nobody reads past them; they are undone and published again"
    )]
    Undecided {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: u16,
    },
    /// Another relay has taken over.
    #[error("another relay has taken over: Kafka refuses the transactions of this one")]
    Fenced,
    /// No broker answers, or one refuses.
    #[error("{}", said(doing, source))]
    Kafka {
        /// What was being done.
        doing: &'static str,
        /// What the client says.
        source: KafkaError,
    },
    /// It took longer than it may.
    #[error("{0} took too long: the brokers answer slowly, or not at all")]
    Slow(&'static str),
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] event_store::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A thread of ours ended.
    #[error("a thread of the relay ended unexpectedly")]
    Thread(#[from] tokio::task::JoinError),
}

impl Error {
    /// What the client answered while `doing` something.
    pub(crate) fn kafka(doing: &'static str) -> impl FnOnce(KafkaError) -> Self {
        move |source| match source.rdkafka_error_code() {
            Some(code) if is_fence(code) => Self::Fenced,
            _ => Self::Kafka { doing, source },
        }
    }
}

/// Whether Kafka says that somebody else has our transactional id now.
pub(crate) fn is_fence(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::InvalidProducerEpoch
    )
}

fn said(doing: &str, source: &KafkaError) -> String {
    let next = match source.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::MessageTimedOut
            | RDKafkaErrorCode::Resolve,
        ) => {
            "no broker answers: check that they run, kafka.brokers, and what kafka.properties says of TLS and SASL"
        }
        Some(
            RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::SSL,
        ) => "the broker does not let us in: check what kafka.properties says of TLS and SASL",
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed,
        ) => {
            "grant Daybook's principal its topics and transactional ids: docs/guides/kafka.md lists them"
        }
        Some(
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicOrPartition,
        ) => "run `daybook topics apply`",
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            "the topic's max.message.bytes is too small: run `daybook topics apply`"
        }
        Some(
            RDKafkaErrorCode::NotEnoughReplicas | RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
        ) => "fewer brokers are in sync than min.insync.replicas asks for: bring them back",
        _ => "it is tried again",
    };
    format!("{doing} failed ({source}); {next}")
}
