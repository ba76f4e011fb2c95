//! What an event type is to the log: a name, a schema version and bytes, those of older versions included. Never knows
//! a context's rules.

use cqrs_es::DomainEvent;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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
    /// A payload of an older version cannot be lifted to the next one.
    #[error(
        "a stored {event_type} of version {schema_version} cannot be lifted from version {step} to the next"
    )]
    Upcast {
        /// The type as stored.
        event_type: String,
        /// The schema version as stored.
        schema_version: i16,
        /// The version whose upcaster failed.
        step: i16,
        /// What that upcaster found.
        source: UpcastError,
    },
    /// A payload of an older version was lifted to the newest, and is not what its type says.
    #[error(
        "a stored {event_type} of version {schema_version}, lifted to version {newest}, does not match its schema"
    )]
    Lifted {
        /// The type as stored.
        event_type: String,
        /// The schema version as stored.
        schema_version: i16,
        /// The version it was lifted to.
        newest: i16,
        /// What serde found.
        source: serde_json::Error,
    },
}

/// A field of an older payload that is not what its version says. Never repeats the value: it may be personal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the field {field} is not {expected}")]
pub struct UpcastError {
    /// The field's name.
    pub field: &'static str,
    /// What it should be, such as `a text`.
    pub expected: &'static str,
}

/// Lifts a payload to the next schema version: the fields of version n in, those of version n + 1 out.
pub type Upcaster = fn(Map<String, Value>) -> Result<Map<String, Value>, UpcastError>;

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
    /// The event stored as `payload` under that type and version. An older version is lifted to the newest by its
    /// upcasters, one after the other.
    fn decode(event_type: &str, schema_version: i16, payload: &[u8]) -> Result<Self, DecodeError>;
    /// The JSON Schema of every type's newest version, in the order of [`TYPES`](Self::TYPES).
    fn schemas() -> Vec<Value>;
}

/// A payload of `schema_version`, where `upcasters` lift from versions 1, 2 … to the newest. What [`events!`] makes of
/// each type; the newest version is read without a detour.
///
/// [`events!`]: crate::events
#[doc(hidden)]
pub fn read<T: DeserializeOwned>(
    event_type: &str,
    schema_version: i16,
    payload: &[u8],
    upcasters: &[Upcaster],
) -> Result<T, DecodeError> {
    let event_type = || event_type.to_owned();
    let steps = usize::try_from(schema_version)
        .ok()
        .and_then(|version| upcasters.get(version.checked_sub(1)?..))
        .ok_or_else(|| DecodeError::Unknown {
            event_type: event_type(),
            schema_version,
        })?;
    let malformed = |source| DecodeError::Payload {
        event_type: event_type(),
        source,
    };
    if steps.is_empty() {
        return serde_json::from_slice(payload).map_err(malformed);
    }
    let mut fields: Map<String, Value> = serde_json::from_slice(payload).map_err(malformed)?;
    let mut version = schema_version;
    for upcast in steps {
        fields = upcast(fields).map_err(|source| DecodeError::Upcast {
            event_type: event_type(),
            schema_version,
            step: version,
            source,
        })?;
        version += 1;
    }
    serde_json::from_value(Value::Object(fields)).map_err(|source| DecodeError::Lifted {
        event_type: event_type(),
        schema_version,
        newest: version,
        source,
    })
}

