//! What an event type is to the log: a name, a schema version and bytes. Never knows a context's rules.

use cqrs_es::DomainEvent;

/// Bytes in the log that are not the event they claim to be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The binary is older than the event, or the event belongs to another context.
    #[error(
        "event type {event_type} version {schema_version} is unknown to this binary; upgrade it before reading on"
    )]
    Unknown {
        /// The type as stored.
        event_type: String,
        /// The schema version as stored.
        schema_version: i16,
    },
    /// The payload is not what its type says.
    #[error("the payload of a stored {event_type} does not match its schema")]
    Payload {
        /// The type as stored.
        event_type: String,
        /// What serde found.
        source: serde_json::Error,
    },
}

/// A context's events, as enum of one struct per type. Implemented by [`events!`](crate::events).
pub trait Event: DomainEvent + Sized {
    /// Every type's name and newest schema version.
    const TYPES: &'static [(&'static str, i16)];

    /// The type's name, such as `OrderPlaced`.
    fn name(&self) -> &'static str;
    /// The newest schema version of the type.
    fn schema_version(&self) -> i16;
    /// The payload's bytes: the JSON object of the event's fields.
    fn encode(&self) -> Result<Vec<u8>, serde_json::Error>;
    /// The event stored as `payload` under that type and version.
    fn decode(event_type: &str, schema_version: i16, payload: &[u8]) -> Result<Self, DecodeError>;
}

/// Declares a context's event enum from its structs: `events! { OrderEvent { OrderPlaced = 1, … } }`,
/// each with its newest schema version.
#[macro_export]
macro_rules! events {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $version:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum $name {
            $(#[doc = concat!("See [`", stringify!($variant), "`].")] $variant($variant)),+
        }

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                $crate::Event::name(self).to_owned()
            }
            fn event_version(&self) -> String {
                format!("{}.0", $crate::Event::schema_version(self))
            }
        }

        impl $crate::Event for $name {
            const TYPES: &'static [(&'static str, i16)] = &[$((stringify!($variant), $version)),+];

            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant)),+ }
            }
            fn schema_version(&self) -> i16 {
                match self { $(Self::$variant(_) => $version),+ }
            }
            fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
                match self { $(Self::$variant(event) => serde_json::to_vec(event)),+ }
            }
            fn decode(event_type: &str, schema_version: i16, payload: &[u8]) -> Result<Self, $crate::DecodeError> {
                match (event_type, schema_version) {
                    $((stringify!($variant), $version) => serde_json::from_slice(payload).map(Self::$variant).map_err(
                        |source| $crate::DecodeError::Payload { event_type: event_type.to_owned(), source },
                    ),)+
                    (other, version) => Err($crate::DecodeError::Unknown {
                        event_type: other.to_owned(), schema_version: version,
                    }),
                }
            }
        }

        $(impl From<$variant> for $name {
            fn from(event: $variant) -> Self { Self::$variant(event) }
        })+
    };
}
