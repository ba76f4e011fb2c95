//! Time zones by their IANA names. Owns which names there are, those of the database that is compiled in; never reads the
//! machine's own.

use std::{borrow::Cow, fmt};

use chrono_tz::Tz;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// A time zone of the IANA database, such as `America/Sao_Paulo`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeZone(Tz);

impl TimeZone {
    /// The world's own.
    pub const UTC: Self = Self(Tz::UTC);

    /// The time zone of that name, if there is one.
    pub fn try_new(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.0.name()
    }

    /// The zone, to reckon with.
    pub fn get(self) -> Tz {
        self.0
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TimeZone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Self::try_new(&name).ok_or_else(|| {
            de::Error::custom(
                "not the name of a time zone in the IANA database, such as 'America/Sao_Paulo'",
            )
        })
    }
}

impl JsonSchema for TimeZone {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeZone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_+/-]+$", "minLength": 1, "maxLength": 64,
            "description": "Name of a time zone in the IANA database" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_name() {
        for name in ["UTC", "America/Sao_Paulo", "Asia/Kathmandu", "Etc/GMT+3"] {
            let zone = TimeZone::try_new(name);
            assert_eq!(zone.map(TimeZone::as_str), Some(name));
        }
        for name in ["", "utc", "Mars/Olympus", "-03:00"] {
            assert_eq!(TimeZone::try_new(name), None, "{name}");
        }
        let read = serde_json::from_str::<TimeZone>("\"Mars/Olympus\"").map_err(|e| e.to_string());
        assert!(read.is_err_and(|error| error.contains("'America/Sao_Paulo'")));
    }
}