/// Declares a context's event enum from its structs, each with its newest schema version and an [`Upcaster`] for every
/// older one: `events! { OrderEvent { OrderPlaced = 1, OrderRefunded = 3 from [refunded_1, refunded_2], … } }`.
///
/// A missing upcaster does not compile:
/// ```compile_fail,E0080
/// #[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// pub struct Happened {}
/// event_schemas::events! {
///     /// Of version 2, and nothing says how to read version 1.
///     Event { Happened = 2 }
/// }
/// ```
///
/// [`Upcaster`]: crate::event::Upcaster
#[macro_export]
macro_rules! events {
    ($(#[$doc:meta])* $name:ident {
        $($variant:ident = $version:literal $(from [$($upcaster:path),+ $(,)?])?),+ $(,)?
    }) => {
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
                match event_type {
                    $(stringify!($variant) => {
                        const UPCASTERS: &[$crate::event::Upcaster] = &[$($($upcaster),+)?];
                        const {
                            assert!(UPCASTERS.len() + 1 == $version, concat!(
                                "the event ", stringify!($variant), " needs an upcaster for each version before ",
                                stringify!($version),
                            ));
                        }
                        $crate::event::read(event_type, schema_version, payload, UPCASTERS).map(Self::$variant)
                    })+
                    other => Err($crate::DecodeError::Unknown { event_type: other.to_owned(), schema_version }),
                }
            }
            fn schemas() -> Vec<serde_json::Value> {
                vec![$($crate::schema::document::stored::<$variant>()),+]
            }
        }

        $(impl From<$variant> for $name {
            fn from(event: $variant) -> Self { Self::$variant(event) }
        })+
    };
}

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro makes a public enum")]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;

    /// Version 1 had a weight in grams as text, version 2 as number, version 3 says the unit.
    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct Weighed {
        weight: u32,
        unit: Unit,
    }

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
    pub enum Unit {
        Gram,
    }

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct Sold {}

    crate::events! {
        /// What happens on the scales.
        ScalesEvent {
            Weighed = 3 from [weighed_1, weighed_2],
            Sold = 1,
        }
    }

    fn weighed_1(mut fields: Map<String, Value>) -> Result<Map<String, Value>, UpcastError> {
        let grams = fields.get("grams").and_then(Value::as_str);
        let grams: u32 = grams
            .and_then(|text| text.parse().ok())
            .ok_or(UpcastError {
                field: "grams",
                expected: "a number as text",
            })?;
        fields.insert("grams".to_owned(), grams.into());
        Ok(fields)
    }

    fn weighed_2(mut fields: Map<String, Value>) -> Result<Map<String, Value>, UpcastError> {
        let grams = fields.remove("grams").ok_or(UpcastError {
            field: "grams",
            expected: "there",
        })?;
        fields.insert("weight".to_owned(), grams);
        fields.insert("unit".to_owned(), "Gram".into());
        Ok(fields)
    }

    fn weighed(version: i16, payload: &str) -> Result<ScalesEvent, String> {
        ScalesEvent::decode("Weighed", version, payload.as_bytes()).map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", source.unwrap_or_default())
        })
    }

    #[test]
    fn every_older_version_is_lifted_step_by_step() {
        let newest = Weighed {
            weight: 250,
            unit: Unit::Gram,
        };
        let newest = Ok(ScalesEvent::from(newest));
        assert_eq!(weighed(1, r#"{"grams":"250"}"#), newest);
        assert_eq!(weighed(2, r#"{"grams":250}"#), newest);
        assert_eq!(weighed(3, r#"{"weight":250,"unit":"Gram"}"#), newest);
        assert_eq!(ScalesEvent::TYPES, [("Weighed", 3), ("Sold", 1)]);
    }

    #[test]
    fn what_is_wrong_in_an_old_payload_is_said_with_the_step() {
        let first = "a stored Weighed of version 1 cannot be lifted from version 1 to the next: \
                     the field grams is not a number as text";
        assert_eq!(weighed(1, r#"{"grams":"much"}"#), Err(first.to_owned()));
        let second = "a stored Weighed of version 2 cannot be lifted from version 2 to the next: \
                      the field grams is not there";
        assert_eq!(weighed(2, "{}"), Err(second.to_owned()));
        let lifted = "a stored Weighed of version 2, lifted to version 3, does not match its schema: \
                      invalid type: null, expected u32";
        assert_eq!(weighed(2, r#"{"grams":null}"#), Err(lifted.to_owned()));
        let no_object = "the payload of a stored Weighed does not match its schema: \
                         invalid type: sequence, expected a map at line 1 column 0";
        assert_eq!(weighed(1, "[]"), Err(no_object.to_owned()));
    }

    #[test]
    fn only_versions_from_1_to_the_newest_exist() {
        for (event_type, version) in [("Weighed", 0), ("Weighed", -1), ("Weighed", 4), ("Sold", 2)]
        {
            let decoded = ScalesEvent::decode(event_type, version, b"{}");
            assert!(
                matches!(decoded, Err(DecodeError::Unknown { schema_version, .. }) if schema_version == version),
                "{decoded:?}"
            );
        }
    }
}
